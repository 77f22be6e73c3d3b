//! `convert`: the values of a recording as npy files, or as PNG files of which ffmpeg makes a film; or the whole values of a damaged
//! recording as a new one.
//!
//! A tag has a directory of its own, so that no two files can have the same name: `target` makes it, `output` the files in it,
//! `sheet` those with times and attributes, `arrays` those with elements, and `frames` pictures. `recover` makes a recording.

mod arrays;
mod frames;
mod output;
mod recover;
mod sheet;
mod target;

use std::path::PathBuf;
use std::rc::Rc;

use ndsharray_recording::Recording;

use crate::convert::output::Output;
use crate::convert::target::Target;
use crate::failure::{Result, say};
use crate::stop::Stop;
use crate::survey::{self, Group, Surveyed};
use crate::transfer::Progress;
use crate::{picture, table, units};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The recording to convert
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The directory to make; one that exists must be empty. With --recover, the recording to make
    #[arg(value_name = "DIR")]
    to: PathBuf,
    /// Make a complete recording, which all MCAP readers open, of what is whole in one that was cut or is damaged
    #[arg(long, conflicts_with_all = ["tags", "png"])]
    recover: bool,
    /// Convert only these tags, by name or pattern (as for ls). Put it after DIR: it takes all words that follow
    #[arg(long, value_name = "PATTERN", num_args = 1..)]
    tags: Vec<String>,
    /// Make PNG files of tags that are images, with lists of which ffmpeg makes films; other tags become npy files
    #[arg(long)]
    png: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let stop = Stop::listen()?;
    if args.recover {
        return recover::run(&args.file, &args.to, &stop);
    }
    let recording = Recording::open(&args.file)?;
    if !recording.is_complete() {
        let file = args.file.display();
        say(&format!("{file}: not finished: cut, or still being recorded; what is whole is converted"));
    }
    for what in recording.left_out() {
        say(&format!("left out: {what}"));
    }
    let tags = survey::tags(&recording, &args.tags)?;
    let found = survey::survey(&recording, &tags, args.png, &stop)?;
    // What cannot be converted is refused before anything is written.
    for (tag, group) in found.iter().flat_map(|tag| tag.groups.iter().map(move |group| (tag, group))) {
        if !is_film(args, group) {
            arrays::header(tag, group)?;
        }
    }
    let total = found.iter().flat_map(|tag| &tag.groups).map(Group::total).sum();
    let progress = Rc::new(Progress::new(total, &stop));
    let mut target = Target::create(&args.to)?;
    for tag in &found {
        convert(tag, args, &mut target, &progress)?;
    }
    target.keep();
    let values = found.iter().map(|tag| tag.track.len() as u64).sum();
    let counted = (units::count(found.len() as u64, "tag"), units::count(values, "value"));
    let to = table::visible(&args.to.display().to_string());
    table::print(&format!("{to}: {} with {}, {}\n", counted.0, counted.1, units::bytes(total)))
}

/// Writes the files of a tag.
fn convert(tag: &Surveyed, args: &Args, target: &mut Target, progress: &Rc<Progress<'_>>) -> Result<()> {
    let directory = target.directory(tag.track.tag())?;
    for (number, group) in tag.groups.iter().enumerate() {
        let suffix = if tag.groups.len() == 1 { String::new() } else { format!("-{}", number + 1) };
        let output = Output { directory: &directory, suffix: &suffix, progress };
        if is_film(args, group) {
            frames::write(tag, group, &output)?;
        } else {
            arrays::write(tag, group, &output)?;
        }
    }
    Ok(())
}

/// Whether a group becomes pictures: if that was asked for, they are images, and PNG holds such numbers, which 32FC1 are not.
fn is_film(args: &Args, group: &Group) -> bool {
    let layout = &group.layout;
    args.png && layout.encoding.is_some() && picture::Form::of(&layout.dtype, &layout.shape).is_ok()
}
