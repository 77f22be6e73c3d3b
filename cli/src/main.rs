//! `ndsharray`: what `ls /dev/shm` cannot say, and the way in and out of a store for files, pipes and other programs.
//!
//! One module for each command; `failure` has the exit codes, `table` and `units` what people read.

mod args;
mod census;
mod failure;
mod ls;
mod owner;
mod stop;
mod table;
mod top;
mod units;

use std::process::ExitCode;

use clap::Parser;
use ndsharray::Store;

use args::{Args, Command};
use failure::{Failure, Result};

fn main() -> ExitCode {
    match parse().and_then(|args| run(&args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn parse() -> Result<Args> {
    Args::try_parse().map_err(|error| {
        if error.use_stderr() {
            return Failure::usage(&error);
        }
        // Help and version are no errors, and go to stdout in all their lines.
        let _ = error.print();
        Failure::Quiet
    })
}

fn run(args: &Args) -> Result<()> {
    let store = || match &args.dir {
        Some(dir) => Store::open(dir),
        None => Store::open_default(),
    };
    match &args.command {
        Command::Ls(args) => ls::run(&store()?, args),
        Command::Top(args) => top::run(&store()?, args),
    }
}
