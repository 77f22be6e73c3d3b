//! Taking a value when something is to be found out first, or tried again: the slow way of `view` and `latest`.

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

/// How often a value that the writer takes away again is tried for. (Nobody writes under a fuzzer, which damages many.)
const ATTEMPTS: u32 = if cfg!(fuzzing) { COPIES } else { 10_000 };
/// How often it is copied at most, by a reader that cannot pin it: a copy may take long.
const COPIES: u32 = 100;

impl Reader {
    /// Takes the latest value when something is to be found out first, or tried again.
    #[cold]
    #[inline(never)]
    pub(crate) fn take(&self) -> Result<Box<Value>> {
        let backoff = Backoff::new();
        let mut attempts = 0;
        while attempts < ATTEMPTS {
            let hot = self.current();
            hot.check(self.follower.header().path())?;
            if hot.version == 0 {
                return Err(Error::Empty { tag: self.follower.tag.clone() });
            }
            attempts += 1;
            if let Some(source) = self.source_of(&hot)? {
                if source.segment.access() == Access::Copying {
                    attempts += ATTEMPTS / COPIES;
                }
                if let Some(data) = self.data(source, &hot)? {
                    let (version, written_at) = (hot.version, hot.written_at);
                    return Ok(Box::new(Value { data, version, written_at }));
                }
            }
            // The slot was taken for a newer value since the record was read.
            backoff.snooze();
        }
        Err(Error::Contended { tag: self.follower.tag.clone() })
    }

    /// Pins or copies the value of a record; `None` if it is there no more.
    fn data(&self, source: Arc<Source>, hot: &Hot) -> Result<Option<Data>> {
        let slot = usize::try_from(hot.slot).unwrap_or(SLOTS);
        if !source.segment.is_usable(slot) {
            resolve::grow(&self.follower, &source, slot)?;
        }
        if source.segment.access() != Access::Pinning {
            return Ok(copy(&source, slot, hot.version));
        }
        let crowded = pinned::crowded(&source, hot.slot);
        // The slot's own word is looked at here: of files that were damaged, or copied at two moments, the record may be
        // right and the slot another one's. What is published later is by a writer that has made both.
        let Some(pinned) = Pinned::take(source, hot.slot, hot.version, || false) else { return Ok(None) };
        self.proven.set(true);
        if crowded {
            return Ok(copy(pinned.source(), slot, hot.version));
        }
        Ok(Some(Data::Pinned(pinned)))
    }

    /// The source of a record: the present one, or another that becomes it.
    fn source_of(&self, hot: &Hot) -> Result<Option<Arc<Source>>> {
        let before = self.source.borrow().clone();
        let header = self.follower.header_serial();
        if let Some(source) = before.as_ref().filter(|source| source.is_of(header, hot)) {
            return Ok(Some(source.clone()));
        }
        let Some(found) = resolve::source(&self.follower, hot, before.as_ref())? else { return Ok(None) };
        self.source.replace(Some(found.clone()));
        self.proven.set(false);
        self.forget_old_viewing();
        Ok(Some(found))
    }
}

fn copy(source: &Source, slot: usize, version: u64) -> Option<Data> {
    let (words, user_data) = source.segment.copy(slot, version, source.layout.nbytes())?;
    Some(Data::Copied(Arc::new(Copied { layout: source.layout.clone(), words, user_data })))
}
