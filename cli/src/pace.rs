//! Values that come at any time, as frames at a fixed rate: which value is repeated, and which is left out.

use std::time::Duration;

use ndsharray::UnixTime;

/// A longer gap than that, or one of more than a second backwards, is a clock that was set: the frames go on without it.
const LONGEST_GAP: Duration = Duration::from_secs(3600);
const LONGEST_STEP_BACK: Duration = Duration::from_secs(1);

/// A frame rate as a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fps {
    pub frames: u32,
    pub seconds: u32,
}

/// Parses `30`, `29.97` or `30000/1001`.
pub fn parse(text: &str) -> Result<Fps, String> {
    let fps = match text.split_once('/') {
        Some((frames, seconds)) => number(frames).zip(number(seconds)),
        None => {
            let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
            let seconds = 10_u32.checked_pow(fraction.len() as u32).filter(|_| fraction.len() <= 3);
            let frames = |seconds| number(whole)?.checked_mul(seconds)?.checked_add(number(fraction)?);
            seconds.and_then(|seconds| Some((frames(seconds)?, seconds)))
        }
    };
    let fps = fps.filter(|&(frames, seconds)| frames > 0 && seconds > 0);
    let (frames, seconds) = fps.ok_or("expected frames per second, such as 30, 29.97 or 30000/1001")?;
    let common = divisor(frames, seconds);
    Ok(Fps { frames: frames / common, seconds: seconds / common })
}

fn number(digits: &str) -> Option<u32> {
    let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    // ffmpeg takes no larger ones.
    is_number.then(|| digits.parse().ok())?.filter(|&number| number <= i32::MAX as u32)
}

fn divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { divisor(b, a % b) }
}

/// What is to be done with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// So many frames of the value before come first.
    pub repeats: u64,
    /// Whether the value becomes a frame at once. If not, it is what is repeated before the next one.
    pub is_shown: bool,
}

/// Decides for each value which frames it is.
///
/// Frame `k` is at the time of the first value plus `k` times the time of a frame. A value is the frame that is nearest to its
/// own time. Of several that are nearest to the same frame, the first becomes it. Frames that no value is nearest to show the
/// value before them.
#[derive(Debug)]
pub struct Pace {
    fps: Fps,
    at: Option<At>,
}

/// Where the frames have come to.
#[derive(Clone, Copy, Debug)]
struct At {
    /// The time of frame 0 in nanoseconds; after a clock was set, what it would have been.
    start: i128,
    /// The time of the latest value.
    before: UnixTime,
    /// The number of the last frame.
    frame: u64,
}

impl Pace {
    pub fn new(fps: Fps) -> Self {
        Pace { fps, at: None }
    }

    /// The next value, which has this time.
    pub fn next(&mut self, time: UnixTime) -> Step {
        let nanoseconds = i128::from(time.as_nanos());
        let Some(At { start, before, frame }) = self.at else {
            self.at = Some(At { start: nanoseconds, before: time, frame: 0 });
            return Step { repeats: 0, is_shown: true };
        };
        let most = if time < before { LONGEST_STEP_BACK } else { LONGEST_GAP };
        if time.abs_diff(before) > most {
            // The value is the next frame, and those after it count from its time.
            let frame = frame + 1;
            self.at = Some(At { start: nanoseconds - self.time_of(frame), before: time, frame });
            return Step { repeats: 0, is_shown: true };
        }
        let nearest = self.nearest(nanoseconds - start);
        self.at = Some(At { start, before: time, frame: frame.max(nearest) });
        Step { repeats: nearest.saturating_sub(frame + 1), is_shown: nearest > frame }
    }

    /// The frame that is nearest to so many nanoseconds after frame 0.
    fn nearest(&self, nanoseconds: i128) -> u64 {
        let unit = i128::from(self.fps.seconds) * 1_000_000_000;
        let frame = (nanoseconds.max(0) * i128::from(self.fps.frames) + unit / 2) / unit;
        frame.try_into().unwrap_or(u64::MAX - 1)
    }

