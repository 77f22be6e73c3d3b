//! Writes values at full speed whose shape and dtype keep changing, from writers that keep changing. For tests of readers.
//!
//!     cargo run --release --example layouts TAG SECONDS
//!
//! Every value says which one it is: each element is its version (modulo 2^8 to 2^32, as the dtype allows), and so are
//! its user data, as text. Whoever gets a mixture of two values sees it. Every 50 ms something else happens to the tag: a
//! takeover, a removal (after which versions start at 1 again), or a value that may need a larger data file.
//! The last value stays. How many there were is printed at the end.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use ndsharray::{DType, Meta, Store, Writer};

/// Numpy's names of the dtypes, with the element of a version in bytes.
type Element = fn(u64) -> Vec<u8>;
const DTYPES: [(&str, Element); 7] = [
    ("uint8", |version| vec![version as u8]),
    ("int16", |version| (version as i16).to_ne_bytes().to_vec()),
    ("uint32", |version| (version as u32).to_ne_bytes().to_vec()),
    ("float32", |version| ((version % (1 << 24)) as f32).to_ne_bytes().to_vec()),
    ("float64", |version| (version as f64).to_ne_bytes().to_vec()),
    ("int64", |version| (version as i64).to_ne_bytes().to_vec()),
    ("<M8[ns]", |version| (version as i64).to_ne_bytes().to_vec()),
];
const SHAPES: [&[usize]; 8] =
    [&[], &[7], &[3, 0, 2], &[100, 3], &[1, 1, 1, 1, 1, 1, 1, 1, 5], &[2, 2500], &[33, 77], &[16, 1024]];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [tag, seconds] = &args[..] else {
        eprintln!("usage: layouts TAG SECONDS");
        return ExitCode::from(2);
    };
    let Ok(seconds) = seconds.parse() else {
        eprintln!("layouts: {seconds:?} is no number of seconds");
        return ExitCode::from(2);
    };
    match run(tag, Duration::from_secs(seconds)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("layouts: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(tag: &str, time: Duration) -> Result<(), Box<dyn std::error::Error>> {
    let store = Store::open_default()?;
    let mut writer = store.writer(tag)?;
    let (start, mut last_event) = (Instant::now(), Instant::now());
    let (mut version, mut values, mut layouts, mut events) = (0, 0_u64, 0_u64, 0_u64);
    // A generator of numbers that look random (xorshift); always the same ones.
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random >> 11) % below
    };
    while start.elapsed() < time {
        let (name, element) = DTYPES[next(7) as usize];
        let shape = SHAPES[next(8) as usize];
        layouts += 1;
        // Half of the layouts have one value, the others some: a new layout costs much more than a new value.
        for _ in 0..if next(2) == 0 { 1 } else { next(100) } {
            version += 1;
            write(&mut writer, name, shape, element, version)?;
            values += 1;
        }
        if last_event.elapsed() < Duration::from_millis(50) {
            continue;
        }
        last_event = Instant::now();
        events += 1;
        match events % 3 {
            0 => writer = store.writer_options(tag).takeover(true).open()?,
            1 => {
                version += 1;
                values += 1;
                layouts += 1;
                write(&mut writer, "uint8", &[next(1 << 20) as usize], DTYPES[0].1, version)?;
            }
            _ => {
                drop(writer);
                store.remove(tag)?;
                writer = store.writer(tag)?;
                version = 0;
            }
        }
    }
    if version == 0 {
        version = 1;
        write(&mut writer, "uint8", &[3], DTYPES[0].1, version)?;
        values += 1;
    }
    println!("last {version} values {values} layouts {layouts} events {events}");
    Ok(())
}

fn write(
    writer: &mut Writer,
    dtype: &str,
    shape: &[usize],
    element: Element,
    version: u64,
) -> Result<(), Box<dyn std::error::Error>> {
    let dtype: DType = dtype.parse()?;
    let bytes = element(version).repeat(shape.iter().product());
    // User data of 1 to 2,000 bytes: the version, some times.
    let text = format!("{version} ").repeat(1 + version as usize % 100);
    let meta = Meta::new().user_data(text.as_bytes())?;
    let written = writer.write_bytes_with(&dtype, shape, &bytes, &meta)?;
    if written == version { Ok(()) } else { Err(format!("version {written}, not {version}").into()) }
}
