//! What a server is to be like.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use ndsharray::Store;

use crate::access::{Access, Hosts, Token};
use crate::connections::Patience;
use crate::error::{Error, Result};
use crate::server::Server;
use crate::shown::{Filter, Shown};

/// What a server is to be like. [`bind`](ServeOptions::bind) makes it.
#[derive(Clone)]
pub struct ServeOptions {
    address: SocketAddr,
    token: Option<String>,
    is_open: bool,
    hosts: Vec<String>,
    filter: Option<Filter>,
    certificate: Option<(PathBuf, PathBuf)>,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl ServeOptions {
    /// At 127.0.0.1:8080, which only this host reaches; without a token; all tags.
    pub fn new() -> Self {
        ServeOptions {
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            token: None,
            is_open: false,
            hosts: Vec::new(),
            filter: None,
            certificate: None,
        }
    }

    /// Listens at this address; port 0 is any free one. Other hosts reach what is not a loopback address: that needs a
    /// [`token`](ServeOptions::token), or [`open_to_all`](ServeOptions::open_to_all).
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Answers only requests that have this token: at least 16 characters of ASCII.
    #[must_use]
    pub fn token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// Lets everybody who reaches the address read the store.
    #[must_use]
    pub fn open_to_all(mut self, is_open: bool) -> Self {
        self.is_open = is_open;
        self
    }

    /// Adds a name under which the server may be asked, besides its IP addresses and `localhost`.
    #[must_use]
    pub fn host(mut self, name: &str) -> Self {
        self.hosts.push(name.to_owned());
        self
    }

    /// Shows only the tags for which this is true.
    #[must_use]
    pub fn tags(mut self, filter: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.filter = Some(Arc::new(filter));
        self
    }

    /// Encrypts connections: a file with a chain of certificates, and one with its key, both PEM.
    #[must_use]
    pub fn tls(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.certificate = Some((certificate.into(), key.into()));
        self
    }

    /// Starts to listen. Requests are answered once [`Server::run`] runs.
    ///
    /// # Errors
    /// [`Error::Open`], [`Error::Token`] and [`Error::Listen`].
    pub fn bind(self, store: Store) -> Result<Server> {
        if self.token.is_none() && !self.is_open && !self.address.ip().is_loopback() {
            return Err(Error::Open { address: self.address });
        }
        let token = self.token.as_deref().map(Token::new).transpose()?;
        let secure = self.certificate.is_some();
        let access = Access { hosts: Hosts::new(self.hosts), token, secure, port: self.address.port() };
        let shown = Shown::new(store, self.filter);
        Server::bind(self.address, self.certificate, shown, access, Patience::default())
    }
}

impl std::fmt::Debug for ServeOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServeOptions").field("address", &self.address).finish_non_exhaustive()
    }
}
