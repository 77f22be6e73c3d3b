//! Arrays as pixels, as many as the terminal has room for.

use ndsharray::DType;

use crate::element::{self, Number};
use crate::encoding;

pub type Rgb = [u8; 3];

/// The colour of NaN, which the ramp does not have.
pub const NAN: Rgb = [0, 230, 118];

/// An array that is an image: two axes of pixels, and one of colour channels if there are several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    /// Whether elements are scaled between the least and the greatest of them. Bytes are brightness as they are.
    scaled: bool,
    /// Whether the channels are blue, green, red.
    blue_first: bool,
    /// Whether numbers are brightness: from black for the least to white for the greatest.
    grey: bool,
}

impl Image {
    /// The image that an array is, if it is one: it has two axes, or height, width and 1, 3 or 4 channels. With channels,
    /// elements are bytes or both sides are at least 8, since it may else be a stack of small matrices.
    ///
    /// `encoding`: the attribute of that name. It may say that blue is first, or (`mono16`) that numbers are brightness. Others
    /// change nothing: those that are the usual ones (`mono8`, `rgb8`, `32FC1`), and those that no picture is made of here.
    pub fn of(dtype: &DType, shape: &[usize], encoding: Option<&str>) -> Option<Image> {
        element::number(dtype)?;
        let byte = *dtype == DType::UInt8;
        let (height, width, channels) = match *shape {
            [height, width] => (height, width, 1),
            [height, width, channels @ (1 | 3 | 4)] if byte || height.min(width) >= 8 => {
                (height, width, channels)
            }
            _ => return None,
        };
        let blue_first = encoding::is_blue_first(encoding, dtype, channels);
        let grey = byte || (*dtype == DType::UInt16 && encoding == Some("mono16"));
        (height * width > 0).then_some(Image { height, width, channels, scaled: !byte, blue_first, grey })
    }

    /// The pixels that fit into so many columns and rows of pixels. `range`: least and greatest element.
    pub fn pixels(&self, dtype: &DType, bytes: &[u8], room: (usize, usize), range: (f64, f64)) -> Pixels {
        let (width, height) = fit((self.width, self.height), room);
        let Some(number) = element::number(dtype) else { return Pixels::default() };
        let plane = Plane { image: *self, bytes, itemsize: dtype.itemsize(), number };
        let (min, max) = if self.scaled { range } else { (0.0, 255.0) };
        // Halved first: max - min of two large float64 would be infinite.
        let unit = |value: f64| ((value / 2.0 - min / 2.0) / (max / 2.0 - min / 2.0)).clamp(0.0, 1.0);
        let shade = |value: f64| if max > min { unit(value) } else { 0.5 };
        let mut rgb = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                let across = part(x, width, self.width);
                let down = part(y, height, self.height);
                let value = |channel| plane.mean(&across, &down, channel).map(shade);
                // The fourth channel, which says how opaque a pixel is, is left out: it is often not set.
                rgb.push(match (self.channels, value(0)) {
                    (_, None) => NAN,
                    (1, Some(value)) => self.colour(value),
                    (_, Some(first)) => match (value(1), value(2)) {
                        (Some(green), Some(last)) if self.blue_first => {
                            [byte(last), byte(green), byte(first)]
                        }
                        (Some(green), Some(last)) => [byte(first), byte(green), byte(last)],
                        _ => NAN,
                    },
                });
            }
        }
        Pixels { width, rgb }
    }

    /// The colour of a number from 0 to 1 in an image of one channel.
    pub fn colour(&self, unit: f64) -> Rgb {
        if self.grey { [byte(unit); 3] } else { ramp(unit) }
    }

    /// Whether colours stand for numbers, so that a scale is worth showing.
    pub fn has_scale(&self) -> bool {
        self.scaled && self.channels == 1
    }
}

struct Plane<'a> {
    image: Image,
    bytes: &'a [u8],
    itemsize: usize,
    number: Number,
}

impl Plane<'_> {
    /// The mean of some elements; `None` if one of them is NaN, so that a NaN among many is seen.
    fn mean(&self, across: &[usize], down: &[usize], channel: usize) -> Option<f64> {
        let (mut sum, mut count) = (0.0, 0.0);
        for y in down {
            for x in across {
                let index = (y * self.image.width + x) * self.image.channels + channel;
                let value = (self.number)(self.bytes.get(index * self.itemsize..)?.get(..self.itemsize)?);
                sum += value;
                count += 1.0;
            }
        }
        let mean: f64 = sum / count;
        (!mean.is_nan()).then_some(mean)
    }
}

/// Up to three elements, evenly spread, of those that fall on pixel `at` of `pixels`.
fn part(at: usize, pixels: usize, elements: usize) -> Vec<usize> {
    let edge = |at: usize| at * elements / pixels;
    let (first, end) = (edge(at), edge(at + 1).max(edge(at) + 1));
    let count = (end - first).min(3);
    (0..count).map(|i| first + (2 * i + 1) * (end - first) / (2 * count)).collect()
}

