//! How often a reader that finds nothing new looks at the clock, and so at the tag's file.

use std::cell::Cell;

use crate::sys::clock::now_coarse;

/// How often the tag's file is looked at, in nanoseconds.
pub(crate) const LOOK_EVERY: u64 = 100_000_000;
/// `view`, `latest` and `has_changed` look at the clock after at most so many calls that found nothing new; after fewer if these
/// take longer than half of [`LOOK_EVERY`].
const IDLE_CALLS: u32 = 32;

/// Counts calls, since looking at the clock costs more than all the rest of such a call.
pub(crate) struct Pace {
    /// Calls that are left until the next look at the clock.
    left: Cell<u32>,
    /// Calls from the last look to the next.
    pause: Cell<u32>,
    /// What the clock said at the last look.
    clock: Cell<u64>,
}

impl Pace {
    pub fn new() -> Self {
        Pace { left: Cell::new(2), pause: Cell::new(2), clock: Cell::new(now_coarse()) }
    }

    /// There was something new: the count starts again.
    #[inline(always)]
    pub fn start_again(&self) {
        self.left.set(2);
        self.pause.set(2);
    }

    /// One more call that may find nothing new; true if it is time to look at the clock: at the second call, the fourth, the
    /// eighth ... then at every 32nd of a hot loop, or after as many as take 50 ms.
    #[inline(always)]
    pub fn is_due(&self) -> bool {
        let left = self.left.get().wrapping_sub(1);
        self.left.set(left);
        left == 0
    }

    /// The clock is looked at: how many calls are to be left out.
    pub fn adapt(&self) {
        let now = now_coarse();
        let took = now.saturating_sub(self.clock.replace(now)).max(1);
        let calls = self.pause.get();
        let bearable = (u64::from(calls) * (LOOK_EVERY / 2) / took).clamp(1, u64::from(IDLE_CALLS)) as u32;
        self.pause.set(bearable.min(2 * calls));
        self.left.set(self.pause.get());
    }
}
