//! All measurements, one after the other.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Result;
use crate::load::{LOADS, Load};
use crate::network::{ADDRESSES, Hosts};
use crate::process::{Process, run};
use crate::report::{self, Measured, Report};

/// The links, in bytes a second.
const LINKS: [(&str, f64); 4] = [("1 GB/s", 1e9), ("100 MB/s", 100e6), ("25 MB/s", 25e6), ("1 MB/s", 1e6)];

/// Where the mirror listens.
const LISTEN: &str = "tcp/0.0.0.0:7447";

/// What carries the arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    Mirror,
    Tcp,
    PutDrop,
    PutBlock,
    ZeroMq,
}

impl Carrier {
    const ALL: [Carrier; 5] =
        [Carrier::Tcp, Carrier::Mirror, Carrier::PutDrop, Carrier::PutBlock, Carrier::ZeroMq];

    pub fn title(self) -> &'static str {
        match self {
            Carrier::Mirror => "mirror",
            Carrier::Tcp => "bare TCP pull",
            Carrier::PutDrop => "Zenoh put, drop",
            Carrier::PutBlock => "Zenoh put, block",
            Carrier::ZeroMq => "ZeroMQ, CONFLATE",
        }
    }
}

/// How long a load is measured on a link, in seconds; `None`: not at all.
fn seconds(load: &Load, link: f64, carrier: Carrier, quick: bool) -> Option<f64> {
    // What many tags cost is asked of the mirror alone.
    if load.name == "tags" && !matches!(carrier, Carrier::Mirror | Carrier::Tcp) {
        return None;
    }
    let transfer = (load.nbytes * load.tags) as f64 / link;
    if transfer > 20.0 {
        // One such value takes most of a minute; the others would drop or queue all of it.
        return (!quick && matches!(carrier, Carrier::Mirror | Carrier::Tcp)).then_some(130.0);
    }
    Some(if quick { 3.0_f64.max(2.5 * transfer) } else { 6.0_f64.max(5.0 * transfer) })
}

/// Measures everything, and writes the report.
pub fn all(quick: bool) -> Result<()> {
    let hosts = Hosts::new()?;
    let mut report = Report::new(quick);
    for (link, speed) in LINKS {
        hosts.limit(speed)?;
        for load in LOADS {
            for carrier in Carrier::ALL {
                let Some(seconds) = seconds(&load, speed, carrier, quick) else { continue };
                let measured = measure(&hosts, &load, carrier, seconds)?;
                eprintln!("{link}, {}, {}: {measured:?}", load.title, carrier.title());
                report.add(link, &load, carrier, measured);
            }
        }
    }
    hosts.limit(1e9)?;
    for (receivers, stalled) in [(1, 0), (10, 0), (10, 5), (10, 9)] {
        let measured = receivers_of_one(&hosts, receivers, stalled, if quick { 3.0 } else { 6.0 })?;
        eprintln!("{receivers} receivers, {stalled} of them stopped: {measured:?}");
        report.add_receivers(receivers, stalled, measured);
    }
    report::write(&report)
}

