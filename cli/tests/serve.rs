//! `serve`: how it starts, what it says, whom it answers, and every way in which it ends.
#![cfg(feature = "serve")]

mod place;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use place::{Ended, Place, WATCHDOG};
use rustix::process::{Pid, Signal, kill_process};

const TOKEN: &str = "a-token-of-26-characters-x";

/// A server that is ready; killed if the test gives up.
struct Server {
    child: Child,
    address: SocketAddr,
    /// What it said first.
    first: String,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
}

fn collect(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        from.read_to_string(&mut text).unwrap();
        text
    })
}

impl Server {
    fn start(place: &Place, args: &[&str]) -> Self {
        Self::spawn(place.command(&[&["serve", "--listen", "127.0.0.1:0"], args].concat()))
    }

    fn spawn(mut command: Command) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut first = String::new();
        stderr.read_line(&mut first).unwrap();
        let address = first.trim_end().trim_end_matches('/').rsplit('/').next().unwrap();
        let address = address.parse().unwrap_or_else(|error| panic!("{error}: {first}"));
        let stdout = child.stdout.take().map(collect);
        Server { address, first, stdout, stderr: Some(collect(stderr)), child }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(WATCHDOG)).unwrap();
        stream
    }

    /// Status and body of an answer.
    fn get(&self, path: &str, header: &str) -> (u16, String) {
        let mut stream = self.connect();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{header}\r\n")
            .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// A WebSocket, after its handshake.
    fn socket(&self) -> BufReader<TcpStream> {
        let mut stream = self.connect();
        let key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
        write!(
            stream,
            "GET /socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{key}\r\n\r\n"
        )
        .unwrap();
        let mut stream = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(stream.read_line(&mut head).unwrap() > 0, "{head}");
        }
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        stream
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    #[track_caller]
    fn finish(mut self) -> Ended {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(start.elapsed() < WATCHDOG, "it does not end");
            std::thread::sleep(Duration::from_millis(2));
        };
        let text = |thread: Option<JoinHandle<String>>| thread.unwrap().join().unwrap();
        let (stdout, stderr) = (text(self.stdout.take()), text(self.stderr.take()));
        Ended { status, stdout: stdout.into_bytes(), stderr: self.first.clone() + &stderr }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A question of the socket, as a browser sends it.
fn ask(stream: &mut BufReader<TcpStream>, question: &str) {
    let length = u8::try_from(question.len()).unwrap();
    assert!(length < 126);
    let frame = [&[0x81, 0x80 | length, 0, 0, 0, 0], question.as_bytes()].concat();
    stream.get_mut().write_all(&frame).unwrap();
}

/// A text of the socket.
fn answer(stream: &mut BufReader<TcpStream>) -> String {
    let mut head = [0; 2];
    stream.read_exact(&mut head).unwrap();
    let length = match head[1] {
        126 => {
            let mut length = [0; 2];
            stream.read_exact(&mut length).unwrap();
            usize::from(u16::from_be_bytes(length))
        }
        length => usize::from(length),
    };
    let mut text = vec![0; length];
    stream.read_exact(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn it_says_where_it_is_and_answers() {
    let place = Place::new();
    place.store().writer("cam").unwrap().write_slice(&[1u8, 2], &[2]).unwrap();
    let server = Server::start(&place, &[]);
    let expected = format!("ndsharray: {} at http://{}/\n", place.directory().display(), server.address);
    assert_eq!(server.first, expected);
    assert_eq!(server.get("/healthz", ""), (200, "ok\n".to_owned()));
    assert!(server.get("/", "").1.contains("<html"));
    let (status, tags) = server.get("/tags", "");
    assert!(status == 200 && tags.contains(r#""tag":"cam""#), "{tags}");
    server.signal(Signal::INT);
    let ended = server.finish().good();
    assert_eq!((ended.stderr, ended.stdout), (expected, Vec::new()));
}

#[test]
fn a_signal_ends_it_whatever_is_open() {
    for signal in [Signal::INT, Signal::TERM] {
        let place = Place::new();
        let store = place.store();
        let mut writer = store.writer("cam").unwrap();
        writer.write_slice(&[7u8; 64], &[8, 8]).unwrap();
        let server = Server::start(&place, &[]);
        // A question that waits; a long poll; a stream that is taken and one that is not; a client that says nothing.
        let mut socket = server.socket();
        ask(&mut socket, r#"{"ask":"tags","id":1}"#);
        assert!(answer(&mut socket).contains(r#""id":1"#));
        ask(&mut socket, r#"{"ask":"view","id":2,"tag":"none"}"#);
        assert!(answer(&mut socket).contains("error"));
        drop(store.writer("empty").unwrap());
        ask(&mut socket, r#"{"ask":"view","id":2,"tag":"empty"}"#);
        let mut poll = server.connect();
        write!(poll, "GET /tag/empty/next HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut stream = server.connect();
        write!(stream, "GET /tag/cam/stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        assert_eq!(stream.read(&mut [0; 10]).unwrap(), 10);
        let mut stuck = server.connect();
        write!(stuck, "GET /tag/cam/stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let silent = server.connect();
        let start = Instant::now();
        server.signal(signal);
        server.finish().good();
        // Answers under way may go on for a second; without an end they would go on for ever, and polls for 30.
        assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
        drop((socket, poll, stream, stuck, silent));
    }
}

#[test]
fn a_port_that_is_taken_is_an_error() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = place.run(&["serve", "--listen", &address]);
    assert_eq!((ended.status.code(), ended.stderr.lines().count()), (Some(1), 1), "{}", ended.stderr);
    assert!(
        ended.stderr.starts_with(&format!("ndsharray: cannot listen at {address}: ")),
        "{}",
        ended.stderr
    );
}

#[test]
fn wrong_arguments_are_refused_in_one_line() {
    let place = Place::new();
    let file = |name: &str, bytes: &[u8]| {
        let path = place.file(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let good = file("good", format!("{TOKEN}\n").as_bytes());
    let short = file("short", b"0123456789abcde\n");
    let empty = file("empty", b"");
    let lines = file("lines", format!("{TOKEN}\n{TOKEN}\n").as_bytes());
    let foreign = file("foreign", "schlüssel-der-lang-genug-ist".as_bytes());
    let binary = file("binary", &[0xff; 40]);
    let missing = place.file("missing").to_str().unwrap().to_owned();
    let directory = place.directory().to_str().unwrap().to_owned();
    let everywhere = ["--listen", "0.0.0.0:0"];
    let cases: &[(&[&str], &str)] = &[
        (&everywhere, "0.0.0.0:0 can be reached from other hosts"),
        (&["--listen", "[::]:0"], "can be reached from other hosts"),
        (&["--listen", "localhost"], "--listen"),
        (&["--listen", "8080"], "--listen"),
        (&["--listen", "127.0.0.1:99999"], "--listen"),
        (&["--listen", ""], "--listen"),
        (&["--token-file", &missing], "cannot read the token in"),
        (&["--token-file", &directory], "cannot read the token in"),
        (&["--token-file", &short], "the token is too short"),
        (&["--token-file", &empty], "the token is too short"),
        (&["--token-file", &lines], "the token has other characters"),
        (&["--token-file", &foreign], "the token has other characters"),
        (&["--token-file", &binary], "the token has other characters"),
        (&["--token", "short"], "the token is too short"),
        (&["--token", "a token of 26 characters x"], "the token has other characters"),
        (&["--token", ""], "the token is too short"),
        (&["--token", TOKEN, "--token-file", &good], "cannot be used with"),
        (&["--insecure", "--token", TOKEN], "cannot be used with"),
        (&["--insecure", "--token-file", &good], "cannot be used with"),
        (&["--tls-cert", &good], "--tls-key"),
        (&["--tls-key", &good], "--tls-cert"),
        (&["--tags", "cam["], "no pattern"),
        (&["--tags"], "--tags"),
        (&["more"], "more"),
    ];
    for (args, expected) in cases {
        let ended = place.run(&[&["serve"], *args].concat());
        let said = &ended.stderr;
        assert_eq!((ended.status.code(), said.lines().count()), (Some(2), 1), "{args:?}: {said}");
        assert!(said.starts_with("ndsharray: ") && said.contains(expected), "{args:?}: {said}");
        assert!(!said.contains(TOKEN) && !said.contains("schl"), "{args:?}: {said}");
        assert!(ended.stdout.is_empty(), "{args:?}");
    }
}

#[test]
fn a_certificate_that_cannot_be_used_is_refused() {
    let place = Place::new();
    let file = place.file("cert.pem");
    std::fs::write(&file, "no certificate").unwrap();
    let (file, missing) = (file.to_str().unwrap(), place.file("missing.pem"));
    for key in [file, missing.to_str().unwrap()] {
        let args = ["serve", "--listen", "127.0.0.1:0", "--tls-cert", file, "--tls-key", key];
        let ended = place.run(&args);
        let last = ended.stderr.lines().last().unwrap();
        assert_eq!(ended.status.code(), Some(2), "{last}");
        assert!(last.starts_with("ndsharray: cannot use the certificate ") && last.contains(key), "{last}");
    }
}

#[test]
fn the_token_is_asked_for_and_never_printed() {
    let place = Place::new();
    let path = place.file("token");
    std::fs::write(&path, format!("{TOKEN}\r\n")).unwrap();
    let path = path.to_str().unwrap();
    for args in [["--token-file", path], ["--token", TOKEN]] {
        let server = Server::start(&place, &args);
        assert_eq!(server.get("/tags", "").0, 401);
        assert_eq!(server.get("/healthz", "").0, 200);
        let bodies = [
            server.get("/tags", &format!("Authorization: Bearer {TOKEN}\r\n")),
            server.get("/tags", &format!("Cookie: ndsharray_token_{}={TOKEN}\r\n", server.address.port())),
            server.get(&format!("/none?token={TOKEN}"), &format!("Authorization: Bearer {TOKEN}\r\n")),
            server
                .get(&format!("/tag/none/next?token={TOKEN}"), &format!("Authorization: Bearer {TOKEN}\r\n")),
            server.get(&format!("/tag/none/next?token={TOKEN}x"), ""),
            server.get("/tags", &format!("Authorization: Bearer {TOKEN}x\r\n")),
        ];
        let statuses: Vec<u16> = bodies.iter().map(|(status, _)| *status).collect();
        assert!(statuses[..2] == [200, 200] && statuses[4..] == [401, 401], "{statuses:?}");
        assert!(bodies.iter().all(|(_, body)| !body.contains(TOKEN)), "{bodies:?}");
        server.signal(Signal::TERM);
        let ended = server.finish().good();
        assert!(!ended.stderr.contains(TOKEN) && !ended.text().contains(TOKEN), "{}", ended.stderr);
    }
}

#[test]
fn only_the_tags_that_are_named_are_shown() {
    let place = Place::new();
    let store = place.store();
    for tag in ["cam1", "secret"] {
        store.writer(tag).unwrap().write_slice(&[7u8; 64], &[8, 8]).unwrap();
    }
    let server = Server::start(&place, &["--tags", "cam*", "pose"]);
    store.writer("pose").unwrap().write_slice(&[1u8], &[1]).unwrap();
    let tags = server.get("/tags", "").1;
    let metrics = server.get("/metrics", "").1;
    for text in [&tags, &metrics] {
        assert!(text.contains("cam1") && text.contains("pose") && !text.contains("secret"), "{text}");
    }
    for rest in
        ["latest.npy", "latest.json", "latest.png", "latest.jpg", "stream.mjpg", "next", "next?wait=0"]
    {
        let (status, body) = server.get(&format!("/tag/secret/{rest}"), "");
        let absent = server.get(&format!("/tag/absent/{rest}"), "");
        assert_eq!((status, body.replace("secret", "absent")), absent, "{rest}");
        assert_eq!(status, 404, "{rest}");
    }
    assert_eq!(server.get("/tag/cam1/latest.png", "").0, 200);
    let mut socket = server.socket();
    let mut ask = |question: &str| {
        ask(&mut socket, question);
        answer(&mut socket)
    };
    assert!(!ask(r#"{"ask":"tags","id":1}"#).contains("secret"));
    let secret = ask(r#"{"ask":"view","id":1,"tag":"secret"}"#);
    assert_eq!(secret.replace("secret", "absent"), ask(r#"{"ask":"view","id":1,"tag":"absent"}"#));
    // A pattern that fits nothing shows nothing, until it does.
    let server = Server::start(&place, &["--tags", "later*"]);
    assert_eq!(server.get("/tags", ""), (200, "[]".to_owned()));
    drop(store.writer("later1").unwrap());
    assert!(server.get("/tags", "").1.contains("later1"));
}
