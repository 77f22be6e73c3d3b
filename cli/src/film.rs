//! A y4m stream of the values of a tag, at a fixed rate.

use std::io::{self, Write};

use ndsharray::Snapshot;

use crate::pace::{Fps, Pace};
use crate::{encoding, units, y4m};

/// A y4m stream.
pub struct Film {
    fps: Fps,
    pace: Pace,
    /// The latest value as a frame.
    frame: Vec<u8>,
    values: u64,
    frames: u64,
    repeated: u64,
    dropped: u64,
}

impl Film {
    pub fn new(fps: Fps) -> Self {
        Film { fps, pace: Pace::new(fps), frame: Vec::new(), values: 0, frames: 0, repeated: 0, dropped: 0 }
    }

    /// Writes the frames that come before the value, and those that it is.
    pub fn show(&mut self, form: y4m::Form, value: &Snapshot, out: &mut dyn Write) -> io::Result<()> {
        if self.values == 0 {
            out.write_all(form.header(self.fps).as_bytes())?;
        }
        let step = self.pace.next(value.acquired_at().unwrap_or(value.written_at()));
        for _ in 0..step.repeats {
            self.write(out)?;
            self.repeated += 1;
        }
        self.values += 1;
        form.convert(value.bytes(), encoding::of_snapshot(value).as_deref(), &mut self.frame);
        if step.is_shown {
            self.write(out)
        } else {
            self.dropped += 1;
            Ok(())
        }
    }

    /// What was written, as text.
    pub fn said(&self) -> String {
        format!(
            "{} written of {}, {} repeated, {} left out",
            units::count(self.frames, "frame"),
            units::count(self.values, "value"),
            self.repeated,
            self.dropped
        )
    }

    fn write(&mut self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(y4m::FRAME)?;
        out.write_all(&self.frame)?;
        self.frames += 1;
        Ok(())
    }
}
