//! Two cameras that run at rates of their own; for each frame of the left one `nearest` finds the frame of the right one that
//! was taken at nearly the same time. Prints how far each pair is apart: the residual.
//!
//!     cargo run --release --example stereo [SECONDS]
//!
//! By default 2 seconds. Both cameras keep their last frames in place, so the partner of a frame is there though newer ones
//! have come. The tags are removed at the end, and at Ctrl-C.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ndsharray::{Meta, Store, UnixTime, Writer};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Time from one frame to the next: 30 frames a second, and 50.
const LEFT: Duration = Duration::from_micros(33_333);
const RIGHT: Duration = Duration::from_millis(20);
/// How many frames stay in place.
const HISTORY: usize = 16;

static STOP: AtomicBool = AtomicBool::new(false);

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let seconds = match &args[..] {
        [] => Some(2),
        [seconds] => seconds.parse().ok().filter(|seconds| (1..=3600).contains(seconds)),
        _ => None,
    };
    let Some(seconds) = seconds else {
        eprintln!("usage: stereo [SECONDS], with SECONDS from 1 to 3600");
        return ExitCode::from(2);
    };
    match run(Duration::from_secs(seconds)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stereo: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(duration: Duration) -> Result<()> {
    ctrlc::set_handler(|| STOP.store(true, Ordering::Relaxed))?;
    let store = Store::open_default()?;
    let camera = |side: &str| {
        let tag = format!("stereo-{}-{side}", std::process::id());
        store.writer_options(&tag).ephemeral(true).history(HISTORY).open()
    };
    let (mut left, mut right) = (camera("left")?, camera("right")?);
    let (mut frames, partners) = (store.reader(left.tag())?, store.reader(right.tag())?);
    let end = Instant::now() + duration;
    thread::scope(|scope| {
        let cameras = [(&mut left, LEFT), (&mut right, RIGHT)];
        let cameras = cameras.map(|(writer, pause)| scope.spawn(move || film(writer, pause, end)));
        let (mut pairs, mut alone, mut furthest) = (0_u32, 0_u32, Duration::ZERO);
        while Instant::now() < end && !STOP.load(Ordering::Relaxed) {
            let Some(frame) = frames.wait_next(Duration::from_millis(200))? else { continue };
            let taken = frame.acquired_at().ok_or("a frame without a time")?;
            // The partner may come a little later: half of the time between two frames of that camera.
            thread::sleep(RIGHT / 2);
            match partners.nearest(taken, RIGHT)? {
                Some(partner) => {
                    let residual = partner.acquired_at().ok_or("a frame without a time")?.abs_diff(taken);
                    println!(
                        "left {:>3}, right {:>3}: {:5.2} ms apart",
                        frame.version(),
                        partner.version(),
                        residual.as_secs_f64() * 1e3
                    );
                    (pairs, furthest) = (pairs + 1, furthest.max(residual));
                }
                None => alone += 1,
            }
        }
        println!(
            "{pairs} pairs, at most {:.2} ms apart; {alone} frames without a partner; missed {}",
            furthest.as_secs_f64() * 1e3,
            frames.missed()
        );
        cameras.into_iter().try_for_each(|camera| camera.join().unwrap_or(Ok(())))
    })
}

/// Sends frames that say when they were taken.
fn film(writer: &mut Writer, pause: Duration, end: Instant) -> Result<()> {
    for number in (0..=u8::MAX).cycle() {
        thread::sleep(pause);
        if Instant::now() >= end || STOP.load(Ordering::Relaxed) {
            break;
        }
        let taken = UnixTime::now();
        // What the driver and the conversion of colours take.
        thread::sleep(Duration::from_millis(2));
        let mut loan = writer.loan::<u8>(&[120, 160])?;
        loan.as_mut_slice().fill(number);
        loan.set_meta(Meta::new().acquired_at(taken));
        loan.publish()?;
    }
    Ok(())
}
