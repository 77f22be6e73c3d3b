//! The possible cause of an error, and what to do: the last parts of the texts, which depend on the fields of the
//! error.

use std::io;

/// The uid that stands for all users whom a user namespace does not map, unless the machine is configured otherwise.
pub(crate) const UNMAPPED: u32 = 65534;

/// The process that has a tag, if it is known.
pub(crate) fn holder(pid: Option<u32>) -> String {
    match pid {
        None => String::new(),
        // Each PID namespace counts for itself, so another container's process may have this number too.
        Some(pid) if pid == std::process::id() => {
            format!(" (pid {pid}: this process, or one of another container)")
        }
        Some(pid) => format!(" (pid {pid}, as that process sees itself)"),
    }
}

/// What the uid may mean.
pub(crate) fn unmapped(uid: u32) -> &'static str {
    if uid == UNMAPPED { " (nobody, or a user whom this user namespace does not map)" } else { "" }
}

/// What to do if this process ran out of something.
pub(crate) fn remedy(source: &io::Error) -> &'static str {
    match source.raw_os_error() {
        Some(libc::EMFILE) => "; close some files, or raise the limit (ulimit -n)",
        Some(libc::ENOMEM) => "; free some memory, or raise the limits (ulimit -v, vm.max_map_count)",
        _ => "",
    }
}

/// The likely cause of the lack of space, and what to do. 64 MB is the default size of /dev/shm in containers.
pub(crate) fn space(wanted: u64, free: u64, total: u64, source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::QuotaExceeded => "; this user's quota is used up: remove arrays, or raise it",
        io::ErrorKind::FileTooLarge => "; the size of files is limited: raise the limit (ulimit -f)",
        _ if wanted < free => "; enough bytes, so perhaps no inodes are left: remove files",
        _ if total == 64 << 20 => "; if this is a container's default of 64 MB, raise it with --shm-size",
        _ if wanted > total => {
            "; it is too small for that: make it larger, or ask for less (shape, capacity)"
        }
        _ => "; remove arrays, or make it larger",
    }
}
