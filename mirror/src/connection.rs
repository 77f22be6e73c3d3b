//! Whether somebody is at the other end. If not, it is said once: the mirror goes on trying.

use std::net::ToSocketAddrs;
use std::time::{Duration, Instant};

use ndsharray_mirror::zenoh::{Session, Wait};

use crate::failure::say;

/// It is said after so long.
const PATIENCE: Duration = Duration::from_secs(3);

/// Watches a session that is to reach these endpoints.
pub struct Connection {
    endpoints: Vec<String>,
    since: Instant,
    is_told: bool,
}

impl Connection {
    pub fn new(endpoints: &[String]) -> Self {
        Connection { endpoints: endpoints.to_vec(), since: Instant::now(), is_told: endpoints.is_empty() }
    }

    /// Says what is in the way, if nobody was there so far. `None`: the session is not open yet.
    pub fn look(&mut self, session: Option<&Session>) {
        if self.is_told || self.since.elapsed() < PATIENCE {
            return;
        }
        self.is_told = true;
        let has_others = |session: &Session| {
            let info = session.info();
            info.peers_zid().wait().next().is_some() || info.routers_zid().wait().next().is_some()
        };
        if session.is_some_and(has_others) {
            return;
        }
        let endpoints = self.endpoints.clone();
        // Names may take long to be looked up.
        let look_up = move || {
            for endpoint in endpoints {
                say(&format!("{}; it is tried again and again", reason(&endpoint)));
            }
        };
        let _ = std::thread::Builder::new().name("names".to_owned()).spawn(look_up);
    }
}

/// Why nobody is reached there, as far as one can tell.
fn reason(endpoint: &str) -> String {
    let address = endpoint.split(['?', '#']).next().unwrap_or_default();
    let address = address.split_once('/').map_or(address, |(_, address)| address);
    match address.to_socket_addrs() {
        Ok(_) => format!("no mirror answers at {endpoint} so far"),
        Err(error) => {
            let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
            format!("{endpoint} is not reached so far: the host {host:?} is not known: {error}")
        }
    }
}
