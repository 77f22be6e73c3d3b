//! Following a tag: which header is its header now, and which record is current.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::sync::Arc;

use crate::error::Result;
use crate::files::open::map_header;
use crate::files::tag::TagPath;
use crate::format::record::Record;
use crate::reader::poll::{LOOK_EVERY, Pace};
use crate::reader::value_id::ValueId;
use crate::shm::header::Header;
use crate::sync::seq_latch::FROZEN;
use crate::sys::clock::now_coarse;
use crate::sys::file::FileId;
use crate::sys::name::{stands_at, status_at};

/// How many headers in a row may be replaced before this reader has mapped them.
const SUCCESSIONS: u32 = 1000;

/// A tag, with the header that it had when last looked at.
pub(crate) struct Follower {
    tag: TagPath,
    header: RefCell<Arc<Header>>,
    /// The record last read, and the sequence number that it had.
    seq: Cell<Option<u64>>,
    record: Cell<Record>,
    lineage: Lineage,
    /// The file that the tag's name referred to at the last look.
    seen: Cell<Option<FileId>>,
    /// The next look is due some time after this; 0: it is due now.
    looked_at: Cell<u64>,
    pace: Pace,
}

/// What a reader that has found nothing new waits for.
pub(crate) struct Target {
    /// The header with the key of its event count; `None` if nothing will be published there any more.
    pub header: Option<(Arc<Header>, u32)>,
    /// The tag's name.
    pub name: Arc<Path>,
    /// The file that it referred to, before the reader looked.
    pub seen: Option<FileId>,
    /// Whether that file is not the header, so that a new header may come.
    pub is_gone: bool,
}

/// How the versions of the headers that a tag had one after the other make one count.
#[derive(Clone)]
struct Lineage {
    /// How many values this reader saw under earlier headers, if the present one does not count on from theirs.
    before: Cell<u64>,
    /// The last version that was read from a record that is not damaged.
    known: Cell<u64>,
}

impl Lineage {
    /// The number of a version among all values of the tag.
    fn ordinal(&self, version: u64) -> u64 {
        self.before.get().saturating_add(version)
    }

    fn saw(&self, record: &Record) {
        if *record != Record::DAMAGED {
            self.known.set(record.stamp.version);
        }
    }

    /// The tag was removed and made again: it counts from 1.
    fn start_again(&self) {
        self.before.set(self.ordinal(self.known.get()));
        self.known.set(0);
    }
}

impl Follower {
    pub fn open(tag: TagPath) -> Result<Self> {
        let header = map_header(tag.header())?.ok_or_else(|| tag.not_found())?;
        let lineage = Lineage { before: Cell::new(0), known: Cell::new(0) };
        Ok(Self::new(tag, Arc::new(header), lineage))
    }

    fn new(tag: TagPath, header: Arc<Header>, lineage: Lineage) -> Self {
        Follower {
            tag,
            seen: Cell::new(Some(header.file())),
            header: RefCell::new(header),
            seq: Cell::new(None),
            record: Cell::new(Record::default()),
            lineage,
            looked_at: Cell::new(now_coarse()),
            pace: Pace::new(),
        }
    }

    pub fn tag(&self) -> &TagPath {
        &self.tag
    }

    pub fn header(&self) -> Arc<Header> {
        self.header.borrow().clone()
    }

    /// The serial of the header.
    #[inline(always)]
    pub fn header_serial(&self) -> u64 {
        self.header.borrow().serial()
    }

    /// Which value the header has, when it has this version.
    #[inline(always)]
    pub fn id(&self, version: u64) -> ValueId {
        let header = self.header.borrow();
        ValueId::new(version, header.identity().origin, header.file())
    }

    /// The ordinal of a version: its number among all values of the tag that this reader could see. A greater one is newer,
    /// also when the tag was removed and made again.
    pub fn ordinal(&self, version: u64) -> u64 {
        self.lineage.ordinal(version)
    }

    /// The version that an ordinal stands for under the present header; 0 if it is older than all of its values.
    pub fn version_of(&self, ordinal: u64) -> u64 {
        ordinal.saturating_sub(self.lineage.before.get())
    }

    /// The ordinal of the last value that was read and was not damaged.
    pub fn known_ordinal(&self) -> u64 {
        self.lineage.ordinal(self.lineage.known.get())
    }

