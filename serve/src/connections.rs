//! Connections: how many may be open, and how long they may do nothing.

use std::future::Future;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum_server::{AddrListener, Address};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};

/// So many connections may be open; more wait, as the system has them wait that are not accepted.
const MOST_CONNECTIONS: usize = 256;

/// A client that takes nothing of its answer for so long is gone: it would keep a place and memory.
const LONGEST_STALL: Duration = Duration::from_secs(60);

/// How long clients may say nothing. Each has one of few places.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Until the first request has come.
    pub first_request: Duration,
    /// From one request to the next, until that has come.
    pub next_request: Duration,
    /// Of a WebSocket: after half of it the client is asked whether it is there.
    pub silence: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            first_request: Duration::from_secs(10),
            next_request: Duration::from_secs(60),
            silence: Duration::from_secs(60),
        }
    }
}

/// Accepts connections while there are places for them.
#[derive(Debug)]
pub(crate) struct Listener {
    listener: TcpListener,
    places: Arc<Semaphore>,
}

impl Listener {
    /// `listener`: one that does not block.
    pub fn new(listener: std::net::TcpListener) -> io::Result<Self> {
        let listener = TcpListener::from_std(listener)?;
        Ok(Listener { listener, places: Arc::new(Semaphore::new(MOST_CONNECTIONS)) })
    }
}

/// The address of a client.
#[derive(Clone, Debug)]
pub(crate) struct Peer(SocketAddr);

impl Address for Peer {
    type Stream = Connection<TcpStream>;
    type Listener = Listener;
}

impl AddrListener<Connection<TcpStream>, Peer> for Listener {
    async fn bind_to(address: Peer) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(address.0)?;
        listener.set_nonblocking(true)?;
        Listener::new(listener)
    }

    async fn accept_stream(&self) -> io::Result<(Connection<TcpStream>, Peer)> {
        // The server waits here also to be told to stop.
        let place = self.places.clone().acquire_owned().await.map_err(io::Error::other)?;
        let (stream, peer) = self.listener.accept().await?;
        // The end of an answer is not to wait for an acknowledgement of the part before it. It only takes longer where this fails.
        let _ = stream.set_nodelay(true);
        Ok((Connection::new(stream, Some(place)), Peer(peer)))
    }

    fn get_local_addr(&self) -> io::Result<Peer> {
        self.listener.local_addr().map(Peer)
    }
}

/// A connection that has one of the places. Writing fails when the client has taken nothing for too long.
#[derive(Debug)]
pub(crate) struct Connection<I> {
    stream: I,
    /// Ends when the client has taken nothing for too long; none while it takes something.
    stalled: Option<Pin<Box<Sleep>>>,
    _place: Option<OwnedSemaphorePermit>,
}

impl<I> Connection<I> {
    fn new(stream: I, place: Option<OwnedSemaphorePermit>) -> Self {
        Connection { stream, stalled: None, _place: place }
    }

    fn written<T>(&mut self, context: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.stalled = None;
            return outcome;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(LONGEST_STALL)));
        stalled.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Connection<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, to)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Connection<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, outcome)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.written(context, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_for_too_long_is_given_up() {
        let (server, mut client) = duplex(16);
        let mut connection = Connection::new(server, None);
        let start = Instant::now();
        let slow = tokio::spawn(async move {
            let mut bytes = [0; 16];
            // Slow is not too slow.
            for _ in 0..4 {
                sleep(LONGEST_STALL * 2 / 3).await;
                client.read_exact(&mut bytes).await.unwrap();
            }
            sleep(LONGEST_STALL * 100).await;
        });
        let error = connection.write_all(&[7; 1000]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed().as_secs(), (LONGEST_STALL * 2 / 3 * 4 + LONGEST_STALL).as_secs());
        slow.abort();
    }
}
