//! A session of Zenoh, as mirrors need it.

use std::path::PathBuf;

use zenoh::{Config, Session, Wait};

use crate::endpoint;
use crate::error::{Error, Result};
use crate::wire::message::LONGEST_PART;

/// How a mirror reaches others. [`open`](SessionOptions::open) makes a session of Zenoh.
#[derive(Clone, Debug, Default)]
pub struct SessionOptions {
    listen: Vec<String>,
    connect: Vec<String>,
    scouts: bool,
    config: Option<PathBuf>,
}

impl SessionOptions {
    /// Listens nowhere, and connects nowhere.
    pub fn new() -> Self {
        Self::default()
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

    /// Looks for others in the local network, by multicast and from those that it knows, whatever a configuration file says. Default: false.
    #[must_use]
    pub fn scout(mut self, scouts: bool) -> Self {
        self.scouts = scouts;
        self
    }

    /// Takes a configuration file of Zenoh, for TLS and all else that these options do not say. Where it says nothing, or the same as
    /// Zenoh's own defaults, mirrors have theirs: they listen and connect nowhere else, and notice within two seconds that a host is gone.
    #[must_use]
    pub fn zenoh_config(mut self, path: impl Into<PathBuf>) -> Self {
        self.config = Some(path.into());
        self
    }

    /// Opens the session. If a configuration file makes it a client, this waits until there is a router to connect to.
    ///
    /// # Errors
    /// [`Error::Endpoint`]: an endpoint is not one. [`Error::Zenoh`]: it cannot listen there, the file is no configuration, or a file
    /// of TLS that it names cannot be read.
    pub fn open(&self) -> Result<Session> {
        let config = self.zenoh()?;
        zenoh::open(config).wait().map_err(|error| {
            let operation = match self.listen.join(" and ") {
                endpoints if endpoints.is_empty() => "open a session".to_owned(),
                endpoints => format!("listen at {endpoints}"),
            };
            Error::zenoh(operation, &error)
        })
    }

    /// The endpoints at which whoever reaches them is let in: those that other hosts may reach, and that ask for no certificate.
    ///
    /// # Errors
    /// [`Error::Endpoint`], and [`Error::Zenoh`]: the file is no configuration.
    pub fn open_endpoints(&self) -> Result<Vec<String>> {
        let config = self.zenoh()?;
        let get = |key| config.get_json(key).ok().and_then(|text| serde_json::from_str(&text).ok());
        let asks = get("transport/link/tls/enable_mtls") == Some(serde_json::Value::Bool(true));
        let mut endpoints = Vec::new();
        endpoint::texts(&get("listen/endpoints").unwrap_or_default(), &mut endpoints);
        endpoints.retain(|endpoint| endpoint::is_open(endpoint, asks));
        Ok(endpoints)
    }

    fn zenoh(&self) -> Result<Config> {
        let mut config = match &self.config {
            Some(path) => Config::from_file(path).map_err(|error| Error::config(path, &error))?,
            None => Config::default(),
        };
        for key in TLS_FILES {
            let named = config.get_json(key).ok().and_then(|text| serde_json::from_str::<String>(&text).ok());
            // Zenoh says nothing of it when it connects.
            if let Some((name, Err(error))) = named.map(|name| (name.clone(), std::fs::File::open(name))) {
                return Err(Error::zenoh(format!("read {name}, which {key} names"), &error));
            }
        }
        // What a file does not say is as in Zenoh's own configuration.
        let zenohs = Config::default();
        let is_said = |config: &Config, key| config.get_json(key).ok() != zenohs.get_json(key).ok();
        let set = |config: &mut Config, key: &str, value: &str| {
            let outcome = config.insert_json5(key, value);
            outcome.map_err(|error| Error::zenoh(format!("set {key} to {value}"), &error))
        };
        for endpoint in self.listen.iter().chain(&self.connect) {
            if let Err(reason) = endpoint::check(endpoint) {
                return Err(Error::Endpoint { endpoint: endpoint.clone(), reason });
            }
        }
        for (key, endpoints) in [("listen/endpoints", &self.listen), ("connect/endpoints", &self.connect)] {
            if !endpoints.is_empty() || !is_said(&config, key) {
                set(&mut config, key, &serde_json::json!(endpoints).to_string())?;
            }
        }
        for (key, value) in DEFAULTS {
            if !is_said(&config, key) {
                set(&mut config, key, value)?;
            }
        }
        for key in ["scouting/multicast/enabled", "scouting/gossip/enabled"] {
            set(&mut config, key, &self.scouts.to_string())?;
        }
        // Zenoh puts messages together in memory, whoever sends them.
        set(&mut config, "transport/link/rx/max_message_size", &(LONGEST_PART + BESIDE).to_string())?;
        Ok(config)
    }
}

/// Settings that name files.
const TLS_FILES: [&str; 5] = [
    "transport/link/tls/root_ca_certificate",
    "transport/link/tls/listen_certificate",
    "transport/link/tls/listen_private_key",
    "transport/link/tls/connect_certificate",
    "transport/link/tls/connect_private_key",
];

/// What a message has beside values.
const BESIDE: usize = 64 << 10;

/// Where the defaults of Zenoh do not do. A host that is gone is noticed within two seconds, and tried again soon.
/// What waits to be sent is dropped when it waited for too long: two seconds, and for more than one batch two more.
const DEFAULTS: [(&str, &str); 8] = [
    ("mode", "\"peer\""),
    ("transport/link/tx/lease", "2000"),
    ("transport/link/tx/queue/congestion_control/drop/wait_before_drop", "2000000"),
    ("transport/link/tx/queue/congestion_control/drop/max_wait_before_drop_fragments", "2000000"),
    ("transport/unicast/max_sessions", "256"),
    ("connect/timeout_ms", "-1"),
    ("connect/exit_on_failure", "false"),
    ("connect/retry", "{ period_init_ms: 200, period_max_ms: 1000, period_increase_factor: 2 }"),
];
