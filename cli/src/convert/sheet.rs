//! What stands beside the elements: times and versions as an npy file of records, attributes and user data as lines of JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ndsharray::{DType, NpyHeader, UnixTime};
use ndsharray_recording::Message;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::convert::output::{File, Output};
use crate::failure::{Failure, Result};
use crate::survey::Group;

/// A record for each value.
const RECORD: &str = "[('index', 'i8'), ('version', 'u8'), ('written_at', 'M8[ns]'), ('acquired_at', 'M8[ns]'), \
                      ('source_written_at', 'M8[ns]')]";
/// The time that is none.
const NOT_A_TIME: i64 = i64::MIN;

/// The files beside the elements of a group.
pub struct Sheet<'a> {
    output: &'a Output<'a>,
    times: File<'a>,
    /// Made when a value has attributes or user data.
    extras: Option<File<'a>>,
}

/// A line of the file with attributes.
#[derive(Serialize)]
struct Line<'a> {
    index: usize,
    attributes: Option<&'a RawValue>,
    /// In base64.
    user_data: Option<String>,
}

impl<'a> Sheet<'a> {
    pub fn create(group: &Group, output: &'a Output<'a>) -> Result<Self> {
        let failed = |error: ndsharray::Error| Failure::failed(error.to_string());
        let record: DType = RECORD.parse().map_err(failed)?;
        let header = NpyHeader::new(&record, &[group.indices.len()]).map_err(failed)?;
        let mut times = output.of_group("times", "npy")?;
        times.write(&header.to_bytes())?;
        Ok(Sheet { output, times, extras: None })
    }

    /// Adds the value number `index` of the track.
    pub fn add(&mut self, index: usize, value: &Message) -> Result<()> {
        // Times from 2262 on, which datetime64[ns] does not have, keep their bits.
        let time = |time: Option<UnixTime>| time.map_or(NOT_A_TIME, |time| time.as_nanos() as i64);
        let record = [
            index as i64,
            value.version() as i64,
            time(Some(value.written_at())),
            time(value.acquired_at()),
            time(value.source_written_at()),
        ];
        self.times.write(&record.map(i64::to_ne_bytes).concat())?;
        if value.attributes_json().is_none() && value.user_data().is_empty() {
            return Ok(());
        }
        let line = line(index, value)
            .map_err(|error| Failure::failed(format!("cannot write value {index} as JSON: {error}")))?;
        if self.extras.is_none() {
            self.extras = Some(self.output.of_group("attributes", "jsonl")?);
        }
        self.extras.as_mut().map_or(Ok(()), |extras| extras.write(&line))
    }

    pub fn finish(self) -> Result<()> {
        self.times.finish()?;
        self.extras.map_or(Ok(()), File::finish)
    }
}

fn line(index: usize, value: &Message) -> serde_json::Result<Vec<u8>> {
    // Between the strings of JSON these stand for a space.
    let attributes = value.attributes_json().map(|text| text.replace(['\n', '\r'], " "));
    let attributes = attributes.map(RawValue::from_string).transpose()?;
    // A store keeps attributes as the user data.
    let attributed = value.attributes_json().unwrap_or_default();
    let user_data = Some(value.user_data()).filter(|bytes| *bytes != attributed.as_bytes());
    let user_data = user_data.map(|bytes| STANDARD.encode(bytes));
    let mut line = serde_json::to_vec(&Line { index, attributes: attributes.as_deref(), user_data })?;
    line.push(b'\n');
    Ok(line)
}
