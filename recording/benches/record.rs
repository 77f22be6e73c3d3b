//! Records to a file and says how long it took. `ci/bench_recording.sh` runs it beside `dd` and others:
//!   cargo bench -p ndsharray-recording --bench record -- frames FRAMES FILE COUNT none|lz4|zstd
//!   cargo bench -p ndsharray-recording --bench record -- small FILE COUNT
//!   cargo bench -p ndsharray-recording --bench record -- stream FRAMES FILE SECONDS
//! FRAMES is a file of gray 1080p frames, of which COUNT are recorded, one after the other from the first; `small` records values of 64 bytes;
//! `stream` records 30 frames a second. It prints the seconds, the CPU seconds of the process, the values and the bytes of the file.

use std::path::Path;
use std::time::{Duration, Instant};

use ndsharray::{DType, UnixTime};
use ndsharray_recording::{Compression, RecordingOptions, RecordingWriter, Value};

const SHAPE: [usize; 2] = [1080, 1920];
const FRAME: usize = SHAPE[0] * SHAPE[1];
const PERIOD: Duration = Duration::from_nanos(1_000_000_000 / 30);

fn main() {
    // `cargo bench` adds an option of its own.
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["frames", frames, path, count, compression] => {
            let compression = match compression {
                "none" => Compression::None,
                "lz4" => Compression::Lz4,
                "zstd" => Compression::Zstd,
                other => panic!("{other:?} is no compression"),
            };
            let frames = std::fs::read(frames).unwrap();
            let options = RecordingOptions::new().compression(compression);
            measure(options, path, number(count), |writer, number| append_frame(writer, &frames, number));
        }
        ["small", path, count] => {
            let bytes = [7; 64];
            let shape = [16];
            measure(RecordingOptions::new(), path, number(count), |writer, number| {
                let value =
                    Value { tag: "imu", dtype: &DType::Float32, shape: &shape, ..value(&bytes, number) };
                writer.append(&value).unwrap();
            });
        }
        ["stream", frames, path, seconds] => {
            let frames = std::fs::read(frames).unwrap();
            let begin = Instant::now();
            measure(RecordingOptions::new(), path, 30 * number(seconds), |writer, number| {
                std::thread::sleep(
                    (begin + PERIOD * number as u32).saturating_duration_since(Instant::now()),
                );
                append_frame(writer, &frames, number);
            });
        }
        // As `cargo test --benches` runs it, or with what it does not know.
        _ => eprintln!("ci/bench_recording.sh says what to record"),
    }
}

fn number(text: &str) -> u64 {
    text.parse().unwrap()
}

fn measure(
    options: RecordingOptions,
    path: &str,
    count: u64,
    mut append: impl FnMut(&mut RecordingWriter, u64),
) {
    let cpu = cpu();
    let begin = Instant::now();
    let mut writer = options.create(Path::new(path)).unwrap();
    for number in 0..count {
        append(&mut writer, number);
    }
    // Ends in fdatasync.
    let written = writer.finish().unwrap();
    let (seconds, cpu) = (begin.elapsed().as_secs_f64(), self::cpu() - cpu);
    println!("{seconds} {cpu} {} {}", written.values, written.bytes);
}

fn append_frame(writer: &mut RecordingWriter, frames: &[u8], number: u64) {
    let start = number as usize * FRAME % frames.len();
    writer.append(&value(&frames[start..start + FRAME], number)).unwrap();
}

fn value(bytes: &[u8], number: u64) -> Value<'_> {
    Value {
        tag: "cam",
        dtype: &DType::UInt8,
        shape: &SHAPE,
        bytes,
        user_data: b"",
        attributes: None,
        version: number + 1,
        written_at: UnixTime::from(number * 33_333_333),
        acquired_at: None,
        source_written_at: None,
    }
}

/// The CPU seconds of this process, all threads together.
fn cpu() -> f64 {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9
}
