//! `show`: the latest value of a tag as text, with its times and attributes; or as CSV.

mod cell;
mod csv;
mod select;
mod text;

use std::io::{self, IsTerminal};

use ndsharray::{Snapshot, Store};

use crate::describe::{self, Line};
use crate::failure::{Failure, Result};
use crate::stdio::Out;
use crate::stop::Stop;
use crate::transfer::Transfer;
use crate::{table, tags, units};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tag
    #[arg(add = crate::complete::tags())]
    tag: String,
    /// Show a part: a number or a slice for each axis, as in Python: 0,:,2:5 or ::2,-1 (a step is at least 1)
    #[arg(long, value_name = "PART", value_parser = select::parse, allow_hyphen_values = true)]
    index: Option<select::Index>,
    /// Print the values alone, as CSV with all digits: arrays with at most two axes
    #[arg(long)]
    csv: bool,
}

pub fn run(store: &Store, args: &Args) -> Result<()> {
    let stop = Stop::listen()?;
    let value = store.reader(&tags::one(store, &args.tag)?)?.latest()?;
    let dtype = value.dtype();
    let mut array = select::elements(value.bytes(), value.shape(), dtype.itemsize())?;
    if let Some(index) = &args.index {
        array = index.pick(array)?;
    }
    let shape = &array.shape()[..array.ndim() - 1];
    if args.csv {
        csv::check(dtype, shape)?;
        let mut out = Transfer::new(Out::new(&stop), 0, &stop);
        let written = csv::write(dtype, &array, &mut out, io::stdout().is_terminal());
        return written.map_err(|error| stop.failure(&error, Failure::stdout));
    }
    let mut lines = head(&value);
    if args.index.is_some() {
        lines.push(("part", format!("shape {}", units::shape(shape))));
    }
    table::print(&format!("{}\n{}", describe::text(&lines), text::text(dtype, &array)))
}

fn head(value: &Snapshot) -> Vec<Line> {
    let mut lines = vec![describe::layout(value.dtype(), value.shape(), value.bytes().len())];
    lines.push(("version", format!("{}, written {} ago", value.version(), units::age(value.age()))));
    lines.extend(describe::times(value.written_at(), value.acquired_at(), value.source_written_at()));
    // What is not JSON is shown by `stat --all`.
    lines.extend(describe::attributes(value.attributes_json().ok().flatten()));
    lines
}