/// Width and height in pixels, in proportion, but with a row or column for each of a few elements.
fn fit((width, height): (usize, usize), (columns, rows): (usize, usize)) -> (usize, usize) {
    const FEW: usize = 8;
    let scale = (columns as f64 / width as f64).min(rows as f64 / height as f64);
    let side = |elements: usize, room: usize| {
        let pixels = (elements as f64 * scale).round() as usize;
        pixels.max(elements.min(FEW)).min(room)
    };
    (side(width, columns), side(height, rows))
}

fn byte(unit: f64) -> u8 {
    (unit * 255.0).round() as u8
}

/// A colour for a number from 0 to 1: dark blue, purple, orange, light yellow, always growing brighter.
pub fn ramp(unit: f64) -> Rgb {
    const STOPS: [Rgb; 6] =
        [[8, 6, 34], [62, 18, 102], [140, 34, 108], [212, 72, 66], [250, 152, 40], [252, 244, 168]];
    let at = unit.clamp(0.0, 1.0) * (STOPS.len() - 1) as f64;
    let low = (at as usize).min(STOPS.len() - 2);
    let mix = |channel: usize| {
        let (from, to) = (f64::from(STOPS[low][channel]), f64::from(STOPS[low + 1][channel]));
        (from + (to - from) * (at - low as f64)).round() as u8
    };
    [mix(0), mix(1), mix(2)]
}

/// The nearest of the 256 colours that older terminals have: a cube of 6 x 6 x 6, and 24 greys.
pub fn nearest_256(rgb: Rgb) -> u8 {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let far = |other: Rgb| -> u32 { (0..3).map(|i| u32::from(rgb[i].abs_diff(other[i])).pow(2)).sum() };
    let level = |value: u8| (0..6).min_by_key(|&i| LEVELS[i].abs_diff(value)).unwrap_or(0);
    let [r, g, b] = rgb.map(level);
    let cube = far([LEVELS[r], LEVELS[g], LEVELS[b]]);
    let mean = rgb.iter().map(|&value| usize::from(value)).sum::<usize>() / 3;
    let grey = (mean.saturating_sub(3) / 10).min(23);
    if far([(8 + 10 * grey) as u8; 3]) < cube { (232 + grey) as u8 } else { (16 + 36 * r + 6 * g + b) as u8 }
}

/// Rows of pixels.
#[derive(Debug, Default, PartialEq)]
pub struct Pixels {
    pub width: usize,
    pub rgb: Vec<Rgb>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(dtype: &DType, shape: &[usize]) -> Image {
        Image::of(dtype, shape, None).unwrap()
    }

    #[test]
    fn what_is_an_image() {
        let of = |dtype: DType, shape: &[usize]| Image::of(&dtype, shape, None).map(|image| image.channels);
        assert_eq!(of(DType::UInt8, &[2, 5]), Some(1));
        assert_eq!(of(DType::Complex128, &[2, 5]), Some(1));
        assert_eq!(of(DType::UInt8, &[2, 5, 3]), Some(3));
        assert_eq!(of(DType::Float32, &[20, 50, 4]), Some(4));
        assert_eq!(of(DType::Float32, &[20, 4, 4]), None, "a stack of matrices");
        assert_eq!(of(DType::UInt8, &[2, 5, 2]), None);
        assert_eq!(of(DType::UInt8, &[5]), None);
        assert_eq!(of(DType::UInt8, &[0, 5]), None);
        assert_eq!(of(DType::custom("x", 1, "V1").unwrap(), &[2, 5]), None);
    }

    #[test]
    fn bytes_are_brightness_and_colours_stay() {
        let grey = image(&DType::UInt8, &[1, 2]).pixels(&DType::UInt8, &[10, 200], (2, 1), (10.0, 200.0));
        assert_eq!(grey, Pixels { width: 2, rgb: vec![[10; 3], [200; 3]] });
        let red_and_blue = [255, 0, 0, 9, 0, 0, 255, 9];
        let pixels =
            image(&DType::UInt8, &[2, 1, 4]).pixels(&DType::UInt8, &red_and_blue, (1, 2), (0.0, 255.0));
        assert_eq!(pixels, Pixels { width: 1, rgb: vec![[255, 0, 0], [0, 0, 255]] });
    }

