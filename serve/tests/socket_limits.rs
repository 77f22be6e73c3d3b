//! What a page may not do, and what else may come over its connection.

mod server;

use std::io::Write;

use serde_json::{Value, json};
use tungstenite::Message;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};

use server::Served;
use server::client::Client;

const TOKEN: &str = "a-token-of-26-characters-x";

/// As many as may be open.
const MOST_QUESTIONS: u32 = 256;

/// As long as a question may be.
const LONGEST_QUESTION: usize = 16 << 10;

/// That a connection still works.
#[track_caller]
fn works(client: &mut Client) {
    client.ask(&json!({ "ask": "tags", "id": 5 }));
    assert_eq!(client.text()["id"], 5);
}

#[test]
fn what_is_no_question_is_an_error_and_the_connection_goes_on() {
    let served = Served::new(|options| options);
    let mut writer = served.store.writer("cam").unwrap();
    writer.write_slice(&[1u8; 4], &[2, 2]).unwrap();
    let mut client = Client::new(&served);
    for text in [
        "",
        "null",
        "[]",
        "{",
        "{}",
        r#"{"ask":"tags"}"#,
        r#"{"ask":"tags","id":-1}"#,
        r#"{"ask":"tags","id":4294967296}"#,
        r#"{"ask":"tags","id":1,"more":2}"#,
        r#"{"ask":"remove","id":1,"tag":"cam"}"#,
        r#"{"ask":"view","id":1}"#,
        r#"{"ask":"view","id":1,"tag":7}"#,
        r#"{"ask":"view","id":1,"tag":"cam","wanted":{"region":[-1,0,1,1]}}"#,
        r#"{"ask":"view","id":1,"tag":"cam","wanted":{"room":[1]}}"#,
        r#"{"ask":"view","id":1,"tag":"cam","wanted":{"part":"all"}}"#,
        r#"{"ask":"view","id":1,"tag":"cam","jpeg":"sometimes"}"#,
        "\0\u{feff}<script>",
        &"[".repeat(LONGEST_QUESTION),
    ] {
        client.say(text);
        let answer = client.text();
        assert!(answer["id"].is_null(), "{text}: {answer}");
        assert!(answer["error"].as_str().unwrap().starts_with("that is no question: "), "{text}: {answer}");
    }
    for tag in ["none", ".hidden", "a/b", "../../etc", ""] {
        client.ask_view(8, tag, None);
        let answer = client.text();
        assert!(answer["id"] == 8 && answer["error"].is_string(), "{tag}: {answer}");
    }
    // Numbers beyond all sense, and parts that are not there: as much as there is.
    for wanted in [
        json!({ "region": [u64::MAX, u64::MAX, u64::MAX, u64::MAX] }),
        json!({ "region": [0, 0, u64::MAX, u64::MAX], "room": [u64::MAX, u64::MAX] }),
        json!({ "region": [1, 2, 3], "room": [0, 0] }),
        json!({ "region": vec![1; 5000] }),
        json!({ "index": vec![u64::MAX; 500] }),
        json!({ "index": [0, 1], "room": [u64::MAX, 0] }),
        json!({ "colour": true, "part": "phase" }),
    ] {
        assert!(client.look("cam", wanted.clone()).body.len() <= 4, "{wanted}");
    }
    works(&mut client);
}

#[test]
fn a_view_has_a_largest_size() {
    let served = Served::new(|options| options);
    // More than 64 MiB.
    let side = 2900;
    let mut client = Client::new(&served);
    let mut writer = served.store.writer("large").unwrap();
    writer.write_slice(&vec![1.0f64; side * side], &[side, side]).unwrap();
    client.ask(&json!({ "ask": "view", "id": 1, "tag": "large" }));
    let answer = client.text();
    assert!(answer["error"].as_str().unwrap().contains("too many for one view"), "{answer}");
    assert_eq!(client.look("large", json!({ "room": [1000, 1000] })).head["view"]["step"], 3);
    assert_eq!(client.look("large", json!({ "region": [2850, 2850, 200, 200] })).body.len(), 20_000);
    // A line is reduced to the size instead.
    writer.write_slice(&vec![1.0f64; side * side], &[side * side]).unwrap();
    let found = client.look("large", json!({}));
    assert!(found.head["view"]["kind"] == "envelope" && found.body.len() <= 64 << 20, "{}", found.head);
}

#[test]
fn so_many_questions_may_be_open() {
    let served = Served::new(|options| options);
    let mut writer = served.store.writer("cam").unwrap();
    let mut client = Client::new(&served);
    (0..MOST_QUESTIONS).for_each(|id| client.ask_view(id, "cam", None));
    for id in [MOST_QUESTIONS, 7_000_000] {
        client.ask_view(id, "cam", None);
        let answer = client.text();
        assert!(
            answer["id"] == id && answer["error"].as_str().unwrap().contains("256 questions"),
            "{answer}"
        );
    }
    // One of them may be asked again, and another one in the place of one that is stopped.
    client.ask_view(3, "cam", None);
    client.ask(&json!({ "ask": "stop", "id": 4 }));
    client.ask_view(MOST_QUESTIONS, "cam", None);
    // When this is answered, those before it are open, or not any more.
    client.ask_view(7_000_001, "cam", None);
    assert!(client.text()["error"].is_string());
    writer.write_slice(&[1u8], &[1]).unwrap();
    let mut ids: Vec<u64> = (0..MOST_QUESTIONS).map(|_| client.view().head["id"].as_u64().unwrap()).collect();
    ids.sort_unstable();
    let expected: Vec<u64> = (0..=u64::from(MOST_QUESTIONS)).filter(|&id| id != 4).collect();
    assert_eq!(ids, expected);
    works(&mut client);
}

