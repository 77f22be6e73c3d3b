//! Where the memory of the filesystem is: in files that `ls` shows, and in removed ones that processes still hold.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ndsharray::Store;
use serde::Serialize;

use crate::failure::{Failure, Result};
use crate::table::{Align, Table};
use crate::units;

use super::finding::Finding;

#[derive(Debug, Serialize)]
pub struct Memory {
    /// What `df` says is used.
    used_bytes: u64,
    /// How many files are in the directory and below it, and the storage that they have.
    files: usize,
    file_bytes: u64,
    /// Removed files that processes still have mapped or open.
    held: Vec<Held>,
    held_bytes: u64,
    /// Whether a held file may be smaller than shown, since only its mapping could be looked at.
    held_at_most: bool,
    /// Processes that could not be looked at.
    unseen_processes: usize,
    /// Whether nothing but the directory is on its filesystem, so that the sums can be compared.
    whole_filesystem: bool,
}

/// A removed file, by process.
#[derive(Debug, Serialize)]
pub struct Held {
    pid: u32,
    command: String,
    file: String,
    bytes: u64,
    /// Whether the size is that of the mapping, which may be larger than the memory that is used.
    at_most: bool,
    inode: u64,
}

pub fn measure(store: &Store) -> Result<Memory> {
    let directory = store.directory();
    let failed = |error: std::io::Error| Failure::io(directory, "look at", &error);
    let space = rustix::fs::statvfs(directory).map_err(|error| failed(error.into()))?;
    let device = directory.metadata().map_err(failed)?.dev();
    let mut files = BTreeMap::new();
    add_files(directory, device, &mut files);
    let (mut held, unseen_processes) = held(device);
    // A new layout may rename a data file. Its mapping shows the name that it was opened by, as removed.
    held.retain(|held| !files.contains_key(&held.inode));
    // On a disk, files that other programs removed have nothing to do with the store.
    if !super::place::is_tmpfs(directory)? {
        held.clear();
    }
    let mut seen = BTreeSet::new();
    let once = held.iter().filter(|held| seen.insert(held.inode));
    let held_bytes = once.map(|held| held.bytes).sum();
    let parent = directory.parent().and_then(|parent| parent.metadata().ok());
    Ok(Memory {
        used_bytes: (space.f_blocks - space.f_bfree) * space.f_frsize,
        files: files.len(),
        file_bytes: files.values().sum(),
        held_bytes,
        held_at_most: held.iter().any(|held| held.at_most),
        held,
        unseen_processes,
        whole_filesystem: parent.is_none_or(|parent| parent.dev() != device),
    })
}

/// Storage by inode, so that a file with two names counts once.
fn add_files(directory: &Path, device: u64, files: &mut BTreeMap<u64, u64>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.filter_map(|entry| entry.ok()) {
        let Ok(found) = entry.path().symlink_metadata() else { continue };
        if found.dev() != device {
            continue;
        }
        if found.is_dir() {
            add_files(&entry.path(), device, files);
        } else {
            files.insert(found.ino(), found.blocks() * 512);
        }
    }
}

/// The removed files of a filesystem that processes hold, and how many processes could not be looked at.
fn held(device: u64) -> (Vec<Held>, usize) {
    let (mut list, mut unseen) = (Vec::new(), 0);
    let entries = std::fs::read_dir("/proc").into_iter().flatten().filter_map(|entry| entry.ok());
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    for pid in pids {
        let process = PathBuf::from(format!("/proc/{pid}"));
        let Ok(maps) = std::fs::read_to_string(process.join("maps")) else {
            unseen += usize::from(process.exists());
            continue;
        };
        let mut by_inode: BTreeMap<u64, Held> = BTreeMap::new();
        let command = std::fs::read_to_string(process.join("comm")).unwrap_or_default().trim().to_owned();
        let mut add = |inode, file: &str, bytes, at_most| {
            let new = Held { pid, command: command.clone(), file: file.to_owned(), bytes, at_most, inode };
            let held = by_inode.entry(inode).or_insert(new);
            if at_most && held.at_most {
                // Several mappings of one file.
                held.bytes = held.bytes.max(bytes);
            } else if !at_most {
                (held.bytes, held.at_most) = (bytes, false);
            }
        };
        for mapping in maps.lines().filter_map(|line| Mapping::parse(line, device)) {
            // Only a process with the capability may look at the file behind a mapping. Others see where the mapping ends.
            let file = process.join("map_files").join(mapping.range);
            let stat = file.metadata().ok();
            let bytes = stat.as_ref().map_or(mapping.end, |stat| stat.blocks() * 512);
            add(mapping.inode, mapping.file, bytes, stat.is_none());
        }
        let descriptors = std::fs::read_dir(process.join("fd")).into_iter().flatten();
        for descriptor in descriptors.filter_map(|entry| Some(entry.ok()?.path())) {
            let Ok(stat) = descriptor.metadata() else { continue };
            if stat.dev() == device && stat.nlink() == 0 && stat.is_file() {
                let link = descriptor.read_link().unwrap_or_default();
                let name = link.file_name().unwrap_or_default().to_string_lossy();
                add(stat.ino(), name.trim_end_matches(" (deleted)"), stat.blocks() * 512, false);
            }
        }
        list.extend(by_inode.into_values());
    }
    (list, unseen)
}

