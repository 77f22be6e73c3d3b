//! A server over a store of its own, and a client.

// Not every test needs all of it.
#![allow(dead_code)]

pub mod client;

use std::io::Read;
use std::net::SocketAddr;

use ndsharray::Store;
use ndsharray_serve::ServeOptions;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// A server that runs until it is dropped.
pub struct Served {
    pub store: Store,
    address: SocketAddr,
    _runtime: Runtime,
    _directory: TempDir,
}

/// An answer to a request.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Served {
    pub fn new(set: impl FnOnce(ServeOptions) -> ServeOptions) -> Self {
        let directory = tempfile::tempdir_in("/dev/shm").unwrap();
        let store = Store::open(directory.path()).unwrap();
        let options = set(ServeOptions::new().listen("127.0.0.1:0".parse().unwrap()));
        let server = options.bind(store.clone()).unwrap();
        let address = server.address();
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.spawn(async { server.run(std::future::pending()).await.unwrap() });
        Served { store, address, _runtime: runtime, _directory: directory }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &[])
    }

    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
        let config = config.timeout_global(Some(std::time::Duration::from_secs(60)));
        let mut request =
            ureq::http::Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let agent: ureq::Agent = config.build().into();
        let mut answer = agent.run(request.body(()).unwrap()).unwrap();
        let mut body = Vec::new();
        answer.body_mut().as_reader().read_to_end(&mut body).unwrap();
        let headers = answer.headers().iter();
        let headers =
            headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        Answer { status: answer.status().as_u16(), headers, body }
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}
