//! Writers: what they publish, and which files that takes.

use ndsharray::{Error, UnixTime, Writer};

use super::super::kept::{Kept, Leaves};
use super::super::ops::{Data, Extra, LAST_TIME, Options};
use super::super::values::Value;
use super::{BYTE, Outcome, TAG, World, expect, new_header, words};

fn is_end(result: &ndsharray::Result<u64>, superseded: bool) -> bool {
    match result {
        Err(Error::Superseded { .. }) => superseded,
        Err(Error::Removed { .. }) => !superseded,
        _ => false,
    }
}

impl World {
    pub(super) fn write(
        &mut self,
        (dtype, shape, extra, seed): &Data,
        write: impl Fn(&Value, &mut Writer) -> ndsharray::Result<u64>,
    ) -> Outcome {
        let Some(named) = self.named.filter(|_| self.writer.is_some()) else { return Ok(()) };
        let value = Value::new(*dtype, shape, extra, *seed);
        self.publish(named, value, write)
    }

    fn publish(
        &mut self,
        named: usize,
        mut value: Value,
        write: impl Fn(&Value, &mut Writer) -> ndsharray::Result<u64>,
    ) -> Outcome {
        let header = &mut self.headers[named];
        let (last, nbytes) = (header.version(), value.bytes.len());
        let leaves = match &mut header.kept {
            Some(kept) => kept.claim(nbytes, last, &self.options),
            None => Leaves::Must,
        };
        let before = UnixTime::now();
        let version = write(&value, self.writer.as_mut().unwrap()).map_err(words)?;
        value.version = last + 1;
        expect(version == value.version, || format!("version {version}, not {}", value.version))?;
        value.written_at = None;
        if self.unsure {
            header.kept = None;
        } else {
            value.written_at = Some(self.check_written_at(before)?);
            self.check_moved(named, leaves, version, nbytes)?;
        }
        self.headers[named].values.push(value);
        Ok(())
    }

    /// When the latest value was written, as `stat` says. (The machine's clock may be set a little meanwhile.)
    fn check_written_at(&self, before: UnixTime) -> Result<UnixTime, String> {
        let stat = self.store.stat(TAG).map_err(words)?.value.ok_or("no value")?;
        let near = stat.written_at.abs_diff(before).as_secs() < 1000;
        expect(near, || format!("written at {}, not after {before}", stat.written_at))?;
        Ok(stat.written_at)
    }

    /// Checks whether a write went to another data file, and counts it.
    fn check_moved(&mut self, named: usize, leaves: Leaves, version: u64, nbytes: usize) -> Outcome {
        let kept = &mut self.headers[named].kept;
        let moved = !kept.as_ref().is_some_and(|kept| kept.is_at(&self.store, TAG));
        let right = leaves == Leaves::May || moved == (leaves == Leaves::Must);
        expect(right, || format!("moved to another file: {moved}; {leaves:?}"))?;
        if moved {
            let new = Kept::new(&self.store, TAG, version, version);
            new.check_new(nbytes, &self.options)?;
            *kept = Some(new);
        } else if let Some(kept) = kept {
            kept.published(version, self.options.history);
        }
        Ok(())
    }

    pub(super) fn write_again(&mut self, seed: u64) -> Outcome {
        let Some(named) = self.named.filter(|_| self.writer.is_some()) else { return Ok(()) };
        let Some(before) = self.headers[named].value() else { return Ok(()) };
        let mut value = before.clone();
        value.acquired_at = (seed >> 8) % (LAST_TIME + 1);
        if value.dtype != ndsharray::DType::Bool {
            let other = Value::new(BYTE, &[value.bytes.len()], &Extra::default(), seed);
            value.bytes = other.bytes;
        }
        self.publish(named, value, Value::write_bytes)
    }

    /// Many values, unless they are large.
    pub(super) fn write_many(&mut self, seed: u64, count: usize) -> Outcome {
        let is_small = |value: &Value| value.bytes.len() < 4096;
        let count = if self.now().and_then(|now| now.value()).is_some_and(is_small) { count } else { 3 };
        (0..count as u64).try_for_each(|i| self.write_again(seed.wrapping_add(i * 0x9e37_79b9)))
    }

