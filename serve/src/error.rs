//! What can go wrong before a server serves.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// A result whose error is an [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong with a server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address cannot be listened at.
    #[error("cannot listen at {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Others could reach the address, and no token was given.
    #[error(
        "{address} can be reached from other hosts: give a token, which they must know, or say that everybody may read the store"
    )]
    Open {
        /// The address.
        address: SocketAddr,
    },
    /// A token that is easy to guess, or that a header cannot carry.
    #[error(
        "the token {found}; it must have at least 16 characters of ASCII, without spaces, quotes, commas, semicolons or backslashes"
    )]
    Token {
        /// What is wrong with it.
        found: &'static str,
    },
    /// The certificate or the key cannot be used.
    #[error("cannot use the certificate {} with the key {}: {source}", certificate.display(), key.display())]
    Certificate {
        /// The certificate.
        certificate: PathBuf,
        /// Its key.
        key: PathBuf,
        /// What is wrong.
        source: io::Error,
    },
    /// The server stopped with an error.
    #[error("the server stopped: {0}")]
    Stopped(#[source] io::Error),
}
