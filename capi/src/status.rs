//! What a call returns.

use ndsharray::ErrorKind;

/// What a call returns: 0 if it did what it says, 1 if there was nothing to return, and less than 0 if it failed.
///
/// Later versions may add numbers below 0: treat those that you do not know as NDS_IO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum nds_status {
    /// Done.
    NDS_OK = 0,
    /// There is nothing new, or the time is over. This is no error.
    NDS_NONE = 1,
    /// There is no such store, array or file: check the names, or try again once a writer has opened and written it.
    NDS_NOT_FOUND = -1,
    /// The array has no value yet: wait for the first one.
    NDS_EMPTY = -2,
    /// The store has no room: remove arrays, call nds_store_gc, or make it larger. The last value stays readable.
    NDS_FULL = -3,
    /// Another writer has the array: close that one first, or take over.
    NDS_BUSY = -4,
    /// This writer has ended, since the array was taken over or removed, or the process was forked: open a new one.
    NDS_ENDED = -5,
    /// This user may not do that: have the permissions changed, or do it as the user that the error names.
    NDS_PERMISSION = -6,
    /// The file under this name is another program's, or has a format or byte order that this library cannot use. It was left as
    /// it is.
    NDS_FOREIGN = -7,
    /// A file of the array is damaged: remove the file that the error names, and write the array again.
    NDS_DAMAGED = -8,
    /// An argument is not valid, and never will be: correct what the error names.
    NDS_INVALID_ARGUMENT = -9,
    /// The elements do not have the type that was asked for.
    NDS_WRONG_TYPE = -10,
    /// Others changed the array at each attempt: try again.
    NDS_CONTENDED = -11,
    /// The filesystem or kernel lacks an operation: use a store on another filesystem, such as tmpfs.
    NDS_UNSUPPORTED = -12,
    /// The operating system refused an operation for another reason: nds_error_errno says which.
    NDS_IO = -13,
    /// A bug in ndsharray: please report it. Close the handles of the call, and use them for nothing else.
    NDS_INTERNAL = -14,
}

impl From<ErrorKind> for nds_status {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::NotFound => nds_status::NDS_NOT_FOUND,
            ErrorKind::Empty => nds_status::NDS_EMPTY,
            ErrorKind::Full => nds_status::NDS_FULL,
            ErrorKind::Busy => nds_status::NDS_BUSY,
            ErrorKind::Ended => nds_status::NDS_ENDED,
            ErrorKind::Permission => nds_status::NDS_PERMISSION,
            ErrorKind::Foreign => nds_status::NDS_FOREIGN,
            ErrorKind::Damaged => nds_status::NDS_DAMAGED,
            ErrorKind::InvalidArgument => nds_status::NDS_INVALID_ARGUMENT,
            ErrorKind::WrongType => nds_status::NDS_WRONG_TYPE,
            ErrorKind::Contended => nds_status::NDS_CONTENDED,
            ErrorKind::Unsupported => nds_status::NDS_UNSUPPORTED,
            // Also a kind that a later version of the library adds.
            _ => nds_status::NDS_IO,
        }
    }
}
