//! A file without a summary: its records, one after the other.

use mcap::records::op;
use ndsharray::UnixTime;

use crate::error::Problem;
use crate::read::chunks::{self, Chunk};
use crate::read::index::{Builder, Index, Location, Position};
use crate::read::records::{ChunkHead, Codec, MessageHead, Raw};
use crate::read::summary::Summary;

/// Indexes a file record by record, up to where it is cut.
///
/// The summary, if there is one, says what the channels are, and where the next chunk begins after a record that is damaged. Only the
/// heads of messages are read, except in chunks that are compressed or define channels: these are checked at once.
pub(super) fn scan(summary: Option<&Summary>, mut builder: Builder<'_>) -> Index {
    let file = builder.file.bytes();
    if let Some(summary) = summary {
        summary.add_channels(&mut builder);
    }
    let mut position = mcap::MAGIC.len();
    loop {
        let next_chunk = summary.and_then(|summary| summary.next_chunk(position));
        let raw = Raw::at(file, position).filter(|raw| next_chunk.is_none_or(|next| raw.end() <= next));
        let outcome = match raw {
            Some(raw) if raw.opcode == op::DATA_END && next_chunk.is_none() => {
                return builder.build(file.ends_with(mcap::MAGIC));
            }
            Some(raw) => {
                position = raw.end();
                let outcome = scan_record(&raw, &mut builder);
                if outcome.is_err() && raw.opcode == op::CHUNK && !may_follow_chunk(file, position) {
                    // Its length is wrong. What seems to be a record there may be a part of it.
                    position = next_chunk.unwrap_or(file.len());
                }
                outcome.map_err(|problem| (raw.start, problem))
            }
            None => {
                let Some(next) = next_chunk else { return builder.build(false) };
                Err((std::mem::replace(&mut position, next), ("no whole record".to_owned(), "a record")))
            }
        };
        if let Err((offset, problem)) = outcome {
            builder.leave_out(builder.file.damaged(offset, problem));
        }
    }
}

/// Whether what a writer puts behind a chunk is at `position`.
fn may_follow_chunk(file: &[u8], position: usize) -> bool {
    let expected = |raw: Raw| {
        matches!(raw.opcode, op::MESSAGE_INDEX | op::CHUNK | op::METADATA | op::ATTACHMENT | op::DATA_END)
    };
    position == file.len() || Raw::at(file, position).is_some_and(expected)
}

fn scan_record(raw: &Raw, builder: &mut Builder<'_>) -> Result<(), Problem> {
    let file = builder.file.bytes();
    match raw.opcode {
        op::CHUNK => scan_chunk(raw, builder),
        op::MESSAGE => {
            let chunk =
                match builder.last_chunk().and_then(|(number, chunk)| Some((number, chunk.bare_range()?))) {
                    Some((number, range)) => {
                        range.end = raw.end();
                        Some((number, range.start))
                    }
                    None => {
                        builder.add_chunk(Chunk::bare(raw.start..raw.end())).map(|number| (number, raw.start))
                    }
                };
            let Some((chunk, start)) = chunk else { return Ok(()) };
            add_message(&file[raw.body.clone()], chunk, raw.start - start, builder)
        }
        _ => builder.add_record(file, raw),
    }
}

fn scan_chunk(raw: &Raw, builder: &mut Builder<'_>) -> Result<(), Problem> {
    let file = builder.file.bytes();
    let range = raw.start..raw.end();
    let head = ChunkHead::at(file, range.clone())?;
    let stored = file.slice(head.records.clone());
    let compressed = head.codec != Codec::None;
    let records = if compressed { chunks::decompress(&head, &stored)? } else { stored };
    let Some(number) = builder.add_chunk(Chunk::new(range)) else { return Ok(()) };
    let outcome = scan_messages(
        &records,
        number,
        |records| if compressed { Ok(()) } else { head.check(records) },
        builder,
    );
    if outcome.is_err() {
        builder.take_back(number);
    }
    outcome
}

fn scan_messages(
    records: &[u8],
    chunk: u32,
    check: impl Fn(&[u8]) -> Result<(), Problem>,
    builder: &mut Builder<'_>,
) -> Result<(), Problem> {
    let mut checked = false;
    let mut position = 0;
    while position < records.len() {
        let raw = Raw::at(records, position)
            .ok_or_else(|| ("a record that is cut".to_owned(), "a chunk of whole records"))?;
        position = raw.end();
        match raw.opcode {
            op::MESSAGE => add_message(&records[raw.body.clone()], chunk, raw.start, builder)?,
            op::SCHEMA | op::CHANNEL => {
                // What it says is about the chunks that follow as well.
                if !checked {
                    check(records)?;
                    checked = true;
                }
                builder.add_record(records, &raw)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn add_message(body: &[u8], chunk: u32, offset: usize, builder: &mut Builder<'_>) -> Result<(), Problem> {
    let head = MessageHead::of(body)
        .ok_or_else(|| (format!("a message of {} bytes", body.len()), "a message with its head"))?;
    let position = Position { chunk, offset: offset as u64 };
    builder.add_value(Location { position, channel: head.channel, written_at: UnixTime::from(head.log_time) })
}
