//! The directory itself: its filesystem, room and permissions, and what else removes files there.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use ndsharray::{Space, Store};

use crate::failure::{Failure, Result};
use crate::owner::Owners;
use crate::units;

use super::finding::Finding;

const TMPFS: i64 = 0x0102_1994;
const RAMFS: i64 = 0x8584_58f6;
/// The size that container engines give /dev/shm by default.
const CONTAINER: u64 = 64 << 20;
/// systemd leaves the files of users below this alone.
const FIRST_USER: u32 = 1000;

pub fn check(store: &Store) -> Result<Vec<Finding>> {
    let directory = store.directory();
    let mut findings = vec![filesystem(directory)?];
    findings.extend(room(store)?);
    findings.extend(inodes(directory)?);
    findings.push(permissions(directory)?);
    findings.push(remove_ipc(directory));
    findings.extend(container());
    Ok(findings)
}

/// The kernel's number of the filesystem's type.
fn kind(directory: &Path) -> Result<i64> {
    let found = rustix::fs::statfs(directory);
    let found = found.map_err(|error| Failure::io(directory, "look at", &error.into()))?;
    #[allow(clippy::unnecessary_cast, reason = "its type differs between architectures")]
    Ok(found.f_type as i64 & 0xffff_ffff)
}

/// Whether the directory is on a tmpfs, whose files are memory.
pub fn is_tmpfs(directory: &Path) -> Result<bool> {
    Ok(kind(directory)? == TMPFS)
}

fn filesystem(directory: &Path) -> Result<Finding> {
    let kind = kind(directory)?;
    Ok(match kind {
        TMPFS => Finding::ok("filesystem", "tmpfs: in memory, until the machine restarts"),
        RAMFS => Finding::problem(
            "filesystem",
            "ramfs: in memory, but without a limit",
            "use a tmpfs, so that a full store is an error before the machine's memory is full",
        ),
        _ => Finding::note(
            "filesystem",
            format!(
                "not a tmpfs (type {kind:#x}): values are written to a disk, if the filesystem works at all"
            ),
            "use /dev/shm or another tmpfs: `mount -t tmpfs -o size=4g tmpfs DIRECTORY`",
        ),
    })
}

fn room(store: &Store) -> Result<Vec<Finding>> {
    let Space { total, free, .. } = store.space()?;
    let text = format!("{} free of {}", units::bytes(free), units::bytes(total));
    let more = "remove what is not needed (`ndsharray ls`, `rm`, `gc`), or give it more: \
                `mount -o remount,size=8g DIRECTORY`, or `--shm-size` for a container";
    let mut findings = vec![if total == 0 {
        Finding::note(
            "room",
            "the filesystem does not say how large it is",
            "limit it: `mount -o remount,size=4g`",
        )
    } else if free < total / 10 {
        Finding::problem("room", text, more)
    } else {
        Finding::ok("room", text)
    }];
    if total == CONTAINER {
        let todo = "raise it when the container is started: `docker run --shm-size=2g`, in Kubernetes an emptyDir \
                    with medium Memory at /dev/shm";
        findings.push(Finding::note("size", "64 MB in all: the default of containers", todo));
    }
    Ok(findings)
}

/// Says something only if there are few.
fn inodes(directory: &Path) -> Result<Option<Finding>> {
    let found = rustix::fs::statvfs(directory);
    let found = found.map_err(|error| Failure::io(directory, "look at", &error.into()))?;
    Ok((found.f_files > 0 && found.f_favail < found.f_files / 20).then(|| {
        let text = format!("{} inodes free of {}", found.f_favail, found.f_files);
        Finding::problem("inodes", text, "`mount -o remount,nr_inodes=1m DIRECTORY`")
    }))
}

fn permissions(directory: &Path) -> Result<Finding> {
    let found = directory.metadata().map_err(|error| Failure::io(directory, "look at", &error))?;
    let (mode, uid) = (found.mode() & 0o7777, found.uid());
    let text = format!("{mode:04o}, owner {}", Owners::load().name(uid));
    let read_only = rustix::fs::statvfs(directory)
        .is_ok_and(|found| found.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY));
    let writable =
        rustix::fs::access(directory, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).is_ok();
    Ok(if mode & 0o002 != 0 && mode & 0o1000 == 0 {
        let text = format!("{text}: everyone may remove everyone's files");
        Finding::problem("permissions", text, format!("`chmod +t {}`", directory.display()))
    } else if read_only {
        let text = format!("{text}: mounted read-only, so readers copy and nobody writes");
        Finding::note(
            "permissions",
            text,
            "mount it read-write, so that writers can write and readers need not copy",
        )
    } else if !writable {
        let text = format!("{text}: this user cannot make files there, so it cannot write new tags");
        Finding::note("permissions", text, "use a directory of your own, and name it in NDSHARRAY_DIR")
    } else {
        Finding::ok("permissions", text)
    })
}

/// systemd-logind removes a user's files in /dev/shm when the user logs out, unless told otherwise.
fn remove_ipc(directory: &Path) -> Finding {
    const CHECK: &str = "RemoveIPC";
    let uid = rustix::process::geteuid().as_raw();
    if !directory.starts_with("/dev/shm") {
        return Finding::ok(CHECK, "not under /dev/shm: logging out removes nothing here");
    }
    if !Path::new("/run/systemd/seats").exists() {
        return Finding::ok(CHECK, "systemd-logind does not run here");
    }
    if uid < FIRST_USER {
        return Finding::ok(CHECK, "systemd leaves the files of system users alone, and this is one");
    }
    if setting("RemoveIPC").is_some_and(|value| matches!(value.as_str(), "no" | "false" | "0" | "off")) {
        return Finding::ok(CHECK, "switched off in logind.conf");
    }
    let name = Owners::load().name(uid);
    if Path::new("/var/lib/systemd/linger").join(&name).exists() {
        return Finding::ok(CHECK, format!("{name} lingers, so logging out removes nothing"));
    }
    let todo = format!(
        "for services: `loginctl enable-linger {name}`, a system user, RemoveIPC=no in /etc/systemd/logind.conf, or a \
         directory outside /dev/shm"
    );
    Finding::note(CHECK, "systemd removes this user's arrays when its last session ends", todo)
}

/// The last setting of that name in logind's configuration.
fn setting(name: &str) -> Option<String> {
    let mut files = vec!["/etc/systemd/logind.conf".into()];
    for directory in
        ["/usr/lib/systemd/logind.conf.d", "/run/systemd/logind.conf.d", "/etc/systemd/logind.conf.d"]
    {
        let entries =
            std::fs::read_dir(directory).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
        let mut parts: Vec<std::path::PathBuf> = entries.collect();
        parts.sort();
        files.append(&mut parts);
    }
    let texts = files.iter().filter_map(|file| std::fs::read_to_string(file).ok());
    let lines: Vec<String> =
        texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    lines.iter().rev().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == name).then(|| value.trim().to_ascii_lowercase())
    })
}

/// A memory limit counts the files of a tmpfs. Going over it kills a process, where a full tmpfs gives an error.
fn container() -> Option<Finding> {
    let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let limit =
        limits.iter().find_map(|path| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok())?;
    // Version 1 of cgroups says "no limit" with a number larger than any memory.
    (limit < 1 << 60).then(|| {
        let text = format!("a memory limit of {} counts the store's memory too", units::bytes(limit));
        Finding::note(
            "container",
            text,
            "leave room for all arrays: a process that goes over the limit is killed without an error",
        )
    })
}
