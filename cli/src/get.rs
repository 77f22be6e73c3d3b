//! `get` and `cat`: the latest value, to a file or stdout.

use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use ndsharray::{Snapshot, Store};
use tempfile::NamedTempFile;

use crate::failure::{Failure, Result};
use crate::stdio::{Out, ToTerminal};
use crate::stop::Stop;
use crate::transfer::Transfer;
use crate::{encoding, npy, picture, tags};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tag
    #[arg(add = crate::complete::tags())]
    tag: String,
    /// The file, whose name ends in .npy or .png, in any case; - writes npy to stdout
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    to_terminal: ToTerminal,
}

#[derive(Debug, clap::Args)]
pub struct CatArgs {
    /// The tag
    #[arg(add = crate::complete::tags())]
    tag: String,
    #[command(flatten)]
    to_terminal: ToTerminal,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Npy,
    Png,
}

pub fn run(store: &Store, args: &Args) -> Result<()> {
    let stop = Stop::listen()?;
    let stdout = args.output.as_os_str().as_bytes() == b"-";
    let ending = args.output.extension().map(OsStrExt::as_bytes).map(<[u8]>::to_ascii_lowercase);
    let format = match ending.as_deref() {
        _ if stdout => Format::Npy,
        Some(b"npy") => Format::Npy,
        Some(b"png") => Format::Png,
        _ => {
            let text = format!(
                "{:?} has no known format: use a name that ends in .npy or .png, or - for npy on stdout",
                args.output
            );
            return Err(Failure::bad(text));
        }
    };
    if stdout {
        args.to_terminal.check(&args.tag)?;
    }
    let value = store.reader(&tags::one(store, &args.tag)?)?.latest()?;
    // An array that the format cannot hold is refused before anything is written.
    let size = value.bytes().len() as u64;
    let header = match format {
        Format::Npy => Some(npy::header(&value)?),
        Format::Png => {
            picture::Form::of(value.dtype(), value.shape())?;
            None
        }
    };
    let save = |out: &mut dyn Write| match &header {
        Some(header) => npy::write(header, &value, out),
        None => {
            let encoding = encoding::of_snapshot(&value);
            picture::write(value.dtype(), value.shape(), value.bytes(), encoding.as_deref(), out)
        }
    };
    if stdout {
        let out = save(&mut Transfer::new(Out::new(&stop), size, &stop));
        return out.map_err(|error| stop.failure(&error, Failure::stdout));
    }
    let staged = StagedFile::create(&args.output)?;
    let failed = |error: &io::Error| Failure::io(&args.output, "write", error);
    let mut file = io::BufWriter::new(Transfer::new(staged.file.as_file(), size, &stop));
    let written = save(&mut file).and_then(|()| file.flush());
    written.map_err(|error| stop.failure(&error, failed))?;
    drop(file);
    stop.check()?;
    staged.persist()
}

pub fn cat(store: &Store, args: &CatArgs) -> Result<()> {
    args.to_terminal.check(&args.tag)?;
    let stop = Stop::listen()?;
    let value: Snapshot = store.reader(&tags::one(store, &args.tag)?)?.latest()?;
    let mut out = Transfer::new(Out::new(&stop), value.bytes().len() as u64, &stop);
    out.write_all(value.bytes()).map_err(|error| stop.failure(&error, Failure::stdout))
}

/// What the operating system said, without the temporary name that tempfile adds: it means nothing to the user.
fn said(error: io::Error) -> io::Error {
    match error.to_string().rsplit_once(" at path ") {
        Some((said, _)) => io::Error::new(error.kind(), said.to_owned()),
        None => error,
    }
}

/// A file with a temporary name beside its target, which it replaces when it is whole.
struct StagedFile {
    file: NamedTempFile,
    target: PathBuf,
}

impl StagedFile {
    fn create(path: &Path) -> Result<Self> {
        // A symlink is followed, so that it stays a symlink.
        let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let before = target.metadata().ok();
        if before.as_ref().is_some_and(|found| !found.is_file()) {
            let text =
                format!("{path:?} is not a regular file: name a regular file or a new one, or - for stdout");
            return Err(Failure::bad(text));
        }
        let directory = target.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = directory.unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o666); // less the umask
        let file =
            builder.prefix(".ndsharray-").suffix(".part").permissions(permissions).tempfile_in(directory);
        let failed = |error: io::Error| Failure::io(path, "write", &said(error));
        let file = file.map_err(failed)?;
        if let Some(before) = before {
            // The new file keeps the permissions of the one that it replaces.
            file.as_file().set_permissions(before.permissions()).map_err(failed)?;
        }
        Ok(StagedFile { file, target })
    }

    fn persist(self) -> Result<()> {
        let target = self.target;
        self.file.persist(&target).map_err(|error| Failure::io(&target, "write", &error.error))?;
        Ok(())
    }
}
