//! A limit on open connections, and on how long one may be idle.

use std::future::{Future, Ready};
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};
use tower_service::Service;

/// A client that takes nothing of its answer for so long is gone: it would keep a place and memory.
const LONGEST_STALL: Duration = Duration::from_secs(60);

/// The places for connections.
#[derive(Clone, Debug)]
pub(crate) struct Limited(Arc<Semaphore>);

impl Limited {
    pub fn new(most: usize) -> Self {
        Limited(Arc::new(Semaphore::new(most)))
    }

    /// Gives the router to connections. The next one is accepted once there is a place for it, so that those that wait have no
    /// descriptors.
    pub fn gate(&self, router: Router) -> Gate {
        Gate { router, places: self.0.clone(), waits: None }
    }
}

impl<I, S> Accept<I, S> for Limited {
    type Stream = Counted<I>;
    type Service = S;
    type Future = Ready<io::Result<(Counted<I>, S)>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        let place = Place(self.0.clone());
        std::future::ready(Ok((Counted { stream, stall: None, _place: place }, service)))
    }
}

/// The place of a connection, which the gate took for it.
#[derive(Debug)]
struct Place(Arc<Semaphore>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}

/// Waits for a place before each connection.
pub(crate) struct Gate {
    router: Router,
    places: Arc<Semaphore>,
    waits: Option<Waits>,
}

type Waits = Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send>>;

impl Service<SocketAddr> for Gate {
    type Response = Router;
    type Error = io::Error;
    type Future = Ready<io::Result<Router>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let places = &self.places;
        let waits = self.waits.get_or_insert_with(|| Box::pin(places.clone().acquire_owned()));
        let place = ready!(waits.as_mut().poll(context));
        self.waits = None;
        // The connection that comes next gives it back when it ends.
        place.map_err(io::Error::other)?.forget();
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: SocketAddr) -> Self::Future {
        std::future::ready(Ok(self.router.clone()))
    }
}

/// A connection that has one of the places.
#[derive(Debug)]
pub(crate) struct Counted<I> {
    stream: I,
    /// Runs while the client takes nothing.
    stall: Option<Pin<Box<Sleep>>>,
    _place: Place,
}

impl<I> Counted<I> {
    /// What came of writing; an error if the client takes nothing for too long.
    fn written<T>(&mut self, context: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.stall = None;
            return outcome;
        }
        let stall = self.stall.get_or_insert_with(|| Box::pin(sleep(LONGEST_STALL)));
        stall.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Counted<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, to)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Counted<I> {
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
