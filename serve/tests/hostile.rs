//! Random and damaged requests and messages, sent to a server in a process of its own: it answers afterwards, nothing in it
//! panics, and it keeps neither memory nor files.
//!
//! The same few seconds each time; with NDSHARRAY_SOAK, as many seconds as that says (or 300), each time others.

mod server;

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use ndsharray::{Meta, Store};
use ndsharray_serve::ServeOptions;
use serde_json::json;

/// Says that this process is the server, and where its store is.
const SERVER: &str = "NDSHARRAY_TEST_SERVER";

/// Far more than any step takes.
const WATCHDOG: Duration = Duration::from_secs(60);

/// Clients at once.
const CLIENTS: u64 = 4;

/// How much more memory the server may have in the end than after the first requests, in KiB: allocators keep some.
const MOST_GROWTH: u64 = 100 << 10;

/// Numbers that follow from a seed (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }
}

/// A server in another process.
struct Process {
    child: Child,
    address: SocketAddr,
    directory: tempfile::TempDir,
}

impl Process {
    fn start() -> Self {
        let directory = tempfile::tempdir_in("/dev/shm").unwrap();
        let stderr = fs::File::create(directory.path().join("stderr")).unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "server_process", "--nocapture"]).env(SERVER, directory.path());
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr).spawn().unwrap();
        let start = Instant::now();
        let address = loop {
            if let Ok(text) = fs::read_to_string(directory.path().join("address")) {
                if let Ok(address) = text.parse() {
                    break address;
                }
            }
            assert!(start.elapsed() < WATCHDOG, "the server does not start");
            std::thread::sleep(Duration::from_millis(5));
        };
        Process { child, address, directory }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        stream.set_write_timeout(Some(WATCHDOG)).unwrap();
        stream
    }

    #[track_caller]
    fn is_well(&mut self) {
        assert_eq!(self.child.try_wait().unwrap(), None, "{}", self.said());
        let mut stream = self.connect();
        stream.set_read_timeout(Some(WATCHDOG)).unwrap();
        stream.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.0 200") && answer.ends_with("ok\n"), "{answer}");
        assert!(!self.said().contains("panicked"), "{}", self.said());
    }

    fn said(&self) -> String {
        fs::read_to_string(self.directory.path().join("stderr")).unwrap_or_default()
    }

    /// The memory that it has, in KiB.
    fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Waits until it has no more files open than that.
    fn until_files(&self, most: usize) {
        let start = Instant::now();
        while self.files() > most {
            assert!(start.elapsed() < WATCHDOG * 2, "{} files are open, {most} were", self.files());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The server, in its process; nothing in that of the tests.
#[test]
fn server_process() {
    let Some(directory) = std::env::var_os(SERVER) else { return };
    let directory = Path::new(&directory);
    fs::create_dir(directory.join("store")).unwrap();
    let store = Store::open(directory.join("store")).unwrap();
    let bgr = Meta::default().attributes(&json!({ "encoding": "bgr8" })).unwrap();
    let mut cam = store.writer("cam").unwrap();
    cam.write_slice_with(&[1u8; 64 * 64 * 3], &[64, 64, 3], &bgr).unwrap();
    let mut line = store.writer("line").unwrap();
    line.write_slice(&[0.5f32; 3000], &[3000]).unwrap();
    store.writer("none").unwrap().write_slice(&[1u16; 0], &[0, 9, 9]).unwrap();
    let record = "[('x', '<f4'), ('n', '|u1', (2,))]".parse().unwrap();
    store.writer("a b").unwrap().write_bytes(&record, &[10], &[7; 60]).unwrap();
    drop(store.writer("empty").unwrap());
    let options = ServeOptions::new().listen("127.0.0.1:0".parse().unwrap());
    let server = options.bind(store).unwrap();
    fs::write(directory.join("new"), server.address().to_string()).unwrap();
    fs::rename(directory.join("new"), directory.join("address")).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    // Values come all the time. It ends with the process of the test, whose store is then gone.
    std::thread::spawn(move || {
        for number in 0.. {
            std::thread::sleep(Duration::from_millis(20));
            let written = cam.write_slice_with(&[number as u8; 64 * 64 * 3], &[64, 64, 3], &bgr).is_ok();
            let parent = std::os::unix::process::parent_id();
            if !written || line.write_slice(&[number as f32; 3000], &[3000]).is_err() || parent == 1 {
                std::process::exit(0);
            }
        }
    });
    runtime.block_on(server.run(std::future::pending())).unwrap();
}

const PATHS: [&str; 16] = [
    "/",
    "/healthz",
    "/tags",
    "/metrics",
    "/page/main.js",
    "/page/..%2f..%2fetc%2fpasswd",
    "/tag/cam/latest.npy",
    "/tag/cam/latest.png?width=9&map=turbo&min=0&max=1e300",
    "/tag/cam/latest.jpg?index=0,1,2",
    "/tag/line/latest.json",
    "/tag/none/latest.png?width=0",
    "/tag/a%20b/latest.json",
    "/tag/%00/latest.npy",
    "/tag/line/next?wait=0.01&format=json",
    "/tag/cam/stream.mjpg?width=18446744073709551615",
    "/socket",
];

const QUESTIONS: [&str; 6] = [
    r#"{"ask":"tags","id":1}"#,
    r#"{"ask":"view","id":2,"tag":"cam","after":null,"wanted":{"room":[9,9],"region":[1,2,30,40]},"jpeg":"always"}"#,
    r#"{"ask":"view","id":3,"tag":"line","wanted":{"room":[100,1],"part":"phase"},"jpeg":"never","spent":0.5}"#,
    r#"{"ask":"view","id":4,"tag":"a b","wanted":{"index":[1]}}"#,
    r#"{"ask":"view","id":5,"tag":"empty"}"#,
    r#"{"ask":"stop","id":5}"#,
];

/// Changes bytes here and there.
fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..random.below(6) {
        let at = random.below(bytes.len());
        match random.below(7) {
            0 if !bytes.is_empty() => bytes[at] = random.next() as u8,
            1 => {
                bytes.insert(at, random.of(&["\r\n", "%", "\0", "&", "=", "9", "\"", "{", ":"]).as_bytes()[0])
            }
            2 if !bytes.is_empty() => drop(bytes.remove(at)),
            3 => {
                let part = bytes[at..(at + random.below(40)).min(bytes.len())].to_vec();
                bytes.splice(at..at, part);
            }
            4 => bytes.truncate(at),
            5 => {
                let part = random.of(&[
                    "%ff%fe",
                    "%2e%2e%2f",
                    "18446744073709551616",
                    "1e999",
                    "-1",
                    "NaN",
                    "\u{feff}",
                ]);
                bytes.splice(at..at, part.bytes());
            }
            _ => {
                let count = random.below(30);
                let part = random.bytes(count);
                bytes.splice(at..at, part);
            }
        }
    }
}

fn request(random: &mut Random) -> Vec<u8> {
    let method = random.of(&[
        "GET", "GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "PRI", "get", "",
    ]);
    let version = random.of(&["1.1", "1.1", "1.1", "1.0", "2.0", "9.9", ""]);
    let mut text = format!("{method} {} HTTP/{version}\r\nHost: localhost\r\n", random.of(&PATHS));
    for _ in 0..random.below(4) {
        text += &match random.below(9) {
            0 => "Content-Length: 5\r\n".to_owned(),
            1 => format!("Content-Length: {}\r\n", random.next()),
            2 => "Transfer-Encoding: chunked\r\n".to_owned(),
            3 => "Connection: keep-alive, close, upgrade\r\n".to_owned(),
            4 => "Expect: 100-continue\r\n".to_owned(),
            5 => format!("X-{}: {}\r\n", random.next(), "x".repeat(random.below(9000))),
            6 => (0..random.below(150)).map(|number| format!("A{number}: b\r\n")).collect(),
            7 => "Origin: http://localhost\r\nHost: localhost\r\n".to_owned(),
            _ => "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAA\r\n".to_owned(),
        };
    }
    text += "\r\n";
    text += random.of(&["", "", "5\r\nhello\r\n0\r\n\r\n", "ffffffffffffffff\r\n", "hello", "5;x=y\r\nhel"]);
    text.into_bytes()
}

/// Requests of one connection.
fn requests(random: &mut Random) -> Vec<u8> {
    match random.below(12) {
        0 => {
            let count = random.below(2000);
            random.bytes(count)
        }
        1 => format!(
            "GET /{}?{} HTTP/1.1\r\n\r\n",
            "%41".repeat(random.below(40_000)),
            "a=b&".repeat(random.below(9000))
        )
        .into_bytes(),
        2 => b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".iter().copied().chain(random.bytes(200)).collect(),
        _ => {
            let mut bytes = Vec::new();
            for _ in 0..=random.below(5) {
                let mut one = request(random);
                damage(&mut one, random);
                bytes.extend(one);
            }
            bytes
        }
    }
}

/// Frames of a WebSocket, most of them as they should be.
fn frames(random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..random.below(20) {
        let mut text = random.of(&QUESTIONS).as_bytes().to_vec();
        if random.below(3) == 0 {
            damage(&mut text, random);
        }
        if random.below(40) == 0 {
            text.resize(20_000, b' ');
        }
        let first = if random.below(10) == 0 { random.next() as u8 } else { 0x81 };
        let mask = random.bytes(4);
        bytes.push(first);
        match text.len() {
            length @ 0..126 => bytes.push(0x80 | length as u8),
            length => {
                bytes.push(0x80 | 126);
                bytes.extend((length as u16).to_be_bytes());
            }
        }
        bytes.extend(&mask);
        bytes.extend(text.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    }
    if random.below(10) == 0 {
        damage(&mut bytes, random);
    }
    bytes
}

const UPGRADE: &[u8] =
    b"GET /socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// One connection: what is sent to it, in some parts, and some of what comes.
fn attack(process: &Process, random: &mut Random) {
    let mut stream = process.connect();
    let bytes = match random.below(2) {
        0 => requests(random),
        _ => [UPGRADE, &frames(random)].concat(),
    };
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let count = if random.below(3) == 0 { random.below(rest.len()) + 1 } else { rest.len() };
        let (part, after) = rest.split_at(count);
        // It may have closed.
        if stream.write_all(part).is_err() {
            return;
        }
        rest = after;
    }
    if random.below(3) == 0 {
        let _ = stream.shutdown(Shutdown::Write);
    }
    let mut buffer = vec![0; 64 << 10];
    for _ in 0..random.below(4) {
        if !stream.read(&mut buffer).is_ok_and(|count| count > 0) {
            return;
        }
    }
}

/// Sends what follows from the seed, so many connections or for so long.
fn attacks(process: &Process, seed: u64, enough: &(impl Fn(usize) -> bool + Sync)) {
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            scope.spawn(move || {
                let mut random = Random(seed.wrapping_add(client << 32));
                let mut count = 0;
                while !enough(count) {
                    attack(process, &mut random);
                    count += 1;
                }
            });
        }
    });
}

