//! `serve`: a store in a browser and over HTTP.

use std::net::SocketAddr;
use std::path::PathBuf;

use ndsharray::Store;
use ndsharray_serve::{Error, ServeOptions};

use crate::failure::{Failure, Result, say};
use crate::stop::Stop;
use crate::tags;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The address and port to listen at; others than this host reach it only if it is not a loopback address
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Answer only those who know the token in this file: at least 16 characters
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, conflicts_with = "token")]
    token_file: Option<PathBuf>,
    /// Answer only those who know this token; other users of this host see it in the list of processes
    #[arg(long)]
    token: Option<String>,
    /// Let everybody who reaches the address see the store
    #[arg(long, conflicts_with_all = ["token", "token_file"])]
    insecure: bool,
    /// Answer requests for this host name too, besides localhost and IP addresses
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// Show only these tags, or those that fit these patterns
    #[arg(long, value_name = "PATTERN", num_args = 1.., add = crate::complete::tags())]
    tags: Vec<String>,
    /// The certificate of the server, with those that it stands on (PEM): connections are encrypted
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The key of the certificate (PEM)
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

pub fn run(store: &Store, args: &Args) -> Result<()> {
    let stop = Stop::listen()?;
    let mut options = ServeOptions::new().listen(args.listen).open_to_all(args.insecure);
    if let Some(token) = token(args)? {
        options = options.token(&token);
    }
    for name in &args.host {
        options = options.host(name);
    }
    if !args.tags.is_empty() {
        let filter = tags::filter(store, &args.tags)?;
        options = options.tags(move |tag| filter.fits(tag));
    }
    let scheme = if args.tls_cert.is_some() { "https" } else { "http" };
    if let (Some(certificate), Some(key)) = (&args.tls_cert, &args.tls_key) {
        options = options.tls(certificate, key);
    }
    let server = options.bind(store.clone()).map_err(|error| failure(&error))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::failed(format!("cannot start threads: {error}")))?;
    say(&format!("{} at {scheme}://{}/", store.directory().display(), server.address()));
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        stop.wait_for_signal();
        let _ = sender.send(());
    });
    let stopped = async {
        let _ = receiver.await;
    };
    let outcome = runtime.block_on(server.run(stopped));
    // What still makes an answer is not waited for.
    runtime.shutdown_background();
    outcome.map_err(|error| failure(&error))
}

fn token(args: &Args) -> Result<Option<String>> {
    let Some(path) = &args.token_file else { return Ok(args.token.clone()) };
    let bytes = std::fs::read(path).map_err(|error| Failure::io(path, "read the token in", &error))?;
    // What is not UTF-8 is no ASCII either, and refused as such.
    Ok(Some(String::from_utf8_lossy(&bytes).trim().to_owned()))
}

fn failure(error: &Error) -> Failure {
    match error {
        Error::Open { .. } => Failure::bad(format!("{error}: --token-file FILE, or --insecure")),
        Error::Listen { .. } => {
            Failure::failed(format!("{error}: choose another address or port with --listen"))
        }
        Error::Token { .. } | Error::Certificate { .. } => Failure::bad(error.to_string()),
        error => Failure::failed(error.to_string()),
    }
}
