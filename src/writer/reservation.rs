//! Reservations: what is known of a value before it is published.

use crate::dtype::DType;
use crate::error::Result;
use crate::format::layout::Layout;
use crate::format::segment::Line;
use crate::writer::memory::Place;

/// A claimed slot, and the value that it is for.
pub(crate) struct Reservation {
    pub place: Place,
    /// Set if it is not the current layout; boxed, since it is rare and every write moves this about.
    pub layout: Option<Box<Layout>>,
    /// The length of the value in bytes.
    pub nbytes: usize,
}

/// A value that is published as somebody else wrote it.
pub(crate) struct Earlier {
    pub version: u64,
    pub line: Line,
}

/// What became of a commit.
pub(crate) enum Committed {
    /// The value is published, with this version.
    Version(u64),
    /// The header has lost its name; the reservation is as it was, and the name lock is held.
    NameGone,
}

/// The layout of a value that has another than the current one, checked against what the caller has.
#[cold]
#[inline(never)]
pub(crate) fn new_layout(dtype: &DType, shape: &[usize], given: Option<usize>) -> Result<Box<Layout>> {
    dtype.check_storable()?;
    let layout = Layout::new(dtype.clone(), shape)?;
    given.map_or(Ok(()), |given| layout.check_length(given))?;
    Ok(Box::new(layout))
}
