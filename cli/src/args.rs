//! The command line, as clap parses it. The arguments of each command are in the module of the command.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

const AFTER: &str = "\
Exit codes: 0 done (also when the reader of its output goes away); 1 failed; 2 bad input or usage, with one
line that says what is wrong; 130 interrupted before the end.";

/// Named arrays in shared memory: list them, copy them in and out, and find out what is wrong
#[derive(Debug, Parser)]
#[command(name = "ndsharray", version, after_help = AFTER, max_term_width = 110)]
pub struct Args {
    /// The directory of the store [default: what NDSHARRAY_DIR names, else /dev/shm]
    #[arg(long, global = true, value_name = "DIRECTORY")]
    pub dir: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the tags, with what each holds, how often it changes and whose it is
    Ls(crate::ls::Args),
    /// Show in a few lines what a tag is: value, rate, writer, memory, attributes; and what is wrong with it
    Stat(crate::stat::Args),
    /// Show the latest value of a tag as text or CSV, with its times and attributes
    Show(crate::show::Args),
    /// Watch the tags, live
    Top(crate::top::Args),
    /// Save the latest value to an npy or PNG file
    Get(crate::get::Args),
    /// Publish the array of an npy or PNG file
    Put(crate::put::Args),
    /// Write the bytes of the latest value to stdout
    Cat(crate::get::CatArgs),
    /// Publish each frame of a raw stream on stdin
    Pipe(crate::pipe::Args),
    /// Write the bytes of each new value to stdout, until the writer has gone
    Follow(crate::follow::Args),
    /// Record every value of tags, with times and attributes, to an MCAP file
    Record(crate::record::Args),
    /// Publish the values of a recording again, each at its time
    Play(crate::play::Args),
    /// Show what is in a recording: its times, and the values, rate and layout of each tag
    Info(crate::info::Args),
    /// Convert a recording to npy files or pictures, or recover one that was cut or is damaged
    Convert(crate::convert::Args),
    /// Show the store in a browser, and give values to programs over HTTP
    #[cfg(feature = "serve")]
    Serve(crate::serve::Args),
    /// Let other hosts have tags, or take theirs, over the network
    #[command(long_about = crate::mirror::ABOUT)]
    Mirror(crate::mirror::Args),
    /// Remove tags with their values
    Rm(crate::remove::RmArgs),
    /// Remove what killed processes left, and nothing that is in use
    Gc(crate::remove::GcArgs),
    /// Check the store (directory, leftover files, damage, memory) and say what to do
    Doctor(crate::doctor::Args),
    /// Share live arrays between a writer and two readers, to see that it works here
    Demo(crate::demo::Args),
    /// Write the manual pages of all commands into a directory, for `man`
    Man {
        /// The directory, such as ~/.local/share/man/man1; it is made if it does not exist
        #[arg(long, value_name = "DIRECTORY")]
        out: PathBuf,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}
