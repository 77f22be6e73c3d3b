//! One writer process and two reader processes share live data of this machine under one tag.
//!
//!     cargo run --release --example quickstart [SECONDS]
//!
//! First the counters of /proc/stat, 50 times a second, as a uint64 matrix with one row for each CPU; then, under the
//! same tag, frames of 1280x720x3 uint8, 30 times a second. One reader blocks in `wait`, the other polls `read` ten
//! times a second. Both check every byte that they get: counters against a checksum that travels with them, frames
//! against what their number says they must be.
//!
//! SECONDS is 2 to 10, by default 8. Ends with one line that sums up what was shared; the exit code is 0 if every value
//! was right, else 1. Uses the directory in NDSHARRAY_DIR, else /dev/shm, and leaves nothing there: not at its end, not
//! at Ctrl-C or SIGTERM, and not if one of its processes is killed.

#[path = "quickstart/process.rs"]
mod process;
#[path = "quickstart/value.rs"]
mod value;

use std::error::Error;
use std::io::{Read, Write};
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ndsharray::{Meta, Store};

use process::Participant;
use value::{FRAME, Note, check, checksum, counters, ramp, row_of};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A run that takes longer than this has failed.
const LONGEST: Duration = Duration::from_secs(14);

/// A line of report from each reader, not more often.
const REPORT_EVERY: Duration = Duration::from_millis(700);

/// Set by Ctrl-C and SIGTERM, and in children also when the parent closes their standard input or dies.
static STOP: AtomicBool = AtomicBool::new(false);

fn stopped() -> bool {
    STOP.load(Ordering::Relaxed)
}

/// Like `println!`, but a closed pipe (`| head`) is no reason to stop half-way.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let seconds = |text: &str| text.parse().ok().filter(|seconds| (2..=10).contains(seconds));
    if let Err(error) = ctrlc::set_handler(|| STOP.store(true, Ordering::Relaxed)) {
        eprintln!("quickstart: {error}");
        return ExitCode::FAILURE;
    }
    let right = match args[..] {
        // How this program starts itself again, for each process that takes part.
        ["--role", role, tag, time] => take_part(role, tag, seconds(time).unwrap_or(8)),
        [time] if seconds(time).is_some() => share(seconds(time).unwrap_or(8)),
        [] => share(8),
        _ => {
            eprintln!("usage: quickstart [SECONDS], with SECONDS from 2 to 10");
            return ExitCode::from(2);
        }
    };
    match right {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(_) if stopped() => {
            eprintln!("quickstart: interrupted");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("quickstart: {error}");
            ExitCode::FAILURE
        }
    }
}

fn share(seconds: u64) -> Result<bool> {
    let store = Store::open_default()?;
    // A tag of its own for each run.
    let tag = format!("quickstart-{:08x}", uuid::Uuid::new_v4().as_fields().0);
    say(&format!("store {}, tag {tag}; Ctrl-C ends it at any time", store.directory().display()));

    let outcome = watch(&tag, seconds);
    // Every process has ended by now, and the writer has removed its tag, unless it was killed. The next writer tidies
    // up after a killed one, and an ephemeral one takes the tag along as it leaves.
    if !files(&store, &tag)?.is_empty() {
        store.writer_options(&tag).ephemeral(true).open()?;
    }
    let left = files(&store, &tag)?;
    say(&format!("files of {tag} in {} now: {}", store.directory().display(), left.len()));
    let [written, by_wait, by_poll] = outcome?;

    let mismatches = by_wait[3] + by_poll[3];
    say(&format!(
        "shared {} values ({:.1} MB) between 3 processes: wait checked {} of them and missed {}, \
         poll checked {} and missed {}; mismatches {mismatches}",
        written[0],
        written[1] as f64 / 1e6,
        by_wait[0],
        by_wait[2],
        by_poll[0],
        by_poll[2],
    ));
    Ok(mismatches == 0 && left.is_empty())
}

/// Starts the three processes and waits for them; none is left when it returns.
fn watch(tag: &str, seconds: u64) -> Result<[Vec<u64>; 3]> {
    let deadline = Instant::now() + LONGEST;
    let mut writer = Participant::start("writer", tag, seconds)?;
    let mut wait = Participant::start("wait", tag, seconds)?;
    let mut poll = Participant::start("poll", tag, seconds)?;
    // The readers end with the last value; the writer keeps it in place until it is told to go.
    while !(wait.ended()? && poll.ended()?) {
        if stopped() || Instant::now() > deadline || writer.ended()? {
            return Err("ended before the last value came to both readers".into());
        }
        thread::sleep(Duration::from_millis(20));
    }
    writer.dismiss();
    while !writer.ended()? {
        if stopped() || Instant::now() > deadline {
            return Err("the writer does not end".into());
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok([writer.tally()?, wait.tally()?, poll.tally()?])
}

/// The names of the tag's files in the store: header, data file, and temporary ones.
fn files(store: &Store, tag: &str) -> Result<Vec<String>> {
    let entries = std::fs::read_dir(store.directory())?.map_while(|entry| entry.ok());
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    Ok(names.filter(|name| name.trim_start_matches('.').starts_with(tag)).collect())
}

fn take_part(role: &str, tag: &str, seconds: u64) -> Result<bool> {
    // The parent never writes to this pipe: it closes it, or dies.
    thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        STOP.store(true, Ordering::Relaxed);
    });
    let store = Store::open_default()?;
    let tally = match role {
        "writer" => write(&store, tag, seconds)?,
        "wait" | "poll" => read(&store, tag, role == "wait")?,
        _ => return Err(format!("no role {role:?}").into()),
    };
    say(&format!("tally {} {} {} {}", tally[0], tally[1], tally[2], tally[3]));
    Ok(tally[3] == 0)
}

