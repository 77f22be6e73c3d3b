//! The names under which the server may be asked.
//!
//! A page of another site could have its name resolved to this server's address (DNS rebinding), or make requests from a browser that
//! has the cookie. The headers `Host` and `Origin` tell such requests.

use std::net::IpAddr;

use axum::http::header::{self, HeaderValue};
use axum::http::{HeaderMap, StatusCode, Uri};

use crate::refusal::Refusal;

/// The names under which the server may be asked, besides IP addresses and `localhost`.
#[derive(Debug)]
pub(crate) struct Hosts(Vec<String>);

impl Hosts {
    pub fn new(names: Vec<String>) -> Self {
        Hosts(names.into_iter().map(|name| name.to_ascii_lowercase()).collect())
    }

    pub(super) fn check(&self, headers: &HeaderMap, uri: &Uri, secure: bool) -> Result<(), Refusal> {
        if headers.get_all(header::HOST).iter().count() > 1 {
            return Err(Refusal::bad("the request has more than one header Host"));
        }
        // HTTP/1.1 lets a request name the host in its first line.
        let host = match uri.authority() {
            Some(authority) => Some(authority.as_str()),
            None => headers.get(header::HOST).and_then(|host| host.to_str().ok()),
        };
        let Some(host) = host else {
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "the request has no header Host".to_owned()));
        };
        if !self.knows(name(host)) {
            let text = format!(
                "this server does not answer to {:?}: ask it by its IP address, or start it with --host and that name",
                name(host)
            );
            return Err(Refusal::new(StatusCode::MISDIRECTED_REQUEST, text));
        }
        let scheme = if secure { "https" } else { "http" };
        match headers.get(header::ORIGIN) {
            Some(origin) if !is_same(origin, scheme, host) => {
                let text = "a page of another site asks, which is not answered; if a reverse proxy is between, it must pass on Host"
                    .to_owned();
                Err(Refusal::new(StatusCode::FORBIDDEN, text))
            }
            _ => Ok(()),
        }
    }

    fn knows(&self, name: &str) -> bool {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        // No name is resolved for an address, so nobody can have it point elsewhere.
        let is_address = || name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
        name == "localhost" || self.0.contains(&name) || is_address()
    }
}

/// Whether a page came from this server. A proxy that ends TLS makes https of what is http here.
fn is_same(origin: &HeaderValue, scheme: &str, host: &str) -> bool {
    let Some((found, rest)) = origin.to_str().ok().and_then(|origin| origin.split_once("://")) else {
        return false;
    };
    (found == scheme || found == "https") && rest.eq_ignore_ascii_case(host)
}

/// A host without its port.
fn name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.is_empty() => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(host: &str, origin: Option<&str>) -> u16 {
        let mut headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_str(host).unwrap())]);
        headers.extend(origin.map(|origin| (header::ORIGIN, HeaderValue::from_str(origin).unwrap())));
        let hosts = Hosts::new(vec!["Robot.local".to_owned()]);
        hosts
            .check(&headers, &Uri::from_static("/"), false)
            .map_or_else(|refusal| refusal.status().as_u16(), |()| 200)
    }

    #[test]
    fn addresses_and_known_names_are_answered() {
        for host in [
            "127.0.0.1:8080",
            "127.0.0.1",
            "[::1]:8080",
            "[::1]",
            "localhost:1",
            "LOCALHOST",
            "robot.local:8080",
        ] {
            assert_eq!(outcome(host, None), 200, "{host}");
            assert_eq!(outcome(host, Some(&format!("http://{host}"))), 200, "{host}");
        }
        assert_eq!(outcome("robot.local", Some("https://robot.local")), 200);
    }

    #[test]
    fn other_names_and_other_sites_are_not() {
        for host in [
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "",
            ":80",
        ] {
            assert_eq!(outcome(host, None), 421, "{host}");
        }
        for origin in ["http://evil.example", "null", "", "http://127.0.0.1:81", "ftp://127.0.0.1:80"] {
            assert_eq!(outcome("127.0.0.1:80", Some(origin)), 403, "{origin}");
        }
    }

    #[test]
    fn a_request_must_name_its_host() {
        let refusal =
            Hosts::new(Vec::new()).check(&HeaderMap::new(), &Uri::from_static("/"), false).unwrap_err();
        assert_eq!(refusal.status(), 400);
        let two = ["localhost"; 2].into_iter().fold(HeaderMap::new(), |mut headers, host| {
            headers.append(header::HOST, HeaderValue::from_static(host));
            headers
        });
        assert_eq!(
            Hosts::new(Vec::new()).check(&two, &Uri::from_static("/"), false).unwrap_err().status(),
            400
        );
        let other = Uri::from_static("http://evil.example/");
        assert_eq!(Hosts::new(Vec::new()).check(&HeaderMap::new(), &other, false).unwrap_err().status(), 421);
    }
}
