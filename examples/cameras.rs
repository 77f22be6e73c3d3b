//! Several cameras, each a writer on a thread of its own, and one thread that waits for whichever has a frame first.
//!
//!     cargo run --release --example cameras [CAMERAS]
//!
//! CAMERAS is 1 to 16, by default 3; each sends 20 frames at a rate of its own. Writers and readers could as well be in
//! processes of their own. The tags are removed at the end, and at Ctrl-C.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use ndsharray::{Reader, Store, Writer, wait_any};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const FRAMES: u64 = 20;

static STOP: AtomicBool = AtomicBool::new(false);

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let cameras = match &args[..] {
        [] => Some(3),
        [cameras] => cameras.parse().ok().filter(|cameras| (1..=16).contains(cameras)),
        _ => None,
    };
    let Some(cameras) = cameras else {
        eprintln!("usage: cameras [CAMERAS], with CAMERAS from 1 to 16");
        return ExitCode::from(2);
    };
    match run(cameras) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cameras: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cameras: u64) -> Result<()> {
    ctrlc::set_handler(|| STOP.store(true, Ordering::Relaxed))?;
    let store = Store::open_default()?;
    let tag = |camera| format!("camera-{}-{camera}", std::process::id());
    let mut writers = Vec::new();
    let mut readers = Vec::new();
    for camera in 0..cameras {
        writers.push(store.writer_options(&tag(camera)).ephemeral(true).open()?);
        readers.push(store.reader(&tag(camera))?);
    }

    thread::scope(|scope| {
        let mut threads = Vec::new();
        for (writer, camera) in writers.iter_mut().zip(0..) {
            threads.push(scope.spawn(move || {
                let pause = Duration::from_millis(20 + 15 * camera);
                // A camera that fails will not send its last frame: nobody waits for it.
                film(writer, pause).inspect_err(|_| STOP.store(true, Ordering::Relaxed))
            }));
        }
        watch(&mut readers)?;
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or(Ok(())))
    })
}

fn film(writer: &mut Writer, pause: Duration) -> Result<()> {
    for frame in 1..=FRAMES {
        thread::sleep(pause);
        if STOP.load(Ordering::Relaxed) {
            break;
        }
        let mut loan = writer.loan::<u8>(&[120, 160, 3])?;
        loan.as_mut_slice().fill(frame as u8);
        loan.publish()?;
    }
    Ok(())
}

/// Prints frames as they come, until each camera has sent its last.
fn watch(readers: &mut [Reader]) -> Result<()> {
    let mut last = vec![0; readers.len()];
    while last.iter().any(|&version| version < FRAMES) && !STOP.load(Ordering::Relaxed) {
        let mut waiting: Vec<&mut Reader> = readers.iter_mut().collect();
        let Some(first) = wait_any(&mut waiting, Duration::from_millis(200))? else { continue };
        if let Some(frame) = readers[first].read()? {
            last[first] = frame.version();
            println!("camera {first}: frame {:>2}, {} us old", frame.version(), frame.age().as_micros());
        }
    }
    Ok(())
}