    pub(super) fn drop_loan(&mut self, (dtype, shape, extra, seed): &Data) -> Outcome {
        if self.writer.is_none() {
            return Ok(());
        }
        let value = Value::new(*dtype, shape, extra, *seed);
        let (options, nbytes) = (self.options.clone(), value.bytes.len());
        self.change_kept(|kept, last| _ = kept.claim(nbytes, last, &options));
        let Some(writer) = &mut self.writer else { return Ok(()) };
        let mut loan = writer.loan_bytes(&value.dtype, &value.shape).map_err(words)?;
        loan.as_mut_slice().copy_from_slice(&value.bytes);
        Ok(())
    }

    pub(super) fn publish_too_late(&mut self, (dtype, shape, extra, seed): &Data, takeover: bool) -> Outcome {
        let Some(mut writer) = self.writer.take() else { return Ok(()) };
        let value = Value::new(*dtype, shape, extra, *seed);
        let mut loan = writer.loan_bytes(&value.dtype, &value.shape).map_err(words)?;
        loan.as_mut_slice().copy_from_slice(&value.bytes);
        if takeover {
            self.writer = Some(self.store.writer_options(TAG).takeover(true).open().map_err(words)?);
            self.options = Options::default();
            self.taken_over(false)?;
        } else {
            self.store.force_remove(TAG).map_err(words)?;
            self.named = None;
        }
        let result = loan.publish();
        self.ended.push((writer, Some(takeover)));
        expect(is_end(&result, takeover), || format!("{result:?} of a loan that came too late"))
    }

    pub(super) fn open(&mut self, options: &Options, takeover: bool) -> Outcome {
        let Options { ephemeral, capacity, history } = *options;
        let opened = self.store.writer_options(TAG).ephemeral(ephemeral).capacity(capacity);
        let opened = opened.history(history).takeover(takeover).open();
        if ephemeral && !takeover && self.now().is_some_and(|header| header.value().is_some()) {
            let refused = matches!(opened, Err(Error::InvalidOption { option: "ephemeral", .. }));
            return expect(refused, || format!("{opened:?} of a value that is to stay"));
        }
        let writer = opened.map_err(words)?;
        let old = self.writer.replace(writer);
        self.options = options.clone();
        // There is a new header for a new tag, for a takeover, and for an ephemeral writer.
        if self.named.is_none() || old.is_some() || ephemeral {
            self.taken_over(ephemeral)?;
        } else {
            // The history goes on.
            self.change_kept(|kept, last| kept.adopted(last));
        }
        self.ended.extend(old.map(|old| (old, None)));
        if self.ended.len() > 2 {
            // The drop of a writer that was superseded or removed must do nothing.
            self.ended.swap_remove(0);
        }
        Ok(())
    }

    /// The tag has a new header, with nothing or the last value of the one before.
    fn taken_over(&mut self, ephemeral: bool) -> Outcome {
        let values: Vec<Value> = self.now().and_then(|header| header.value()).cloned().into_iter().collect();
        let origin = self.now().map(|header| header.origin);
        let copied = values.last().map(|value| (value.version, value.bytes.len()));
        let named = new_header(&mut self.headers, origin, ephemeral, values);
        self.named = Some(named);
        let Some((version, nbytes)) = copied else { return Ok(()) };
        let kept = Kept::new(&self.store, TAG, version, version);
        kept.check_new(nbytes, &self.options)?;
        self.headers[named].kept = Some(kept);
        Ok(())
    }

    pub(super) fn write_ended(&mut self, (dtype, shape, extra, seed): &Data) -> Outcome {
        let value = Value::new(*dtype, shape, extra, *seed);
        let taken = self.named.is_some();
        self.ended.iter_mut().try_for_each(|(writer, told)| {
            // It gets the same error each time.
            let superseded = *told.get_or_insert(taken);
            let result = value.write_bytes(writer);
            expect(is_end(&result, superseded), || {
                format!("{result:?} of a writer at its end, superseded: {superseded}")
            })
        })
    }

    pub(super) fn remove(&mut self, force: bool) -> Outcome {
        let result = if force { self.store.force_remove(TAG) } else { self.store.remove(TAG) };
        let holds = match &result {
            Err(Error::NotFound { .. }) => self.named.is_none(),
            Err(Error::WriterExists { .. }) => self.writer.is_some() && !force,
            Ok(()) => self.named.is_some() && (force || self.writer.is_none()),
            Err(_) => false,
        };
        if result.is_ok() {
            self.named = None;
            self.ended.extend(self.writer.take().map(|writer| (writer, None)));
        }
        expect(holds, || format!("{result:?}"))
    }
}
