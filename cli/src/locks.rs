//! Which process holds a tag's lock: that is its writer now, whoever made the header.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Exclusive flocks by device and inode, as far as this PID namespace shows them.
pub struct Locks(HashMap<(u32, u32, u64), u32>);

impl Locks {
    pub fn load() -> Self {
        Self::parse(&std::fs::read_to_string("/proc/locks").unwrap_or_default())
    }

    fn parse(text: &str) -> Self {
        // 1: FLOCK  ADVISORY  WRITE 4711 00:1a:42 0 EOF; those who wait for one have an arrow after the number.
        let entry = |line: &str| {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            let [_, "FLOCK", _, "WRITE", pid, file, ..] = words[..] else { return None };
            let mut parts = file.split(':');
            let mut device = || u32::from_str_radix(parts.next()?, 16).ok();
            let (major, minor) = (device()?, device()?);
            Some(((major, minor, parts.next()?.parse().ok()?), pid.parse().ok()?))
        };
        Locks(text.lines().filter_map(entry).collect())
    }

    /// The process that has a file locked; `None` if it cannot be seen from here.
    pub fn holder(&self, path: &Path) -> Option<u32> {
        let found = path.symlink_metadata().ok()?;
        let device = (rustix::fs::major(found.dev()), rustix::fs::minor(found.dev()));
        // 0 stands for a process of another PID namespace.
        self.0.get(&(device.0, device.1, found.ino())).copied().filter(|&pid| pid > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_proc_locks() {
        let text = "1: FLOCK  ADVISORY  WRITE 4711 00:1a:42 0 EOF\n1: -> FLOCK  ADVISORY  WRITE 5 00:1a:42 0 EOF\n\
                    2: POSIX  ADVISORY  WRITE 6 00:1a:43 0 EOF\n3: FLOCK  ADVISORY  READ 7 00:1a:44 0 EOF\n";
        assert_eq!(Locks::parse(text).0, HashMap::from([((0, 0x1a, 42), 4711)]));
    }
}
