//! Time namespaces, in which CLOCK_MONOTONIC is another one.

use std::process::Command;

use super::sandbox::{skip, works};

/// The options of `unshare` with which a process may make a time namespace; `None`, with a word, if nothing allows it here.
pub fn permission(test: &str) -> Option<&'static [&'static str]> {
    let ways: [&[&str]; 2] = [&[], &["--user", "--map-root-user"]];
    let one = ["--time", "--fork", "--monotonic", "1", "--boottime", "1", "true"];
    let permitted = |way: &&[&str]| works(Command::new("unshare").args(*way).args(one));
    let way = ways.into_iter().find(permitted);
    if way.is_none() {
        skip(test, "no time namespaces here; needs root or user namespaces, and Linux 5.6");
    }
    way
}
