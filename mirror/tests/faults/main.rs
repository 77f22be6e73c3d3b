//! Mirrors between hosts that are networks of their own, and what befalls them. Each value says which one it is.

#[path = "../common/mod.rs"]
mod common;

mod carrying;
mod every;
mod links;
mod loops;
mod mirrors;
mod slow;
mod soak;
mod stores;
mod writers;

/// Other processes of the tests are this one.
#[test]
fn role() {
    common::role::play();
}

use common::host::Hosts;
use common::program::Program;

/// A host that offers all and a host that takes all, with more arguments for the second.
fn pair(hosts: &Hosts, more: &str) -> (Program, Program) {
    (offering(hosts), taking(hosts, more))
}

fn offering(hosts: &Hosts) -> Program {
    hosts[0].mirror("--offer * --listen tcp/0.0.0.0:7447")
}

fn taking(hosts: &Hosts, more: &str) -> Program {
    let args = format!("--take * --connect {} {more}", hosts.at(0, 1));
    hosts[1].mirror(args.trim_end())
}
