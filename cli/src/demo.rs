//! `demo`: a writer and two readers, each a process of its own, share arrays for some seconds and check every byte.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ndsharray::{Error, Meta, Snapshot, Store};

use crate::failure::{Failure, Result};
use crate::stop::Stop;
use crate::{table, units};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// How long it runs, 1 to 60 seconds
    #[arg(long, default_value_t = 5, value_parser = seconds, allow_negative_numbers = true)]
    seconds: u64,
    /// The part that this process plays; `demo` starts itself with it
    #[arg(long, hide = true, requires = "tag")]
    role: Option<Role>,
    #[arg(long, hide = true)]
    tag: Option<String>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Role {
    Writer,
    Wait,
    Poll,
}

fn seconds(text: &str) -> Result<u64, String> {
    let found = text.parse().ok().filter(|seconds| (1..=60).contains(seconds));
    found.ok_or_else(|| "expected 1 to 60 seconds".to_owned())
}

/// The shape of the values in the first half of the time, and in the second.
const MATRIX: [usize; 2] = [8, 8];
const FRAME: [usize; 3] = [360, 640, 3];
/// Values per second.
const RATE: u64 = 50;

pub fn run(store: &Store, args: &Args) -> Result<()> {
    match (args.role, &args.tag) {
        (Some(role), Some(tag)) => take_part(store, role, tag, args.seconds),
        _ => share(store, args.seconds),
    }
}

