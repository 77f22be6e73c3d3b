//! PNG files, and a list from which ffmpeg makes a film whose frames are shown when they were acquired.

use ndsharray::UnixTime;

use crate::convert::output::Output;
use crate::convert::sheet::Sheet;
use crate::failure::Result;
use crate::picture;
use crate::survey::{self, Group, Surveyed};

/// How long a picture is shown that is the only one, in microseconds: a frame at 25 Hz.
const ALONE: u64 = 40_000;

/// Writes the pictures, the list, and the times and attributes.
pub fn write(tag: &Surveyed, group: &Group, output: &Output<'_>) -> Result<()> {
    let mut sheet = Sheet::create(group, output)?;
    let mut times = Vec::with_capacity(group.indices.len());
    for &index in &group.indices {
        let value = survey::value(&tag.track, index)?;
        let mut file = output.create(&name(index))?;
        let layout = &group.layout;
        file.write_with(|out| {
            picture::write(&layout.dtype, &layout.shape, value.bytes(), layout.encoding, out)
        })?;
        file.finish()?;
        sheet.add(index, &value)?;
        times.push(value.acquired_at().unwrap_or(value.written_at()));
    }
    sheet.finish()?;
    let mut list = output.of_group("frames", "ffconcat")?;
    list.write(
        format!(
            "ffconcat version 1.0\n# ffmpeg -f concat -safe 0 -i frames{}.ffconcat -fps_mode vfr -pix_fmt yuv420p film.mp4\n",
            output.suffix
        )
        .as_bytes(),
    )?;
    // ffmpeg rounds the times of pictures to a frame of 25 Hz unless it is told that they come at another rate.
    let entry = |index| format!("file {}\noption framerate 1000000\n", name(index));
    for (&index, duration) in group.indices.iter().zip(durations(&times)) {
        let text = format!("{}duration {}.{:06}\n", entry(index), duration / 1_000_000, duration % 1_000_000);
        list.write(text.as_bytes())?;
    }
    // ffmpeg takes the duration of the last picture from the beginning of one after it.
    list.write(group.indices.last().map(|&last| entry(last)).unwrap_or_default().as_bytes())?;
    list.finish()
}

/// The file of the value number `index` of the track.
fn name(index: usize) -> String {
    format!("{index:06}.png")
}

/// How many microseconds each picture is shown: until the next, at least 1, and the last as long as the others on average.
fn durations(times: &[UnixTime]) -> Vec<u64> {
    let Some(&first) = times.first() else { return Vec::new() };
    let mut starts: Vec<u64> = Vec::with_capacity(times.len());
    for time in times {
        // Counted from the first, so that what is rounded does not add up. Clocks may be set back.
        let since = time.as_nanos().saturating_sub(first.as_nanos()).saturating_add(500) / 1000;
        starts.push(starts.last().map_or(since, |before| since.max(before + 1)));
    }
    let last = starts.last().copied().unwrap_or_default();
    let average = if starts.len() > 1 { last / (starts.len() as u64 - 1) } else { ALONE };
    let ends = starts.iter().skip(1).copied().chain([last + average]);
    starts.iter().zip(ends).map(|(start, end)| end - start).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(nanoseconds: &[u64]) -> Vec<u64> {
        let start = 1_700_000_000_000_000_000;
        durations(&nanoseconds.iter().map(|time| UnixTime::from(start + time)).collect::<Vec<_>>())
    }

    #[test]
    fn a_picture_is_shown_until_the_next() {
        assert_eq!(of(&[0, 33_000_000, 133_000_000, 204_500_000]), [33_000, 100_000, 71_500, 68_166]);
        assert_eq!((of(&[]), of(&[0])), (vec![], vec![ALONE]));
    }

    #[test]
    fn clocks_may_go_wrong() {
        let times = [0, u64::MAX, 1].map(UnixTime::from);
        assert_eq!(durations(&times), [u64::MAX / 1000, 1, (u64::MAX / 1000).div_ceil(2)]);
    }

    #[test]
    fn what_is_rounded_does_not_add_up() {
        let times: Vec<u64> = (0..=30_000).map(|number| number * 1_000_000_000 / 30).collect();
        assert_eq!(of(&times).iter().sum::<u64>(), 1_000_000_000 + 33_333);
    }

    #[test]
    fn pictures_with_the_same_time_are_all_shown() {
        assert_eq!(of(&[5000, 5000, 5100, 4000, 9000]), [1, 1, 1, 1, 1]);
        assert_eq!(of(&[0, 0, 0, 90_000]), [1, 1, 88, 30]);
    }
}
