//! Making a data file: complete before it has its name.

use std::sync::Arc;

use rustix::io::Errno;

use crate::error::Result;
use crate::files::staged::StagedFile;
use crate::files::tag::TagPath;
use crate::format::header::HeaderIdentity;
use crate::format::identity::Kind;
use crate::format::segment::{SegmentIdentity, slot_limit};
use crate::shm::held::Holds;
use crate::shm::segment::{Access, Segment};
use crate::sys::owner::Rights;
use crate::sys::space::no_space;
use crate::writer::data_file::DataFile;

/// A data file that has no name yet; dropped, it is removed.
pub(crate) struct StagedDataFile {
    staged: StagedFile,
    segment: Arc<Segment>,
    history: usize,
}

impl StagedDataFile {
    /// Makes a data file for values of `nbytes`, with storage for one of them.
    pub fn new(
        tag: &TagPath,
        header: &HeaderIdentity,
        nbytes: usize,
        history: usize,
        rights: Rights,
    ) -> Result<Self> {
        let too_large = || no_space(tag.header(), nbytes as u64, Errno::NOSPC);
        let identity =
            SegmentIdentity::new(header.id, 0, nbytes, slot_limit(history)).ok_or_else(too_large)?;
        let size = identity.file_size(1).ok_or_else(too_large)?;
        let staged = StagedFile::new(tag, Kind::Segment, size, rights)?;
        identity.write(staged.file())?;
        let segment = Segment::map(staged.file(), Access::Writing, Arc::new(Holds::default()))?;
        segment.map_slot(staged.file(), 0)?;
        segment.warm(0);
        Ok(StagedDataFile { staged, segment: Arc::new(segment), history })
    }

    /// The segment, to fill slot 0 of it.
    pub fn segment(&mut self) -> &mut Arc<Segment> {
        &mut self.segment
    }

    /// Gives it the name that a number stands for; `Err` holds it still if something has that name.
    pub fn persist(
        self,
        tag: &TagPath,
        header: &HeaderIdentity,
        number: u64,
    ) -> Result<Result<DataFile, Self>> {
        let StagedDataFile { staged, segment, history } = self;
        SegmentIdentity { made_as: number, ..*segment.identity() }.write(staged.file())?;
        Ok(match staged.persist(&tag.data_file(header.data_file(number)))? {
            Ok((file, lock)) => Ok(DataFile::new(segment, file, lock, number, history)),
            Err(staged) => Err(StagedDataFile { staged, segment, history }),
        })
    }
}
