//! Recordings of ndsharray's arrays: MCAP files that keep every value.
//!
//! A [`Recorder`] writes the values of a store to a file, and a [`Player`] writes them to a store again. [`Recording`] reads a file: it has a
//! [`Track`] for each tag, and this a [`Message`] for each value. [`RecordingWriter`] writes values from anywhere. [`recover`] makes a
//! complete file of one that was cut or is damaged.

mod error;
mod message;
mod play;
mod read;
mod record;
mod recover;
mod value;
mod write;

pub use crate::error::{Error, Result};
pub use crate::play::options::PlayerOptions;
pub use crate::play::timing::Timing;
pub use crate::play::{Played, Player, Step};
pub use crate::read::Recording;
pub use crate::read::message::Message;
pub use crate::read::order::{Clock, InOrder};
pub use crate::read::track::{Messages, Track, TrackLayout};
pub use crate::record::{Progress, Recorded, RecordedTag, Recorder};
pub use crate::recover::{Recovered, recover};
pub use crate::value::Value;
pub use crate::write::options::{Compression, RecordingOptions};
pub use crate::write::{LARGEST_VALUE, RecordingWriter, Written};

/// The examples of the page about recordings.
#[cfg(doctest)]
#[doc = include_str!("../../docs/recording.md")]
struct Documentation;

/// The example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