fn share(store: &Store, seconds: u64) -> Result<()> {
    let stop = Stop::listen()?;
    let nanos =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_nanos();
    let tag = format!("demo-{}-{:06x}", std::process::id(), nanos & 0xff_ffff);
    let directory = store.directory().display();
    table::print(&format!("store {directory}, tag {tag}; look at it with `ndsharray ls` meanwhile\n"))?;
    let start = |role| Participant::start(store, role, &tag, seconds);
    let mut writer = start("writer")?;
    let mut readers = [start("wait")?, start("poll")?];
    let deadline = Instant::now() + Duration::from_secs(seconds + 30);
    let failed = |what: &str| Failure::failed(format!("demo: {what}"));
    while !readers.iter_mut().all(Participant::ended) {
        stop.check()?;
        if writer.ended() || Instant::now() > deadline {
            return Err(failed("the readers did not get the last value"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    // The last value stays in place until the readers have it; the tag goes with its writer.
    writer.dismiss();
    while !writer.ended() {
        stop.check()?;
        if Instant::now() > deadline {
            return Err(failed("the writer did not end"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let [wait, poll] = &mut readers;
    let good = [&mut writer, wait, poll].into_iter().all(Participant::succeeded);
    if !good || !matches!(store.stat(&tag), Err(Error::NotFound { .. })) {
        return Err(failed("a process failed, or the tag is still there"));
    }
    table::print(&format!("every value was whole and right; no file of {tag} is left in {directory}\n"))
}

/// A process of the demonstration. Dropping it asks it to end, and kills it if it does not.
struct Participant(Child);

impl Participant {
    fn start(store: &Store, role: &str, tag: &str, seconds: u64) -> Result<Self> {
        let failed =
            |error| Failure::failed(format!("cannot start another process of this program: {error}"));
        let mut command = Command::new(std::env::current_exe().map_err(failed)?);
        command.arg("--dir").arg(store.directory()).arg("demo").args(["--role", role, "--tag", tag]);
        command.args(["--seconds", &seconds.to_string()]).stdin(Stdio::piped());
        command.spawn().map(Participant).map_err(failed)
    }

    /// Closes its stdin, which tells it to end.
    fn dismiss(&mut self) {
        self.0.stdin.take();
    }

    fn ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }

    fn succeeded(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(Some(status)) if status.success())
    }
}

impl Drop for Participant {
    fn drop(&mut self) {
        self.dismiss();
        let patience = Instant::now() + Duration::from_secs(1);
        while !self.ended() && Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn take_part(store: &Store, role: Role, tag: &str, seconds: u64) -> Result<()> {
    let stop = Stop::listen()?;
    let dismissed = Arc::new(AtomicBool::new(false));
    let seen = dismissed.clone();
    // The parent writes nothing. The read ends when the parent closes the pipe, or dies.
    std::thread::spawn(move || {
        let mut stdin = BufReader::new(std::io::stdin());
        let _ = stdin.fill_buf();
        let _ = stdin.read(&mut [0]);
        seen.store(true, Ordering::Relaxed);
    });
    let over = || stop.asked() || dismissed.load(Ordering::Relaxed);
    match role {
        Role::Writer => write(store, tag, seconds, over),
        Role::Wait => read(store, tag, true, over),
        Role::Poll => read(store, tag, false, over),
    }
}

/// The user data of a value: its number, and whether it is the last.
fn note(number: u64, last: bool) -> [u8; 9] {
    let mut note = [0; 9];
    note[..8].copy_from_slice(&number.to_le_bytes());
    note[8] = u8::from(last);
    note
}

fn write(store: &Store, tag: &str, seconds: u64, over: impl Fn() -> bool) -> Result<()> {
    let mut writer = store.writer_options(tag).ephemeral(true).open()?;
    let frames = seconds * RATE;
    for number in 0..frames {
        if over() {
            return Ok(());
        }
        let note = note(number, number + 1 == frames);
        if number < frames / 2 {
            let mut matrix = writer.loan::<f64>(&MATRIX)?;
            matrix.as_mut_slice().fill(number as f64);
            matrix.set_meta(Meta::new().user_data(note)?);
            matrix.publish()?;
        } else {
            let mut frame = writer.loan::<u8>(&FRAME)?;
            let rows = frame.as_mut_slice().chunks_exact_mut(FRAME[1] * FRAME[2]);
            rows.enumerate().for_each(|(y, row)| row.fill((number as usize + y) as u8));
            frame.set_meta(Meta::new().user_data(note)?);
            frame.publish()?;
        }
        std::thread::sleep(Duration::from_millis(1000 / RATE));
    }
    while !over() {
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn read(store: &Store, tag: &str, wait: bool, over: impl Fn() -> bool) -> Result<()> {
    let mut reader = loop {
        match store.reader(tag) {
            Err(Error::NotFound { .. }) if over() => return Ok(()),
            Err(Error::NotFound { .. }) => std::thread::sleep(Duration::from_millis(2)),
            opened => break opened?,
        }
    };
    let (mut values, mut said) = (0_u64, None::<Instant>);
    while !over() {
        let value = if wait { reader.wait(Duration::from_millis(100))? } else { reader.read()? };
        let age = value.as_ref().map(Snapshot::age);
        if !wait {
            // Slow on purpose: it misses values, and the one that it holds does not change.
            std::thread::sleep(Duration::from_millis(100));
        }
        let (Some(value), Some(age)) = (value, age) else { continue };
        values += 1;
        if !is_right(&value)? {
            return Err(Failure::failed(format!("version {} has wrong bytes", value.version())));
        }
        let last = value.user_data().get(8) == Some(&1);
        if last || said.is_none_or(|at| at.elapsed() > Duration::from_millis(900)) {
            said = Some(Instant::now());
            let name = if wait { "waits" } else { "polls" };
            let shape = units::shape(value.shape());
            let (version, missed) = (value.version(), reader.missed());
            table::print(&format!(
                "{name}  {:<8}{shape:<12}version {version:<6}age {:<8}read {values:<6}missed {missed}\n",
                value.dtype().to_string(),
                units::age(age),
            ))?;
        }
        if last {
            return Ok(());
        }
    }
    // It was told to end before the last value came.
    Err(Failure::Interrupted)
}

/// Whether every byte is right for the number in the user data.
fn is_right(value: &Snapshot) -> Result<bool> {
    let number =
        value.user_data().get(..8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes);
    if value.shape() == MATRIX {
        return Ok(value.as_slice::<f64>()?.iter().all(|&x| x == number as f64));
    }
    let mut rows = value.as_slice::<u8>()?.chunks_exact(FRAME[1] * FRAME[2]).enumerate();
    Ok(value.shape() == FRAME && rows.all(|(y, row)| row.iter().all(|&x| x == (number as usize + y) as u8)))
}
