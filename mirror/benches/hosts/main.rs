//! The mirror over links of several speeds, beside what else carries arrays between hosts: a bare TCP loop that asks for the next value,
//! Zenoh's put, and ZeroMQ with CONFLATE. Two hosts are two network namespaces; `tbf` limits the link between them.
//!
//! `ci/bench_mirror.sh` runs it, as root. Each part of a measurement is a process of its own: this program again, with a role.

mod carriers;
mod load;
mod network;
mod process;
mod report;
mod run;
mod watch;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let texts: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match texts[..] {
        ["write", dir, load, seconds] => load::write(dir, load, seconds.parse().unwrap_or(1.0)),
        ["watch", dir, load, seconds] => watch::store(dir, load, seconds.parse().unwrap_or(1.0)),
        ["tcp-source", dir, load] => carriers::tcp::source(dir, load),
        ["tcp-sink", address, load, seconds] => {
            carriers::tcp::sink(address, load, seconds.parse().unwrap_or(1.0))
        }
        ["put", how, dir, load] => carriers::put::publish(how, dir, load),
        ["subscribe", address, load, seconds] => {
            carriers::put::subscribe(address, load, seconds.parse().unwrap_or(1.0))
        }
        [] => run::all(false),
        ["--quick"] => run::all(true),
        _ => Err(format!("unknown arguments {texts:?}").into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// A result whose error is only shown.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