fn list(store: &Store, tag: &str) -> Result<()> {
    let mut names = files(store, tag)?;
    names.sort();
    let output = Command::new("ls").arg("-l").args(names).current_dir(store.directory()).output()?;
    say(&format!(
        "$ ls -l {}/{tag}*\n{}",
        store.directory().display(),
        String::from_utf8_lossy(&output.stdout)
    ));
    Ok(())
}

/// Writes until the time is over, then keeps the last value in place until the parent says that all have it.
fn write(store: &Store, tag: &str, seconds: u64) -> Result<[u64; 4]> {
    let mut writer = store.writer_options(tag).ephemeral(true).open()?;
    let (mut values, mut bytes) = (0, 0);
    let samples = seconds * 50 * 3 / 8;
    for number in 0..samples {
        if stopped() {
            return Ok([values, bytes, 0, 0]);
        }
        let counters = counters()?;
        let sum = checksum(counters.as_slice().unwrap_or_default());
        writer.write_with(&counters, &Meta::new().user_data(Note { number, sum, last: 0 }.to_bytes())?)?;
        (values, bytes) = (values + 1, bytes + 8 * counters.len() as u64);
        if number == samples / 2 {
            list(store, tag)?;
        }
        thread::sleep(Duration::from_millis(20));
    }
    let ramp = ramp();
    let frames = seconds * 30 * 5 / 8;
    for number in 0..frames {
        if stopped() {
            return Ok([values, bytes, 0, 0]);
        }
        let mut frame = writer.loan::<u8>(&FRAME)?;
        for (y, row) in frame.as_mut_slice().chunks_exact_mut(FRAME[1] * FRAME[2]).enumerate() {
            row.copy_from_slice(row_of(&ramp, number, y));
        }
        frame.set_meta(
            Meta::new()
                .user_data(Note { number, sum: 0, last: u64::from(number + 1 == frames) }.to_bytes())?,
        );
        frame.publish()?;
        (values, bytes) = (values + 1, bytes + FRAME.iter().product::<usize>() as u64);
        if number == frames / 3 {
            list(store, tag)?;
        }
        thread::sleep(Duration::from_millis(33));
    }
    while !stopped() {
        thread::sleep(Duration::from_millis(10));
    }
    Ok([values, bytes, 0, 0])
}

/// Reads and checks until the last value came. Tally: values, bytes, missed values, values with wrong content.
fn read(store: &Store, tag: &str, wait: bool) -> Result<[u64; 4]> {
    let mut reader = loop {
        match store.reader(tag) {
            Err(ndsharray::Error::NotFound { .. }) if stopped() => return Ok([0; 4]),
            Err(ndsharray::Error::NotFound { .. }) => thread::sleep(Duration::from_millis(2)),
            opened => break opened?,
        }
    };
    let (mut values, mut bytes, mut wrong) = (0, 0, 0);
    let (mut reported, ramp) = (None::<Instant>, ramp());
    while !stopped() {
        let value = if wait { reader.wait(Duration::from_millis(200))? } else { reader.read()? };
        let age = value.as_ref().map(|value| value.age());
        if !wait {
            // Slow on purpose. A value that is held does not change, whatever the writer does meanwhile.
            thread::sleep(Duration::from_millis(100));
        }
        let (Some(value), Some(age)) = (value, age) else { continue };
        (values, bytes) = (values + 1, bytes + value.bytes().len() as u64);
        let last = match check(&value, &ramp) {
            Ok(note) => note.last == 1,
            Err(what) => {
                wrong += 1;
                if wrong == 1 {
                    eprintln!("{value:?}: {what}");
                }
                false
            }
        };
        if last || reported.is_none_or(|at| at.elapsed() >= REPORT_EVERY) {
            reported = Some(Instant::now());
            say(&format!(
                "{:>6}  {:<14} {:<6}  version {:>4}  age {:>6} us  missed {:>4}",
                if wait { "wait" } else { "poll" },
                format!("{:?}", value.shape()),
                value.dtype().to_string(),
                value.version(),
                age.as_micros(),
                reader.missed()
            ));
        }
        if last {
            break;
        }
    }
    Ok([values, bytes, reader.missed(), wrong])
}