    /// The header with the key of its event count: taken before looking for a value, slept on afterwards.
    pub fn prepare(&self) -> (Arc<Header>, u32) {
        let header = self.header();
        let key = header.event_count().prepare();
        (header, key)
    }

    /// What to wait for. The header and key come from `prepare`; since then the reader has found nothing new, and it still
    /// follows the same header.
    pub fn target(&self, (header, key): (Arc<Header>, u32)) -> Target {
        let (is_retired, seen) = (header.is_retired(), self.seen.get());
        let is_gone = is_retired || seen != Some(header.file());
        Target {
            header: (!is_retired).then_some((header, key)),
            name: self.tag.shared_header(),
            seen,
            is_gone,
        }
    }

    /// The record now. As long as the sequence number stays, so does the record.
    #[inline(always)]
    pub fn current(&self) -> Record {
        if !self.is_current() {
            self.read();
        }
        // Loaded from its cell in either case: a copy that is handed on has to wait for the stores of its words.
        self.record.get()
    }

    /// Whether the record last read is the one in use.
    #[inline(always)]
    pub fn is_current(&self) -> bool {
        self.seq.get() == Some(self.header.borrow().latch().seq())
    }

    #[inline(never)]
    fn read(&self) {
        self.read_record();
        // A retired header was replaced or removed.
        if self.is_frozen() && self.header.borrow().is_retired() && self.look() {
            self.read_record();
        }
    }

    fn read_record(&self) {
        let (seq, record) = self.header.borrow().read();
        self.seq.set(Some(seq));
        self.record.set(record);
        self.lineage.saw(&record);
        self.pace.start_again();
    }

    #[inline(always)]
    fn is_frozen(&self) -> bool {
        self.seq.get().is_some_and(|seq| seq & FROZEN != 0)
    }

    /// Looks whether the tag's name refers to another file, and follows it; true if it does. While the tag exists, it looks at most
    /// every 100 ms.
    pub fn look(&self) -> bool {
        let now = now_coarse();
        if now.saturating_sub(self.looked_at.get()) < LOOK_EVERY && !self.header.borrow().is_retired() {
            return false;
        }
        self.looked_at.set(now);
        self.follow()
    }

    /// Follows the tag to another header, if there is one that can be read; true if it does.
    pub fn follow(&self) -> bool {
        let mine = self.header.borrow().file();
        let Ok(status) = status_at(self.tag.header()) else { return false };
        let seen = status.map(|status| status.id);
        self.seen.set(seen);
        if seen == Some(mine) {
            return false;
        }
        let Some(header) = self.open_next() else {
            // The tag may come back at any time.
            self.looked_at.set(0);
            return false;
        };
        self.seen.set(Some(header.file()));
        let before = self.header.replace(Arc::new(header));
        let origin = self.header.borrow().identity().origin;
        if before.identity().origin != origin {
            self.lineage.saw(&before.record());
            self.lineage.start_again();
        }
        self.seq.set(None);
        true
    }

    /// The header that the path leads to now and that is in use.
    fn open_next(&self) -> Option<Header> {
        for _ in 0..SUCCESSIONS {
            let header = map_header(self.tag.header()).ok()??;
            if !header.is_retired() {
                return Some(header);
            }
            if stands_at(header.file(), self.tag.header()).unwrap_or(true) {
                // A retired header that came back with a mount or directory. Its writer went on elsewhere, and will replace it.
                return None;
            }
            // It was replaced since it was opened.
        }
        None
    }

    /// Called before a value is acquired that may be the same as last time: looks now and then whether the tag's file is another
    /// one; at each call while the header is about to be replaced.
    #[inline(always)]
    pub fn idle(&self) {
        if self.pace.is_due() || self.is_frozen() {
            self.look_at_the_clock();
        }
    }

    #[inline(never)]
    fn look_at_the_clock(&self) {
        self.pace.adapt();
        self.look();
    }
}

impl Clone for Follower {
    fn clone(&self) -> Self {
        let clone = Self::new(self.tag.clone(), self.header(), self.lineage.clone());
        clone.seen.set(self.seen.get());
        if self.looked_at.get() == 0 {
            clone.looked_at.set(0);
        }
        clone
    }
}
