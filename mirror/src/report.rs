//! The status of a mirror: a tag in the store, so that whoever has the store can look at it. It goes with the mirror.

use std::collections::HashMap;

use ndsharray::{Store, Writer};
use ndsharray_mirror::{OfferedStatus, TakenStatus};
use serde::{Deserialize, Serialize};

use crate::Failure;

/// How the tags begin; the pid follows.
const TAG: &str = "ndsharray-mirror-";
/// With this source they are offered to nobody: a pid says nothing on another host.
const SOURCE: &str = "mirror://status";

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
    errors: HashMap<String, String>,
}

impl Report {
    /// `writes`: false leaves the store alone.
    pub fn new(store: &Store, writes: bool) -> Self {
        let tag = format!("{TAG}{}", std::process::id());
        // A store that is full or read-only has no status.
        let open = || store.writer_options(&tag).ephemeral(true).capacity(4096).source(SOURCE).open().ok();
        Report { writer: if writes { open() } else { None }, errors: HashMap::new() }
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
        let mut errors = HashMap::new();
        for tag in &taken.tags {
            let Some(error) = &tag.error else { continue };
            if self.errors.get(&tag.tag) != Some(error) {
                eprintln!("ndsharray: {}: {error}", tag.tag);
            }
            errors.insert(tag.tag.clone(), error.clone());
        }
        self.errors = errors;
    }
}

/// Shows the status of all mirrors of a store.
pub fn show(store: &Store, json: bool) -> Result<(), Failure> {
    for tag in store.tags().map_err(Failure::failed)? {
        if !tag.starts_with(TAG) {
            continue;
        }
        let Ok(value) = store.reader(&tag).and_then(|reader| reader.latest()) else { continue };
        let Ok(status) = serde_json::from_slice::<Status>(value.bytes()) else { continue };
        if json {
            println!("{}", serde_json::to_string(&status).map_err(Failure::failed)?);
        } else {
            println!("{}", text(&status));
        }
    }
    Ok(())
}

fn text(status: &Status) -> String {
    let mut lines = vec![format!("mirror {}", status.pid)];
    if let Some(offered) = &status.offered {
        let megabytes = offered.bytes / 1_000_000;
        lines.push(format!("  offers {} tags; sent {} values, {megabytes} MB", offered.tags, offered.values));
    }
    if let Some(taken) = &status.taken {
        let hosts = if taken.hosts.is_empty() { "nobody yet".to_owned() } else { taken.hosts.join(", ") };
        lines.push(format!("  takes from {hosts}"));
        for tag in &taken.tags {
            let error = tag.error.as_ref().map(|error| format!("  {error}")).unwrap_or_default();
            lines.push(format!(
                "  {}  {}  {:.1} Hz  {:.1} ms  {} values  {} skipped{error}",
                tag.tag,
                tag.host,
                tag.rate,
                tag.latency * 1e3,
                tag.values,
                tag.skipped
            ));
        }
    }
    lines.join("\n")
}
