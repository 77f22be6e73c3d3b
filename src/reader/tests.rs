//! Forks and views, as readers count their pins; and how many slots a process holds.

use crate::Store;
use crate::reader::snapshot::ViewInner;
use crate::shm::segment::Segment;
use crate::sync::Ordering;
use crate::sys::fork::ForkAware;

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let store = Store::open(dir.path()).unwrap();
    (dir, store)
}

fn segment(reader: &crate::Reader) -> std::sync::Arc<Segment> {
    reader.sources.get(reader.follower.header_serial(), &reader.follower.current()).unwrap().segment.clone()
}

fn pins(segment: &Segment, slot: usize) -> u32 {
    segment.pin_counts(slot).iter().map(|pin| pin.load(Ordering::Relaxed)).sum()
}

/// Another thread takes a snapshot between the count before a fork and the fork itself.
#[test]
fn a_fork_counts_pins_as_the_child_has_them() {
    let (_dir, store) = store();
    store.writer("a").unwrap().write_slice(&[1_u8], &[1]).unwrap();
    let reader = store.reader("a").unwrap();
    let first = reader.latest().unwrap();
    let segment = segment(&reader);
    segment.before_fork();
    let second = first.clone();
    segment.in_child();
    assert_eq!(pins(&segment, 0), 4, "two here, two in the child");
    segment.before_fork();
    drop(second);
    segment.in_child();
    assert_eq!(pins(&segment, 0), 4, "one here, two in the first child, one in the second");
}

/// A fork counts views as it counts snapshots, and those of several readers.
#[test]
fn a_fork_counts_the_pins_of_views() {
    let (_dir, store) = store();
    store.writer("a").unwrap().write_slice(&[1_u8], &[1]).unwrap();
    let readers = [store.reader("a").unwrap(), store.reader("a").unwrap()];
    readers.iter().for_each(|reader| drop(reader.view().unwrap()));
    let views = [readers[0].view().unwrap(), readers[0].view().unwrap(), readers[1].view().unwrap()];
    let segment = segment(&readers[0]);
    assert_eq!(pins(&segment, 0), 3);
    segment.before_fork();
    drop(views);
    segment.in_child();
    assert_eq!(
        pins(&segment, 0),
        0,
        "given back here and, as the fork came later, not counted for the child"
    );
}

/// The first view of a layout finds out about it; those that follow borrow what it found, and clone no `Arc`.
#[test]
fn views_borrow_the_source() {
    let (_dir, store) = store();
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

/// A view that is held while `latest` goes on to another data file does not keep the old one mapped after its end.
#[test]
fn the_latest_value_alone_lets_go_of_the_file_of_old_views() {
    let (_dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[1_u8], &[1]).unwrap();
    let reader = store.reader("a").unwrap();
    drop(reader.view().unwrap());
    let old = std::sync::Arc::downgrade(&segment(&reader));
    let view = reader.view().unwrap();
    writer.write_slice(&vec![2_u8; 1 << 20], &[1 << 20]).unwrap();
    assert_eq!(reader.latest().unwrap().version(), 2);
    assert_eq!((view.bytes(), old.strong_count() > 0), (&[1][..], true), "the view holds it");
    drop(view);
    assert_eq!(reader.latest().unwrap().version(), 2);
    assert_eq!(old.strong_count(), 0);
}
