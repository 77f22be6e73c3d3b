//! Which page asks. Browsers say it with most requests (Fetch Metadata), also with those that have no `Origin`: pictures, scripts, frames.
//!
//! A page of another site learns nothing of the answers, whatever they are: `cross-origin-resource-policy` forbids it. So this only spares
//! the work, and other browsers do without.

use axum::http::{HeaderMap, StatusCode, Uri};

use crate::refusal::Refusal;

/// Refuses what a page of another origin asks for, but for links that somebody follows, and pictures on a page of the same host.
pub(super) fn check(headers: &HeaderMap, uri: &Uri) -> Result<(), Refusal> {
    let says = |name: &str, text: &str| headers.get(name).is_some_and(|found| found == text);
    let others = says("sec-fetch-site", "cross-site") || says("sec-fetch-site", "same-site");
    let follows_link = says("sec-fetch-mode", "navigate") && says("sec-fetch-dest", "document");
    let shows_picture = says("sec-fetch-site", "same-site") && is_picture(uri.path());
    if !others || follows_link || shows_picture {
        return Ok(());
    }
    let text = "a page of another site asks; that is not answered".to_owned();
    Err(Refusal::new(StatusCode::FORBIDDEN, text))
}

fn is_picture(path: &str) -> bool {
    ["/latest.png", "/latest.jpg", "/stream.mjpg"].iter().any(|end| path.ends_with(end))
}

#[cfg(test)]
mod tests {
    use axum::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn is_answered(path: &str, said: &[(&'static str, &'static str)]) -> bool {
        let headers =
            said.iter().map(|&(name, text)| (HeaderName::from_static(name), HeaderValue::from_static(text)));
        check(&headers.collect(), &path.parse().unwrap()).is_ok()
    }

    #[test]
    fn pages_of_others_may_link_and_those_of_the_same_host_show_pictures() {
        let site =
            |site| [("sec-fetch-site", site), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")];
        for path in ["/tags", "/tag/cam/latest.npy", "/tag/cam/latest.png", "/tag/cam/stream.mjpg?width=3"] {
            assert!(is_answered(path, &[]), "programs say nothing: {path}");
            assert!(is_answered(path, &site("same-origin")), "{path}");
            assert!(is_answered(path, &site("none")), "{path}");
            assert!(!is_answered(path, &site("cross-site")), "{path}");
            assert_eq!(
                is_answered(path, &site("same-site")),
                is_picture(path.split('?').next().unwrap()),
                "{path}"
            );
            let link = |dest| {
                [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", dest)]
            };
            assert!(is_answered(path, &link("document")), "{path}");
            assert!(!is_answered(path, &link("iframe")), "{path}");
        }
    }
}
