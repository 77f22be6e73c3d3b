//! `get` and `cat`: the latest value, to a file or stdout.

use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use ndsharray::{Snapshot, Store};
use tempfile::NamedTempFile;

use crate::failure::{Failure, Result};
use crate::stdio::Out;
use crate::stop::Stop;
use crate::transfer::Transfer;
use crate::{npy, picture};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tag
    tag: String,
    /// The file: its ending says the format, .npy or .png; - is npy on stdout
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

#[derive(Debug, clap::Args)]
pub struct CatArgs {
    /// The tag
    tag: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Npy,
    Png,
}

pub fn run(store: &Store, args: &Args) -> Result<()> {
    let stop = Stop::listen()?;
    let stdout = args.output.as_os_str().as_bytes() == b"-";
    let format = match args.output.extension().map(OsStrExt::as_bytes) {
        _ if stdout => Format::Npy,
        Some(b"npy") => Format::Npy,
        Some(b"png") => Format::Png,
        _ => {
            let text = format!(
                "no format for {:?}: expected an ending .npy or .png, or - for npy on stdout",
                args.output
            );
            return Err(Failure::bad(text));
        }
    };
    let value = store.reader(&args.tag)?.latest()?;
    // What cannot be is found out before anything is written.
    let size = value.bytes().len() as u64;
    let save = |out: &mut dyn Write| match format {
        Format::Npy => npy::write(&value, out),
        Format::Png => picture::write(&value, out),
    };
    match format {
        Format::Npy => drop(crate::dtype::to_npy(value.dtype())?),
        Format::Png => drop(picture::Form::of(value.dtype(), value.shape())?),
    }
    if stdout {
        let out = save(&mut Transfer::new(Out::new(&stop), size, &stop));
        return out.map_err(|error| ended(&stop, &error, Failure::stdout));
    }
    let beside = Beside::create(&args.output)?;
    let failed = |error: &io::Error| Failure::io(&args.output, "write", error);
    let mut file = io::BufWriter::new(Transfer::new(beside.file.as_file(), size, &stop));
    let written = save(&mut file).and_then(|()| file.flush());
    written.map_err(|error| ended(&stop, &error, failed))?;
    drop(file);
    stop.check()?;
    beside.rename()
}

pub fn cat(store: &Store, args: &CatArgs) -> Result<()> {
    let stop = Stop::listen()?;
    let value: Snapshot = store.reader(&args.tag)?.latest()?;
    let mut out = Transfer::new(Out::new(&stop), value.bytes().len() as u64, &stop);
    out.write_all(value.bytes()).map_err(|error| ended(&stop, &error, Failure::stdout))
}

/// What an error of writing or reading was: a signal, or what it says itself.
pub fn ended(stop: &Stop, error: &io::Error, otherwise: impl Fn(&io::Error) -> Failure) -> Failure {
    stop.check().err().unwrap_or_else(|| otherwise(error))
}

/// A file that gets its name when it is whole.
struct Beside {
    file: NamedTempFile,
    target: PathBuf,
}

impl Beside {
    fn create(path: &Path) -> Result<Self> {
        // Through a symlink, so that it stays one.
        let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let before = target.metadata().ok();
        if before.as_ref().is_some_and(|found| !found.is_file()) {
            let text = format!("{path:?} is not a regular file: expected one, or none yet, or - for stdout");
            return Err(Failure::bad(text));
        }
        let directory = target.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = directory.unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o666); // less the umask
        let file =
            builder.prefix(".ndsharray-").suffix(".part").permissions(permissions).tempfile_in(directory);
        let failed = |error: &io::Error| Failure::io(path, "write", error);
        let file = file.map_err(|error| failed(&error))?;
        if let Some(before) = before {
            // What was private stays so.
            file.as_file().set_permissions(before.permissions()).map_err(|error| failed(&error))?;
        }
        Ok(Beside { file, target })
    }

    fn rename(self) -> Result<()> {
        let target = self.target;
        self.file.persist(&target).map_err(|error| Failure::io(&target, "write", &error.error))?;
        Ok(())
    }
}
