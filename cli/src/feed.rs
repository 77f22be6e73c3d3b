//! A writer for the time of a command, which leaves no empty tag behind if nothing was written.

use ndsharray::{Error, Store, Writer};

use crate::failure::Result;

pub fn with_writer<T>(store: &Store, tag: &str, work: impl FnOnce(&mut Writer) -> Result<T>) -> Result<T> {
    let new = matches!(store.stat(tag), Err(Error::NotFound { .. }));
    let mut writer = store.writer(tag)?;
    let outcome = work(&mut writer);
    let empty = writer.version() == 0;
    drop(writer);
    if new && empty && store.stat(tag).is_ok_and(|stat| stat.value.is_none() && !stat.writer_alive) {
        // Another writer that opens it at this moment keeps it: then this is refused.
        let _ = store.remove(tag);
    }
    outcome
}
