//! Every field of a tag's files, as they lie there and without a mapping; for people who look what is wrong.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::files::open::open_regular;
use crate::files::peek;
use crate::files::tag::TagPath;
use crate::format::header::HeaderIdentity;
use crate::format::record::SEGMENT;
use crate::format::segment::SegmentIdentity;
use crate::store::fields::{self, Field};
use crate::sys::file::Status;
use crate::sys::name::list;

/// What [`Store::inspect`](crate::Store::inspect) found of a tag: its header, and data files by name.
#[derive(Debug)]
#[non_exhaustive]
pub struct Inspection {
    /// The file of the tag's name.
    pub header: FileInspection,
    /// The files named like data files of the tag, that of the current value first.
    pub data_files: Vec<FileInspection>,
}

/// What [`Inspection`] says of a file.
#[derive(Debug)]
#[non_exhaustive]
pub struct FileInspection {
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// The storage that it takes, in bytes.
    pub allocated: u64,
    /// Its permissions.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// For a data file: whether the header names it as that of the current value. True for the header.
    pub current: bool,
    /// Its fields, in the order of their offsets, as far as the file reaches.
    pub fields: Vec<Field>,
    /// Why the library refuses it; `None` for a good file.
    pub problem: Option<Error>,
}

pub(crate) fn inspect(tag: &TagPath) -> Result<Inspection> {
    let mut before = None;
    // What looks wrong while a writer publishes may be two moments in one picture: only what stays is wrong.
    for _ in 0..100 {
        let (inspection, version) = look(tag)?;
        let mut files = std::iter::once(&inspection.header).chain(&inspection.data_files);
        if files.all(|file| file.problem.is_none()) || before == Some(version) {
            return Ok(inspection);
        }
        before = Some(version);
    }
    look(tag).map(|(inspection, _)| inspection)
}

/// One look; also says at which version, if it has one.
fn look(tag: &TagPath) -> Result<(Inspection, Option<u64>)> {
    let (file, status) = open_regular(tag.header())?.ok_or_else(|| tag.not_found())?;
    let peek = match peek::header(&file) {
        Err(error @ Error::NotAHeader { .. }) => return Err(error),
        peek => peek,
    };
    let version = peek.as_ref().ok().map(|peek| peek.hot.stamp.version);
    let (named, problem) = match peek {
        Ok(peek) => (peek.cold.map(|cold| (cold.data_file, cold.segment_id)), None),
        Err(error) => (None, Some(error)),
    };
    let region = HeaderIdentity::read(&file).ok().map(|identity| identity.region);
    let mut header = FileInspection::new(tag.header(), status, problem, fields::of_header(&file, region)?);
    header.current = true;

    let mut data_files = Vec::new();
    let names = list(tag.directory())?;
    for (name, uuid) in tag.data_files(&names) {
        let path = tag.directory().join(name);
        // What went meanwhile, or is no file, is not ours to look at.
        let Ok(Some((file, status))) = open_regular(&path) else { continue };
        let current = named.filter(|&(current, _)| current == uuid);
        let identity = SegmentIdentity::read(&file);
        let region = identity.as_ref().ok().map(|identity| identity.region);
        let problem = match (identity, current) {
            (Ok(found), Some((_, segment))) if found.id != segment => {
                Some(Error::corrupt(&path, SEGMENT.name, fields::hex(found.id), fields::hex(segment)))
            }
            (outcome, _) => outcome.err(),
        };
        let fields = fields::of_data_file(&file, region)?;
        let mut data_file = FileInspection::new(&path, status, problem, fields);
        data_file.current = current.is_some();
        data_files.push(data_file);
    }
    data_files.sort_by_key(|file| !file.current);
    let has_current = data_files.first().is_some_and(|file| file.current);
    if let (Some((uuid, _)), None, false) = (named, &header.problem, has_current) {
        header.problem = Some(Error::DataMissing { tag: tag.tag().to_owned(), path: tag.data_file(uuid) });
    }
    Ok((Inspection { header, data_files }, version))
}

impl FileInspection {
    fn new(path: &Path, status: Status, problem: Option<Error>, fields: Vec<Field>) -> Self {
        let Status { size, allocated, mode, uid, .. } = status;
        FileInspection { path: path.to_owned(), size, allocated, mode, uid, current: false, fields, problem }
    }
}
