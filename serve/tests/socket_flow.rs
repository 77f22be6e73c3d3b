//! When the answers to a page come: what is new, what a slow client misses, and what changes while a question is open.

mod server;

use std::time::{Duration, Instant};

use serde_json::json;
use tungstenite::Message;

use server::Served;
use server::client::{Client, Shown};

#[test]
fn a_view_comes_only_once_there_is_another_value() {
    let served = Served::new(|options| options);
    let mut writer = served.store.writer("cam").unwrap();
    let mut client = Client::new(&served);
    client.ask_view(1, "cam", None);
    client.quiet();
    writer.write_slice(&[1u8], &[1]).unwrap();
    let first = client.view();
    assert_eq!(first.version(), 1);
    client.ask_view(1, "cam", Some(first.cursor()));
    client.quiet();
    writer.write_slice(&[2u8], &[1]).unwrap();
    let second = client.view();
    assert_eq!((second.version(), &second.body[..]), (2, &[2u8][..]));
    // What was missed does not come later; and a text that is no cursor is none.
    for value in 3..10u8 {
        writer.write_slice(&[value], &[1]).unwrap();
    }
    for after in [second.cursor(), first.cursor(), "", "of another server"] {
        client.ask_view(1, "cam", Some(after));
        assert_eq!(client.view().version(), 9, "{after}");
    }
    client.quiet();
}

#[test]
fn a_question_with_the_same_id_takes_the_place_of_the_other() {
    let served = Served::new(|options| options);
    let mut cam = served.store.writer("cam").unwrap();
    let mut depth = served.store.writer("depth").unwrap();
    let mut client = Client::new(&served);
    client.ask_view(1, "cam", None);
    client.ask_view(1, "depth", None);
    client.quiet();
    cam.write_slice(&[1u8], &[1]).unwrap();
    client.quiet();
    depth.write_slice(&[2u8], &[1]).unwrap();
    let found = client.view();
    assert_eq!((&found.head["tag"], &found.head["id"]), (&json!("depth"), &json!(1)));
    client.quiet();
}

#[test]
fn a_question_that_is_stopped_is_not_answered() {
    let served = Served::new(|options| options);
    let mut writer = served.store.writer("cam").unwrap();
    let mut client = Client::new(&served);
    client.ask_view(1, "cam", None);
    client.ask_view(2, "cam", None);
    client.ask(&json!({ "ask": "stop", "id": 1 }));
    client.ask(&json!({ "ask": "stop", "id": 7 }));
    client.quiet();
    writer.write_slice(&[1u8], &[1]).unwrap();
    assert_eq!(client.view().head["id"], 2);
    client.quiet();
}

#[test]
fn after_the_messages_under_way_a_client_that_stopped_reading_gets_the_latest() {
    let served = Served::new(|options| options);
    let mut writer = served.store.writer("cam").unwrap();
    // More than a connection holds between its ends.
    let (side, questions, last) = (5000, 6, 20u8);
    let mut write = |number: u8| {
        writer.write_slice(&vec![number; side * side], &[side, side]).unwrap();
    };
    write(1);
    let mut client = Client::new(&served);
    (0..questions).for_each(|id| client.ask_view(id, "cam", None));
    // The first is under way.
    std::thread::sleep(Duration::from_millis(500));
    (2..=last).for_each(&mut write);
    let mut shown: Vec<Shown> = (0..questions).map(|_| client.view()).collect();
    for view in &shown {
        let number = view.version() as u8;
        assert!(view.body == vec![number; side * side], "{}", view.head);
    }
    let versions: Vec<u64> = shown.iter().map(Shown::version).collect();
    // One was under way, and one was made meanwhile.
    let old = versions.iter().filter(|&&version| version < u64::from(last)).count();
    assert!(old <= 2 && versions.is_sorted(), "{versions:?}");
    // With one question, as a page asks: the one under way, and then the latest.
    let under_way = shown.pop().unwrap();
    write(50);
    client.ask_view(0, "cam", Some(under_way.cursor()));
    std::thread::sleep(Duration::from_millis(500));
    (51..60).for_each(&mut write);
    let found = client.view();
    client.ask_view(0, "cam", Some(found.cursor()));
    if found.body[0] != 59 {
        assert_eq!(client.view().body[0], 59);
    }
}

