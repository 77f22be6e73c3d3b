//! `ndsharray`, the command line: it shows what is in a store, and copies arrays to and from files, pipes and other
//! programs.
//!
//! Each command has a module of its own. They share `failure` (exit codes), `table` and `units` (output), `stop` and
//! `stdio` (Ctrl-C and closed pipes), `npy`, `picture` and `dtype` (formats of files), `tags` (patterns), `seconds` (times),
//! `rate`, `state` and `value` (JSON), and `survey` (what is in a recording).

mod args;
mod complete;
mod convert;
mod demo;
mod describe;
mod doctor;
mod dtype;
mod element;
mod encoding;
mod failure;
mod feed;
mod film;
mod follow;
mod gauge;
mod get;
mod info;
mod locks;
mod ls;
mod mirror;
mod npy;
mod owner;
mod pace;
mod picture;
mod pipe;
mod play;
mod put;
mod rate;
mod record;
mod remove;
mod seconds;
#[cfg(feature = "serve")]
mod serve;
mod show;
mod stat;
mod state;
mod stdio;
mod stop;
mod survey;
mod table;
mod tags;
mod top;
mod transfer;
mod units;
mod value;
mod y4m;

use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use ndsharray::Store;

use args::{Args, Command};
use failure::{Failure, Result};

fn main() -> ExitCode {
    match complete::answer(|| mirror::with_options(Args::command())) {
        Ok(false) => {}
        Ok(true) => return ExitCode::SUCCESS,
        Err(failure) => return failure.report(),
    }
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
        // Help and version are not errors: they go to stdout as they are.
        error.print().map_or_else(|error| Failure::stdout(&error), |()| Failure::Quiet)
    })
}

fn run(args: &Args) -> Result<()> {
    match &args.command {
        Command::Completions { shell } => {
            return table::print(&String::from_utf8_lossy(&complete::script(*shell)?));
        }
        Command::Man { out } => return manual(out),
        Command::Info(args) => return info::run(args),
        // It opens the store itself.
        Command::Mirror(mirror) => return mirror::run(args.dir.as_deref(), mirror),
        Command::Convert(args) => return convert::run(args),
        _ => {}
    }
    let store = match &args.dir {
        Some(dir) => Store::open(dir)?,
        None => Store::open_default()?,
    };
    match &args.command {
        Command::Ls(args) => ls::run(&store, args),
        Command::Stat(args) => stat::run(&store, args),
        Command::Show(args) => show::run(&store, args),
        Command::Top(args) => top::run(&store, args),
        Command::Get(args) => get::run(&store, args),
        Command::Put(args) => put::run(&store, args),
        Command::Cat(args) => get::cat(&store, args),
        Command::Pipe(args) => pipe::run(&store, args),
        Command::Follow(args) => follow::run(&store, args),
        Command::Record(args) => record::run(&store, args),
        Command::Play(args) => play::run(&store, args),
        #[cfg(feature = "serve")]
        Command::Serve(args) => serve::run(&store, args),
        Command::Rm(args) => remove::rm(&store, args),
        Command::Gc(args) => remove::gc(&store, args),
        Command::Doctor(args) => doctor::run(&store, args),
        Command::Demo(args) => demo::run(&store, args),
        Command::Man { .. }
        | Command::Completions { .. }
        | Command::Info(_)
        | Command::Convert(_)
        | Command::Mirror(_) => Ok(()),
    }
}

/// Writes a page for the program and one for each command.
fn manual(directory: &Path) -> Result<()> {
    let failed = |error: std::io::Error| Failure::io(directory, "write manual pages into", &error);
    std::fs::create_dir_all(directory).map_err(failed)?;
    clap_mangen::generate_to(Args::command().disable_help_subcommand(true), directory).map_err(failed)
}
