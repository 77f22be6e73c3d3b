//! YUV4MPEG2: a stream of frames with a header that says their size and rate. ffmpeg and mpv read it.
//!
//! Grey is `Cmono`. Colours become Y'CbCr in full resolution (`C444`) by BT.601: streams do not say by which rule, and that is the
//! one that ffmpeg takes for those that do not. All 256 values of a byte are used (`XCOLORRANGE=FULL`).

use ndsharray::DType;

use crate::encoding;
use crate::failure::{Failure, Result};
use crate::pace::Fps;
use crate::units;

/// What stands before each frame.
pub const FRAME: &[u8] = b"FRAME\n";

/// The form of the frames of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    width: usize,
    height: usize,
    channels: usize,
}

impl Form {
    /// The form of an array as a frame.
    pub fn of(dtype: &DType, shape: &[usize]) -> Result<Form> {
        let form = match *shape {
            [height, width] | [height, width, 1] => Form { width, height, channels: 1 },
            [height, width, channels @ 3] => Form { width, height, channels },
            _ => return Err(refused(dtype, shape)),
        };
        // ffmpeg takes no larger sides.
        let is_side = |length: usize| (1..=i32::MAX as usize).contains(&length);
        if *dtype == DType::UInt8 && is_side(form.width) && is_side(form.height) {
            Ok(form)
        } else {
            Err(refused(dtype, shape))
        }
    }

    /// What the stream begins with.
    pub fn header(self, fps: Fps) -> String {
        let Form { width, height, channels } = self;
        let colours = if channels == 1 { "mono" } else { "444" };
        let Fps { frames, seconds } = fps;
        format!("YUV4MPEG2 W{width} H{height} F{frames}:{seconds} Ip A1:1 C{colours} XCOLORRANGE=FULL\n")
    }

    /// Makes `frame` the planes of an array, whose encoding may say that its pixels have blue first.
    pub fn convert(self, bytes: &[u8], encoding: Option<&str>, frame: &mut Vec<u8>) {
        if self.channels == 1 {
            frame.clear();
            frame.extend_from_slice(bytes);
            return;
        }
        let blue_first = encoding::is_blue_first(encoding, &DType::UInt8, self.channels);
        frame.resize(bytes.len(), 0);
        let (luma, chroma) = frame.split_at_mut(self.width * self.height);
        let (blue, red) = chroma.split_at_mut(self.width * self.height);
        let planes = luma.iter_mut().zip(blue).zip(red);
        for (pixel, ((y, cb), cr)) in bytes.chunks_exact(3).zip(planes) {
            let (r, b) = if blue_first { (pixel[2], pixel[0]) } else { (pixel[0], pixel[2]) };
            (*y, *cb, *cr) = ycbcr(r, pixel[1], b);
        }
    }
}

/// A colour by BT.601 in full range: Y' = 0.299 R' + 0.587 G' + 0.114 B', and Cb and Cr the differences of blue and red to it around
/// 128. The factors are multiplied by 65536.
fn ycbcr(r: u8, g: u8, b: u8) -> (u8, u8, u8) {
    let (r, g, b) = (i32::from(r), i32::from(g), i32::from(b));
    const HALF: i32 = 1 << 15;
    let y = (19595 * r + 38470 * g + 7471 * b + HALF) >> 16;
    let cb = ((-11058 * r - 21710 * g + 32768 * b + HALF) >> 16) + 128;
    let cr = ((32768 * r - 27439 * g - 5329 * b + HALF) >> 16) + 128;
    // The largest Cb and Cr are 255.5.
    (y as u8, cb.min(255) as u8, cr.min(255) as u8)
}

fn refused(dtype: &DType, shape: &[usize]) -> Failure {
    let raw = match (dtype, shape) {
        (DType::UInt16, [_, _] | [_, _, 1]) => {
            Some(if cfg!(target_endian = "little") { "gray16le" } else { "gray16be" })
        }
        (DType::UInt8, [_, _, 4]) => Some("rgba"),
        _ => None,
    };
    let instead = match (raw, shape) {
        (Some(format), [height, width, ..]) => format!(
            "without --y4m, `ffmpeg -f rawvideo -pix_fmt {format} -s {width}x{height} -r FPS -i -` reads its bytes"
        ),
        _ => "write its bytes without --y4m".to_owned(),
    };
    Failure::bad(format!(
        "y4m cannot hold {dtype} of shape {}: it takes uint8 of shape HxW, HxWx1 or HxWx3; {instead}",
        units::shape(shape)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_say_size_rate_and_colours() {
        let fps = Fps { frames: 30_000, seconds: 1001 };
        let header = |shape: &[usize]| Form::of(&DType::UInt8, shape).unwrap().header(fps);
        assert_eq!(header(&[48, 64]), "YUV4MPEG2 W64 H48 F30000:1001 Ip A1:1 Cmono XCOLORRANGE=FULL\n");
        assert_eq!(header(&[48, 64, 1]), header(&[48, 64]));
        assert_eq!(header(&[48, 64, 3]), "YUV4MPEG2 W64 H48 F30000:1001 Ip A1:1 C444 XCOLORRANGE=FULL\n");
    }

    #[test]
    fn what_it_cannot_hold_is_refused_with_what_to_do() {
        let refused = |dtype: DType, shape: &[usize]| match Form::of(&dtype, shape) {
            Err(Failure::Bad(text)) => text,
            other => panic!("{dtype} {shape:?}: {other:?}"),
        };
        assert!(refused(DType::UInt16, &[48, 64]).contains("-pix_fmt gray16"));
        assert!(refused(DType::UInt8, &[48, 64, 4]).contains("-pix_fmt rgba -s 64x48"));
        for (dtype, shape) in [
            (DType::Float32, &[48, 64][..]),
            (DType::UInt8, &[48]),
            (DType::UInt8, &[0, 64]),
            (DType::UInt8, &[48, 64, 2]),
            (DType::UInt8, &[]),
        ] {
            assert!(refused(dtype, shape).contains("without --y4m"));
        }
    }

    #[test]
    fn colours_are_those_of_the_formula() {
        for r in (0..=255).step_by(15) {
            for g in (0..=255).step_by(5) {
                for b in (0..=255).step_by(15) {
                    let y = 0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b);
                    let cb = (f64::from(b) - y) / 1.772 + 128.0;
                    let cr = (f64::from(r) - y) / 1.402 + 128.0;
                    let found = ycbcr(r, g, b);
                    for (found, right) in [(found.0, y), (found.1, cb), (found.2, cr)] {
                        assert!((f64::from(found) - right).abs() < 0.51, "{r} {g} {b}: {found} {right}");
                    }
                }
            }
        }
        assert_eq!((ycbcr(0, 0, 0), ycbcr(255, 255, 255)), ((0, 128, 128), (255, 128, 128)));
    }

    #[test]
    fn planes_follow_each_other_and_blue_may_be_first() {
        let form = Form::of(&DType::UInt8, &[1, 2, 3]).unwrap();
        let (mut red_first, mut blue_first) = (Vec::new(), Vec::new());
        form.convert(&[255, 0, 0, 10, 20, 30], None, &mut red_first);
        form.convert(&[0, 0, 255, 30, 20, 10], Some("bgr8"), &mut blue_first);
        let ((y1, b1, r1), (y2, b2, r2)) = (ycbcr(255, 0, 0), ycbcr(10, 20, 30));
        assert_eq!(red_first, [y1, y2, b1, b2, r1, r2]);
        assert_eq!(blue_first, red_first);
    }
}
