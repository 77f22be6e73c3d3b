//! `mirror`: runs `ndsharray-mirror`, a program of its own, so that whoever does not need other hosts does not build what it stands on.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, Result};

/// The program that does it.
const PROGRAM: &str = "ndsharray-mirror";

/// What `ndsharray help mirror` and the manual page say.
pub const ABOUT: &str = "\
Let other hosts have tags, or take theirs, over the network

On the host that has the tags:
    ndsharray mirror --offer 'cam*' --listen tcp/0.0.0.0:7447
On the other:
    ndsharray mirror --take 'cam*' --connect tcp/robot:7447
What the mirrors of this store do:
    ndsharray mirror status

It is a program of its own, ndsharray-mirror, which stands beside this one or in the PATH. `ndsharray mirror --help` shows all of its options.";

#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub struct Args {
    /// What ndsharray-mirror is run with, such as --offer, --take, --listen, --connect, or status
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    arguments: Vec<OsString>,
}

/// Becomes the program. It returns only if it cannot.
pub fn run(directory: Option<&Path>, args: &Args) -> Result<()> {
    let program = beside().unwrap_or_else(|| PROGRAM.into());
    let mut command = Command::new(&program);
    if let Some(directory) = directory {
        command.arg("--dir").arg(directory);
    }
    let error = command.args(&args.arguments).exec();
    Err(match error.kind() {
        std::io::ErrorKind::NotFound => Failure::bad(format!(
            "{PROGRAM} is not installed: neither beside ndsharray nor in the PATH is a program of that name; cargo install {PROGRAM} installs it"
        )),
        _ => Failure::io(&program, "run", &error),
    })
}

/// Adds the options of the program to the command, so that a shell completes them.
pub fn with_options(command: clap::Command) -> clap::Command {
    use clap::{Arg, ArgAction, ValueHint};
    command.mut_subcommand("mirror", |mut mirror| {
        for name in ["offer", "take", "every"] {
            mirror =
                mirror.arg(Arg::new(name).long(name).action(ArgAction::Append).add(crate::complete::tags()));
        }
        for name in ["listen", "connect", "prefix", "max-rate", "max-size", "max-tags", "max-total", "name"] {
            mirror = mirror.arg(Arg::new(name).long(name).action(ArgAction::Append));
        }
        for name in ["scout", "keep", "help"] {
            mirror = mirror.arg(Arg::new(name).long(name).action(ArgAction::SetTrue));
        }
        let file = Arg::new("zenoh-config").long("zenoh-config").value_hint(ValueHint::FilePath);
        mirror.arg(file).subcommand(
            clap::Command::new("status").arg(Arg::new("json").long("json").action(ArgAction::SetTrue)),
        )
    })
}

/// The program that stands beside this one.
fn beside() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?.with_file_name(PROGRAM);
    program.is_file().then_some(program)
}
