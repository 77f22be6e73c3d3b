//! The writer and the viewers of ci/bench_serve.sh, which starts each in a process of its own:
//!   load write DIRECTORY TAG gray|rgb SECONDS
//!   load watch ADDRESS QUESTION COUNT SECONDS PID
//!   load pause ADDRESS QUESTION OPEN SECONDS
//! `write` writes 1080p frames at 30 Hz, and says "writing" after the first. `watch` are COUNT viewers, each with a connection of its own,
//! which ask as a page does: for the next when they have the last; PID is the server, whose CPU is told. `pause` is a viewer with OPEN
//! questions that reads nothing for a while. Each prints its figures as JSON.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures_util::{SinkExt, StreamExt};
use ndsharray::{DType, Meta, Store};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::Barrier;
use tokio::time::{timeout, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const HEIGHT: usize = 1080;
const WIDTH: usize = 1920;

/// Frames a second.
const RATE: f64 = 30.0;

/// So many frames differ.
const DIFFERENT: usize = 8;

/// So long is looked at what comes after a pause.
const AFTER_PAUSE: Duration = Duration::from_secs(2);

/// A viewer that waits so long for an answer waits for ever.
const WATCHDOG: Duration = Duration::from_secs(60);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let figures = match arguments[..] {
        ["write", directory, tag, layout, seconds] => write(Path::new(directory), tag, layout, seconds),
        ["watch", address, question, count, seconds, pid] => {
            in_runtime(watch(address, question, count.parse().unwrap(), duration(seconds), pid))
        }
        ["pause", address, question, open, seconds] => {
            in_runtime(pause(address, question, open.parse().unwrap(), duration(seconds)))
        }
        // As `cargo bench` and `cargo test --benches` run it.
        _ => return eprintln!("ci/bench_serve.sh says what to do"),
    };
    println!("{figures}");
}

fn in_runtime<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(work)
}

fn duration(seconds: &str) -> Duration {
    Duration::from_secs_f64(seconds.parse().unwrap())
}

/// Writes for so long. A frame that cannot be written before the next is due is lost, as a camera would lose it.
fn write(directory: &Path, tag: &str, layout: &str, seconds: &str) -> Value {
    let (shape, encoding): (&[usize], _) = match layout {
        "gray" => (&[HEIGHT, WIDTH], "mono8"),
        "rgb" => (&[HEIGHT, WIDTH, 3], "rgb8"),
        other => panic!("{other:?} is no layout"),
    };
    let frames: Vec<Vec<u8>> = (0..DIFFERENT).map(|number| frame(shape, number)).collect();
    let meta = Meta::new().attributes(&json!({ "encoding": encoding })).unwrap();
    let store = Store::open(directory).unwrap();
    let mut writer = store.writer(tag).unwrap();
    let ticks = (duration(seconds).as_secs_f64() * RATE) as u32;
    let (begin, mut tick, mut values) = (Instant::now(), 0, 0);
    while tick < ticks {
        let due = Duration::from_secs_f64(f64::from(tick) / RATE);
        std::thread::sleep((begin + due).saturating_duration_since(Instant::now()));
        writer.write_bytes_with(&DType::UInt8, shape, &frames[values % DIFFERENT], &meta).unwrap();
        values += 1;
        if values == 1 {
            println!("writing");
        }
        tick = (tick + 1).max((begin.elapsed().as_secs_f64() * RATE) as u32);
    }
    json!({ "values": values, "wanted": ticks })
}

/// Slopes, and squares as sharp and as many as things in a room are, with the noise of a sensor.
fn frame(shape: &[usize], number: usize) -> Vec<u8> {
    let length: usize = shape.iter().product();
    let (row, channels) = (length / HEIGHT, length / HEIGHT / WIDTH);
    let mut noise = 1 + number as u32;
    let element = |at: usize| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (x, y) = (at % row / channels + 7 * number, at / row);
        let square = ((x / 24 * 40_503) ^ (y / 24 * 25_717)) >> 3 & 63;
        (30 + (x + y) % 2048 / 16 + square) as u8 + (noise >> 30) as u8
    };
    (0..length).map(element).collect()
}

