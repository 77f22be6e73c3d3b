//! `/metrics`: what Prometheus collects, in its text format 0.0.4.

use std::fmt::Write;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use ndsharray::{Space, Stat};

use crate::refusal::Refusal;
use crate::shown::Shown;
use crate::value::looks::Told;

/// A metric of each tag: its name, type and help, and its value if the tag has one.
type Metric = (&'static str, &'static str, &'static str, fn(&Stat, Told) -> Option<f64>);

const OF_TAGS: [Metric; 8] = [
    ("ndsharray_values_total", "counter", "Values that were written.", |stat, _| {
        stat.value.as_ref().map(|value| value.version as f64)
    }),
    (
        "ndsharray_gaps_total",
        "counter",
        "Times that the count of values did not go on from the look before.",
        |_, told| Some(told.gaps as f64),
    ),
    ("ndsharray_value_bytes", "gauge", "Size of the latest value.", |stat, _| {
        stat.value.as_ref().map(|value| value.nbytes as f64)
    }),
    ("ndsharray_value_age_seconds", "gauge", "Time since the latest value was written.", |stat, _| {
        stat.value.as_ref().map(|value| value.age.as_secs_f64())
    }),
    ("ndsharray_writer_up", "gauge", "Whether a writer has the tag.", |stat, _| {
        Some(f64::from(u8::from(stat.writer_alive)))
    }),
    ("ndsharray_storage_bytes", "gauge", "Storage that the tag takes.", |stat, _| Some(stat.bytes as f64)),
    ("ndsharray_slots", "gauge", "Slots for values.", |stat, _| {
        stat.value.as_ref().map(|value| value.slots.allocated as f64)
    }),
    ("ndsharray_slots_held", "gauge", "Slots that readers hold.", |stat, _| {
        stat.value.as_ref().map(|value| value.slots.pinned as f64)
    }),
];

pub(super) async fn all(State(shown): State<Shown>) -> Result<impl IntoResponse, Refusal> {
    let place = shown.work().place().await;
    let (text, _) = place.make(move || text(&shown)).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text))
}

fn text(shown: &Shown) -> Result<String, Refusal> {
    let looked = shown.look()?;
    // A tag that cannot be read is left out: it has no figures.
    let readable =
        looked.iter().filter_map(|looked| Some((&looked.tag, looked.stat.as_ref().ok()?, looked.told)));
    let readable: Vec<_> = readable.collect();
    let mut out = String::new();
    for (name, kind, help, of) in OF_TAGS {
        head(&mut out, name, kind, help);
        for (tag, stat, told) in &readable {
            if let Some(value) = of(stat, *told) {
                // Writing to a String cannot fail.
                let _ = writeln!(out, "{name}{{tag=\"{}\"}} {value}", label(tag));
            }
        }
    }
    let unreadable = looked.len() - readable.len();
    let mut store = vec![
        ("ndsharray_tags", "Tags that the server shows.", looked.len() as f64),
        ("ndsharray_tags_unreadable", "Tags that could not be looked at.", unreadable as f64),
        ("ndsharray_up", "Whether the server answers.", 1.0),
    ];
    // A filesystem may not say how large it is.
    if let Some(Space { total, free, .. }) = shown.store().space().ok().filter(|space| space.total > 0) {
        store.push(("ndsharray_store_size_bytes", "Size of the store's filesystem.", total as f64));
        store.push(("ndsharray_store_free_bytes", "Free space of the store's filesystem.", free as f64));
    }
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