#[test]
fn connections_do_not_wait_for_each_other() {
    let served = Served::new(|options| options);
    let side = 5000;
    served.store.writer("large").unwrap().write_slice(&vec![1u8; side * side], &[side, side]).unwrap();
    let mut writer = served.store.writer("cam").unwrap();
    writer.write_slice(&[1u8], &[1]).unwrap();
    // One that does not read, and one that goes without a word.
    let mut stuck = Client::new(&served);
    (0..20).for_each(|id| stuck.ask_view(id, "large", None));
    let mut gone = Client::new(&served);
    gone.ask_view(1, "cam", None);
    drop(gone);
    let mut clients: Vec<Client> = (0..20).map(|_| Client::new(&served)).collect();
    for value in 2..20u8 {
        writer.write_slice(&[value], &[1]).unwrap();
        clients.iter_mut().for_each(|client| client.ask_view(u32::from(value), "cam", None));
        for client in &mut clients {
            assert_eq!(client.view().body, [value]);
        }
    }
    assert_eq!(stuck.view().body.len(), side * side);
}

#[test]
fn a_value_is_held_no_longer_than_its_view_is_made() {
    let served = Served::new(|options| options);
    let side = 5000;
    let mut writer = served.store.writer("large").unwrap();
    writer.write_slice(&vec![1u8; side * side], &[side, side]).unwrap();
    let mut stuck = Client::new(&served);
    (0..20).for_each(|id| stuck.ask_view(id, "large", None));
    std::thread::sleep(Duration::from_millis(300));
    let start = Instant::now();
    let held = || served.store.stat("large").unwrap().value.unwrap().slots.pinned;
    while held() > 0 {
        assert!(start.elapsed() < Duration::from_secs(60), "{} slots are held", held());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn another_layout_and_another_writer_come_to_an_open_question() {
    let served = Served::new(|options| options);
    let mut writer = served.store.writer("cam").unwrap();
    writer.write_slice(&[1u8; 6], &[2, 3]).unwrap();
    let mut client = Client::new(&served);
    let ask =
        json!({ "ask": "view", "id": 1, "tag": "cam", "wanted": { "region": [1, 0, 2, 2], "colour": true } });
    let ask = |client: &mut Client, last: Option<&Shown>| {
        let mut question = ask.clone();
        question["after"] = json!(last.map(Shown::cursor));
        client.ask(&question);
    };
    ask(&mut client, None);
    let first = client.view();
    assert_eq!((&first.head["view"]["shape"], first.body.len()), (&json!([2, 2]), 4));
    ask(&mut client, Some(&first));
    writer.write_slice(&[0.5f32; 4], &[4, 1]).unwrap();
    let second = client.view();
    let view = &second.head["view"];
    assert_eq!((&view["dtype"], &view["shape"]), (&json!("float32"), &json!([2, 0])));
    ask(&mut client, Some(&second));
    drop(writer);
    let mut writer = served.store.writer("cam").unwrap();
    client.quiet();
    writer.write_slice(&[7u16; 16], &[4, 4]).unwrap();
    let third = client.view();
    assert_eq!((&third.head["view"]["dtype"], third.version()), (&json!("uint16"), 3));
    // What cannot be shown is an error; the question can be asked again.
    ask(&mut client, Some(&third));
    writer.write_slice(&[0u8; 0], &[0, 2, 7]).unwrap();
    let error = client.text();
    assert!(error["id"] == 1 && error["error"].as_str().unwrap().contains("no elements to show"), "{error}");
    ask(&mut client, Some(&third));
    assert!(client.text()["error"].is_string());
    writer.write_slice(&[1u8; 4], &[2, 2]).unwrap();
    ask(&mut client, Some(&third));
    assert_eq!(client.view().version(), 5);
}

#[test]
fn a_tag_may_go_and_come_back() {
    let served = Served::new(|options| options);
    let mut writer = served.store.writer("cam").unwrap();
    writer.write_slice(&[1u8], &[1]).unwrap();
    let mut client = Client::new(&served);
    client.ask_view(1, "cam", None);
    let first = client.view();
    client.ask_view(1, "cam", Some(first.cursor()));
    client.quiet();
    drop(writer);
    served.store.remove("cam").unwrap();
    // An open question waits for the tag to come back; a new one is told that it is not there.
    client.quiet();
    client.ask_view(2, "cam", Some(first.cursor()));
    let error = client.text();
    assert!(error["id"] == 2 && error["error"].as_str().unwrap().contains("cam"), "{error}");
    // Its first value has the same version, and is another one.
    let mut writer = served.store.writer("cam").unwrap();
    writer.write_slice(&[2u8], &[1]).unwrap();
    let found = client.view();
    assert_eq!((found.version(), &found.body[..]), (1, &[2u8][..]));
    assert!(found.cursor() != first.cursor());
    client.socket.send(Message::Close(None)).unwrap();
    client.ends();
}
