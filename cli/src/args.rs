//! The command line as clap knows it. What a command takes is beside the command.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

const AFTER: &str = "\
Exit codes: 0 done (also when the reader of our output goes away); 1 it failed; 2 bad input or usage, said in one line;
130 interrupted before it was done.";

/// Named arrays in shared memory: what is there, in and out of it, and what is wrong with it
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
    /// Show every field of a tag's files, and what is wrong with a damaged one
    Stat(crate::stat::Args),
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
    /// Remove tags with their values
    Rm(crate::remove::RmArgs),
    /// Remove what killed processes left, and nothing that is in use
    Gc(crate::remove::GcArgs),
    /// Check the store's directory and what is left in it, and say what to do
    Doctor(crate::doctor::Args),
    /// Share live arrays between a writer and two readers, to see that it works here
    Demo(crate::demo::Args),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}
