//! What programs get from each address.

mod server;

use std::time::Duration;

use ndsharray::{Meta, NpyHeader};
use serde_json::json;

use server::Served;

#[test]
fn every_tag_is_listed() {
    let served = Served::new(|options| options);
    assert_eq!(served.get("/tags").json(), json!([]));
    let mut writer = served.store.writer_options("cam").source("camera 7").open().unwrap();
    drop(served.store.writer("empty").unwrap());
    writer.write_slice(&[1u8, 2, 3, 4, 5, 6], &[2, 3]).unwrap();
    let found = served.get("/tags").json();
    assert_eq!((&found[0]["tag"], &found[1]["tag"]), (&json!("cam"), &json!("empty")));
    assert_eq!((&found[0]["source"], &found[0]["writer_alive"]), (&json!("camera 7"), &json!(true)));
    let value = &found[0]["value"];
    assert_eq!(
        (&value["dtype"], &value["shape"], &value["version"]),
        (&json!("uint8"), &json!([2, 3]), &json!(1))
    );
    assert_eq!((&found[1]["value"], &found[1]["writer_alive"]), (&json!(null), &json!(false)));
}

#[test]
fn the_rate_of_a_tag_takes_two_looks() {
    let served = Served::new(|options| options);
    let mut writer = served.store.writer("cam").unwrap();
    writer.write_slice(&[1u8], &[1]).unwrap();
    let first = served.get("/tags").json();
    assert_eq!((&first[0]["rate"], &first[0]["slots"]["held"]), (&json!(null), &json!(0)));
    for _ in 0..10 {
        std::thread::sleep(Duration::from_millis(60));
        writer.write_slice(&[2u8], &[1]).unwrap();
    }
    let rate = served.get("/tags").json()[0]["rate"].as_f64().unwrap();
    // Ten values in at least 0.6 seconds; a busy machine takes longer.
    assert!(rate > 0.0 && rate < 17.0, "{rate}");
}

#[test]
fn the_latest_value_as_npy_and_json() {
    let served = Served::new(|options| options);
    let mut writer = served.store.writer("a b/c".replace('/', "%").as_str()).unwrap();
    let meta = Meta::default().attributes(&json!({ "unit": "mm" })).unwrap();
    writer.write_slice_with(&[0.5f32, f32::NAN, 2.0, -1.0], &[2, 2], &meta).unwrap();

    let answer = served.get("/tag/a%20b%25c/latest.npy");
    assert_eq!((answer.status, answer.header("ndsharray-version")), (200, Some("1")));
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
    let mut body = &answer.body[..];
    let header = NpyHeader::read(&mut body).unwrap();
    assert_eq!((header.dtype().name(), header.shape()), ("float32", &[2, 2][..]));
    assert_eq!(body, [0.5f32, f32::NAN, 2.0, -1.0].map(f32::to_ne_bytes).concat());

    let found = served.get("/tag/a%20b%25c/latest.json").json();
    assert_eq!(found["data"], json!([[0.5, null], [2.0, -1.0]]));
    assert_eq!((&found["tag"], &found["attributes"]), (&json!("a b%c"), &json!({ "unit": "mm" })));
}

#[test]
fn what_is_not_there_or_too_much_is_refused() {
    let served = Served::new(|options| options);
    for (path, status) in [
        ("/tag/none/latest.npy", 404),
        ("/tag/.hidden/latest.npy", 400),
        ("/tag/a%2Fb/latest.npy", 400),
        ("/tag/..%2F..%2Fetc/latest.json", 400),
        ("/tag/%ff/latest.npy", 400),
        ("/tag/none/next", 404),
        ("/nothing", 404),
        ("/tag/none", 404),
    ] {
        assert_eq!(served.get(path).status, status, "{path}");
    }
    drop(served.store.writer("empty").unwrap());
    let answer = served.get("/tag/empty/latest.json");
    assert_eq!(answer.status, 404);
    assert!(answer.json()["error"].as_str().unwrap().contains("empty"), "{}", answer.json());
    let mut writer = served.store.writer("big").unwrap();
    writer.write_slice(&vec![0u8; 1_000_001], &[1_000_001]).unwrap();
    assert_eq!(served.get("/tag/big/latest.json").status, 413);
    assert_eq!(served.get("/tag/big/latest.npy").status, 200);
    // No elements, but as many lists of none, and lines of no pixels.
    writer.write_slice::<u8>(&[], &[1 << 40, 0]).unwrap();
    for (path, status) in [("json", 413), ("npy", 200), ("png", 422), ("jpg", 422)] {
        assert_eq!(served.get(&format!("/tag/big/latest.{path}")).status, status, "{path}");
    }
    writer.write_slice::<u8>(&[], &[0, 480, 640]).unwrap();
    for (path, status) in [("json", 200), ("npy", 200), ("png", 422), ("png?index=7", 422)] {
        assert_eq!(served.get(&format!("/tag/big/latest.{path}")).status, status, "{path}");
    }
    for path in [
        "/tag/big/next?after=7",
        "/tag/big/next?wait=-1",
        "/tag/big/next?format=png",
        "/tag/big/next?color=red",
    ] {
        assert_eq!(served.get(path).status, 400, "{path}");
    }
    assert_eq!(served.request("POST", "/tags", &[]).status, 405);
}

