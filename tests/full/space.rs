//! How much space a store says it has.

use ndsharray::Store;

use super::small_store::{Ballast, mount};
use crate::common::sandbox::{run, with_mounts};
use crate::common::test_name;

#[test]
fn the_space_of_a_store() {
    let Some(dir) = with_mounts(test_name!(), "") else { return };
    let store = mount(&dir, "size=1m");
    let space = store.space().unwrap();
    assert_eq!((space.total, space.free), (1 << 20, 1 << 20));
    let ballast = Ballast::all_but(&dir, 8192);
    assert_eq!((store.space().unwrap().total, store.space().unwrap().free), (1 << 20, 8192));
    drop(ballast);
    // A filesystem without a limit.
    assert!(run("mount", &[&"-t", &"ramfs", &"none", &dir]));
    assert_eq!(Store::open(&dir).unwrap().space().unwrap().total, 0);
}
