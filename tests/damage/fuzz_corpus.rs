//! Replays the inputs that the fuzzer kept (fuzz/corpus): damaged headers and data files, which readers, writers and
//! `stat` meet. In a child, so that a signal or a hang is seen; the last line names the input.

#[path = "../../fuzz/src/lib.rs"]
mod fuzz;

use fuzz::{Place, Target};

use crate::common::process::role;
use crate::common::sandbox::{in_child, mounting, with_mounts};
use crate::common::test_name;

/// As ci/fuzz.sh: a small filesystem, once more read-only beside it.
const MOUNTS: &str = "mount -t tmpfs -o size=64m none \"$1\" && mkdir \"$1/fuzz\" \"$1/fuzz-ro\" &&
    mount --bind \"$1/fuzz\" \"$1/fuzz-ro\" && mount -o remount,bind,ro \"$1/fuzz-ro\"";

#[test]
fn kept_inputs() {
    let test = test_name!();
    let mounts = role().is_some() || mounting().is_some();
    let Some(dir) = (if mounts { with_mounts(test, MOUNTS) } else { in_child(test) }) else { return };
    let parent = dir.join("fuzz");
    let _ = std::fs::create_dir(&parent);
    let place = Place::new(&parent);
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, target) in [("header", Target::Header), ("segment", Target::Segment), ("both", Target::Both)] {
        let mut inputs: Vec<_> =
            corpus.join(name).read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
        inputs.sort();
        assert!(inputs.len() > 50, "{name}: {} inputs", inputs.len());
        for input in inputs {
            println!("{}", input.display());
            fuzz::run(target, &std::fs::read(&input).unwrap(), &place);
        }
    }
    drop(place);
    assert_eq!(parent.read_dir().unwrap().count(), 0);
}
