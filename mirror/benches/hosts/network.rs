//! Two hosts: network namespaces with a link between them.

use crate::Result;
use crate::process::run;

/// Two hosts, until it is dropped.
pub struct Hosts {
    names: [String; 2],
}

/// The addresses of the two.
pub const ADDRESSES: [&str; 2] = ["10.77.0.1", "10.77.0.2"];

impl Hosts {
    pub fn new() -> Result<Self> {
        let pid = std::process::id();
        let hosts = Hosts { names: [format!("ndsb{pid}a"), format!("ndsb{pid}b")] };
        let [a, b] = &hosts.names;
        run("ip", &["netns", "add", a])?;
        run("ip", &["netns", "add", b])?;
        let link = ["link", "add", "veth0", "netns", a, "type", "veth", "peer", "name", "veth0", "netns", b];
        run("ip", &link)?;
        for (name, address) in hosts.names.iter().zip(ADDRESSES) {
            run("ip", &["-n", name, "addr", "add", &format!("{address}/24"), "dev", "veth0"])?;
            run("ip", &["-n", name, "link", "set", "veth0", "up"])?;
            run("ip", &["-n", name, "link", "set", "lo", "up"])?;
        }
        Ok(hosts)
    }

    pub fn name(&self, host: usize) -> &str {
        &self.names[host]
    }

    /// Limits the link, both ways, to so many bytes a second.
    pub fn limit(&self, bytes_a_second: f64) -> Result<()> {
        for name in &self.names {
            // There is none at first.
            let _ = run("tc", &["-n", name, "qdisc", "del", "dev", "veth0", "root"]);
            let rate = format!("{}bps", bytes_a_second as u64);
            // 5 ms at that speed, at least two of the largest packets.
            let burst = format!("{}", ((bytes_a_second * 0.005) as u64).max(128 << 10));
            let limit = ["tbf", "rate", &rate, "burst", &burst, "latency", "50ms"];
            let add = ["-n", name, "qdisc", "add", "dev", "veth0", "root"];
            run("tc", &[&add[..], &limit[..]].concat())?;
        }
        Ok(())
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for name in &self.names {
            let _ = run("ip", &["netns", "del", name]);
        }
    }
}
