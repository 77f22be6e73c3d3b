//! A writer for the time of one command.

use ndsharray::{Error, Store, Writer};

use crate::failure::Result;

/// Opens a writer for `work`. If that writes nothing, a tag that is new is removed again.
pub fn with_writer<T>(store: &Store, tag: &str, work: impl FnOnce(&mut Writer) -> Result<T>) -> Result<T> {
    let new = matches!(store.stat(tag), Err(Error::NotFound { .. }));
    let mut writer = store.writer(tag)?;
    let outcome = work(&mut writer);
    let empty = writer.version() == 0;
    drop(writer);
    if new && empty && store.stat(tag).is_ok_and(|stat| stat.value.is_none() && !stat.writer_alive) {
        // Refused if another writer opens the tag at this moment: then the tag stays.
        let _ = store.remove(tag);
    }
    outcome
}
