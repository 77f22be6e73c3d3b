//! `rm` of a tag's files. A living writer looks once a second, and a reader ten times a second, so until then a reader
//! sees the right value or a typed error, and afterwards the right value.

use std::time::Duration;

use ndsharray::Error;

use super::super::kept::Kept;
use super::super::ops::{Data, Extra, Options};
use super::{BYTE, Header, Outcome, TAG, World, expect, new_header, words};

impl World {
    pub(super) fn remove_by_hand(&mut self, header: bool, data: bool) -> Outcome {
        for name in self.files() {
            if (name == TAG && header) || (name != TAG && data) {
                std::fs::remove_file(self.directory.path().join(name)).unwrap();
            }
        }
        match (self.named, self.writer.is_some()) {
            (Some(named), true) => self.under_a_writer(named, header),
            (Some(named), false) if header => self.without_a_writer(named),
            (Some(_), false) => self.data_without_a_writer(),
            (None, _) => Ok(()),
        }
    }

    fn under_a_writer(&mut self, named: usize, header: bool) -> Outcome {
        self.unsure = true;
        let before = self.headers[named].version();
        for seed in 0..3 {
            self.see_the_latest_or_an_error(named)?;
            self.write_again(seed)?;
        }
        self.see_the_latest_or_an_error(named)?;
        std::thread::sleep(Duration::from_millis(1050));
        if self.headers[named].value().is_none() {
            self.run(&super::Op::WriteBytes(self.some_data()))?;
        } else {
            self.write_again(3)?;
        }
        // It noticed at one of these writes. The last values are in a new file, from that one on.
        self.unsure = false;
        let named = if header {
            let Header { origin, values, .. } = &self.headers[named];
            let origin = *origin;
            let of_new = values.iter().filter(|value| value.version > before).cloned().collect();
            new_header(&mut self.headers, Some(origin), false, of_new)
        } else {
            named
        };
        self.named = Some(named);
        let last = self.headers[named].version();
        self.headers[named].kept = Some(Kept::new(&self.store, TAG, before + 1, last));
        Ok(())
    }

    fn some_data(&self) -> Data {
        (BYTE, vec![3], Extra { user: 7, ..Extra::default() }, 1)
    }

    fn see_the_latest_or_an_error(&mut self, named: usize) -> Outcome {
        let value = self.headers[named].value();
        self.readers.iter().filter(|(_, position)| position.header == named).try_for_each(
            |(reader, _)| match (reader.latest(), value) {
                (Ok(snapshot), Some(value)) => value.check(&snapshot),
                (Err(Error::DataMissing { .. } | Error::NotFound { .. }), Some(_)) => Ok(()),
                (Err(Error::Empty { .. }), None) => Ok(()),
                (other, value) => Err(format!("{other:?}, not {value:?} or an error")),
            },
        )
    }

    /// The next writer begins a new header, and removes the old one's data file.
    fn without_a_writer(&mut self, old: usize) -> Outcome {
        self.see_the_latest_or_an_error(old)?;
        self.writer = Some(self.store.writer(TAG).map_err(words)?);
        self.options = Options::default();
        self.named = Some(new_header(&mut self.headers, None, false, Vec::new()));
        std::thread::sleep(Duration::from_millis(120));
        for (reader, position) in &mut self.readers {
            // What it had not seen of the old header it may see now. Then it looks for another one.
            for _ in 0..2 {
                let Some(snapshot) = reader.read().map_err(words)? else { continue };
                let value = self.headers[old].value().filter(|_| position.header == old);
                value.ok_or_else(|| format!("{snapshot:?} of no header"))?.check(&snapshot)?;
                let place = position.before + snapshot.version();
                position.missed += position.returned.map_or(0, |returned| place - returned - 1);
                position.returned = Some(place);
            }
            let last = reader.read().map_err(words)?;
            expect(last.is_none(), || format!("{last:?} of a header that is gone"))?;
        }
        Ok(())
    }

    /// The version goes on; the value is lost to those who have not mapped it.
    fn data_without_a_writer(&mut self) -> Outcome {
        let Some(named) = self.named else { return Ok(()) };
        self.see_the_latest_or_an_error(named)?;
        self.writer = Some(self.store.writer(TAG).map_err(words)?);
        self.see_the_latest_or_an_error(named)?;
        self.options = Options::default();
        self.headers[named].kept = None;
        self.run(&super::Op::WriteBytes(self.some_data()))
    }
}
