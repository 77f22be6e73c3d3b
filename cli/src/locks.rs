//! Which process holds a tag's lock. That process is the writer, whoever made the header.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Exclusive flocks by device and inode, as far as this PID namespace shows them.
pub struct Locks(HashMap<(u32, u32, u64), u32>);

impl Locks {
    pub fn load() -> Self {
        let mut found = HashMap::new();
        // The list may take several reads. A lock that goes between two of them can hide another one, which the next list
        // has.
        for _ in 0..20 {
            let (list, reads) = read().unwrap_or_default();
            found.extend(parse(&list));
            if reads < 2 {
                break;
            }
        }
        Locks(found)
    }

    /// The process that has a file locked; `None` if it cannot be seen from here.
    pub fn holder(&self, path: &Path) -> Option<u32> {
        let found = path.symlink_metadata().ok()?;
        let device = (rustix::fs::major(found.dev()), rustix::fs::minor(found.dev()));
        // 0 stands for a process of another PID namespace.
        self.0.get(&(device.0, device.1, found.ino())).copied().filter(|&pid| pid > 0)
    }
}

/// The list, and how many reads it took. They are as few as the kernel allows: `read_to_string` starts with small ones.
fn read() -> std::io::Result<(String, usize)> {
    let (mut file, mut bytes, mut page, mut reads) =
        (File::open("/proc/locks")?, Vec::new(), vec![0; 1 << 16], 0);
    loop {
        match file.read(&mut page)? {
            0 => return Ok((String::from_utf8_lossy(&bytes).into_owned(), reads)),
            count => bytes.extend_from_slice(&page[..count]),
        }
        reads += 1;
    }
}

fn parse(text: &str) -> Vec<((u32, u32, u64), u32)> {
    // 1: FLOCK  ADVISORY  WRITE 4711 00:1a:42 0 EOF; a process that waits has an arrow after the number.
    let entry = |line: &str| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let [_, "FLOCK", _, "WRITE", pid, file, ..] = words[..] else { return None };
        let mut parts = file.split(':');
        let mut device = || u32::from_str_radix(parts.next()?, 16).ok();
        let (major, minor) = (device()?, device()?);
        Some(((major, minor, parts.next()?.parse().ok()?), pid.parse().ok()?))
    };
    text.lines().filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use rustix::fs::FlockOperation;

    use super::*;

    #[test]
    fn lines_of_proc_locks() {
        let text = "1: FLOCK  ADVISORY  WRITE 4711 00:1a:42 0 EOF\n1: -> FLOCK  ADVISORY  WRITE 5 00:1a:42 0 EOF\n\
                    2: POSIX  ADVISORY  WRITE 6 00:1a:43 0 EOF\n3: FLOCK  ADVISORY  READ 7 00:1a:44 0 EOF\n";
        assert_eq!(parse(text), [((0, 0x1a, 42), 4711)]);
    }

    #[test]
    fn a_lock_is_seen_while_others_come_and_go() {
        let lock = |file: &tempfile::NamedTempFile, operation| rustix::fs::flock(file, operation).unwrap();
        let file = || tempfile::NamedTempFile::new_in("/dev/shm").unwrap();
        let held: Vec<_> = (0..20).map(|_| file()).collect();
        held.iter().for_each(|file| lock(file, FlockOperation::LockExclusive));
        let end = AtomicBool::new(false);
        let lost = std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let other = file();
                    while !end.load(Ordering::Relaxed) {
                        lock(&other, FlockOperation::LockExclusive);
                        lock(&other, FlockOperation::Unlock);
                    }
                });
            }
            let mine = Some(std::process::id());
            let is_lost = |locks: &Locks| held.iter().any(|file| locks.holder(file.path()) != mine);
            let lost = (0..1000).map(|_| Locks::load()).filter(is_lost).count();
            end.store(true, Ordering::Relaxed);
            lost
        });
        assert_eq!(lost, 0);
    }
}
