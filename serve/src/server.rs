//! The server: it accepts connections and answers requests until it is told to stop.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};

use crate::access::Access;
use crate::connections::Limited;
use crate::error::{Error, Result};
use crate::routes;
use crate::shown::Shown;

/// So many connections may be open; more wait.
const MOST_CONNECTIONS: usize = 256;

/// How long a client may take for its first request.
const FIRST_REQUEST: Duration = Duration::from_secs(10);

/// How long a connection may stay open without a request.
const NEXT_REQUEST: Duration = Duration::from_secs(60);

/// How long answers under way may go on when the server stops.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// A server that listens. Made by [`ServeOptions::bind`](crate::ServeOptions::bind).
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    certificate: Option<(PathBuf, PathBuf)>,
    router: Router,
}

impl Server {
    pub(crate) fn bind(
        address: SocketAddr,
        certificate: Option<(PathBuf, PathBuf)>,
        shown: Shown,
        mut access: Access,
    ) -> Result<Self> {
        let failed = |source| Error::Listen { address, source };
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        access.port = address.port();
        Ok(Server { listener, address, certificate, router: routes::router(shown, access) })
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
        let handle = Handle::new();
        let mut server = axum_server::from_tcp(self.listener).map_err(Error::Stopped)?;
        server.http_builder().http1().header_read_timeout(NEXT_REQUEST);
        let server = server.handle(handle.clone()).first_request_timeout(FIRST_REQUEST);
        let limited = Limited::new(MOST_CONNECTIONS);
        tokio::spawn(async move {
            stop.await;
            handle.graceful_shutdown(Some(LAST_ANSWERS));
        });
        let service = limited.gate(self.router);
        let outcome: io::Result<()> = match self.certificate {
            None => server.acceptor(limited).serve(service).await,
            Some((certificate, key)) => {
                let found = RustlsConfig::from_pem_file(&certificate, &key).await;
                let config = found.map_err(|source| Error::Certificate { certificate, key, source })?;
                let acceptor = RustlsAcceptor::new(config).acceptor(limited);
                server.acceptor(acceptor).serve(service).await
            }
        };
        outcome.map_err(Error::Stopped)
    }
}
