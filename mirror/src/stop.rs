//! Ctrl-C, SIGTERM and SIGHUP.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Whether a signal asked the program to stop.
pub struct Stop(Receiver<()>);

impl Stop {
    pub fn listen() -> io::Result<Self> {
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        let (sender, receiver) = channel();
        let wait = move || {
            for _ in signals.forever() {
                let _ = sender.send(());
            }
        };
        std::thread::Builder::new().name("signals".to_owned()).spawn(wait)?;
        Ok(Stop(receiver))
    }

    /// Waits for so long; true once a signal came.
    pub fn wait(&self, time: Duration) -> bool {
        self.0.recv_timeout(time) != Err(RecvTimeoutError::Timeout)
    }
}
