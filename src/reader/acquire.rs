//! Acquiring a value when its data file must be looked for first, or when an attempt failed: the slow way of `view` and
//! `latest`.

use std::sync::Arc;

use crossbeam_utils::Backoff;

use crate::error::{Error, Result};
use crate::format::record::Hot;
use crate::format::segment::SLOTS;
use crate::reader::Reader;
use crate::reader::resolve;
use crate::reader::snapshot::{Copied, Data, Value};
use crate::shm::pinned::{self, Pinned, Source};
use crate::shm::segment::Access;

/// How often a reader tries again when the writer has taken the value away meanwhile. (Under a fuzzer nobody writes, and many
/// files are damaged.)
const ATTEMPTS: u32 = if cfg!(fuzzing) { COPIES } else { 10_000 };
/// How often a reader that cannot pin copies at most: a copy may take long.
const COPIES: u32 = 100;

impl Reader {
    /// Acquires the latest value, however many attempts that takes.
    #[cold]
    #[inline(never)]
    pub(crate) fn acquire(&self) -> Result<Box<Value>> {
        let backoff = Backoff::new();
        let mut attempts = 0;
        while attempts < ATTEMPTS {
            let hot = self.current();
            hot.check(self.follower.header().path())?;
            if hot.stamp.version == 0 {
                return Err(Error::Empty { tag: self.tag().to_owned() });
            }
            attempts += 1;
            if let Some(source) = self.source_of(&hot)? {
                if source.segment.access() == Access::Copying {
                    attempts += ATTEMPTS / COPIES;
                }
                if let Some(data) = self.data(source, &hot)? {
                    return Ok(Box::new(Value { data, stamp: hot.stamp }));
                }
            }
            // The slot was taken for a newer value since the record was read.
            backoff.snooze();
        }
        Err(Error::Contended { tag: self.tag().to_owned() })
    }

    /// Pins or copies the value of a record; `None` if it is there no more.
    fn data(&self, source: Arc<Source>, hot: &Hot) -> Result<Option<Data>> {
        let slot = usize::try_from(hot.slot).unwrap_or(SLOTS);
        if !source.segment.is_usable(slot) {
            resolve::grow(&self.follower, &source, slot)?;
        }
        if source.segment.access() != Access::Pinning {
            return Ok(copy(&source, slot, hot.stamp.version));
        }
        let over_pin_limit = pinned::over_pin_limit(&source, hot.slot);
        // Here the slot's own word decides: in files that were damaged, or copied at two moments, the record may be right
        // and the slot may hold another value. What is published later comes from a writer that trusts both.
        let Some(pinned) = Pinned::pin(source, hot.slot, hot.stamp.version, || false) else {
            return Ok(None);
        };
        self.verified.set(true);
        if over_pin_limit {
            return Ok(copy(pinned.source(), slot, hot.stamp.version));
        }
        Ok(Some(Data::Pinned(pinned)))
    }

    /// The source of a record: the present one, or another, which becomes the present one.
    fn source_of(&self, hot: &Hot) -> Result<Option<Arc<Source>>> {
        let before = self.source.borrow().clone();
        let header = self.follower.header_serial();
        if let Some(source) = before.as_ref().filter(|source| source.is_of(header, hot)) {
            return Ok(Some(source.clone()));
        }
        let Some(found) = resolve::source(&self.follower, hot, before.as_ref())? else { return Ok(None) };
        self.source.replace(Some(found.clone()));
        self.verified.set(false);
        self.forget_old_viewing();
        Ok(Some(found))
    }
}

fn copy(source: &Source, slot: usize, version: u64) -> Option<Data> {
    let (words, user_data) = source.segment.copy(slot, version, source.layout.nbytes())?;
    Some(Data::Copied(Arc::new(Copied { layout: source.layout.clone(), words, user_data })))
}
