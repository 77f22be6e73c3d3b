//! `/metrics`, and what Prometheus itself says of it.

mod server;

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::json;

use server::Served;

/// The answer, which must be in the format that it says it is in.
fn metrics(served: &Served) -> String {
    let answer = served.get("/metrics");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    String::from_utf8(answer.body).unwrap()
}

#[track_caller]
fn has(text: &str, line: &str) {
    assert!(text.lines().any(|found| found == line), "{line} is not in {text}");
}

#[test]
fn figures_of_every_tag_and_of_the_store() {
    let served = Served::new(|options| options);
    let mut writer = served.store.writer("a \"b\"").unwrap();
    writer.write_slice(&[1u8, 2], &[2]).unwrap();
    drop(served.store.writer("empty").unwrap());
    let text = metrics(&served);
    for line in [
        "# TYPE ndsharray_values_total counter",
        "# TYPE ndsharray_gaps_total counter",
        r#"ndsharray_values_total{tag="a \"b\""} 1"#,
        r#"ndsharray_gaps_total{tag="a \"b\""} 0"#,
        r#"ndsharray_value_bytes{tag="a \"b\""} 2"#,
        r#"ndsharray_writer_up{tag="a \"b\""} 1"#,
        r#"ndsharray_writer_up{tag="empty"} 0"#,
        r#"ndsharray_slots_held{tag="a \"b\""} 0"#,
        "ndsharray_tags 2",
        "ndsharray_tags_unreadable 0",
        "ndsharray_up 1",
    ] {
        has(&text, line);
    }
    assert!(!text.contains(r#"ndsharray_values_total{tag="empty"}"#), "{text}");
    let figure = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap().parse::<u64>().unwrap()
    };
    let (size, free) = (figure("ndsharray_store_size_bytes"), figure("ndsharray_store_free_bytes"));
    assert_eq!(size, served.store.space().unwrap().total);
    assert!(free <= size, "{free} of {size}");
}

/// A writer that comes back leaves no gap, another layout neither; a tag that is made again does, and both addresses say so.
#[test]
fn gaps_are_counted_by_all_looks_together() {
    let served = Served::new(|options| options);
    let listed = || served.get("/tags").json()[0]["gaps"].clone();
    for value in [1u8, 2, 3] {
        served.store.writer("cam").unwrap().write_slice(&[value], &[1]).unwrap();
    }
    assert_eq!(listed(), json!(0));
    served.store.writer("cam").unwrap().write_slice(&[1u16, 2], &[2]).unwrap();
    has(&metrics(&served), r#"ndsharray_gaps_total{tag="cam"} 0"#);
    for gaps in 1..4 {
        served.store.remove("cam").unwrap();
        served.store.writer("cam").unwrap().write_slice(&[0u8], &[1]).unwrap();
        has(&metrics(&served), &format!("ndsharray_gaps_total{{tag=\"cam\"}} {gaps}"));
        assert_eq!(listed(), json!(gaps), "a look at what was looked at before");
    }
}

/// The labels of a metric, as Prometheus reads them.
fn labels(text: &str, metric: &str) -> Vec<String> {
    let start = format!("{metric}{{tag=\"");
    let quoted =
        text.lines().filter_map(|line| line.strip_prefix(&start)?.rsplit_once("\"} ").map(|(q, _)| q));
    let label = |quoted: &str| {
        let (mut label, mut rest) = (String::new(), quoted.chars());
        while let Some(found) = rest.next() {
            assert_ne!(found, '"', "{quoted}");
            label.push(match found {
                '\\' => match rest.next().unwrap() {
                    'n' => '\n',
                    escaped @ ('\\' | '"') => escaped,
                    other => panic!("\\{other} in {quoted}"),
                },
                plain => plain,
            });
        }
        label
    };
    quoted.map(label).collect()
}

/// Names that break what is not escaped, in order.
fn hostile() -> Vec<String> {
    let short = [
        " ",
        "\"",
        "\"} 7",
        "#",
        "# HELP ndsharray_up x",
        "%41",
        "<b>&amp;",
        "\\",
        "\\\"",
        "\\n",
        "{}",
        "a\\",
        "é ü ¿",
        "日本語",
        "\u{202e}abc",
        "🙂",
    ];
    let long = ["x".repeat(200), "é".repeat(100), "\"".repeat(200), "\\".repeat(200)];
    let mut names: Vec<String> = short.into_iter().map(str::to_owned).chain(long).collect();
    names.sort();
    names
}

/// Prints why a test is left out, for the summary of ci/test.sh, past the capture of output.
fn skip(test: &str, reason: &str) {
    let _ = writeln!(std::io::stdout(), "skipped: {test}: {reason}");
}

/// `promtool check metrics`: its status, and what it finds.
fn promtool(text: &str) -> Option<(Option<i32>, String)> {
    let mut command = Command::new("promtool");
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        outcome => outcome.unwrap(),
    };
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.code(), String::from_utf8_lossy(&said).into_owned()))
}

#[test]
fn prometheus_finds_nothing_wrong() {
    let test = "prometheus_finds_nothing_wrong";
    let Some(wrong) = promtool("no metric at all") else { return skip(test, "no promtool") };
    assert_ne!(wrong.0, Some(0), "it finds what is wrong");

    let check = |served: &Served, tags: Vec<String>| {
        let text = metrics(served);
        assert_eq!(labels(&text, "ndsharray_writer_up"), tags);
        assert_eq!(promtool(&text).unwrap(), (Some(0), String::new()), "{text}");
        text
    };
    let served = Served::new(|options| options);
    check(&served, Vec::new());

    for tag in hostile() {
        served.store.writer(&tag).unwrap().write_slice(&[1.5f64; 10], &[10]).unwrap();
    }
    check(&served, hostile());

    std::fs::write(served.store.directory().join("torn \"tag\""), "NDSHHEAD and no more").unwrap();
    has(&check(&served, hostile()), "ndsharray_tags_unreadable 1");

    let served = Served::new(|options| options);
    let tags: Vec<String> = (10..60).map(|number| format!("camera {number}")).collect();
    let writers: Vec<_> = tags.iter().map(|tag| served.store.writer(tag).unwrap()).collect();
    check(&served, tags);
    drop(writers);
}
