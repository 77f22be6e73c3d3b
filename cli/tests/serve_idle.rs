//! `serve` costs nothing while nobody looks, however much is written; and when those who looked are gone, neither do they.
#![cfg(feature = "serve")]

mod place;
mod server;

use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ndsharray::Store;
use serde_json::json;
use tungstenite::Message;

use place::{Place, until};
use server::Server;

const TAGS: usize = 20;

/// Writes each tag a hundred times a second, until `end`.
fn write(store: &Store, end: &AtomicBool) {
    let mut writers: Vec<_> =
        (0..TAGS).map(|number| store.writer(&format!("cam-{number}")).unwrap()).collect();
    let mut level = 0u8;
    while !end.load(Ordering::Relaxed) {
        for writer in &mut writers {
            writer.write_slice(&[level; 48 * 64], &[48, 64]).unwrap();
        }
        level = level.wrapping_add(1);
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Lets three seconds pass, in which the server does next to nothing.
#[track_caller]
fn is_idle(server: &Server) {
    let before = server.cpu();
    std::thread::sleep(Duration::from_secs(3));
    let used = server.cpu() - before;
    assert!(used <= Duration::from_millis(20), "it used {used:?} of processor time in 3 s");
}

/// What the page does: it asks for all tags each second, and for the next value of each tag when it has the last.
fn look_as_a_page(server: &Server, time: Duration) {
    let address = format!("ws://{}/socket", server.address());
    let (mut socket, _) = tungstenite::client(address, server.connect()).unwrap();
    let ask = |socket: &mut tungstenite::WebSocket<_>, question: serde_json::Value| {
        socket.send(Message::text(question.to_string())).unwrap();
    };
    let view = |id: usize, after: Option<&str>| {
        let wanted = json!({ "room": [96, 60] });
        json!({ "ask": "view", "id": id, "tag": format!("cam-{}", id - 1), "after": after, "wanted": wanted })
    };
    (1..=TAGS).for_each(|id| ask(&mut socket, view(id, None)));
    let (start, mut views, mut lists) = (Instant::now(), 0, 0);
    while start.elapsed() < time || views < 2 * TAGS || lists == 0 {
        if start.elapsed() > lists * Duration::from_secs(1) {
            lists += 1;
            ask(&mut socket, json!({ "ask": "tags", "id": 0 }));
        }
        match socket.read().unwrap() {
            Message::Binary(answer) => {
                let length = u32::from_le_bytes(answer[..4].try_into().unwrap()) as usize;
                let head: serde_json::Value = serde_json::from_slice(&answer[4..4 + length]).unwrap();
                let id = head["id"].as_u64().unwrap() as usize;
                ask(&mut socket, view(id, head["cursor"].as_str()));
                views += 1;
            }
            Message::Text(text) => assert!(text.contains("\"tags\""), "{text}"),
            _ => {}
        }
    }
    // It goes without a word, as a browser that is killed, with questions open.
}

/// As an `<img>`.
fn look_at_a_stream(server: &Server, tag: usize, time: Duration) {
    let mut socket = server.connect();
    write!(socket, "GET /tag/cam-{tag}/stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let (start, mut buffer, mut received) = (Instant::now(), [0; 4096], 0);
    while start.elapsed() < time || received < 4096 {
        let length = socket.read(&mut buffer).unwrap();
        assert!(length > 0, "it ended after {received} bytes");
        received += length;
    }
}

#[test]
fn it_costs_nothing_while_nobody_looks() {
    let place = Place::new();
    let (store, end) = (place.store(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| write(&store, &end));
        // Also when this thread fails, so that the other ends.
        let _end = End(&end);
        let server = Server::start(place.command(&["serve", "--listen", "127.0.0.1:0"]));
        assert!(server.get("/healthz").ends_with("ok\n"));
        until("all tags", || store.tags().unwrap().len() == TAGS);
        std::thread::sleep(Duration::from_millis(500));
        is_idle(&server);

        let (files, memory) = (server.open_files(), server.memory());
        let mapped = place.directory().to_str().unwrap();
        assert_eq!(server.mappings(mapped), 0);
        let before = server.cpu();
        for _ in 0..3 {
            std::thread::scope(|scope| {
                scope.spawn(|| look_as_a_page(&server, Duration::from_secs(2)));
                scope.spawn(|| look_at_a_stream(&server, 0, Duration::from_secs(2)));
                scope.spawn(|| look_at_a_stream(&server, 1, Duration::from_secs(1)));
            });
        }
        assert!(
            server.cpu() - before > Duration::from_millis(20),
            "the measure sees what those cost who look"
        );
        until("the files to be closed", || server.open_files() <= files);
        until("the mappings to go", || server.mappings(mapped) == 0);
        is_idle(&server);
        let more = server.memory().saturating_sub(memory);
        assert!(more < 16 << 20, "it keeps {more} bytes more than before");
    });
}

/// Sets it when dropped.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
