//! The channels of a file: one for a tag and layout.

use std::collections::{BTreeMap, HashMap};
use std::io::{Seek, Write};
use std::path::Path;

use ndsharray::DType;

use crate::error::{Error, Result};
use crate::message::schema::{ENCODING, Schema};
use crate::value::Value;
use crate::write::tail::failed;

/// So many shapes of a tag have a channel of their own. Those that come later, such as those of a cloud whose number of points
/// changes with each value, share one for a dtype: a file can hold no more than 65,535 channels.
const SHAPES_OF_A_TAG: usize = 256;

/// The channels of a file.
#[derive(Debug, Default)]
pub(super) struct Channels {
    schemas: HashMap<Schema, u16>,
    of_tags: HashMap<String, HashMap<Layout, u16>>,
    /// The number of the last channel. The first has number 1.
    last: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Layout {
    schema: Schema,
    dtype: DType,
    /// `None` if it differs from value to value.
    shape: Option<Vec<usize>>,
}

impl Channels {
    /// The channel of a value. It is written to the file `path` if that has none for the layout yet.
    pub fn of<W: Write + Seek>(
        &mut self,
        value: &Value<'_>,
        schema: Schema,
        writer: &mut mcap::Writer<W>,
        path: &Path,
    ) -> Result<u16> {
        if !self.of_tags.contains_key(value.tag) {
            self.of_tags.insert(value.tag.to_owned(), HashMap::new());
        }
        let layouts = self.of_tags.get_mut(value.tag).expect("it was inserted");
        let mut layout = Layout { schema, dtype: value.dtype.clone(), shape: Some(value.shape.to_vec()) };
        if let Some(&id) = layouts.get(&layout) {
            return Ok(id);
        }
        if layouts.len() >= SHAPES_OF_A_TAG {
            layout.shape = None;
            if let Some(&id) = layouts.get(&layout) {
                return Ok(id);
            }
        }
        // `mcap` would count beyond the last.
        let id = self.last.checked_add(1);
        let id = id.ok_or_else(|| Error::TooManyChannels { tag: value.tag.to_owned() })?;
        let schema_id = match self.schemas.get(&schema) {
            Some(&id) => id,
            None => {
                let added = writer.add_schema(schema.name(), ENCODING, schema.descriptor());
                let id = added.map_err(|error| failed(path, error))?;
                self.schemas.insert(schema, id);
                id
            }
        };
        writer
            .add_channel_with_id(id, schema_id, value.tag, ENCODING, &layout.metadata())
            .map_err(|error| failed(path, error))?;
        self.last = id;
        layouts.insert(layout, id);
        Ok(id)
    }
}

impl Layout {
    /// What the channel says of itself.
    fn metadata(&self) -> BTreeMap<String, String> {
        let mut metadata = BTreeMap::from([("dtype".to_owned(), self.dtype.name().to_owned())]);
        if !self.dtype.descr().is_empty() {
            metadata.insert("descr".to_owned(), self.dtype.descr().to_owned());
            metadata.insert("itemsize".to_owned(), self.dtype.itemsize().to_string());
        }
        if let Some(shape) = &self.shape {
            metadata.insert("shape".to_owned(), format!("{shape:?}"));
        }
        metadata
    }
}
