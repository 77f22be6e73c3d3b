//! Readers that need every value, and stall now and then: a sensor of 1,000 samples a second with a history of 248, whose
//! reader stalls for 200 ms, and a camera of 30 frames of 1080p a second with a history of 20, whose reader stalls for 500 ms.
//! Each is a process of its own. At the end each reader says how many values it got, and how many it missed.
//!
//!     cargo run --release --example every [SECONDS]
//!
//! By default 5 seconds. Ends with 1 if a value was missed. The tags are removed at the end, and at Ctrl-C.

use std::process::{Child, Command, ExitCode};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ndsharray::{Error, Store};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// What is streamed, and how its reader stalls.
struct Stream {
    name: &'static str,
    shape: &'static [usize],
    pause: Duration,
    history: usize,
    stall: Duration,
}

const STREAMS: [Stream; 2] = [
    Stream {
        name: "samples",
        shape: &[64],
        pause: Duration::from_millis(1),
        history: 248,
        stall: Duration::from_millis(200),
    },
    Stream {
        name: "frames",
        shape: &[1080, 1920, 3],
        pause: Duration::from_micros(33_333),
        history: 20,
        stall: Duration::from_millis(500),
    },
];
/// How often a reader stalls.
const STALL_EVERY: Duration = Duration::from_secs(2);

static STOP: AtomicBool = AtomicBool::new(false);

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        [] => run(5),
        ["write" | "read", stream, tag, seconds] => play(words[0], stream, tag, seconds),
        [seconds] if seconds.parse().is_ok_and(|seconds| (1..=3600_u64).contains(&seconds)) => {
            run(seconds.parse().unwrap_or(5))
        }
        _ => {
            eprintln!("usage: every [SECONDS], with SECONDS from 1 to 3600");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("every: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Starts a writer and a reader for each stream, and waits for all of them.
fn run(seconds: u64) -> Result<bool> {
    // The others get a Ctrl-C, too, and end by themselves.
    ctrlc::set_handler(|| STOP.store(true, Ordering::Relaxed))?;
    let program = std::env::current_exe()?;
    let mut children: Vec<Child> = Vec::new();
    for stream in STREAMS {
        let tag = format!("every-{}-{}", std::process::id(), stream.name);
        for role in ["write", "read"] {
            let mut command = Command::new(&program);
            children.push(command.args([role, stream.name, &tag, &seconds.to_string()]).spawn()?);
        }
    }
    let mut good = true;
    for child in &mut children {
        good &= child.wait()?.success();
    }
    Ok(good)
}

/// One of the other processes.
fn play(role: &str, stream: &str, tag: &str, seconds: &str) -> Result<bool> {
    ctrlc::set_handler(|| STOP.store(true, Ordering::Relaxed))?;
    let stream = STREAMS.into_iter().find(|other| other.name == stream).ok_or("no such stream")?;
    let store = Store::open_default()?;
    let values = (Duration::from_secs(seconds.parse()?).as_nanos() / stream.pause.as_nanos()) as u64;
    match role {
        "write" => write(&store, &stream, tag, values).map(|()| true),
        _ => read(&store, &stream, tag, values),
    }
}

/// Publishes so many values at their times; all elements of a value are its number, modulo 256.
fn write(store: &Store, stream: &Stream, tag: &str, values: u64) -> Result<()> {
    let mut writer = store.writer_options(tag).ephemeral(true).history(stream.history).open()?;
    let start = Instant::now();
    for number in 1..=values {
        let due = stream.pause.mul_f64(number as f64);
        thread::sleep(due.saturating_sub(start.elapsed()));
        let mut loan = writer.loan::<u8>(stream.shape)?;
        loan.as_mut_slice().fill(number as u8);
        loan.publish()?;
        if STOP.load(Ordering::Relaxed) {
            return Ok(());
        }
    }
    // The reader may be in a stall; the tag goes with this process.
    thread::sleep(2 * stream.stall);
    Ok(())
}

/// Takes every value, and stalls now and then. True if none was missed.
fn read(store: &Store, stream: &Stream, tag: &str, values: u64) -> Result<bool> {
    let mut reader = loop {
        match store.reader(tag) {
            Err(Error::NotFound { .. }) if !STOP.load(Ordering::Relaxed) => {
                thread::sleep(Duration::from_millis(1));
            }
            other => break other?,
        }
    };
    let (mut seen, mut stalls, mut last_stall) = (0, 0, Instant::now());
    while seen < values && !STOP.load(Ordering::Relaxed) {
        let Some(value) = reader.wait_next(Duration::from_secs(10))? else { break };
        let number = value.version();
        if !value.bytes().iter().all(|&byte| byte == number as u8) {
            return Err(format!("value {number} is not what was written").into());
        }
        seen = number;
        if last_stall.elapsed() >= STALL_EVERY {
            drop(value);
            thread::sleep(stream.stall);
            (stalls, last_stall) = (stalls + 1, Instant::now());
        }
    }
    let missed = reader.missed();
    println!(
        "{}: {seen} values, {stalls} stalls of {} ms with a history of {}, missed {missed}",
        stream.name,
        stream.stall.as_millis(),
        stream.history
    );
    Ok(missed == 0)
}
