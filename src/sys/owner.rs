//! Whose a file is, what others may do with it, and who this process is.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, fchown};

use crate::error::Result;
use crate::error::hints::UNMAPPED;
use crate::sys::file::{PathFile, Status};
use crate::sys::space::write_error;
use crate::sys::step;

/// Whose the files of a tag are, and what others may do with them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rights {
    pub mode: u32,
    /// User and group of the tag's header; `None`: those that new files have by themselves.
    pub owner: Option<(u32, u32)>,
}

/// Permissions by default: the owner alone.
pub(crate) const PRIVATE: u32 = 0o600;

/// Gives the file its owner, as far as this process may, and its permissions, whatever the umask.
pub(crate) fn set_rights(file: &PathFile, rights: Rights) -> Result<()> {
    let now = file.status()?;
    if let Some((uid, gid)) = rights.owner.filter(|&owner| owner != (now.uid, now.gid)) {
        // Root writes for a user, who must be able to read the file; or the tag's group is not the writer's first one.
        // A process that may not give the file away (root of a user namespace, or one that left the group) keeps it.
        step("fchown");
        let _ = fchown(file.as_file(), Some(uid).filter(|&uid| uid != now.uid), Some(gid));
    } else if rights.mode == now.mode {
        return Ok(());
    }
    step("fchmod");
    file.as_file()
        .set_permissions(Permissions::from_mode(rights.mode))
        .map_err(|error| write_error(file.path(), "set its permissions", error))
}

/// The uid that file permissions are checked against.
pub(crate) fn uid() -> u32 {
    step("geteuid");
    rustix::process::geteuid().as_raw()
}

/// The pid of this process, in its own PID namespace.
pub(crate) fn pid() -> u32 {
    step("getpid");
    std::process::id()
}

/// Whether an open file is this process's to change: it owns it, or is root over it.
///
/// Uids alone do not say so in a user namespace: its root has no rights over users that are not mapped, and all of these
/// look like one uid. The kernel knows: only an owner may change a file's mode.
pub(crate) fn is_owner(file: &PathFile, status: &Status) -> bool {
    let uid = uid();
    match status.uid == uid {
        true if uid != UNMAPPED => true,
        false if uid != 0 => false,
        _ => {
            step("fchmod");
            file.as_file().set_permissions(Permissions::from_mode(status.mode)).is_ok()
        }
    }
}
