//! Threads that wait for many callers: each for the values of up to 127 tags, and one for names.
//!
//! A caller that waits leaves its waker together with what it has seen. When it is woken, it looks again; if it is woken for
//! nothing, that does no harm. A thread that has had no callers for a second ends. A forked child has none of its parent's
//! threads, and starts its own.

mod callers;
pub(crate) mod doorbell;
pub(crate) mod names;
pub(crate) mod tags;

use std::time::Duration;

/// How long a thread stays without callers.
const LINGER: Duration = Duration::from_secs(1);