#[test]
fn random_requests_and_messages() {
    let soak = std::env::var("NDSHARRAY_SOAK").ok();
    let seconds = soak.as_deref().map(|text| text.parse().ok().filter(|&seconds| seconds > 1).unwrap_or(300));
    let seed = match soak {
        None => 1,
        Some(_) => SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64,
    };
    println!("seed {seed}");
    let mut process = Process::start();
    process.is_well();
    let files = process.files() + 10;
    attacks(&process, seed, &|count| count >= 100);
    process.is_well();
    process.until_files(files);
    let memory = process.memory();
    let start = Instant::now();
    match seconds {
        None => attacks(&process, seed + 1, &|count| count >= 300),
        Some(seconds) => attacks(&process, seed + 1, &|_| start.elapsed() >= Duration::from_secs(seconds)),
    }
    process.is_well();
    process.until_files(files);
    let grown = process.memory().saturating_sub(memory);
    println!("{memory} KiB, and {grown} more in the end");
    assert!(grown < MOST_GROWTH, "{grown} KiB more than {memory}");
}

#[test]
fn connections_beyond_the_limit_wait_without_descriptors() {
    let mut process = Process::start();
    process.is_well();
    let files = process.files();
    // Those that have a place are dropped after ten seconds without a request; then the others have their turn.
    let silent: Vec<TcpStream> = (0..600).map(|_| process.connect()).collect();
    let start = Instant::now();
    // Some of those that were open before may have been connections, which are closed by now.
    while process.files() < files + 250 {
        assert!(start.elapsed() < WATCHDOG, "{} files are open", process.files());
        std::thread::sleep(Duration::from_millis(5));
    }
    for _ in 0..20 {
        assert!(process.files() <= files + 256 + 10, "{} files are open, {files} were", process.files());
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(silent);
    process.is_well();
    process.until_files(files + 10);
}

/// It takes a minute: with NDSHARRAY_SOAK.
#[test]
fn a_connection_that_asks_nothing_any_more_is_closed() {
    if std::env::var_os("NDSHARRAY_SOAK").is_none() {
        return;
    }
    let process = Process::start();
    let mut stream = process.connect();
    stream.set_read_timeout(Some(WATCHDOG * 3)).unwrap();
    let start = Instant::now();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(String::from_utf8_lossy(&answer).contains("ok"));
    assert!(start.elapsed() > Duration::from_secs(50), "{:?}", start.elapsed());
}

/// It takes a minute: with NDSHARRAY_SOAK.
#[test]
fn a_connection_that_takes_nothing_of_its_answer_is_closed() {
    if std::env::var_os("NDSHARRAY_SOAK").is_none() {
        return;
    }
    let process = Process::start();
    let files = process.files();
    let mut stream = process.connect();
    stream.write_all(b"GET /tag/cam/stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let start = Instant::now();
    while process.files() <= files {
        assert!(start.elapsed() < WATCHDOG, "it is not accepted");
        std::thread::sleep(Duration::from_millis(1));
    }
    // Its buffers are full after some time, and a minute later it is gone.
    let start = Instant::now();
    while process.files() > files {
        assert!(start.elapsed() < WATCHDOG * 8, "it stays");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(start.elapsed() > Duration::from_secs(50), "{:?}", start.elapsed());
}