/// A line of /proc/PID/maps about a removed file of a filesystem.
struct Mapping<'a> {
    range: &'a str,
    /// Where the mapping ends in the file.
    end: u64,
    inode: u64,
    file: &'a str,
}

impl<'a> Mapping<'a> {
    fn parse(line: &'a str, device: u64) -> Option<Self> {
        // start-end perms offset major:minor inode   path (deleted)
        let path = line.strip_suffix(" (deleted)")?;
        let mut parts = path.splitn(6, ' ');
        let (range, _, offset, numbers, inode) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let (major, minor) = numbers.split_once(':')?;
        let of = (u32::from_str_radix(major, 16).ok()?, u32::from_str_radix(minor, 16).ok()?);
        if of != (rustix::fs::major(device), rustix::fs::minor(device)) {
            return None;
        }
        let (start, end) = range.split_once('-')?;
        let length = u64::from_str_radix(end, 16).ok()?.checked_sub(u64::from_str_radix(start, 16).ok()?)?;
        let end = u64::from_str_radix(offset, 16).ok()? + length;
        let file = parts.next()?.trim_start();
        Some(Mapping {
            range,
            end,
            inode: inode.parse().ok()?,
            file: file.rsplit('/').next().unwrap_or(file),
        })
    }
}

impl Memory {
    pub fn finding(&self) -> Finding {
        let held = self.held.iter().map(|held| held.inode).collect::<BTreeSet<_>>().len();
        let text = format!(
            "{} used: {} in {}, {}{} in {} that processes hold",
            units::bytes(self.used_bytes),
            units::bytes(self.file_bytes),
            units::count(self.files as u64, "file"),
            if self.held_at_most { "at most " } else { "" },
            units::bytes(self.held_bytes),
            units::count(held as u64, "removed file"),
        );
        let elsewhere = self.used_bytes.saturating_sub(self.file_bytes + self.held_bytes);
        // Directories and inodes take some memory themselves.
        let agrees = elsewhere <= (1 << 20) + self.used_bytes / 20;
        let text = match (agrees, self.whole_filesystem) {
            (true, _) => text,
            (false, true) => format!("{text}; {} not accounted for", units::bytes(elsewhere)),
            (false, false) => {
                format!("{text}; {} outside this directory, on the same filesystem", units::bytes(elsewhere))
            }
        };
        if !self.held.is_empty() {
            let todo = "it is free when these processes drop the values that they hold, or end";
            return Finding::note("memory", text, todo);
        }
        if !agrees && self.whole_filesystem {
            let todo = format!(
                "run doctor as root, outside containers: it could not look at {} of the processes",
                self.unseen_processes
            );
            return Finding::note("memory", text, todo);
        }
        Finding::ok("memory", text)
    }

    pub fn text(&self) -> String {
        if self.held.is_empty() {
            return String::new();
        }
        let mut table = Table::new(&[
            ("PID", Align::Right),
            ("COMMAND", Align::Left),
            ("BYTES", Align::Right),
            ("REMOVED FILE", Align::Left),
        ]);
        for held in &self.held {
            let bytes = units::bytes(held.bytes);
            let bytes = if held.at_most { format!("<= {bytes}") } else { bytes };
            table.row(vec![held.pid.to_string(), held.command.clone(), bytes, held.file.clone()]);
        }
        format!("\n{}", table.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_maps() {
        let device = rustix::fs::makedev(0, 0x1a);
        let line = "7f0000000000-7f0000003000 rw-s 00002000 00:1a 4711                       /dev/shm/my array_0f (deleted)";
        let found = Mapping::parse(line, device).unwrap();
        assert_eq!((found.end, found.inode, found.file), (0x5000, 4711, "my array_0f"));
        assert!(Mapping::parse(line, rustix::fs::makedev(0, 0x1b)).is_none());
        assert!(Mapping::parse(line.trim_end_matches(" (deleted)"), device).is_none());
        assert!(Mapping::parse("7f00-7f01 rw-p 00000000 00:00 0 ", device).is_none());
    }
}
