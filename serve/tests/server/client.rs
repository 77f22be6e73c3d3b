//! A client of the WebSocket, as the page is one.

use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest;
use tungstenite::http::{HeaderName, HeaderValue};
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Error, HandshakeError, Message, WebSocket};

use super::Served;

/// Far more than any step takes.
const WATCHDOG: Duration = Duration::from_secs(60);

/// What comes after that was not to come.
const QUIET: Duration = Duration::from_millis(150);

pub struct Client {
    pub socket: WebSocket<TcpStream>,
}

/// An answer that is a view.
#[derive(Debug)]
pub struct Shown {
    pub head: Value,
    pub body: Vec<u8>,
}

impl Client {
    pub fn new(served: &Served) -> Self {
        Self::with(served, &[]).unwrap()
    }

    /// With these headers; the status if that is refused.
    pub fn with(served: &Served, headers: &[(&str, &str)]) -> Result<Self, u16> {
        let stream = TcpStream::connect(served.address()).unwrap();
        stream.set_read_timeout(Some(WATCHDOG)).unwrap();
        stream.set_write_timeout(Some(WATCHDOG)).unwrap();
        let mut request = format!("ws://{}/socket", served.address()).into_client_request().unwrap();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            request.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
        }
        // Views are larger than messages usually are.
        let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        match tungstenite::client::client_with_config(request, stream, Some(config)) {
            Ok((socket, _)) => Ok(Client { socket }),
            Err(HandshakeError::Failure(Error::Http(answer))) => Err(answer.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    pub fn say(&mut self, text: &str) {
        self.socket.send(Message::text(text)).unwrap();
    }

    pub fn ask(&mut self, question: &Value) {
        self.say(&question.to_string());
    }

    /// Asks for a view of a tag as it is, and for the next one with a cursor.
    pub fn ask_view(&mut self, id: u32, tag: &str, after: Option<&str>) {
        self.ask(&json!({ "ask": "view", "id": id, "tag": tag, "after": after, "jpeg": "never" }));
    }

    #[track_caller]
    pub fn message(&mut self) -> Message {
        self.socket.read().unwrap()
    }

    /// The next answer, which is a text.
    #[track_caller]
    pub fn text(&mut self) -> Value {
        match self.message() {
            Message::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("expected a text, found {} bytes", other.len()),
        }
    }

    /// The next answer, which is a view.
    #[track_caller]
    pub fn view(&mut self) -> Shown {
        match self.message() {
            Message::Binary(bytes) => Shown::of(&bytes),
            other => panic!("expected a view, found {other}"),
        }
    }

    /// Asks for a view and gets it.
    #[track_caller]
    pub fn look(&mut self, tag: &str, wanted: Value) -> Shown {
        self.ask(&json!({ "ask": "view", "id": 77, "tag": tag, "wanted": wanted, "jpeg": "never" }));
        self.view()
    }

    /// Nothing comes.
    #[track_caller]
    pub fn quiet(&mut self) {
        // What was asked before is done when this is answered, or waits.
        self.ask(&json!({ "ask": "tags", "id": 99 }));
        assert_eq!(self.text()["id"], 99);
        self.socket.get_ref().set_read_timeout(Some(QUIET)).unwrap();
        match self.socket.read() {
            Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            other => panic!("{other:?} came"),
        }
        self.socket.get_ref().set_read_timeout(Some(WATCHDOG)).unwrap();
    }

    /// The connection ends, perhaps after other messages.
    #[track_caller]
    pub fn ends(mut self) {
        loop {
            match self.socket.read() {
                Ok(_) => {}
                Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("it stays"),
                Err(_) => return,
            }
        }
    }
}

impl Shown {
    #[track_caller]
    fn of(bytes: &[u8]) -> Self {
        let (length, rest) = bytes.split_first_chunk::<4>().unwrap();
        let (head, rest) = rest.split_at(u32::from_le_bytes(*length) as usize);
        let (padding, body) = rest.split_at((4 + head.len()).next_multiple_of(8) - 4 - head.len());
        assert!(padding.iter().all(|&byte| byte == 0), "{padding:?}");
        Shown { head: serde_json::from_slice(head).unwrap(), body: body.to_vec() }
    }

    pub fn cursor(&self) -> &str {
        self.head["cursor"].as_str().unwrap()
    }

    pub fn version(&self) -> u64 {
        self.head["value"]["version"].as_u64().unwrap()
    }
}