/// A viewer.
struct Viewer {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    question: Value,
}

/// What is said of a value that has come.
struct Came {
    id: u64,
    cursor: Value,
    /// Seconds since it was written.
    age: f64,
    nbytes: usize,
}

impl Viewer {
    async fn new(address: &str, question: &str) -> Self {
        let (socket, _) = connect_async(format!("ws://{address}/socket")).await.unwrap();
        Viewer { socket, question: serde_json::from_str(question).unwrap() }
    }

    async fn ask(&mut self, id: u64, after: Value) {
        self.question["id"] = id.into();
        self.question["after"] = after;
        self.socket.send(Message::text(self.question.to_string())).await.unwrap();
    }

    async fn next(&mut self) -> Came {
        let message = timeout(WATCHDOG, self.socket.next()).await.expect("no answer");
        let bytes = match message {
            Some(Ok(Message::Binary(bytes))) => bytes,
            other => panic!("this is no value: {other:?}"),
        };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
        let length = u32::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
        let mut head: Value = serde_json::from_slice(&bytes[4..4 + length]).unwrap();
        let age = now - head["value"]["written_at"].as_f64().unwrap();
        Came { id: head["id"].as_u64().unwrap(), cursor: head["cursor"].take(), age, nbytes: bytes.len() }
    }
}

/// So many viewers at once, for so long.
async fn watch(address: &str, question: &str, count: usize, length: Duration, pid: &str) -> Value {
    let barrier = Arc::new(Barrier::new(count + 1));
    let viewers: Vec<_> = (0..count)
        .map(|_| {
            let (barrier, address, question) = (barrier.clone(), address.to_owned(), question.to_owned());
            tokio::spawn(async move {
                let mut viewer = Viewer::new(&address, &question).await;
                viewer.ask(1, Value::Null).await;
                let mut came = viewer.next().await;
                barrier.wait().await;
                let end = tokio::time::Instant::now() + length;
                let (mut ages, mut nbytes) = (Vec::new(), 0);
                loop {
                    viewer.ask(1, came.cursor).await;
                    let Ok(next) = timeout_at(end, viewer.next()).await else { return (ages, nbytes) };
                    came = next;
                    ages.push(came.age);
                    nbytes += came.nbytes;
                }
            })
        })
        .collect();
    timeout(WATCHDOG, barrier.wait()).await.expect("not every viewer has a value");
    let (begin, server, own) = (Instant::now(), cpu(pid), cpu("self"));
    tokio::time::sleep(length).await;
    let seconds = begin.elapsed().as_secs_f64();
    let (server, own) = ((cpu(pid) - server) / seconds, (cpu("self") - own) / seconds);
    let (mut ages, mut frames, mut nbytes) = (Vec::new(), Vec::new(), 0);
    for viewer in viewers {
        let (of_one, bytes_of_one) = viewer.await.unwrap();
        frames.push(of_one.len() as f64 / length.as_secs_f64());
        ages.extend(of_one);
        nbytes += bytes_of_one;
    }
    json!({ "frames": frames, "ages": ages, "server": server, "viewers": own, "bytes": nbytes as f64 / seconds })
}

/// A viewer that reads nothing for so long: the ages of what comes then, in order.
async fn pause(address: &str, question: &str, open: u64, length: Duration) -> Value {
    let mut viewer = Viewer::new(address, question).await;
    for id in 0..open {
        viewer.ask(id, Value::Null).await;
    }
    for _ in 0..3 * open {
        let came = viewer.next().await;
        viewer.ask(came.id, came.cursor).await;
    }
    tokio::time::sleep(length).await;
    let end = tokio::time::Instant::now() + AFTER_PAUSE;
    let mut ages = Vec::new();
    while let Ok(came) = timeout_at(end, viewer.next()).await {
        ages.push(came.age);
        viewer.ask(came.id, came.cursor).await;
    }
    json!({ "ages": ages })
}

/// The CPU seconds that a process has used.
fn cpu(pid: &str) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // Its name, in brackets, may have spaces in it.
    let (_, rest) = text.rsplit_once(')').unwrap();
    let ticks: u64 =
        rest.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    // As Linux shows them on every machine.
    ticks as f64 / 100.0
}