    #[test]
    fn an_encoding_gives_the_order_of_the_channels() {
        let drawn = |dtype: DType, channels: usize, bytes: &[u8], encoding: &str| {
            let shape: &[usize] = if channels == 1 { &[1, 1] } else { &[1, 1, channels] };
            let image = Image::of(&dtype, shape, Some(encoding)).unwrap();
            image.pixels(&dtype, bytes, (1, 1), (0.0, 1.0)).rgb[0]
        };
        let colour =
            |channels, encoding| drawn(DType::UInt8, channels, &[10, 20, 30, 40][..channels], encoding);
        for (channels, encoding) in [(3, "bgr8"), (4, "bgra8")] {
            assert_eq!(colour(channels, encoding), [30, 20, 10], "{encoding}");
        }
        // Those that lie as they are drawn; those of which no colours are made; those of another number of channels.
        let others = ["rgb8", "rgba8", "mono8", "yuyv", "bayer_rggb8", "8UC3", "BGR8", "bgr", "", "no"];
        for encoding in others {
            assert_eq!([3, 4].map(|channels| colour(channels, encoding)), [[10, 20, 30]; 2], "{encoding}");
        }
        assert_eq!((colour(4, "bgr8"), colour(3, "bgra8")), ([10, 20, 30], [10, 20, 30]));
        assert_eq!((colour(1, "mono8"), colour(1, "bgr8")), ([10; 3], [10; 3]));
        let wide = |channels, encoding| {
            let bytes: Vec<u8> = [0_u16, 1, 1, 1][..channels].iter().flat_map(|v| v.to_ne_bytes()).collect();
            drawn(DType::UInt16, channels, &bytes, encoding)
        };
        // A depth is no brightness.
        assert_eq!((wide(1, "mono16"), wide(1, "16UC1"), wide(1, "mono8")), ([0; 3], ramp(0.0), ramp(0.0)));
        assert_eq!(drawn(DType::Float32, 1, &1_f32.to_ne_bytes(), "32FC1"), ramp(1.0));
    }

    #[test]
    fn numbers_are_scaled_and_nan_is_marked() {
        let values: Vec<u8> = [-5.0_f32, f32::NAN, 0.0, 5.0].iter().flat_map(|v| v.to_ne_bytes()).collect();
        let image = image(&DType::Float32, &[2, 2]);
        assert!(image.has_scale());
        let pixels = image.pixels(&DType::Float32, &values, (2, 2), (-5.0, 5.0));
        assert_eq!(pixels.rgb, [ramp(0.0), NAN, ramp(0.5), ramp(1.0)]);
        // One pixel for all four: the NaN among them is seen.
        assert_eq!(image.pixels(&DType::Float32, &values, (1, 1), (-5.0, 5.0)).rgb, [NAN]);
        // All elements alike, and a range that overflows a float64.
        assert_eq!(image.pixels(&DType::Float32, &[0; 16], (1, 1), (0.0, 0.0)).rgb, [ramp(0.5)]);
        assert_eq!(image.pixels(&DType::Float32, &[0; 16], (1, 1), (f64::MIN, f64::MAX)).rgb, [ramp(0.5)]);
    }

    #[test]
    fn a_picture_keeps_its_proportions_unless_it_is_very_thin() {
        assert_eq!(fit((1920, 1080), (100, 100)), (100, 56));
        assert_eq!(fit((1080, 1920), (100, 60)), (34, 60));
        assert_eq!(fit((3, 2), (100, 60)), (90, 60), "small ones grow");
        assert_eq!(fit((1000, 4), (100, 60)), (100, 4), "a row each");
        assert_eq!(fit((4, 1_000_000), (100, 60)), (4, 60));
        assert_eq!(fit((1000, 1000), (100, 0)), (8, 0), "no room");
    }

    #[test]
    fn every_element_falls_on_a_pixel() {
        for (pixels, elements) in [(1, 1), (3, 10), (10, 3), (7, 7), (1, 1000)] {
            let parts: Vec<_> = (0..pixels).map(|at| part(at, pixels, elements)).collect();
            assert!(parts.iter().all(|part| (1..=3).contains(&part.len())), "{parts:?}");
            assert!(parts.iter().flatten().all(|&index| index < elements), "{parts:?}");
            assert!(parts.is_sorted(), "{parts:?}");
        }
        assert_eq!(part(1, 2, 18), [10, 13, 16]);
    }

    #[test]
    fn the_ramp_grows_brighter_and_has_no_colour_of_nan() {
        let brightness = |[r, g, b]: Rgb| 0.3 * f64::from(r) + 0.59 * f64::from(g) + 0.11 * f64::from(b);
        let colours: Vec<_> = (0..=100).map(|i| ramp(f64::from(i) / 100.0)).collect();
        assert!(colours.windows(2).all(|pair| brightness(pair[0]) < brightness(pair[1])));
        let far = |a: Rgb, b: Rgb| -> u32 { (0..3).map(|i| u32::from(a[i].abs_diff(b[i]))).sum() };
        assert!(colours.iter().all(|&colour| far(colour, NAN) > 150));
    }

    #[test]
    fn the_nearest_of_256_colours() {
        assert_eq!([[0, 0, 0], [255, 255, 255], [255, 0, 0]].map(nearest_256), [16, 231, 196]);
        assert_eq!([[8, 8, 8], [128, 128, 128], [238, 238, 238]].map(nearest_256), [232, 244, 255]);
        assert_eq!(nearest_256([90, 140, 180]), 16 + 36 + 6 * 2 + 3);
    }
}
