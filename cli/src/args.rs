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
    /// Watch the tags, live
    Top(crate::top::Args),
}