    /// The time of a frame in nanoseconds after frame 0.
    fn time_of(&self, frame: u64) -> i128 {
        i128::from(frame) * i128::from(self.fps.seconds) * 1_000_000_000 / i128::from(self.fps.frames)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of the value that each frame shows; values come at these milliseconds.
    fn frames(fps: &str, times: &[u64]) -> Vec<usize> {
        let mut pace = Pace::new(parse(fps).unwrap());
        let mut frames = Vec::new();
        for (number, &time) in times.iter().enumerate() {
            let step = pace.next(UnixTime::from(1_700_000_000_000_000_000 + time * 1_000_000));
            frames.extend((0..step.repeats).map(|_| number - 1));
            frames.extend(step.is_shown.then_some(number));
        }
        frames
    }

    #[test]
    fn values_at_the_rate_of_the_frames_are_each_one() {
        assert_eq!(frames("10", &[0, 100, 200, 300]), [0, 1, 2, 3]);
        // Late or early by less than half a frame.
        assert_eq!(frames("10", &[0, 140, 160, 340, 351]), [0, 1, 2, 3, 4]);
        // 30 Hz, in milliseconds: they drift from the frames by no more than that.
        let times: Vec<u64> = (0..300).map(|number| number * 1000 / 30).collect();
        assert_eq!(frames("30", &times), (0..300).collect::<Vec<_>>());
    }

    #[test]
    fn values_that_come_too_often_are_left_out() {
        assert_eq!(frames("10", &[0, 20, 40, 60, 80, 100, 140, 200]), [0, 3, 7]);
        assert_eq!(frames("10", &[0, 0, 0, 100]), [0, 3]);
    }

    #[test]
    fn gaps_show_the_value_before_them() {
        assert_eq!(frames("10", &[0, 400, 500]), [0, 0, 0, 0, 1, 2]);
        // What was left out is newer than what was shown.
        assert_eq!(frames("10", &[0, 30, 400]), [0, 1, 1, 1, 2]);
        assert_eq!(frames("0.5", &[0, 900, 8000]), [0, 1, 1, 1, 2]);
    }

    #[test]
    fn frames_count_from_the_first_value_without_an_error_that_adds_up() {
        let times: Vec<u64> = (0..=1001).map(|number| number * 1000).collect();
        assert_eq!(frames("30000/1001", &times).len(), 30_001);
    }

    #[test]
    fn a_clock_that_is_set_makes_no_gap() {
        let (hour, day) = (3_600_000, 86_400_000);
        assert_eq!(frames("10", &[day, day + 100, 0, 100, 300]), [0, 1, 2, 3, 3, 4]);
        assert_eq!(frames("10", &[0, 100, day, day + 100]), [0, 1, 2, 3]);
        assert_eq!(frames("1", &[0, hour]).len(), 3601);
        // A little back, such as between two clocks, is no step.
        assert_eq!(frames("10", &[0, 100, 90, 200]), [0, 1, 3]);
        assert_eq!(Pace::new(parse("10").unwrap()).next(UnixTime::from(0)).repeats, 0);
    }

    #[test]
    fn rates_are_fractions() {
        for (text, frames, seconds) in [
            ("30", 30, 1),
            ("29.97", 2997, 100),
            ("30000/1001", 30_000, 1001),
            ("0.5", 1, 2),
            ("60/2", 30, 1),
        ] {
            assert_eq!(parse(text), Ok(Fps { frames, seconds }), "{text}");
        }
        for bad in [
            "",
            "0",
            "0.0",
            "-1",
            "1/0",
            "0/1",
            ".5",
            "5.",
            "1/2/3",
            "1e3",
            "nan",
            "99999999999",
            "1.0001",
            "+3",
        ] {
            assert!(parse(bad).unwrap_err().contains("30000/1001"), "{bad}");
        }
    }
}
