//! Endpoints of Zenoh: `PROTOCOL/HOST:PORT`, then `?METADATA` and `#key=value;key=value`, if need be.

use std::net::{IpAddr, ToSocketAddrs};

use serde_json::Value;

/// All texts in a value: endpoints may stand in a list, or in one for each mode.
pub(crate) fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
        Value::Object(values) => values.values().for_each(|value| texts(value, found)),
        _ => {}
    }
}

/// The protocols that this is built with.
const PROTOCOLS: [&str; 2] = ["tcp", "tls"];

/// Whether a text is an endpoint.
///
/// # Errors
/// What is wrong with it, for people.
pub(crate) fn check(endpoint: &str) -> Result<(), &'static str> {
    let address = endpoint.split(['?', '#']).next().unwrap_or_default();
    let Some((protocol, address)) = address.split_once('/') else {
        return Err("it is not PROTOCOL/HOST:PORT");
    };
    let Some((host, port)) = address.rsplit_once(':') else { return Err("it has no port") };
    if !PROTOCOLS.contains(&protocol) {
        Err("its protocol is neither tcp nor tls")
    } else if host.is_empty() || (host.contains(':') && !(host.starts_with('[') && host.ends_with(']'))) {
        Err("it has no host, or an IPv6 address without brackets")
    } else if port.parse::<u16>().is_err() {
        Err("its port is no number up to 65535")
    } else {
        Ok(())
    }
}

/// Whether whoever reaches an endpoint is let in: other hosts may reach it, and it asks for no certificate. `asks`: TLS does, if the
/// endpoint does not say otherwise.
pub(crate) fn is_open(endpoint: &str, asks: bool) -> bool {
    let (address, options) = endpoint.split_once('#').unwrap_or((endpoint, ""));
    let address = address.split('?').next().unwrap_or_default();
    let Some((protocol, address)) = address.split_once('/') else { return false };
    let said = options.split(';').find_map(|option| option.strip_prefix("enable_mtls="));
    let asks = protocol == "tls" && said.map_or(asks, |said| said == "true" || said == "1");
    !asks && !is_near(address)
}

/// Whether only this host reaches an address.
fn is_near(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return ip.to_canonical().is_loopback();
    }
    // A name stands for what it is resolved to.
    let Ok(addresses) = (bare, 0).to_socket_addrs() else { return false };
    let mut addresses = addresses.peekable();
    addresses.peek().is_some() && addresses.all(|address| address.ip().to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_reach_without_a_certificate_is_open() {
        for open in [
            "tcp/0.0.0.0:7447",
            "tcp/[::]:7447",
            "tcp/10.0.0.1:1",
            "udp/[fe80::1%eth0]:7447",
            "tls/0.0.0.0:7447",
            "tcp/*:0",
        ] {
            assert!(is_open(open, false), "{open}");
        }
        for near in [
            "tcp/127.0.0.1:7447",
            "tcp/127.1.2.3:7447",
            "tcp/[::1]:7447",
            "tcp/localhost:7447",
            "tcp/[::ffff:127.0.0.1]:1#so_sndbuf=1",
        ] {
            assert!(!is_open(near, false), "{near}");
        }
        assert!(is_open("tcp/0.0.0.0:7447", true), "only TLS has certificates");
        assert!(!is_open("tls/0.0.0.0:7447", true));
        assert!(is_open("tls/0.0.0.0:7447#enable_mtls=false", true));
        assert!(!is_open("tls/0.0.0.0:7447?rel=1#a=b;enable_mtls=true", false));
    }

    #[test]
    fn endpoints_are_checked() {
        for good in ["tcp/0.0.0.0:7447", "tcp/[::]:0", "tls/robot:65535", "tcp/a:1?x=y#iface=lo"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for wrong in [
            "",
            "foo",
            "tcp",
            "tcp/",
            "tcp/robot",
            "udp/robot:1",
            "tcp/:1",
            "tcp/::1:7447",
            "tcp/robot:x",
            "tcp/robot:65536",
        ] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn endpoints_stand_in_lists_or_in_one_for_each_mode() {
        let mut found = Vec::new();
        texts(&serde_json::json!({ "peer": ["a", "b"], "router": ["c"] }), &mut found);
        assert_eq!(found, ["a", "b", "c"]);
    }
}
