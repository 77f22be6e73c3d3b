//! A writer for the time of one command, and the options that it takes.

use ndsharray::{Error, Meta, Store, Writer, WriterOptions};

use crate::failure::{Failure, Result};
use crate::units;

/// How values are kept and for how long, who may read them, and what travels with each of them.
#[derive(Debug, clap::Args)]
pub struct Feed {
    /// Keep the last N values in place, 0 to 248, for readers that take every one [default: 0]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, value_parser = history, allow_negative_numbers = true)]
    history: usize,
    /// The attributes of each value: a JSON object of at most 2048 bytes
    #[arg(long, value_name = "JSON")]
    attrs: Option<String>,
    /// Where the values come from, if not from this machine: at most 128 bytes
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    source: String,
    /// Remove the tag when this command ends; put then waits for Ctrl-C
    #[arg(long)]
    pub ephemeral: bool,
    /// The permissions of the tag's files, such as 640 [default: 600 for a new tag, else those that it has]
    #[arg(long, value_name = "OCTAL", value_parser = mode, allow_negative_numbers = true)]
    mode: Option<u32>,
    /// Replace a living writer, whose next write fails
    #[arg(long)]
    takeover: bool,
    /// Make room for values of up to this size, such as 8MB or 64KiB, so that they can grow without new memory
    #[arg(long, value_name = "SIZE", value_parser = units::parse_bytes, allow_negative_numbers = true)]
    capacity: Option<usize>,
}

/// The number of values that a tag keeps.
pub fn history(text: &str) -> Result<usize, String> {
    let found = text.parse().ok().filter(|values| *values <= 248);
    found.ok_or_else(|| "expected 0 to 248 values".to_owned())
}

fn mode(text: &str) -> Result<u32, String> {
    let octal = Some(text).filter(|text| text.bytes().all(|digit| matches!(digit, b'0'..=b'7')));
    let mode = octal.and_then(|text| u32::from_str_radix(text, 8).ok()).filter(|mode| *mode <= 0o7777);
    mode.ok_or_else(|| "expected three octal digits, such as 640".to_owned())
}

impl Feed {
    /// The text of the attributes, if there are any; `meta` says whether they are valid.
    pub fn attributes(&self) -> Option<&str> {
        self.attrs.as_deref()
    }

    fn options(&self, store: &Store, tag: &str) -> WriterOptions {
        let options = store.writer_options(tag).history(self.history).source(&self.source);
        let options = options.ephemeral(self.ephemeral).takeover(self.takeover);
        let options = options.capacity(self.capacity.unwrap_or(0));
        match self.mode {
            Some(mode) => options.mode(mode),
            None => options,
        }
    }

    /// What travels with each value.
    pub fn meta(&self) -> Result<Meta> {
        match &self.attrs {
            // The parser of the options would repeat the whole text.
            Some(text) => {
                let meta = Meta::new().attributes_json(text);
                meta.map_err(|error| Failure::bad(format!("--attrs: {error}")))
            }
            None => Ok(Meta::new()),
        }
    }
}

/// Opens a writer for `work`. If that writes nothing, a tag that is new is removed again.
pub fn with_writer<T>(
    store: &Store,
    tag: &str,
    feed: &Feed,
    work: impl FnOnce(&mut Writer) -> Result<T>,
) -> Result<T> {
    let new = matches!(store.stat(tag), Err(Error::NotFound { .. }));
    let mut writer = feed.options(store, tag).open().map_err(|error| match error {
        Error::WriterExists { .. } => Failure::failed(format!("{error} (--takeover replaces it)")),
        error => error.into(),
    })?;
    let outcome = work(&mut writer);
    let empty = writer.version() == 0;
    drop(writer);
    if new && empty && store.stat(tag).is_ok_and(|stat| stat.value.is_none() && !stat.writer_alive) {
        // Refused if another writer opens the tag at this moment: then the tag stays.
        let _ = store.remove(tag);
    }
    outcome
}
