//! A writer for the time of one command, and the options that it takes.

use ndsharray::{Error, Meta, Store, Writer};

use crate::failure::{Failure, Result};

/// How values are kept, and what travels with each of them.
#[derive(Debug, clap::Args)]
pub struct Feed {
    /// Keep the last N values in place, 0 to 248, for readers that take every one [default: 0]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, value_parser = history)]
    history: usize,
    /// The attributes of each value: a JSON object of at most 2048 bytes
    #[arg(long, value_name = "JSON")]
    attrs: Option<String>,
    /// Where the values come from, if not from this machine: at most 128 bytes
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    source: String,
}

fn history(text: &str) -> Result<usize, String> {
    let found = text.parse().ok().filter(|values| *values <= 248);
    found.ok_or_else(|| "expected 0 to 248 values".to_owned())
}

impl Feed {
    /// The text of the attributes, if there are any; `meta` says whether they are valid.
    pub fn attributes(&self) -> Option<&str> {
        self.attrs.as_deref()
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
    let mut writer = store.writer_options(tag).history(feed.history).source(&feed.source).open()?;
    let outcome = work(&mut writer);
    let empty = writer.version() == 0;
    drop(writer);
    if new && empty && store.stat(tag).is_ok_and(|stat| stat.value.is_none() && !stat.writer_alive) {
        // Refused if another writer opens the tag at this moment: then the tag stays.
        let _ = store.remove(tag);
    }
    outcome
}
