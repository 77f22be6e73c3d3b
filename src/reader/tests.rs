//! Forks and views, as readers count their pins.

use crate::reader::snapshot::ViewInner;
use crate::sys::fork::ForkAware;

/// Another thread takes a snapshot between the count before a fork and the fork itself.
#[test]
fn a_fork_counts_pins_as_the_child_has_them() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let store = crate::Store::open(dir.path()).unwrap();
    store.writer("a").unwrap().write_slice(&[1_u8], &[1]).unwrap();
    let reader = store.reader("a").unwrap();
    let first = reader.latest().unwrap();
    let segment = reader.source.borrow().as_ref().unwrap().segment.clone();
    let pins =
        || -> u32 { segment.pin_counts(0).iter().map(|pin| pin.load(crate::sync::Ordering::Relaxed)).sum() };
    segment.before_fork();
    let second = first.clone();
    segment.in_child();
    assert_eq!(pins(), 4, "two here, two in the child");
    segment.before_fork();
    drop(second);
    segment.in_child();
    assert_eq!(pins(), 4, "one here, two in the first child, one in the second");
}

/// A reader that only ever views has its source in place, not in the spare one: no `Arc` is cloned per view.
/// The first view of a layout finds out about it; those that follow borrow what it found.
#[test]
fn views_borrow_the_source() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let store = crate::Store::open(dir.path()).unwrap();
    let mut writer = store.writer("a").unwrap();
    let reader = store.reader("a").unwrap();
    for length in [1, 2] {
        writer.write_slice(&vec![7_u8; length], &[length]).unwrap();
        for here in [false, true, true] {
            let view = reader.view().unwrap();
            assert_eq!((view.bytes().len(), matches!(view.0, ViewInner::Here { .. })), (length, here));
        }
    }
}

/// A fork counts views as it counts snapshots, and both readers' views.
#[test]
fn a_fork_counts_the_pins_of_views() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let store = crate::Store::open(dir.path()).unwrap();
    store.writer("a").unwrap().write_slice(&[1_u8], &[1]).unwrap();
    let readers = [store.reader("a").unwrap(), store.reader("a").unwrap()];
    readers.iter().for_each(|reader| drop(reader.view().unwrap()));
    let views = [readers[0].view().unwrap(), readers[0].view().unwrap(), readers[1].view().unwrap()];
    let segment = readers[0].source.borrow().as_ref().unwrap().segment.clone();
    let pins =
        || -> u32 { segment.pin_counts(0).iter().map(|pin| pin.load(crate::sync::Ordering::Relaxed)).sum() };
    assert_eq!(pins(), 3);
    let tallies: Vec<_> =
        readers.iter().map(|reader| reader.viewing.borrow().as_ref().unwrap().tally.clone()).collect();
    let mut aware: Vec<&dyn ForkAware> = vec![&*segment];
    aware.extend(tallies.iter().map(|tally| -> &dyn ForkAware { &**tally }));
    aware.iter().for_each(|one| one.before_fork());
    drop(views);
    aware.iter().for_each(|one| one.in_child());
    assert_eq!(pins(), 0, "given back here and, as the fork came later, not counted for the child");
}

/// A view that is held while `latest` goes on to another data file does not keep the old one mapped after its end.
#[test]
fn the_latest_value_alone_lets_go_of_the_file_of_old_views() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let store = crate::Store::open(dir.path()).unwrap();
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[1_u8], &[1]).unwrap();
    let reader = store.reader("a").unwrap();
    drop(reader.view().unwrap());
    let old = std::sync::Arc::downgrade(&reader.source.borrow().as_ref().unwrap().segment);
    let view = reader.view().unwrap();
    writer.write_slice(&vec![2_u8; 1 << 20], &[1 << 20]).unwrap();
    assert_eq!(reader.latest().unwrap().version(), 2);
    assert_eq!((view.bytes(), old.strong_count() > 0), (&[1][..], true), "the view holds it");
    drop(view);
    assert_eq!(reader.latest().unwrap().version(), 2);
    assert_eq!(old.strong_count(), 0);
}
