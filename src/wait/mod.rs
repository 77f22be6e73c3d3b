//! Threads that wait for many: each of them for up to 127 tags, and one for names that are not there.
//!
//! Whoever waits leaves a waker with what it has seen, and looks again when it is woken; to be woken for nothing does no harm. A
//! thread that has had nothing to wait for during a second ends. A forked child has none of its parent's threads, and starts its
//! own.

mod callers;
pub(crate) mod doorbell;
pub(crate) mod names;
pub(crate) mod tags;

use std::time::Duration;

/// How long a thread stays without anything to wait for.
const LINGER: Duration = Duration::from_secs(1);
