//! The figures, as tables in docs/hosts.md.

use std::fmt::Write;

use crate::Result;
use crate::load::Load;
use crate::run::Carrier;

/// What was measured of one carrier.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    pub seconds: f64,
    /// How many values of a tag arrived.
    pub delivered: f64,
    pub median_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    /// Shares of a core.
    pub source_cpu: f64,
    pub sink_cpu: f64,
}

#[derive(Default)]
pub struct Report {
    quick: bool,
    rows: Vec<(String, &'static str, Carrier, Measured)>,
    receivers: Vec<(usize, usize, Measured)>,
}

/// Where the figures stand.
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/hosts.md");
const BEGIN: &str = "<!-- figures: ci/bench_mirror.sh writes what follows -->\n";
const END: &str = "<!-- end of figures -->";

impl Report {
    pub fn new(quick: bool) -> Self {
        Report { quick, ..Report::default() }
    }

    pub fn add(&mut self, link: &str, load: &Load, carrier: Carrier, measured: Measured) {
        self.rows.push((link.to_owned(), load.title, carrier, measured));
    }

    pub fn add_receivers(&mut self, receivers: usize, stalled: usize, measured: Measured) {
        self.receivers.push((receivers, stalled, measured));
    }

    /// That of the bare TCP loop with the same link and load.
    fn limit(&self, link: &str, load: &str) -> Option<&Measured> {
        let mut rows = self.rows.iter();
        rows.find(|row| row.0 == link && row.1 == load && row.2 == Carrier::Tcp).map(|row| &row.3)
    }

    fn text(&self) -> String {
        let mut text = format!("{}\n\n", machine());
        text += "| link | load | carried by | values a second | age, median | p99 | CPU: source, receiver | beside bare TCP: values, age |\n";
        text += "|---|---|---|---:|---:|---:|---:|---:|\n";
        for (link, load, carrier, of) in &self.rows {
            let beside = self.limit(link, load).filter(|_| *carrier != Carrier::Tcp).map(|limit| {
                let values = of.delivered / limit.delivered;
                let age = of.median_ms.zip(limit.median_ms).map(|(age, limit)| age / limit);
                format!("{values:.2}, {}", age.map_or("–".to_owned(), |age| format!("{age:.2}")))
            });
            let _ = writeln!(
                text,
                "| {link} | {load} | {} | {} | {} | {} | {:.0} %, {:.0} % | {} |",
                carrier.title(),
                figure(of.delivered / of.seconds),
                milliseconds(of.median_ms),
                milliseconds(of.p99_ms),
                of.source_cpu * 100.0,
                of.sink_cpu * 100.0,
                beside.unwrap_or_default(),
            );
        }
        text += "\nOne 1080p gray stream at 30 Hz to several receivers, at 1 GB/s:\n\n";
        text += "| receivers | of these stopped | values a second, to one that is not | age, median | p99 | CPU of the source |\n|---:|---:|---:|---:|---:|---:|\n";
        for (receivers, stalled, of) in &self.receivers {
            let _ = writeln!(
                text,
                "| {receivers} | {stalled} | {} | {} | {} | {:.0} % |",
                figure(of.delivered / of.seconds),
                milliseconds(of.median_ms),
                milliseconds(of.p99_ms),
                of.source_cpu * 100.0,
            );
        }
        text
    }
}

/// Prints the tables, and puts them into the documentation unless the run was a quick one.
pub fn write(report: &Report) -> Result<()> {
    let text = report.text();
    println!("{text}");
    if report.quick {
        return Ok(());
    }
    let page = std::fs::read_to_string(FILE)?;
    let (before, rest) = page.split_once(BEGIN).ok_or("docs/hosts.md has no place for figures")?;
    let (_, after) = rest.split_once(END).ok_or("docs/hosts.md has no end of figures")?;
    std::fs::write(FILE, format!("{before}{BEGIN}\n{text}\n{END}{after}"))?;
    Ok(())
}

/// Three digits.
fn figure(number: f64) -> String {
    let digits = if number >= 100.0 {
        0
    } else if number >= 10.0 {
        1
    } else {
        2
    };
    format!("{number:.digits$}")
}

fn milliseconds(time: Option<f64>) -> String {
    time.map_or("–".to_owned(), |time| format!("{} ms", figure(time)))
}

/// What it was measured on.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or("")
        .trim_start_matches([' ', '\t', ':']);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    let load = read("/proc/loadavg");
    let date = std::process::Command::new("date")
        .arg("+%F")
        .output()
        .map(|out| String::from_utf8_lossy(&out.stdout).trim().to_owned());
    format!(
        "{}: {model}, {cores} cores, Linux {}; load at the end {}.",
        date.unwrap_or_default(),
        kernel.trim(),
        load.split(' ').next().unwrap_or("")
    )
}