#[test]
fn the_next_value_is_waited_for() {
    let served = Served::new(|options| options);
    let mut writer = served.store.writer("counter").unwrap();
    assert_eq!(served.get("/tag/counter/next?wait=0.01").status, 204, "nothing was written yet");
    writer.write_slice(&[1u64], &[1]).unwrap();
    let first = served.get("/tag/counter/next?format=json");
    assert_eq!(first.json()["data"], json!([1]));
    let cursor = first.header("ndsharray-cursor").unwrap().to_owned();
    let address = format!("/tag/counter/next?format=json&after={cursor}");
    assert_eq!(served.get(&format!("{address}&wait=0.01")).status, 204);
    let later = std::thread::scope(|scope| {
        let waits = scope.spawn(|| served.get(&address));
        std::thread::sleep(Duration::from_millis(50));
        writer.write_slice(&[2u64], &[1]).unwrap();
        waits.join().unwrap()
    });
    assert_eq!(later.json()["data"], json!([2]));
    // Removed and written again: the same version, but another value.
    drop(writer);
    served.store.remove("counter").unwrap();
    let mut writer = served.store.writer("counter").unwrap();
    for value in [1u64, 3] {
        writer.write_slice(&[value], &[1]).unwrap();
    }
    let cursor = later.header("ndsharray-cursor").unwrap();
    assert_eq!(
        served.get(&format!("/tag/counter/next?format=json&after={cursor}")).json()["data"],
        json!([3])
    );
}

#[test]
fn tags_that_are_not_shown_are_as_those_that_do_not_exist() {
    let served = Served::new(|options| options.tags(|tag| tag.starts_with("cam")));
    for tag in ["cam", "secret"] {
        served.store.writer(tag).unwrap().write_slice(&[1u8], &[1]).unwrap();
    }
    assert_eq!(served.get("/tags").json().as_array().unwrap().len(), 1);
    assert_eq!(served.get("/tag/cam/latest.npy").status, 200);
    for path in ["/tag/secret/latest.npy", "/tag/secret/next", "/tag/secret/latest.json"] {
        assert_eq!(served.get(path).status, 404, "{path}");
    }
    assert!(!String::from_utf8(served.get("/metrics").body).unwrap().contains("secret"));
}

#[test]
fn whatever_is_wrong_is_said_in_json() {
    let served = Served::new(|options| options);
    let mut writer = served.store.writer("cam").unwrap();
    writer.write_slice(&[0u8; 64], &[8, 8]).unwrap();
    for (method, path, status) in [
        ("GET", "/tag/cam/latest.png?width=x", 400),
        ("GET", "/tag/cam/latest.png?colour=red", 400),
        ("GET", "/tag/cam/latest.png?width=1&width=2", 400),
        ("GET", "/tag/cam/latest.png?index=1;2", 400),
        ("GET", "/tag/cam/next?wait=-1", 400),
        ("GET", "/tag/cam/next?wait=NaN", 400),
        ("GET", "/tag/cam/next?after=x", 400),
        ("GET", "/tag/%ff/latest.npy", 400),
        ("GET", "/tag/%00/latest.npy", 400),
        ("GET", "/tag/%2e%2e/latest.npy", 400),
        ("GET", "/tag/..%2f..%2fetc%2fpasswd/latest.npy", 400),
        ("GET", "/tag/%3Cscript%3E/latest.npy", 404),
        ("GET", "/page/%ff", 400),
        ("GET", "/page/..%2fCargo.toml", 404),
        ("GET", "/tag/../tags", 404),
        ("GET", "/socket", 400),
        ("POST", "/tags", 405),
        ("DELETE", "/tag/cam/latest.npy", 405),
    ] {
        let answer = served.request(method, path, &[]);
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (status, Some("application/json")),
            "{path}"
        );
        assert!(answer.json()["error"].is_string(), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
    }
}

#[test]
fn files_of_others_are_no_tags_and_nothing_is_told_of_them() {
    let served = Served::new(|options| options);
    let directory = served.store.directory();
    std::fs::write(directory.join("key"), "a secret").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", directory.join("link")).unwrap();
    std::fs::create_dir(directory.join("directory")).unwrap();
    for name in ["key", "link", "directory"] {
        for path in ["latest.npy", "latest.json", "latest.png", "stream.mjpg", "next"] {
            let answer = served.get(&format!("/tag/{name}/{path}"));
            let text = String::from_utf8(answer.body).unwrap();
            assert!(
                answer.status == 404 && !text.contains("secret") && !text.contains("link"),
                "{name} {text}"
            );
        }
    }
    assert_eq!(served.get("/tags").json(), json!([]));
}
