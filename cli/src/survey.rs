//! What is in a recording: the tags that patterns stand for, and the layouts that the values of each tag have.

use std::collections::HashMap;

use ndsharray::DType;
use ndsharray_recording::{Clock, Error, Message, Recording, Track};

use crate::failure::{Failure, Result};
use crate::stop::Stop;
use crate::{picture, tags};

/// What values have in common: an npy file or a film holds those of one layout.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    pub dtype: DType,
    pub shape: Vec<usize>,
    /// How the pixels lie if the values are images as viewers show them, and this was asked for.
    pub encoding: Option<&'static str>,
}

/// The values of a tag that have one layout.
pub struct Group {
    pub layout: Layout,
    /// Their numbers in the track. There is at least one.
    pub indices: Vec<usize>,
    /// The size of one value.
    pub nbytes: usize,
}

/// A tag with its values, grouped by layout, in order of first appearance.
pub struct Surveyed {
    pub track: Track,
    pub groups: Vec<Group>,
}

impl Group {
    /// The bytes of all values.
    pub fn total(&self) -> u64 {
        (self.indices.len() as u64).saturating_mul(self.nbytes as u64)
    }
}

/// The tags of a recording that these names and patterns stand for; all if there are none.
pub fn tags(recording: &Recording, names: &[String]) -> Result<Vec<String>> {
    let present: Vec<String> = recording.tags().map(str::to_owned).collect();
    if names.is_empty() {
        return Ok(present);
    }
    let tags = tags::all_of(names, "`ndsharray info`", || Ok(present.clone()))?;
    for tag in &tags {
        // The error names those that there are.
        recording.track(tag)?;
    }
    Ok(tags)
}

/// The layouts of the values of these tags. With `by_encoding`, images that differ only in how their pixels lie have different ones.
///
/// Values are read only where the recording alone does not tell.
pub fn survey(
    recording: &Recording,
    tags: &[String],
    by_encoding: bool,
    stop: &Stop,
) -> Result<Vec<Surveyed>> {
    let mut found = Vec::new();
    let mut unknown = Vec::new();
    for tag in tags {
        let track = recording.track(tag)?;
        let groups = match the_only(&track, by_encoding)? {
            Some(group) => vec![group],
            None => {
                unknown.push((found.len(), tag.as_str(), Groups::default()));
                Vec::new()
            }
        };
        found.push(Surveyed { track, groups });
    }
    let names: Vec<&str> = unknown.iter().map(|(_, tag, _)| *tag).collect();
    // In the order of the file, so that a chunk which holds values of several tags is read once.
    for (nth, index, _) in recording.in_order(&names, Clock::Written) {
        stop.check()?;
        let (number, _, groups) = &mut unknown[nth];
        let value = value(&found[*number].track, index)?;
        groups.add(index, &value, if by_encoding { value.encoding() } else { None });
    }
    for (number, _, groups) in unknown {
        found[number].groups = groups.list;
        // The order of the times need not be that of the track.
        found[number].groups.iter_mut().for_each(|group| group.indices.sort_unstable());
        found[number].groups.sort_by_key(|group| group.indices[0]);
    }
    Ok(found)
}

/// The value number `index`, which the track has.
pub fn value(track: &Track, index: usize) -> Result<Message> {
    Ok(track.get(index).map_err(failure)?.expect("the index is below the length of the track"))
}

/// The failure of reading a value.
pub fn failure(error: Error) -> Failure {
    match &error {
        Error::Damaged { .. } => Failure::failed(format!(
            "{error}; `ndsharray convert --recover` makes a recording of all that is whole"
        )),
        _ => error.into(),
    }
}

/// All values as one group, if the recording says that they have one layout. Not if their encodings are asked for, and they may have
/// some.
fn the_only(track: &Track, by_encoding: bool) -> Result<Option<Group>> {
    let layouts = track.layouts().map_err(failure)?;
    let [layout] = &layouts[..] else { return Ok(None) };
    let Some(shape) = layout.shape.clone() else { return Ok(None) };
    let dtype = layout.dtype.clone();
    if by_encoding && picture::Form::of(&dtype, &shape).is_ok() {
        return Ok(None);
    }
    // An overflow is damage, which shows when the values are read.
    let nbytes = shape.iter().fold(dtype.itemsize(), |nbytes, &length| nbytes.saturating_mul(length));
    let indices = (0..track.len()).collect();
    Ok(Some(Group { layout: Layout { dtype, shape, encoding: None }, indices, nbytes }))
}

/// Groups that grow value by value.
#[derive(Default)]
struct Groups {
    list: Vec<Group>,
    numbers: HashMap<Layout, usize>,
    /// The group of the value before.
    last: usize,
}

impl Groups {
    fn add(&mut self, index: usize, value: &Message, encoding: Option<&'static str>) {
        let is_same = |group: &Group| {
            let Layout { dtype, shape, encoding: before } = &group.layout;
            dtype == value.dtype() && shape == value.shape() && *before == encoding
        };
        if !self.list.get(self.last).is_some_and(is_same) {
            let layout = Layout { dtype: value.dtype().clone(), shape: value.shape().to_vec(), encoding };
            self.last = *self.numbers.entry(layout.clone()).or_insert(self.list.len());
            if self.last == self.list.len() {
                self.list.push(Group { layout, indices: Vec::new(), nbytes: value.bytes().len() });
            }
        }
        self.list[self.last].indices.push(index);
    }
}
