//! `/metrics`: what Prometheus collects, in its text format 0.0.4.

use std::fmt::Write;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use ndsharray::Stat;
use tokio::task::spawn_blocking;

use crate::refusal::Refusal;
use crate::shown::Shown;

/// A metric of each tag: its name, type and help, and its value if the tag has one.
type Metric = (&'static str, &'static str, &'static str, fn(&Stat) -> Option<f64>);

const OF_TAGS: [Metric; 7] = [
    ("ndsharray_values_total", "counter", "Values that were written.", |stat| {
        stat.value.as_ref().map(|value| value.version as f64)
    }),
    ("ndsharray_value_bytes", "gauge", "Size of the latest value.", |stat| {
        stat.value.as_ref().map(|value| value.nbytes as f64)
    }),
    ("ndsharray_value_age_seconds", "gauge", "Time since the latest value was written.", |stat| {
        stat.value.as_ref().map(|value| value.age.as_secs_f64())
    }),
    ("ndsharray_writer_up", "gauge", "Whether a writer has the tag.", |stat| {
        Some(f64::from(u8::from(stat.writer_alive)))
    }),
    ("ndsharray_storage_bytes", "gauge", "Storage that the tag takes.", |stat| Some(stat.bytes as f64)),
    ("ndsharray_slots", "gauge", "Slots for values.", |stat| {
        stat.value.as_ref().map(|value| value.slots.allocated as f64)
    }),
    ("ndsharray_slots_held", "gauge", "Slots that readers hold.", |stat| {
        stat.value.as_ref().map(|value| value.slots.pinned as f64)
    }),
];

pub(super) async fn all(State(shown): State<Shown>) -> Result<impl IntoResponse, Refusal> {
    let text = spawn_blocking(move || text(&shown)).await.unwrap_or_else(|_| Err(Refusal::bug()))?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text))
}

fn text(shown: &Shown) -> Result<String, Refusal> {
    let tags = shown.tags()?;
    // A tag that cannot be read is left out: it has no figures.
    let stats: Vec<Stat> = tags.iter().filter_map(|tag| shown.store().stat(tag).ok()).collect();
    let mut out = String::new();
    for (name, kind, help, of) in OF_TAGS {
        head(&mut out, name, kind, help);
        for stat in &stats {
            if let Some(value) = of(stat) {
                // Writing to a String cannot fail.
                let _ = writeln!(out, "{name}{{tag=\"{}\"}} {value}", label(&stat.tag));
            }
        }
    }
    let store = [
        ("ndsharray_tags", "Tags in the store.", tags.len() as f64),
        ("ndsharray_tags_unreadable", "Tags that could not be looked at.", (tags.len() - stats.len()) as f64),
        ("ndsharray_up", "Whether the server answers.", 1.0),
    ];
    for (name, help, value) in store {
        head(&mut out, name, "gauge", help);
        let _ = writeln!(out, "{name} {value}");
    }
    Ok(out)
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// A text between quotes.
fn label(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        assert_eq!(label("a\"b\\c\nd"), r#"a\"b\\c\nd"#);
    }
}
