//! npy files: the values of a group as one array with one more axis, the first.

use ndsharray::NpyHeader;

use crate::convert::output::Output;
use crate::convert::sheet::Sheet;
use crate::failure::{Failure, Result};
use crate::survey::{self, Group, Surveyed};

/// The header of the file of a group.
pub fn header(tag: &Surveyed, group: &Group) -> Result<NpyHeader> {
    let shape = [&[group.indices.len()], &group.layout.shape[..]].concat();
    let dtype = &group.layout.dtype;
    NpyHeader::new(dtype, &shape).map_err(|_| {
        Failure::bad(format!(
            "{}: npy cannot hold dtype {dtype} with the descr {}: it takes a type string, or fields in the order of their \
             places; choose the other tags with --tags",
            tag.track.tag(),
            dtype.descr()
        ))
    })
}

/// Writes the elements, and the times and attributes.
pub fn write(tag: &Surveyed, group: &Group, output: &Output<'_>) -> Result<()> {
    let mut file = output.of_group("values", "npy")?;
    let mut sheet = Sheet::create(group, output)?;
    file.write(&header(tag, group)?.to_bytes())?;
    for &index in &group.indices {
        let value = survey::value(&tag.track, index)?;
        file.write(value.bytes())?;
        sheet.add(index, &value)?;
    }
    file.finish()?;
    sheet.finish()
}
