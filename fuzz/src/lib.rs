//! Hostile files: what one fuzzer input stands for, and everything that is done with it.
//!
//! An input becomes a header and a data file, which a reader, those who look from outside and a writer then open. What
//! must hold is checked by panics: values are whole, errors say what they are about, what fails changes nothing, a
//! writer that opens works, and files that are not ours stay as they are.
//!
//! The same code replays the kept inputs without a fuzzer: tests/damage/fuzz_corpus.rs of the crate itself includes this file.

mod base;
mod drive;
mod patch;
mod place;

use std::cell::RefCell;
use std::path::Path;

pub use place::Place;

/// Which files an input says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The bytes of the header, beside a valid data file.
    Header,
    /// Edits of the data file, beside a valid header.
    Segment,
    /// Edits of both.
    Both,
}

/// Runs one input in a directory of this process in the one that NDSHARRAY_FUZZ_DIR names.
#[allow(dead_code)] // The replay brings its own place.
pub fn fuzz(target: Target, input: &[u8]) {
    thread_local! {
        static PLACE: RefCell<Option<Place>> = const { RefCell::new(None) };
    }
    PLACE.with_borrow_mut(|place| {
        let place = place.get_or_insert_with(|| {
            let dir = std::env::var_os("NDSHARRAY_FUZZ_DIR").expect("NDSHARRAY_FUZZ_DIR names a directory");
            Place::new(Path::new(&dir))
        });
        run(target, input, place);
    });
}

/// Runs one input. The first byte says which valid tag is damaged and what is done in the end, the second which
/// checksums are put right; the rest is the header's bytes (for [`Target::Header`]) or a script of edits.
pub fn run(target: Target, input: &[u8], place: &Place) {
    let [plan, seals, rest @ ..] = input else { return };
    let mut files = place.base(plan & 7);
    match target {
        Target::Header => patch::overlay(&mut files.header, rest, *seals & 0x80 != 0),
        Target::Segment => patch::edit(&mut files, rest, |_| patch::File::Data),
        Target::Both => patch::edit(&mut files, rest, patch::File::of),
    }
    let seals = if target == Target::Segment { *seals & 0x68 } else { *seals };
    patch::seal(&mut files, seals);
    drive::drive(place, &files, target, plan >> 3);
}
