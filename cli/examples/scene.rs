//! Writes a few arrays at the rates of a small robot until its input ends, as something to look at with `ndsharray top`:
//!
//! ```sh
//! cargo run --release -p ndsharray-cli --example scene -- DIRECTORY
//! ```

use std::f32::consts::TAU;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ndsharray::num_complex::Complex32;
use ndsharray::{Element, Result, Store};

static END: AtomicBool = AtomicBool::new(false);

/// Publishes the array that `make` fills for the seconds since the start, `rate` times per second.
fn stream<T: Element>(
    store: &Store,
    tag: &str,
    shape: &[usize],
    rate: f32,
    make: impl Fn(f32, &mut [T]),
) -> Result<()> {
    let mut writer = store.writer_options(tag).ephemeral(true).open()?;
    let start = Instant::now();
    while !END.load(Ordering::Relaxed) {
        let seconds = start.elapsed().as_secs_f32();
        let mut loan = writer.loan::<T>(shape)?;
        make(seconds, loan.as_mut_slice());
        loan.publish()?;
        std::thread::sleep(Duration::from_secs_f32((1.0 - (seconds * rate).fract()) / rate));
    }
    Ok(())
}

/// Hills under an evening sky, with a sun that moves.
fn camera(seconds: f32, pixels: &mut [u8]) {
    let sun = (320.0 + 200.0 * (seconds * 0.4).cos(), 190.0 - 60.0 * (seconds * 0.4).sin());
    for (i, pixel) in pixels.chunks_exact_mut(3).enumerate() {
        let (x, y) = ((i % 640) as f32, (i / 640) as f32);
        let far = ((x - sun.0).powi(2) + (y - sun.1).powi(2)).sqrt();
        let glow = (1.0 - far / 420.0).max(0.0).powi(2);
        let hill = |height: f32, wave: f32, move_by: f32| y > height + 26.0 * (x / wave + move_by).sin();
        let colour = if hill(395.0, 90.0, 1.0) {
            [18.0, 52.0, 40.0]
        } else if hill(330.0, 150.0, 0.2) {
            [34.0 + 40.0 * glow, 84.0, 74.0]
        } else if hill(270.0, 230.0, 2.4) {
            [70.0 + 60.0 * glow, 104.0, 120.0]
        } else if far < 46.0 {
            [255.0, 236.0, 170.0]
        } else {
            [60.0 + y * 0.5 + 150.0 * glow, 70.0 + y * 0.25 + 90.0 * glow, 150.0 - y * 0.15]
        };
        pixel.copy_from_slice(&colour.map(|value| value.clamp(0.0, 255.0) as u8));
    }
}

/// Waves from two sources, with a corner that was not measured.
fn depth(seconds: f32, values: &mut [f32]) {
    for (i, value) in values.iter_mut().enumerate() {
        let (x, y) = ((i % 320) as f32, (i / 320) as f32);
        let wave = |cx: f32, cy: f32| ((x - cx).hypot(y - cy) / 14.0 - seconds * 3.0).sin();
        let unknown = x + y < 60.0;
        *value = if unknown { f32::NAN } else { 2.0 + 0.5 * wave(80.0, 60.0) + 0.5 * wave(250.0, 190.0) };
    }
}

fn main() -> Result<()> {
    let directory = std::env::args().nth(1).unwrap_or("/dev/shm".to_owned());
    let store = Store::open(directory)?;
    store.writer_options("labels").open()?.write_slice(&[3_i64; 500], &[500])?;
    std::thread::scope(|scope| {
        let camera = scope.spawn(|| stream(&store, "camera", &[480, 640, 3], 30.0, camera));
        let depth = scope.spawn(|| stream(&store, "depth", &[240, 320], 15.0, depth));
        let imu = scope.spawn(|| {
            stream(&store, "imu", &[2000], 100.0, |seconds, values: &mut [f64]| {
                for (i, value) in values.iter_mut().enumerate() {
                    let at = f64::from(seconds) + i as f64 / 400.0;
                    *value = (at * 3.1).sin() + 0.3 * (at * 17.0).sin();
                }
            })
        });
        let pose = scope.spawn(|| {
            stream(&store, "pose", &[4, 4], 60.0, |seconds, values: &mut [f64]| {
                let (sin, cos) = f64::from(seconds).sin_cos();
                let pose = [cos, -sin, 0., 1., sin, cos, 0., 2., 0., 0., 1., 0.5, 0., 0., 0., 1.];
                values.copy_from_slice(&pose);
            })
        });
        let spectrum = scope.spawn(|| {
            stream(&store, "spectrum", &[1024], 20.0, |seconds, values: &mut [Complex32]| {
                for (i, value) in values.iter_mut().enumerate() {
                    let peak = |at: f32| (-((i as f32 - at) / 22.0).powi(2)).exp();
                    let size =
                        peak(200.0 + 80.0 * seconds.sin()) + 0.5 * peak(600.0) + 0.02 * (i as f32).sin();
                    *value = Complex32::from_polar(size.abs(), i as f32 * TAU / 7.0);
                }
            })
        });
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        END.store(true, Ordering::Relaxed);
        for thread in [camera, depth, imu, pose, spectrum] {
            thread.join().expect("no stream panics")?;
        }
        store.remove("labels")
    })
}
