//! The status of a mirror: a tag in the store, so that whoever has the store can look at it. It goes with the mirror.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, Instant};

use ndsharray::{Store, Writer};
use ndsharray_mirror::{OfferedStatus, STATUS_TAG, TakenStatus, TakenTag};
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, say};

/// So many errors are said in a minute; all of them stand in the status.
const MOST_SAID: u32 = 60;
const MINUTE: Duration = Duration::from_secs(60);

/// What a mirror says of itself.
#[derive(Debug, Serialize, Deserialize)]
struct Status {
    pid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    offered: Option<OfferedStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    taken: Option<TakenStatus>,
}

/// Writes the status, and says errors of tags once.
pub struct Report {
    writer: Option<Writer>,
    /// By tag and host.
    errors: HashMap<(String, String), String>,
    said: u32,
    said_since: Instant,
}

impl Report {
    /// A store that is full or read-only has no status.
    pub fn new(store: &Store) -> Self {
        let tag = format!("{STATUS_TAG}{}", std::process::id());
        let writer = store.writer_options(&tag).ephemeral(true).capacity(4096).open().ok();
        Report { writer, errors: HashMap::new(), said: 0, said_since: Instant::now() }
    }

    pub fn tell(&mut self, offered: Option<OfferedStatus>, taken: Option<TakenStatus>) {
        if let Some(taken) = &taken {
            self.say(taken);
        }
        let status = Status { pid: std::process::id(), offered, taken };
        if let (Some(writer), Ok(text)) = (&mut self.writer, serde_json::to_vec(&status)) {
            let _ = writer.write_slice(&text, &[text.len()]);
        }
    }

    fn say(&mut self, taken: &TakenStatus) {
        if self.said_since.elapsed() > MINUTE {
            (self.said, self.said_since) = (0, Instant::now());
        }
        let mut errors = HashMap::new();
        for tag in &taken.tags {
            let Some(error) = &tag.error else { continue };
            let key = (tag.tag.clone(), tag.host.clone());
            if self.errors.get(&key) != Some(error) {
                self.said += 1;
                match self.said {
                    0..MOST_SAID => say(&format!("{} of {}: {error}", name(tag), tag.host)),
                    MOST_SAID => say("there are more errors; `ndsharray mirror status` shows all"),
                    _ => {}
                }
            }
            errors.insert(key, error.clone());
        }
        self.errors = errors;
    }
}

/// Of an error that concerns all tags, the name is empty.
fn name(tag: &TakenTag) -> &str {
    if tag.tag.is_empty() { "the tags" } else { &tag.tag }
}

/// Shows the status of all mirrors of a store.
pub fn show(store: &Store, json: bool) -> Result<(), Failure> {
    let mut shown = String::new();
    for tag in store.tags().map_err(Failure::failed)? {
        if !tag.starts_with(STATUS_TAG) {
            continue;
        }
        // One that was killed leaves it.
        if !store.stat(&tag).is_ok_and(|stat| stat.writer_alive) {
            continue;
        }
        let Ok(value) = store.reader(&tag).and_then(|reader| reader.latest()) else { continue };
        let Ok(status) = serde_json::from_slice::<Status>(value.bytes()) else { continue };
        if json {
            shown += &serde_json::to_string(&status).map_err(Failure::failed)?;
            shown.push('\n');
        } else {
            describe(&status, &mut shown);
        }
    }
    if shown.is_empty() && !json {
        shown = format!(
            "no mirror runs in {}, or only such as cannot write there\n",
            store.directory().display()
        );
    }
    match std::io::stdout().write_all(shown.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::failed(error)),
        _ => Ok(()),
    }
}

