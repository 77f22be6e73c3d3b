//! Every field of a tag's files, as they lie there and without a mapping; for people who look what is wrong.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::files::open::open_regular;
use crate::files::peek;
use crate::files::tag::TagPath;
use crate::format::header::HeaderIdentity;
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
    let version = peek.as_ref().ok().map(|peek| peek.record.stamp.version);
    // The current data file, by its uuid, and what is wrong with what the header and that file say of the value.
    let (named, mut damage, problem) = match peek {
        Ok(peek) if peek.record.stamp.version != 0 => {
            let named = peek.identity.data_file(peek.record.number);
            (Some(named), peek::value(tag, &file, peek).err(), None)
        }
        Ok(_) => (None, None, None),
        Err(error) => (None, None, Some(error)),
    };
    let identity = HeaderIdentity::read(&file).ok();
    let page = identity.map(|identity| identity.page);
    let mut header = FileInspection::new(tag.header(), status, problem, fields::of_header(&file, page)?);
    header.current = true;

    let mut data_files = Vec::new();
    let names = list(tag.directory())?;
    for (name, uuid) in tag.data_files(&names) {
        let path = tag.directory().join(name);
        // What went meanwhile, or is no file, is not ours to look at.
        let Ok(Some((file, status))) = open_regular(&path) else { continue };
        let current = named == Some(uuid);
        let problem = SegmentIdentity::read(&file).err().or_else(|| damage.take_if(|_| current));
        let fields = fields::of_data_file(&file)?;
        let mut data_file = FileInspection::new(&path, status, problem, fields);
        data_file.current = current;
        data_files.push(data_file);
    }
    data_files.sort_by_key(|file| !file.current);
    if named.is_some() && !data_files.first().is_some_and(|file| file.current) {
        header.problem = header.problem.or(damage);
    }
    Ok((Inspection { header, data_files }, version))
}

impl FileInspection {
    fn new(path: &Path, status: Status, problem: Option<Error>, fields: Vec<Field>) -> Self {
        let Status { size, allocated, mode, uid, .. } = status;
        FileInspection { path: path.to_owned(), size, allocated, mode, uid, current: false, fields, problem }
    }
}
