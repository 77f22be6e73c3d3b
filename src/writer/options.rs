//! How a writer is opened.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::files::tag::TagPath;
use crate::writer::Writer;
use crate::writer::open;
use crate::writer::settings::Settings;

/// Options for a [`Writer`], from [`Store::writer_options`](crate::Store::writer_options).
///
/// ```
/// # fn main() -> ndsharray::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// let store = ndsharray::Store::open(dir.path())?;
/// let mut camera = store.writer_options("camera").mode(0o640).capacity(1280 * 720 * 3).open()?;
/// camera.write_slice(&[1.0_f32, 2.0], &[2])?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "nothing is opened before `open`"]
pub struct WriterOptions {
    directory: PathBuf,
    tag: String,
    settings: Settings,
}

impl WriterOptions {
    pub(crate) fn new(directory: &Path, tag: &str) -> Self {
        WriterOptions { directory: directory.to_owned(), tag: tag.to_owned(), settings: Settings::default() }
    }

    /// Sets the permissions of the tag's files, whatever the umask; by default `0o600` for a new tag, and those that
    /// it has for an old one.
    ///
    /// Members of a group that may write (`0o660`) read without a copy; those that may only read (`0o640`) copy.
    /// Only the owner may open a writer.
    pub fn mode(mut self, mode: u32) -> Self {
        self.settings.mode = Some(mode);
        self
    }

    /// Has the tag removed when this writer is dropped. If the writer is killed, the next opener of the tag, any
    /// ephemeral writer of the same user, or [`Store::gc`](crate::Store::gc) removes it. A tag whose value is to stay is
    /// not opened so ([`Error::InvalidOption`](crate::Error::InvalidOption)), unless with [`takeover`](Self::takeover). Default: false.
    pub fn ephemeral(mut self, ephemeral: bool) -> Self {
        self.settings.ephemeral = ephemeral;
        self
    }

    /// Replaces a living writer of the same user instead of failing; that writer's next write gives
    /// [`Error::Superseded`](crate::Error::Superseded). The last value is kept, and readers follow: they never go back. If it fails, the other
    /// writer goes on; a write that it tries meanwhile is refused. Default: false.
    pub fn takeover(mut self, takeover: bool) -> Self {
        self.settings.takeover = takeover;
        self
    }

    /// Sets the least number of bytes that a slot has room for, so that a layout that grows up to it needs no new
    /// memory. Default: 0, the size of the first value.
    pub fn capacity(mut self, bytes: usize) -> Self {
        self.settings.capacity = bytes;
        self
    }

    /// Sets how many of the last values stay in place, 0 to 248, the latest among them: a reader that goes through them with
    /// [`read_next`](crate::Reader::read_next) and stalls while fewer are written loses none. This also gives
    /// copying readers (on a read-only mount) more time.
    ///
    /// The writer never waits. When readers hold more than seven of the slots, or killed ones left pins, or the
    /// store is full, fewer values stay. A writer that opens the tag again goes on with the same history; older values may
    /// still be there, too. All older values are lost when the values move to another data file: at a value that is larger than
    /// any before (see [`capacity`](Self::capacity)), at a takeover, when somebody removes the files, and when the tag is opened
    /// with a longer history than its data file has room for. Each kept value takes its own memory and a page. Default: 0, the
    /// latest alone.
    pub fn history(mut self, values: usize) -> Self {
        self.settings.history = values;
        self
    }

    /// Sets a text that says where the values come from, up to 128 bytes without control characters, for programs that copy
    /// values from another host.
    /// [`Stat`](crate::Stat) shows it. Default: none, for a writer of this machine.
    pub fn source(mut self, source: &str) -> Self {
        self.settings.source = source.to_owned();
        self
    }

    /// Opens the writer: the only one of its tag.
    ///
    /// # Errors
    /// [`Error::WriterExists`](crate::Error::WriterExists) if another one lives (after 50 ms) and takeover was not asked for, or if somebody else has
    /// been opening, taking over or removing the tag for half a minute; [`Error::NotOwner`](crate::Error::NotOwner)
    /// if the tag is another user's; [`Error::NotAHeader`](crate::Error::NotAHeader) if something else has its name; [`Error::InvalidTag`](crate::Error::InvalidTag),
    /// [`Error::InvalidOption`](crate::Error::InvalidOption), [`Error::NoSpace`](crate::Error::NoSpace), [`Error::NotWritable`](crate::Error::NotWritable), [`Error::Unsupported`](crate::Error::Unsupported), and those of a
    /// damaged header.
    pub fn open(&self) -> Result<Writer> {
        self.settings.check()?;
        let tag = TagPath::new(&self.directory, &self.tag)?;
        open::open(&tag, &self.settings).map(Writer::new)
    }
}

impl fmt::Debug for WriterOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriterOptions")
            .field("directory", &self.directory)
            .field("tag", &self.tag)
            .field("settings", &self.settings)
            .finish()
    }
}