/// As text. It cannot fail: it goes to memory.
fn describe(status: &Status, to: &mut String) {
    let _ = writeln!(to, "mirror {}", status.pid);
    if let Some(offered) = &status.offered {
        let _ = writeln!(
            to,
            "  offers {}; {} sent, {}",
            counted(offered.tags as u64, "tag"),
            counted(offered.values, "value"),
            bytes(offered.bytes)
        );
        if !offered.receivers.is_empty() {
            let mut rows = vec![["  TO".to_owned(), "VALUES".to_owned(), "BYTES".to_owned()]];
            let receivers = offered.receivers.iter();
            rows.extend(
                receivers.map(|to| {
                    [format!("  {}", or_unknown(&to.host)), to.values.to_string(), bytes(to.bytes)]
                }),
            );
            table(&rows, 1, to);
        }
    }
    if let Some(taken) = &status.taken {
        let hosts: Vec<String> =
            taken.hosts.iter().collect::<HashSet<_>>().into_iter().map(|host| plain(host)).collect();
        let mut hosts = hosts;
        hosts.sort();
        let _ = match hosts.len() {
            0 => writeln!(to, "  takes from nobody so far"),
            _ => writeln!(to, "  takes from {}", hosts.join(", ")),
        };
        if !taken.tags.is_empty() {
            let head = ["  TAG", "FROM", "RATE", "LATENCY", "VALUES", "SKIPPED", "ERROR"];
            let mut rows = vec![head.map(str::to_owned)];
            rows.extend(taken.tags.iter().map(row));
            table(&rows, 2, to);
        }
    }
}

fn row(tag: &TakenTag) -> [String; 7] {
    [
        format!("  {}", if tag.tag.is_empty() { "-".to_owned() } else { plain(&tag.tag) }),
        plain(&tag.host),
        format!("{:.1} Hz", tag.rate),
        format!("{:.1} ms", tag.latency * 1e3),
        tag.values.to_string(),
        tag.skipped.to_string(),
        tag.error.as_deref().map(plain).unwrap_or_default(),
    ]
}

/// In columns: so many of texts, then figures, and the last one as it is.
fn table<const N: usize>(rows: &[[String; N]], texts: usize, to: &mut String) {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; N] = std::array::from_fn(width);
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            let _ = match column {
                _ if column < texts => write!(line, "{cell:width$}  "),
                6 => write!(line, "{cell}"),
                _ => write!(line, "{cell:>width$}  "),
            };
        }
        let _ = writeln!(to, "{}", line.trim_end());
    }
}

fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn or_unknown(host: &str) -> String {
    if host.is_empty() { "unknown".to_owned() } else { plain(host) }
}

/// What came from other hosts, without what a terminal would obey: also a status is only a tag.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn bytes(bytes: u64) -> String {
    let mut figure = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if figure < 1024.0 {
            return if unit == "B" { format!("{bytes} B") } else { format!("{figure:.1} {unit}") };
        }
        figure /= 1024.0;
    }
    format!("{figure:.1} TiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_a_table() {
        let status = serde_json::json!({
            "pid": 7,
            "offered": { "tags": 1, "values": 3, "bytes": 3_000_000, "receivers": [{ "host": "desk", "values": 3, "bytes": 12 }] },
            "taken": { "hosts": ["robot", "robot"], "tags": [
                { "tag": "cam", "host": "robot", "values": 12, "bytes": 9, "skipped": 1, "rate": 29.97, "latency": 0.0061, "error": null },
                { "tag": "left.depth", "host": "robot", "values": 0, "bytes": 0, "skipped": 0, "rate": 0.0, "latency": 0.0, "error": "no\u{1b} room" },
            ] },
        });
        let mut text = String::new();
        describe(&serde_json::from_value(status).unwrap(), &mut text);
        let expected = "\
mirror 7
  offers 1 tag; 3 values sent, 2.9 MiB
  TO    VALUES  BYTES
  desk       3   12 B
  takes from robot
  TAG         FROM      RATE  LATENCY  VALUES  SKIPPED  ERROR
  cam         robot  30.0 Hz   6.1 ms      12        1
  left.depth  robot   0.0 Hz   0.0 ms       0        0  no  room
";
        assert_eq!(text, expected);
    }
}
