//! Requests for too much, or for what makes no sense: an answer that says so, or as much as there is.

mod server;

use server::Served;

#[test]
fn a_large_picture_comes_only_reduced() {
    let served = Served::new(|options| options);
    // More than 64 MiB.
    let side = 2900;
    served.store.writer("large").unwrap().write_slice(&vec![200.0f64; side * side], &[side, side]).unwrap();
    for name in ["latest.png", "latest.jpg", "stream.mjpg"] {
        let answer = served.get(&format!("/tag/large/{name}"));
        assert_eq!(answer.status, 413, "{name}");
        assert!(answer.json()["error"].is_string());
    }
    let answer = served.get("/tag/large/latest.png?width=100&map=gray&min=0&max=255");
    let picture = image::load_from_memory(&answer.body).unwrap();
    assert_eq!((answer.status, picture.width(), picture.height()), (200, 100, 100));
    assert_eq!(picture.to_luma8().get_pixel(50, 50).0, [200]);
}

#[test]
fn bounds_and_sizes_without_sense_are_no_bug() {
    let served = Served::new(|options| options);
    let numbers = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, 1.0, f32::MAX, f32::MIN, -0.0, 1e-45];
    served.store.writer("depth").unwrap().write_slice(&numbers, &[3, 3]).unwrap();
    served.store.writer("holes").unwrap().write_slice(&[f64::NAN; 9], &[3, 3]).unwrap();
    for tag in ["depth", "holes"] {
        for query in [
            "min=nan",
            "max=NaN&map=turbo",
            "min=-inf&max=inf",
            "min=inf&max=-inf&map=gray",
            "min=5&max=-5",
            "min=1e999",
            "min=-1.7976931348623157e308&max=1.7976931348623157e308",
            "min=1&max=1",
            "width=0",
            "width=99999999",
            "width=18446744073709551615",
            "index=0",
            "index=99999999,18446744073709551615,0",
        ] {
            for name in ["latest.png", "latest.jpg"] {
                let answer = served.get(&format!("/tag/{tag}/{name}?{query}"));
                let text = String::from_utf8_lossy(&answer.body);
                assert!(matches!(answer.status, 200 | 400 | 422), "{tag} {query}: {} {text}", answer.status);
            }
        }
    }
}

#[test]
fn queries_and_addresses_of_any_length_are_answered() {
    let served = Served::new(|options| options);
    served.store.writer("cam").unwrap().write_slice(&[1u8; 64], &[8, 8]).unwrap();
    for query in [
        "a=b&".repeat(5000),
        "width=1&".repeat(5000),
        format!("index={}", "0,".repeat(10_000)),
        format!("index={}0", "0,".repeat(10_000)),
        format!("after={}", "1-".repeat(10_000)),
        "%".repeat(1000),
        "&".repeat(5000),
        "=".repeat(5000),
    ] {
        for path in ["/tag/cam/latest.png", "/tag/cam/next"] {
            let answer = served.get(&format!("{path}?{query}&wait=0"));
            let start = &query[..20];
            assert!(matches!(answer.status, 200 | 204 | 400 | 422), "{path} {start}: {}", answer.status);
        }
    }
    let answer = served.get(&format!("/tag/{}/latest.npy", "%41".repeat(10_000)));
    assert!(matches!(answer.status, 400 | 404), "{}", answer.status);
    assert_eq!(served.get("/healthz").status, 200);
}
