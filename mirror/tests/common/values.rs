//! Values that say which one they are in each element and in what goes with them, and the check of them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ndsharray::{ErrorKind, Meta, Reader, Snapshot, Store, Writer};

/// Writes value number `number` of so many bytes, a multiple of 8.
pub fn write(writer: &mut Writer, number: u64, nbytes: usize) -> ndsharray::Result<()> {
    let meta = Meta::new().user_data(number.to_le_bytes())?.acquired_at(number);
    let mut loan = writer.loan::<u64>(&[nbytes / 8])?;
    loan.as_mut_slice().fill(number);
    loan.set_meta(meta);
    loan.publish()?;
    Ok(())
}

/// The number of a value, if all of it says the same.
pub fn number(value: &Snapshot) -> Result<u64, String> {
    let elements = value.as_slice::<u64>().map_err(|error| error.to_string())?;
    let first = *elements.first().ok_or("it is empty")?;
    if let Some(at) = elements.iter().position(|&element| element != first) {
        return Err(format!("torn: {first} at first, {} at element {at}", elements[at]));
    }
    let time = value.acquired_at().map(ndsharray::UnixTime::as_nanos);
    if value.user_data() != first.to_le_bytes() || time != Some(first) {
        return Err(format!(
            "torn: {first}, with the data of {:?} and the time of {time:?}",
            value.user_data()
        ));
    }
    Ok(first)
}

/// The number of the latest value; 0 if there is none.
pub fn latest(store: &Store, tag: &str) -> u64 {
    let value = store.reader(tag).and_then(|reader| reader.latest());
    value.map_or(0, |value| number(&value).unwrap())
}

/// What was read of a tag.
#[derive(Debug, Default)]
pub struct Seen {
    pub values: u64,
    /// The number of the last one.
    pub last: u64,
    /// How many numbers were left out.
    pub left_out: u64,
    /// What was wrong.
    pub wrong: Vec<String>,
    /// The longest time without a new value.
    pub longest: Duration,
    at: Option<Instant>,
}

/// Reads each value of a tag, on a thread, and checks it: whole, and newer than those before.
pub struct Checker {
    seen: Arc<Mutex<Seen>>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Checker {
    pub fn latest(store: Store, tag: &str) -> Self {
        Self::new(store, tag, |reader| reader.wait(Duration::from_millis(50)))
    }

    /// Goes through the history.
    pub fn every(store: Store, tag: &str) -> Self {
        Self::new(store, tag, |reader| reader.wait_next(Duration::from_millis(50)))
    }

    fn new(
        store: Store,
        tag: &str,
        next: impl Fn(&mut Reader) -> ndsharray::Result<Option<Snapshot>> + Send + 'static,
    ) -> Self {
        let (seen, ends) = (Arc::new(Mutex::new(Seen::default())), Arc::new(AtomicBool::new(false)));
        let (of, tag, until) = (seen.clone(), tag.to_owned(), ends.clone());
        let read = move || {
            let mut reader = None;
            // A flag, with which nothing else is handed over.
            while !until.load(Ordering::Relaxed) {
                let found = match &mut reader {
                    Some(reader) => next(reader),
                    none => match store.reader(&tag) {
                        Ok(opened) => {
                            *none = Some(opened);
                            continue;
                        }
                        Err(error) => Err(error),
                    },
                };
                match found {
                    Ok(None) => {}
                    Ok(Some(value)) => of.lock().unwrap().saw(number(&value)),
                    Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Empty) => {
                        std::thread::sleep(Duration::from_millis(5));
                    }
                    Err(error) => of.lock().unwrap().saw(Err(error.to_string())),
                }
            }
        };
        Checker { seen, ends, thread: Some(std::thread::spawn(read)) }
    }

    pub fn last(&self) -> u64 {
        self.seen.lock().unwrap().last
    }

    pub fn values(&self) -> u64 {
        self.seen.lock().unwrap().values
    }

    /// Ends the check: nothing may have been wrong.
    #[track_caller]
    pub fn finish(mut self) -> Seen {
        self.end();
        let seen = std::mem::take(&mut *self.seen.lock().unwrap());
        assert!(
            seen.wrong.is_empty(),
            "{} of {} values: {:?}",
            seen.wrong.len(),
            seen.values,
            &seen.wrong[..seen.wrong.len().min(5)]
        );
        seen
    }

    fn end(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Checker {
    fn drop(&mut self) {
        self.end();
    }
}

impl Seen {
    fn saw(&mut self, number: Result<u64, String>) {
        let number = match number {
            Ok(number) => number,
            Err(text) => return self.wrong.push(text),
        };
        if number <= self.last {
            self.wrong.push(format!("{number} after {}", self.last));
        }
        if self.values > 0 {
            self.left_out += number.saturating_sub(self.last + 1);
        }
        let now = Instant::now();
        self.longest = self.longest.max(self.at.map_or(Duration::ZERO, |at| now - at));
        self.at = Some(now);
        self.values += 1;
        self.last = self.last.max(number);
    }
}
