//! What a RecordingWriter writes, as the official reader and a look at the bytes find it.

mod alignment;
mod channels;
mod chunks;
mod file;
mod full;
mod images;
mod inside;
mod split;
