//! What a reader must see.

use ndsharray::{Error, Snapshot};

use super::super::values::Value;
use super::{MOST_HELD, Outcome, Position, TAG, World};

impl World {
    pub(super) fn open_reader(&mut self) -> Outcome {
        match (self.store.reader(TAG), self.named) {
            (Ok(reader), Some(header)) => {
                if self.readers.len() < 6 {
                    self.readers.push((reader, Position { header, returned: None, before: 0, missed: 0 }));
                }
                Ok(())
            }
            (Err(Error::NotFound { .. }), None) => Ok(()),
            (result, named) => Err(format!("{result:?} with header {named:?}")),
        }
    }

    /// Readers follow a tag's name at once when their header is retired.
    fn follow(&mut self, i: usize) -> (Option<Value>, bool) {
        let position = &mut self.readers[i].1;
        let (old, new) = (position.header, self.named.unwrap_or(position.header));
        if self.headers[old].origin != self.headers[new].origin {
            position.before += self.headers[old].value.as_ref().map_or(0, |value| value.version);
        }
        position.header = new;
        (self.headers[position.header].value.clone(), self.named.is_none())
    }

    pub(super) fn read(&mut self, i: usize, wait: bool, hold: bool) -> Outcome {
        let (value, removed) = self.follow(i);
        let (reader, position) = &mut self.readers[i];
        let place = |value: &Value| position.before + value.version;
        let newer = value.filter(|value| position.returned.is_none_or(|returned| place(value) > returned));
        let result = if wait { reader.wait(std::time::Duration::ZERO) } else { reader.read() };
        match (result, newer) {
            (Ok(None), None) => Ok(()),
            (Ok(Some(snapshot)), Some(value)) => {
                value.check(&snapshot)?;
                let place = position.before + value.version;
                position.missed += position.returned.map_or(0, |returned| place - returned - 1);
                position.returned = Some(place);
                self.hold(snapshot, value, hold);
                Ok(())
            }
            // Only a reader that has its memory mapped may see a removed value; others count it as returned.
            (Ok(None), Some(value)) if removed => {
                position.returned = Some(position.before + value.version);
                Ok(())
            }
            (result, newer) => {
                Err(format!("{result:?}, not {newer:?} ({position:?})", position = position.returned))
            }
        }
    }

    pub(super) fn latest(&mut self, i: usize, hold: bool) -> Outcome {
        let (value, removed) = self.follow(i);
        match (self.readers[i].0.latest(), value) {
            (Err(Error::Empty { .. }), None) => Ok(()),
            (Ok(snapshot), Some(value)) => {
                value.check(&snapshot)?;
                self.hold(snapshot, value, hold);
                Ok(())
            }
            (Err(Error::NotFound { .. }), Some(_)) if removed => Ok(()),
            (result, value) => Err(format!("{result:?}, not {value:?}")),
        }
    }

    fn hold(&mut self, snapshot: Snapshot, value: Value, hold: bool) {
        if hold && self.held.len() < MOST_HELD {
            self.held.push((snapshot, value));
        }
    }
}
