//! Being told by the kernel that names in a directory change (inotify).
//!
//! A process has one inotify instance at most, however many readers wait: users have 128 by default.

use std::collections::BTreeSet;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

use crate::sys::{fork, step};

/// The filesystems that tell of every change, since all of it is made through this kernel: what `statfs` says of tmpfs, ramfs, ext2
/// to ext4, XFS, Btrfs and F2FS (linux/magic.h). Network and virtual filesystems (NFS, virtiofs, 9p, FUSE) do not tell of the changes
/// of others, and overlayfs tells only of those that were made through the same mount.
const TELLING: [u64; 6] = [0x0102_1994, 0x8584_58f6, 0xef53, 0x5846_5342, 0x9123_683e, 0xf2f5_2010];

/// Changes of directories, and a bell that wakes whoever waits for them.
#[derive(Debug)]
pub(crate) struct Watch {
    /// `None` where there is none, or no more: of descriptors, or of instances for this user.
    inotify: Option<OwnedFd>,
    bell: Option<OwnedFd>,
    generation: u64,
}

impl Watch {
    pub fn open(known: &mut fork::Known) -> Self {
        step("eventfd2");
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).ok();
        step("inotify_init1");
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).ok();
        // A child that used its parent's instance would take the parent's events away.
        [&inotify, &bell].into_iter().flatten().for_each(|fd| known.add_descriptor(fd.as_raw_fd()));
        Watch { inotify, bell, generation: fork::generation() }
    }

    /// Wakes whoever waits, or is going to.
    pub fn ring(&self) {
        if let Some(bell) = &self.bell {
            step("write");
            // It fails only if it was rung 2^64 - 2 times and never heard.
            let _ = rustix::io::write(bell, &1_u64.to_ne_bytes());
        }
    }

    /// Watches these directories, and no others: again those that are watched already, since there may be another one at the path.
    /// Whether each change of a name in them ends a `wait` from now on. `watched`: what the last call left there, by the kernel's
    /// numbers.
    pub fn follow(&self, directories: &BTreeSet<&Path>, watched: &mut BTreeSet<i32>) -> bool {
        let Some(inotify) = self.inotify.as_ref().filter(|_| self.bell.is_some()) else { return false };
        let before = std::mem::take(watched);
        let mut all_tell = true;
        for directory in directories {
            match add(inotify, directory) {
                Some(number) => {
                    watched.insert(number);
                    all_tell &= tells(directory);
                }
                None => all_tell = false,
            }
        }
        for &number in before.difference(watched) {
            step("inotify_rm_watch");
            // The kernel has done so itself if the directory was removed. It does not give a number again soon.
            let _ = inotify::remove_watch(inotify, number);
        }
        all_tell
    }

    /// Waits until a directory changes or the bell rings; not for longer than `timeout`.
    pub fn wait(&self, timeout: Duration) {
        let descriptors = || [&self.inotify, &self.bell].into_iter().flatten();
        let mut fds: Vec<_> = descriptors().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
        step("poll");
        let _ = poll(&mut fds, Timespec::try_from(timeout).ok().as_ref());
        for descriptor in descriptors() {
            drain(descriptor);
        }
    }
}

/// Watches a directory: the kernel's number for that, which a second path to the same directory has, too.
fn add(inotify: &OwnedFd, directory: &Path) -> Option<i32> {
    let flags = WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::DELETE_SELF | WatchFlags::MOVE_SELF;
    step("inotify_add_watch");
    inotify::add_watch(inotify, directory, flags | WatchFlags::ONLYDIR).ok()
}

/// Whether the filesystem that a directory is on tells of every change.
fn tells(directory: &Path) -> bool {
    step("statfs");
    rustix::fs::statfs(directory).is_ok_and(|found| TELLING.contains(&(found.f_type as u64 & 0xffff_ffff)))
}

/// Reads what there is. What changed is not of interest: who waits looks.
fn drain(descriptor: &OwnedFd) {
    let mut events = [0_u8; 4096];
    step("read");
    // At most this much: more of it makes the next wait short.
    let _ = rustix::io::read(descriptor, &mut events);
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut known = fork::hold();
        for fd in [self.inotify.take(), self.bell.take()].into_iter().flatten() {
            if self.generation == fork::generation() {
                known.remove_descriptor(fd.as_raw_fd());
                drop(fd);
            } else {
                // The child closed it right after the fork, and the number may be another file's by now.
                let _: RawFd = fd.into_raw_fd();
            }
        }
    }
}