/// A carrier with a load.
fn measure(hosts: &Hosts, load: &Load, carrier: Carrier, seconds: f64) -> Result<Measured> {
    let stores = [tempfile::tempdir_in("/dev/shm")?, tempfile::tempdir_in("/dev/shm")?];
    let [a, b] = [text(stores[0].path())?, text(stores[1].path())?];
    let own = std::env::current_exe()?;
    let own = text(&own)?;
    let python = std::env::var("NDSHARRAY_BENCH_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let zeromq = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/hosts/zeromq.py");
    let (tags, time) = (load.tags.to_string(), seconds.to_string());
    let on = |host: usize, program: &str, args: &[&str]| Process::start(hosts.name(host), program, args);
    let _writer = on(0, own, &["write", a, load.name, &(seconds + 3.0).to_string()])?;
    let mirror = env!("CARGO_BIN_EXE_ndsharray-mirror");
    let (source, between, sink) = match carrier {
        Carrier::Mirror => {
            let source = on(0, mirror, &["--dir", a, "--offer", "*", "--listen", LISTEN])?;
            let take = ["--dir", b, "--take", "*", "--connect", &endpoint(), "--max-size", "1G"];
            let between = on(1, mirror, &take)?;
            (source, Some(between), on(1, own, &["watch", b, load.name, &time])?)
        }
        Carrier::Tcp => {
            let source = on(0, own, &["tcp-source", a, load.name])?;
            (source, None, on(1, own, &["tcp-sink", ADDRESSES[0], load.name, &time])?)
        }
        Carrier::PutDrop | Carrier::PutBlock => {
            let how = if carrier == Carrier::PutBlock { "block" } else { "drop" };
            let source = on(0, own, &["put", how, a, load.name])?;
            // The subscriber is tried again only after a second.
            std::thread::sleep(Duration::from_millis(300));
            (source, None, on(1, own, &["subscribe", ADDRESSES[0], load.name, &time])?)
        }
        Carrier::ZeroMq => {
            let source = on(0, &python, &[zeromq, "source", a, &tags])?;
            (source, None, on(1, &python, &[zeromq, "sink", ADDRESSES[0], &tags, &time])?)
        }
    };
    let most = seconds * 0.95;
    std::thread::sleep(Duration::from_secs_f64(most));
    let source_cpu = source.cpu()? / most;
    let sink_cpu = between.as_ref().unwrap_or(&sink).cpu()? / most;
    Ok(Measured::new(seconds, source_cpu, Some(sink_cpu), &sink.result()?))
}

/// What one stream of frames costs the source with so many receivers, of which some are stopped.
fn receivers_of_one(hosts: &Hosts, receivers: usize, stalled: usize, seconds: f64) -> Result<Measured> {
    let load = Load::named("frame")?;
    let store = tempfile::tempdir_in("/dev/shm")?;
    let a = text(store.path())?;
    let own = std::env::current_exe()?;
    let own = text(&own)?;
    let on = |host: usize, program: &str, args: &[&str]| Process::start(hosts.name(host), program, args);
    let _writer = on(0, own, &["write", a, load.name, &(seconds + 8.0).to_string()])?;
    let mirror = env!("CARGO_BIN_EXE_ndsharray-mirror");
    let source = on(0, mirror, &["--dir", a, "--offer", "*", "--listen", LISTEN])?;
    let mut takers = Vec::new();
    for _ in 0..receivers {
        let store = tempfile::tempdir_in("/dev/shm")?;
        let args = ["--dir", text(store.path())?, "--take", "*", "--connect", &endpoint()];
        takers.push((on(1, mirror, &args)?, store));
    }
    std::thread::sleep(Duration::from_secs(2));
    for (taker, _) in &takers[..stalled] {
        run("kill", &["-STOP", &taker.id().to_string()])?;
    }
    // Those that are stopped are noticed within two seconds.
    std::thread::sleep(Duration::from_secs(3));
    let (begun, before) = (Instant::now(), source.cpu()?);
    let to_one = text(takers[receivers - 1].1.path())?;
    let watcher = on(1, own, &["watch", to_one, load.name, &seconds.to_string()])?;
    std::thread::sleep(Duration::from_secs_f64(seconds * 0.95));
    let source_cpu = (source.cpu()? - before) / begun.elapsed().as_secs_f64();
    let found = watcher.result()?;
    for (taker, _) in &takers[..stalled] {
        run("kill", &["-CONT", &taker.id().to_string()])?;
    }
    Ok(Measured::new(seconds, source_cpu, None, &found))
}

/// Where the mirror is reached.
fn endpoint() -> String {
    format!("tcp/{}:7447", ADDRESSES[0])
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| "a path is not UTF-8".into())
}

impl Measured {
    fn new(seconds: f64, source_cpu: f64, sink_cpu: Option<f64>, found: &Value) -> Self {
        let number = |key: &str| found.get(key).and_then(Value::as_f64);
        Measured {
            seconds,
            delivered: number("delivered").unwrap_or_default(),
            median_ms: number("median_ms"),
            p99_ms: number("p99_ms"),
            source_cpu,
            sink_cpu: sink_cpu.unwrap_or_default(),
        }
    }
}
