//! A session of Zenoh, as mirrors need it.

use std::path::PathBuf;

use zenoh::{Config, Session, Wait};

use crate::error::{Error, Result};

/// How a mirror reaches others. [`open`](SessionOptions::open) makes a session of Zenoh.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    listen: Vec<String>,
    connect: Vec<String>,
    scouts: bool,
    most_bytes: usize,
    config: Option<PathBuf>,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl SessionOptions {
    /// Listens nowhere, connects nowhere, and takes messages of 256 MiB at most.
    pub fn new() -> Self {
        SessionOptions {
            listen: Vec::new(),
            connect: Vec::new(),
            scouts: false,
            most_bytes: 256 << 20,
            config: None,
        }
    }

    /// Listens at this endpoint too, such as `tcp/0.0.0.0:7447` or `tls/0.0.0.0:7447`.
    #[must_use]
    pub fn listen(mut self, endpoint: &str) -> Self {
        self.listen.push(endpoint.to_owned());
        self
    }

    /// Connects to this endpoint too, such as `tcp/robot:7447`. If nobody is there, or goes away, it is tried again and again.
    #[must_use]
    pub fn connect(mut self, endpoint: &str) -> Self {
        self.connect.push(endpoint.to_owned());
        self
    }

    /// Looks for others in the local network, by multicast and from those that it knows. Default: false.
    #[must_use]
    pub fn scout(mut self, scouts: bool) -> Self {
        self.scouts = scouts;
        self
    }

    /// Sets the largest message that is taken, in bytes: a value with what travels with it. Default: 256 MiB.
    #[must_use]
    pub fn max_size(mut self, bytes: usize) -> Self {
        self.most_bytes = bytes;
        self
    }

    /// Begins with a configuration file of Zenoh, which says what these options do not.
    #[must_use]
    pub fn zenoh_config(mut self, path: impl Into<PathBuf>) -> Self {
        self.config = Some(path.into());
        self
    }

    /// Opens the session.
    ///
    /// # Errors
    /// [`Error::Zenoh`]: an endpoint is not one, it cannot listen there, or the file is no configuration.
    pub fn open(&self) -> Result<Session> {
        let config = self.zenoh()?;
        zenoh::open(config).wait().map_err(|error| Error::zenoh("open a session", &error))
    }

    fn zenoh(&self) -> Result<Config> {
        let mut config = match &self.config {
            Some(path) => Config::from_file(path)
                .map_err(|error| Error::zenoh(format!("use {}", path.display()), &error))?,
            None => Config::default(),
        };
        let mut set = |key: &str, value: String| {
            let outcome = config.insert_json5(key, &value);
            outcome.map_err(|error| Error::zenoh(format!("set {key} to {value}"), &error))
        };
        let list = |endpoints: &[String]| serde_json::json!(endpoints).to_string();
        // What a file says stands, unless the options say something of it.
        if self.config.is_none() || !self.listen.is_empty() {
            set("listen/endpoints", list(&self.listen))?;
        }
        if self.config.is_none() || !self.connect.is_empty() {
            set("connect/endpoints", list(&self.connect))?;
        }
        if self.config.is_none() {
            for (key, value) in DEFAULTS {
                set(key, value.to_owned())?;
            }
        }
        set("scouting/multicast/enabled", self.scouts.to_string())?;
        set("scouting/gossip/enabled", self.scouts.to_string())?;
        set("transport/link/rx/max_message_size", self.most_bytes.saturating_add(ROOM).to_string())?;
        Ok(config)
    }
}

/// What a message has beside the elements.
const ROOM: usize = 64 << 10;

/// Where the defaults of Zenoh do not do. A host that is gone is noticed within two seconds, and tried again soon.
const DEFAULTS: [(&str, &str); 5] = [
    ("mode", "\"peer\""),
    ("transport/link/tx/lease", "2000"),
    ("connect/timeout_ms", "-1"),
    ("connect/exit_on_failure", "false"),
    ("connect/retry", "{ period_init_ms: 200, period_max_ms: 1000, period_increase_factor: 2 }"),
];
