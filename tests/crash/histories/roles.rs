//! What all roles share: the tags, and the words of the board.

use ndsharray::{Store, WriterOptions};

pub const TAGS: [&str; 3] = ["h2", "h32", "h248"];
pub const HISTORIES: [u64; TAGS.len()] = [2, 32, 248];

/// Room for a value in the first data file.
pub const CAPACITY: usize = 4096;

// Words of the board, one for each tag.
/// The last version whose write returned.
pub const DONE: usize = 0;
/// The last version that a writer took a slot for, or was about to.
pub const TRIED: usize = 3;
/// What is older than this version may be gone: the history ended there, as the value moved to another data file.
pub const BEGINS: usize = 6;
/// Takeovers that were begun, and those that have ended (or whose writer was killed), after `BEGINS` was set.
pub const TAKING: usize = 9;
pub const TAKEN: usize = 12;
/// The version that the next writer must go on from.
pub const LEFT: usize = 15;
/// The version after which readers may end; 0: not yet.
pub const FINAL: usize = 18;

// Words with sums.
pub const WRITTEN: usize = 32;
pub const GROWN: usize = 33;
pub const TAKEN_OVER: usize = 34;
pub const RETURNED: usize = 35;
pub const MISSED: usize = 36;
/// Stalls for fewer values than the history, after which none was missing.
pub const KEPT: usize = 37;
/// Gaps in what a reader got.
pub const GAPS: usize = 38;
pub const COPIED: usize = 39;
pub const CONTENDED: usize = 40;

/// One for each reader: the last version that it returned.
pub const LAST: usize = 64;

/// The options of every writer of a tag, whose values other users may read.
pub fn options(store: &Store, tag: usize) -> WriterOptions {
    store.writer_options(TAGS[tag]).mode(0o644).history(HISTORIES[tag] as usize).capacity(CAPACITY)
}
