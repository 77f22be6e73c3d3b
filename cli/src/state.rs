//! The state of a tag: what `ls` and `stat` say of it.

use std::os::unix::fs::MetadataExt;

use ndsharray::{Stat, Store};
use serde::Serialize;

use crate::locks::Locks;
use crate::owner::Owners;
use crate::value::Value;

/// A tag, as JSON has it.
#[derive(Debug, Default, Serialize)]
pub struct State {
    pub tag: String,
    /// What is wrong with it. Then only what the directory tells is known.
    pub damaged: Option<String>,
    /// Why this user may not read it. Then only what the directory tells is known.
    pub unreadable: Option<String>,
    pub value: Option<Value>,
    /// Values per second while it was watched; null if it was not.
    pub rate: Option<f64>,
    pub writer_alive: Option<bool>,
    /// The pid of the process that writes it now; null if nobody does. It is the pid in this PID namespace, or in the
    /// writer's own if the writer cannot be seen from here.
    pub pid: Option<u32>,
    pub uid: Option<u32>,
    pub owner: Option<String>,
    pub mode: Option<String>,
    pub ephemeral: Option<bool>,
    /// Where the values come from; empty: from a writer of this machine.
    pub source: Option<String>,
    pub storage_bytes: Option<u64>,
}

impl State {
    /// A tag of which only the directory tells. `None` if it was removed meanwhile.
    pub fn unknown(store: &Store, tag: String, owners: &Owners, locks: &Locks) -> Option<Self> {
        let path = store.directory().join(&tag);
        let found = path.symlink_metadata().ok()?;
        let pid = locks.holder(&path);
        Some(State {
            tag,
            writer_alive: pid.map(|_| true),
            pid,
            uid: Some(found.uid()),
            owner: Some(owners.name(found.uid())),
            mode: Some(format!("{:04o}", found.mode() & 0o7777)),
            ..State::default()
        })
    }

    pub fn array(stat: Stat, owners: &Owners, rate: Option<f64>) -> Self {
        State {
            tag: stat.tag,
            damaged: None,
            unreadable: None,
            value: stat.value.map(Value::from),
            rate,
            writer_alive: Some(stat.writer_alive),
            pid: stat.pid,
            uid: Some(stat.uid),
            owner: Some(owners.name(stat.uid)),
            mode: Some(format!("{:04o}", stat.mode)),
            ephemeral: Some(stat.ephemeral),
            source: Some(stat.source),
            storage_bytes: Some(stat.bytes),
        }
    }
}
