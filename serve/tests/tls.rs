//! Connections that are encrypted.

mod server;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ndsharray::Store;
use ndsharray_serve::{Error, ServeOptions};
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;
use tungstenite::Message;

use server::Served;

const TOKEN: &str = "a-token-of-26-characters-x";

/// Far more than any step takes.
const WATCHDOG: Duration = Duration::from_secs(60);

/// A server with a certificate for localhost, and the certificate.
struct Secure {
    served: Served,
    certificate: CertificateDer<'static>,
    _files: tempfile::TempDir,
}

impl Secure {
    fn new(set: impl FnOnce(ServeOptions) -> ServeOptions) -> Self {
        let files = tempfile::tempdir_in("/dev/shm").unwrap();
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (certificate, key) = (files.path().join("cert.pem"), files.path().join("key.pem"));
        std::fs::write(&certificate, cert.pem()).unwrap();
        std::fs::write(&key, signing_key.serialize_pem()).unwrap();
        let served = Served::new(|options| set(options).tls(certificate, key));
        Secure { served, certificate: cert.der().clone(), _files: files }
    }

    fn connect(&self) -> StreamOwned<ClientConnection, TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        connect(self.served.address(), roots)
    }

    /// The answer to a request, with its head.
    fn get(&self, path: &str) -> String {
        let mut stream = self.connect();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8(answer).unwrap()
    }
}

fn connect(address: SocketAddr, roots: RootCertStore) -> StreamOwned<ClientConnection, TcpStream> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), plain(address))
}

fn plain(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(WATCHDOG)).unwrap();
    stream
}

#[test]
fn requests_are_answered_and_the_cookie_is_for_encrypted_connections() {
    let secure = Secure::new(|options| options.token(TOKEN));
    let health = secure.get("/healthz");
    assert!(health.starts_with("HTTP/1.1 200 ") && health.ends_with("\r\n\r\nok\n"), "{health}");
    assert!(secure.get("/tags").starts_with("HTTP/1.1 401 "));
    let answer = secure.get(&format!("/?token={TOKEN}"));
    assert!(answer.starts_with("HTTP/1.1 303 "), "{answer}");
    let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    assert!(cookie.starts_with("ndsharray_token_"), "{cookie}");
    assert!(cookie.ends_with(&format!("={TOKEN}; Path=/; HttpOnly; SameSite=Strict; Secure")), "{cookie}");
}

#[test]
fn a_page_asks_over_an_encrypted_connection() {
    let secure = Secure::new(|options| options);
    secure.served.store.writer("cam").unwrap().write_slice(&[7u8; 64], &[8, 8]).unwrap();
    let (mut socket, _) = tungstenite::client("wss://localhost/socket", secure.connect()).unwrap();
    socket.send(Message::text(r#"{"ask":"view","id":1,"tag":"cam"}"#)).unwrap();
    let Message::Binary(bytes) = socket.read().unwrap() else { panic!("no view") };
    assert!(bytes.ends_with(&[7; 64]));
    socket.send(Message::text(r#"{"ask":"tags","id":2}"#)).unwrap();
    let Message::Text(text) = socket.read().unwrap() else { panic!("no text") };
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["tags"][0]["tag"], "cam");
}

#[test]
fn a_client_that_does_not_trust_the_certificate_gets_nothing() {
    let secure = Secure::new(|options| options);
    let mut stream = connect(secure.served.address(), RootCertStore::empty());
    assert!(stream.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").and_then(|()| stream.flush()).is_err());
    assert!(secure.get("/healthz").contains("200"));
}

#[test]
fn what_is_not_encrypted_is_not_answered() {
    let secure = Secure::new(|options| options);
    for bytes in
        [&b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"[..], b"\0\0\0\0", &[0x16, 3, 1, 0xff, 0xff, 0]]
    {
        let mut stream = plain(secure.served.address());
        stream.write_all(bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        // It may be reset.
        let _ = stream.read_to_end(&mut answer);
        assert!(!String::from_utf8_lossy(&answer).contains("HTTP"), "{answer:?}");
    }
    assert!(secure.get("/healthz").contains("200"));
}

/// Waits until the other side ends the connection.
fn ends(mut stream: TcpStream) -> Duration {
    let start = Instant::now();
    match stream.read_to_end(&mut Vec::new()) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("it stays"),
        _ => start.elapsed(),
    }
}

#[test]
fn silent_clients_are_dropped_and_hold_up_nobody() {
    let secure = Secure::new(|options| options);
    let open = Served::new(|options| options);
    // As many as there are places but one, some of them in the middle of something.
    let silent: Vec<TcpStream> = (0..255).map(|_| plain(secure.served.address())).collect();
    let mut begun = plain(open.address());
    begun.write_all(b"GET /tags HTTP/1.1\r\nHost: local").unwrap();
    for _ in 0..5 {
        assert!(secure.get("/healthz").contains("200"));
        assert_eq!(open.get("/healthz").status, 200);
    }
    // The handshake, and the first request, may take ten seconds; this is measured from a little later.
    let last = silent.into_iter().map(ends).max().unwrap();
    assert!(last < Duration::from_secs(50) && ends(begun) < Duration::from_secs(50));
    // The places are free again.
    assert!(secure.get("/healthz").contains("200"));
}

#[test]
fn the_limit_on_connections_holds_during_the_handshake() {
    let secure = Secure::new(|options| options);
    // All places are taken by clients that say nothing: one more waits until they are dropped, and is then answered.
    let silent: Vec<TcpStream> = (0..256).map(|_| plain(secure.served.address())).collect();
    // They are accepted in turn; the last one may still be on its way.
    let start = Instant::now();
    assert!(secure.get("/healthz").contains("200"));
    let waited = start.elapsed();
    assert!(waited > Duration::from_secs(2) && waited < Duration::from_secs(50), "{waited:?}");
    drop(silent);
}

/// The error of a server with these two files.
async fn failure(certificate: &Path, key: &Path) -> Error {
    let store = tempfile::tempdir_in("/dev/shm").unwrap();
    let options = ServeOptions::new().listen("127.0.0.1:0".parse().unwrap()).tls(certificate, key);
    match options.bind(Store::open(store.path()).unwrap()) {
        Ok(server) => server.run(std::future::pending()).await.unwrap_err(),
        Err(error) => error,
    }
}

#[test]
fn a_certificate_or_key_that_cannot_be_used_is_an_error_with_its_path() {
    let files = tempfile::tempdir_in("/dev/shm").unwrap();
    let file = |name: &str, text: &str| {
        let path = files.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = file("cert.pem", &cert.pem());
    let key = file("key.pem", &signing_key.serialize_pem());
    let other = file("other.pem", &KeyPair::generate().unwrap().serialize_pem());
    let (empty, missing) = (file("empty.pem", ""), files.path().join("missing.pem"));
    let damaged = file("damaged.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    for (certificate, key) in [
        (&missing, &key),
        (&certificate, &missing),
        (&empty, &key),
        (&certificate, &empty),
        (&key, &key),
        (&certificate, &certificate),
        (&certificate, &other),
        (&certificate, &damaged),
        (&certificate, &files.path().to_owned()),
    ] {
        let error = runtime.block_on(failure(certificate, key));
        assert!(matches!(error, Error::Certificate { .. }), "{error:?}");
        let text = error.to_string();
        let has = |path: &Path| text.contains(path.to_str().unwrap());
        assert!(has(certificate) && has(key) && !text.contains("BEGIN"), "{text}");
    }
}
