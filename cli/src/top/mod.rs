//! The live view of a store.

use ndsharray::Store;

use crate::failure::{Failure, Result};

#[derive(Debug, clap::Args)]
pub struct Args {}

pub fn run(_store: &Store, _args: &Args) -> Result<()> {
    Err(Failure::failed("top is not there yet"))
}
