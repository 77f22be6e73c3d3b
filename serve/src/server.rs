//! The server: it accepts connections and answers requests until it is told to stop.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};

use crate::access::Access;
use crate::connections::{Listener, Patience, Peer};
use crate::error::{Error, Result};
use crate::routes;
use crate::shown::Shown;

/// How long answers under way may go on when the server stops.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// A server that listens. Made by [`ServeOptions::bind`](crate::ServeOptions::bind).
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    certificate: Option<(PathBuf, PathBuf)>,
    router: Router,
    patience: Patience,
}

impl Server {
    pub(crate) fn bind(
        address: SocketAddr,
        certificate: Option<(PathBuf, PathBuf)>,
        shown: Shown,
        mut access: Access,
        patience: Patience,
    ) -> Result<Self> {
        let failed = |source| Error::Listen { address, source };
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        access.port = address.port();
        let router = routes::router(shown, access, &patience);
        Ok(Server { listener, address, certificate, router, patience })
    }

    /// The address, with the port that was free if port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests until `stop` is ready, then lets answers under way go on for a second. It runs in a runtime of tokio with its
    /// time and network.
    ///
    /// # Errors
    /// [`Error::Certificate`] and [`Error::Stopped`].
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<()> {
        let handle = Handle::<Peer>::new();
        let listener = Listener::new(self.listener).map_err(Error::Stopped)?;
        let mut server = axum_server::Server::from_listener(listener)
            .handle(handle.clone())
            .first_request_timeout(self.patience.first_request);
        server.http_builder().http1().header_read_timeout(self.patience.next_request);
        tokio::spawn(async move {
            stop.await;
            handle.graceful_shutdown(Some(LAST_ANSWERS));
        });
        let service = self.router.into_make_service();
        let outcome: io::Result<()> = match self.certificate {
            None => server.serve(service).await,
            Some((certificate, key)) => {
                let found = RustlsConfig::from_pem_file(&certificate, &key).await;
                let found = found.map_err(|source| Error::Certificate { certificate, key, source })?;
                let mut config = (*found.get_inner()).clone();
                config.alpn_protocols = vec![b"http/1.1".to_vec()];
                let acceptor = RustlsAcceptor::new(RustlsConfig::from_config(Arc::new(config)));
                server.acceptor(acceptor).serve(service).await
            }
        };
        outcome.map_err(Error::Stopped)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read, Write};
    use std::net::TcpStream;

    use ndsharray::Store;

    use super::*;
    use crate::access::Hosts;

    const GET: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

    const UPGRADE: &[u8] = b"GET /socket HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
                             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

    /// Runs `test` beside a server with this patience, and then stops the server.
    fn served(patience: Patience, test: impl FnOnce(SocketAddr)) {
        served_while(patience, |address, stop| {
            test(address);
            stop();
        });
    }

    /// Runs `test` beside a server with this patience, with what tells the server to stop and waits until it has.
    fn served_while(patience: Patience, test: impl FnOnce(SocketAddr, &mut dyn FnMut())) {
        let directory = tempfile::tempdir_in("/dev/shm").unwrap();
        let shown = Shown::new(Store::open(directory.path()).unwrap(), None);
        let access = Access { hosts: Hosts::new(Vec::new()), token: None, secure: false, port: 0 };
        let server = Server::bind("127.0.0.1:0".parse().unwrap(), None, shown, access, patience).unwrap();
        let address = server.address();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (tell, told) = tokio::sync::oneshot::channel::<()>();
        let running = runtime.spawn(server.run(async {
            let _ = told.await;
        }));
        let mut running = Some((tell, running));
        test(address, &mut || {
            let (tell, running) = running.take().unwrap();
            tell.send(()).unwrap();
            let stopped = async { tokio::time::timeout(Duration::from_secs(60), running).await };
            runtime.block_on(stopped).expect("it does not stop").unwrap().unwrap();
        });
    }

    fn connect(address: SocketAddr) -> TcpStream {
        let stream = TcpStream::connect(address).unwrap();
        // A watchdog.
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        stream
    }

    fn ask(stream: &mut TcpStream) {
        stream.write_all(GET).unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\nok\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            answer.extend(byte);
        }
    }

    /// What comes until the server ends the connection.
    fn rest(mut stream: TcpStream) -> Vec<u8> {
        let mut rest = Vec::new();
        match stream.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => panic!("{error}"),
        }
        rest
    }

    fn impatient() -> Patience {
        let soon = Duration::from_millis(300);
        Patience { next_request: soon, silence: soon, ..Patience::default() }
    }

    #[test]
    fn clients_that_ask_no_more_leave_room_for_others() {
        served(impatient(), |address| {
            // They are kept open, and there are no more places. One that begins with a request and does not end it is no better.
            let idle = (0..256).map(|at| {
                let mut stream = connect(address);
                ask(&mut stream);
                if at % 2 == 0 {
                    let _ = stream.write_all(b"GET /tags HTTP/1.1\r\n");
                }
                stream
            });
            let idle: Vec<_> = idle.collect();
            ask(&mut connect(address));
            drop(idle);
        });
    }

    #[test]
    fn it_stops_while_every_place_is_taken_and_more_wait() {
        served_while(Patience::default(), |address, stop| {
            let mut sockets: Vec<_> = (0..256).map(|_| connect(address)).collect();
            for stream in &mut sockets {
                stream.write_all(UPGRADE).unwrap();
                stream.read_exact(&mut [0; 12]).unwrap();
            }
            let mut waiting: Vec<_> = (0..10).map(|_| connect(address)).collect();
            waiting.iter_mut().for_each(|stream| stream.write_all(GET).unwrap());
            std::thread::sleep(Duration::from_millis(100));
            stop();
        });
    }

    #[test]
    fn a_socket_whose_client_says_nothing_is_closed() {
        served(impatient(), |address| {
            let mut stream = connect(address);
            stream.write_all(UPGRADE).unwrap();
            let found = rest(stream);
            assert!(found.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&found));
            assert!(
                found.windows(2).any(|bytes| bytes == [0x89, 0]),
                "it was asked whether it is there: {found:?}"
            );
        });
    }

    #[test]
    fn one_connection_is_one_request_at_a_time() {
        served(Patience::default(), |address| {
            let mut stream = connect(address);
            // HTTP/2: a preface, no settings, and a request for / that ends there.
            stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
            stream.write_all(b"\0\0\x0e\x01\x05\0\0\0\x01\x82\x86\x84\x41\x09localhost").unwrap();
            let found = rest(stream);
            assert!(!found.windows(6).any(|bytes| bytes == b"<title"), "{found:?}");
        });
    }
}
