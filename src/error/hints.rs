//! What may be behind an error, and what to do: the ends of the texts that depend on what the error holds.

use std::io;

/// What users look like that a user namespace does not map, unless the machine was told otherwise.
pub(crate) const UNMAPPED: u32 = 65534;

/// Who has a tag, if it is known.
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

/// What may be behind the uid.
pub(crate) fn unmapped(uid: u32) -> &'static str {
    if uid == UNMAPPED { " (nobody, or a user whom this user namespace does not map)" } else { "" }
}

/// What to do where the kernel ran out of something of this process.
pub(crate) fn remedy(source: &io::Error) -> &'static str {
    match source.raw_os_error() {
        Some(libc::EMFILE) => "; close some files, or raise the limit (ulimit -n)",
        Some(libc::ENOMEM) => "; free some memory, or raise the limits (ulimit -v, vm.max_map_count)",
        _ => "",
    }
}

/// What is behind the figures, and what to do. 64 MB is what container engines give /dev/shm unless told otherwise.
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