#[test]
fn a_question_has_a_greatest_length() {
    let served = Served::new(|options| options);
    let question = json!({ "ask": "tags", "id": 1 }).to_string();
    let mut client = Client::new(&served);
    client.say(&format!("{question:LONGEST_QUESTION$}"));
    assert_eq!(client.text()["id"], 1);
    // The server may have closed before all of it is sent.
    let _ = client.socket.send(Message::text(format!("{question:width$}", width = LONGEST_QUESTION + 1)));
    client.ends();
    let mut client = Client::new(&served);
    let part = |opcode| Message::Frame(Frame::message(vec![b' '; 9000], opcode, false));
    client.socket.send(part(OpCode::Data(Data::Text))).unwrap();
    let _ = client.socket.send(part(OpCode::Data(Data::Continue)));
    client.ends();
    works(&mut Client::new(&served));
}

#[test]
fn a_question_may_come_in_parts() {
    let served = Served::new(|options| options);
    let mut client = Client::new(&served);
    let question = json!({ "ask": "tags", "id": 6 }).to_string().into_bytes();
    let parts = question.chunks(5).collect::<Vec<_>>();
    for (number, part) in parts.iter().enumerate() {
        let is_last = number + 1 == parts.len();
        let opcode = OpCode::Data(if number == 0 { Data::Text } else { Data::Continue });
        client.socket.send(Message::Frame(Frame::message(part.to_vec(), opcode, is_last))).unwrap();
        if !is_last {
            client.socket.send(Message::Ping(vec![number as u8].into())).unwrap();
            assert_eq!(client.message(), Message::Pong(vec![number as u8].into()));
        }
    }
    assert_eq!(client.text(), json!({ "id": 6, "tags": [] }));
}

#[test]
fn other_messages_than_questions() {
    let served = Served::new(|options| options);
    let mut client = Client::new(&served);
    client.socket.send(Message::binary(vec![1, 2, 3])).unwrap();
    client.socket.send(Message::Pong(vec![].into())).unwrap();
    works(&mut client);
    client.socket.send(Message::Close(None)).unwrap();
    assert!(matches!(client.message(), Message::Close(_)));
    client.ends();
    // No UTF-8; the rest of a message that has no beginning; reserved bits, an opcode that means nothing, a long ping, the longest
    // message that there is, no mask.
    for bytes in [
        &[0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe][..],
        &[0x80, 0x81, 0, 0, 0, 0, b' '],
        &[0xf1, 0x81, 0, 0, 0, 0, b' '],
        &[0x85, 0x81, 0, 0, 0, 0, b' '],
        &[0x89, 0xfe, 1, 0, 0, 0, 0, 0],
        &[0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0],
        &[0x81, 0x01, b' '],
    ] {
        println!("{bytes:x?}");
        let mut client = Client::new(&served);
        client.socket.get_mut().write_all(bytes).unwrap();
        // As many as the frame says that it has; the server may have closed before.
        let _ = client.socket.get_mut().write_all(&[0; 256]);
        client.ends();
    }
    works(&mut Client::new(&served));
}

#[test]
fn who_may_not_ask_gets_no_connection() {
    let served = Served::new(|options| options.token(TOKEN));
    let status = |headers: &[(&str, &str)]| Client::with(&served, headers).err();
    let bearer = format!("Bearer {TOKEN}");
    let cookie = format!("ndsharray_token_{}={TOKEN}", served.address().port());
    assert_eq!(status(&[]), Some(401));
    assert_eq!(status(&[("authorization", "Bearer another-token-of-26-chars")]), Some(401));
    assert_eq!(status(&[("cookie", "ndsharray_token=")]), Some(401));
    for known in [("authorization", bearer.as_str()), ("cookie", cookie.as_str())] {
        works(&mut Client::with(&served, &[known]).unwrap());
        assert_eq!(status(&[known, ("origin", "http://evil.example")]), Some(403));
        assert_eq!(status(&[known, ("origin", "null")]), Some(403));
        assert_eq!(status(&[known, ("host", "evil.example")]), Some(421));
        let own = format!("http://{}", served.address());
        works(&mut Client::with(&served, &[known, ("origin", &own)]).unwrap());
    }
    // Without being a WebSocket.
    let answer = served.request("GET", "/socket", &[("authorization", &bearer)]);
    assert_eq!(answer.status, 400);
}

#[test]
fn tags_that_are_not_shown_are_as_those_that_do_not_exist() {
    let served = Served::new(|options| options.tags(|tag| tag.starts_with("cam")));
    served.store.writer("secret").unwrap().write_slice(&[1u8], &[1]).unwrap();
    let mut client = Client::new(&served);
    let mut error = |tag: &str| -> Value {
        client.ask_view(1, tag, None);
        client.text()["error"].take()
    };
    assert_eq!(error("secret"), json!("no tag \"secret\""));
    assert_eq!(error("absent"), json!("no tag \"absent\""));
}
