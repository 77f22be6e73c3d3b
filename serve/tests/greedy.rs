//! Clients that mean no good, or do not read.

mod server;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use server::Served;

/// A WebSocket of which nothing is read.
fn socket(served: &Served) -> TcpStream {
    let mut stream = TcpStream::connect(served.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
    let upgrade = b"GET /socket HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
                    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(upgrade).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        answer.extend(byte);
    }
    assert!(answer.starts_with(b"HTTP/1.1 101 "));
    stream
}

/// A question as a frame, masked with zeros.
fn ask(stream: &mut TcpStream, question: &str) {
    let length = u8::try_from(question.len()).unwrap();
    let head = match length {
        0..126 => vec![0x81, 0x80 | length],
        _ => vec![0x81, 0x80 | 126, 0, length],
    };
    stream.write_all(&[&head[..], &[0; 4], question.as_bytes()].concat()).unwrap();
}

/// The memory of this process that is in use, in bytes, without files.
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

#[test]
fn a_client_that_does_not_read_takes_no_more_memory_the_more_it_asks() {
    let served = Served::new(|options| options);
    let mut writer = served.store.writer("cam").unwrap();
    let side = 2048;
    writer.write_slice(&vec![1u8; side * side], &[side, side]).unwrap();
    let before = memory();
    let mut clients: Vec<_> = (0..2).map(|_| socket(&served)).collect();
    for client in &mut clients {
        for id in 0..200 {
            // 4 MB each, and each another view.
            let wanted = format!(r#"{{"region":[0,0,{side},{}]}}"#, side - id);
            ask(
                client,
                &format!(r#"{{"ask":"view","id":{id},"tag":"cam","wanted":{wanted},"jpeg":"never"}}"#),
            );
        }
    }
    std::thread::sleep(Duration::from_secs(2));
    // Others are answered meanwhile.
    assert_eq!(served.get("/tag/cam/latest.json").status, 413);
    assert_eq!(served.get("/tags").json()[0]["slots"]["held"], 0);
    let taken = memory().saturating_sub(before);
    assert!(taken < 200 << 20, "{} MB", taken >> 20);
}

#[test]
fn questions_that_replace_each_other_do_not_pile_up() {
    let served = Served::new(|options| options);
    let mut writer = served.store.writer("cam").unwrap();
    let side = 2048;
    writer.write_slice(&vec![1u8; side * side], &[side, side]).unwrap();
    let mut client = socket(&served);
    for at in 0..2000 {
        // Each another view, made of all 4 MB.
        let wanted = format!(r#"{{"region":[0,0,{side},{}],"room":[100,100]}}"#, side - at);
        ask(&mut client, &format!(r#"{{"ask":"view","id":1,"tag":"cam","wanted":{wanted},"jpeg":"never"}}"#));
    }
    // Who asks now does not wait until all of them are made, which would take minutes.
    let start = std::time::Instant::now();
    for _ in 0..3 {
        assert_eq!(served.get("/tag/cam/latest.npy").status, 200);
    }
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}
