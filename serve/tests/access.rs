//! Who is answered.

mod server;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ndsharray::Store;
use ndsharray_serve::{Error, ServeOptions};

use server::Served;

const TOKEN: &str = "a-token-of-26-characters-x";

#[test]
fn a_token_is_wanted_everywhere_but_for_health() {
    let served = Served::new(|options| options.token(TOKEN));
    for path in ["/", "/tags", "/metrics", "/tag/cam/latest.npy", "/tag/cam/next", "/nothing"] {
        let answer = served.get(path);
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer")), "{path}");
        let wrong = served.request("GET", path, &[("authorization", "Bearer a-token-of-26-characters-y")]);
        assert_eq!(wrong.status, 401, "{path}");
    }
    assert_eq!(served.get("/healthz").status, 200);
    let bearer = format!("Bearer {TOKEN}");
    assert_eq!(served.request("GET", "/tags", &[("authorization", &bearer)]).status, 200);
}

#[test]
fn a_browser_gets_a_cookie_and_loses_the_token_from_its_address() {
    let served = Served::new(|options| options.token(TOKEN));
    let answer = served.get(&format!("/?token={TOKEN}"));
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")));
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
    let pair = cookie.split(';').next().unwrap();
    assert_eq!(served.request("GET", "/tags", &[("cookie", pair)]).status, 200);
    assert_eq!(served.get("/?token=another-token-of-some-length").status, 401);
    let name = pair.split('=').next().unwrap();
    assert_eq!(
        name,
        format!("ndsharray_token_{}", served.address().port()),
        "cookies go to all ports of a host"
    );
    for (path, place) in [
        (
            format!("/tag/a%20b/latest.png?width=64&token={TOKEN}&map=turbo"),
            "/tag/a%20b/latest.png?width=64&map=turbo",
        ),
        (format!("/?token=wrong&token={TOKEN}"), "/"),
        (format!("//evil.example/?token={TOKEN}"), "/evil.example/"),
    ] {
        let answer = served.request("GET", &path, &[("cookie", pair)]);
        assert_eq!((answer.status, answer.header("location")), (303, Some(place)), "{path}");
    }
}

#[test]
fn players_give_the_token_as_a_password() {
    let served = Served::new(|options| options.token(TOKEN));
    for (password, status) in [(TOKEN, 200), ("a-token-of-26-characters-y", 401), ("", 401)] {
        let value = format!("Basic {}", BASE64_STANDARD.encode(format!("somebody:{password}")));
        assert_eq!(served.request("GET", "/tags", &[("authorization", &value)]).status, status, "{password}");
    }
}

#[test]
fn pages_of_other_sites_are_not_answered_but_the_same_host_may_show_pictures() {
    let served = Served::new(|options| options);
    let mut writer = served.store.writer("cam").unwrap();
    writer.write_slice(&[0u8; 64], &[8, 8]).unwrap();
    for path in ["/tags", "/tag/cam/latest.json", "/tag/cam/latest.png"] {
        let status = |site| {
            served.request("GET", path, &[("sec-fetch-site", site), ("sec-fetch-dest", "image")]).status
        };
        let is_picture = path.ends_with("png");
        assert_eq!((status("cross-site"), status("same-origin"), status("none")), (403, 200, 200), "{path}");
        assert_eq!(status("same-site"), if is_picture { 200 } else { 403 }, "{path}");
        let policy = if is_picture { "same-site" } else { "same-origin" };
        assert_eq!(served.get(path).header("cross-origin-resource-policy"), Some(policy), "{path}");
    }
}

#[test]
fn a_browser_without_the_token_is_told_what_to_do() {
    let served = Served::new(|options| options.token(TOKEN));
    let reads = [("accept", "text/html,*/*;q=0.8")];
    for (path, text) in [
        ("/", "This server wants a token"),
        ("/?token=another-token", "That is not the token of this server"),
    ] {
        let answer = served.request("GET", path, &reads);
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (401, Some("text/html; charset=utf-8")),
            "{path}"
        );
        assert!(String::from_utf8(answer.body).unwrap().contains(text), "{path}");
    }
}

#[test]
fn other_names_and_other_sites_are_not_answered() {
    let served = Served::new(|options| options.host("robot.local"));
    assert_eq!(served.request("GET", "/tags", &[("host", "robot.local:80")]).status, 200);
    assert_eq!(served.request("GET", "/tags", &[("host", "evil.example")]).status, 421);
    assert_eq!(served.request("GET", "/tags", &[("origin", "http://evil.example")]).status, 403);
    let answer = served.get("/tags");
    assert_eq!(
        (answer.header("cache-control"), answer.header("x-content-type-options")),
        (Some("no-store"), Some("nosniff"))
    );
    assert!(answer.header("access-control-allow-origin").is_none());
}

#[test]
fn other_hosts_need_a_token() {
    let directory = tempfile::tempdir_in("/dev/shm").unwrap();
    let store = || Store::open(directory.path()).unwrap();
    let everywhere = || ServeOptions::new().listen("0.0.0.0:0".parse().unwrap());
    assert!(matches!(everywhere().bind(store()), Err(Error::Open { .. })));
    assert!(matches!(everywhere().token("short").bind(store()), Err(Error::Token { .. })));
    assert!(everywhere().token(TOKEN).bind(store()).is_ok());
    assert!(everywhere().open_to_all(true).bind(store()).is_ok());
    let taken = ServeOptions::new().listen("127.0.0.1:0".parse().unwrap()).bind(store()).unwrap();
    assert!(matches!(ServeOptions::new().listen(taken.address()).bind(store()), Err(Error::Listen { .. })));
}
