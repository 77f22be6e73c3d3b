//! A header whose state says LEAVING: somebody is taking it over. The state is written by hand, at its offset in the file.

use std::os::unix::fs::FileExt;

use ndsharray::{Error, Store};

const LIVE: u32 = 1;
const LEAVING: u32 = 3;

fn set_state(store: &Store, tag: &str, state: u32) {
    let header = std::fs::File::options().write(true).open(store.directory().join(tag)).unwrap();
    header.write_all_at(&state.to_ne_bytes(), 204).unwrap();
}

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let store = Store::open(dir.path()).unwrap();
    (dir, store)
}

#[test]
fn a_writer_goes_on_when_the_takeover_failed() {
    let (_dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[1_u8], &[1]).unwrap();
    set_state(&store, "a", LEAVING);
    assert!(matches!(writer.write_slice(&[2_u8], &[1]), Err(Error::Superseded { .. })));
    assert!(matches!(store.writer("a"), Err(Error::WriterExists { .. })), "it keeps its lock meanwhile");
    assert_eq!(store.reader("a").unwrap().latest().unwrap().bytes(), [1], "readers go on");
    set_state(&store, "a", LIVE);
    assert_eq!(writer.write_slice(&[3_u8], &[1]).unwrap(), 2);
}

#[test]
fn a_header_left_in_the_middle_is_taken_on() {
    let (_dir, store) = store();
    store.writer("a").unwrap().write_slice(&[1_u8], &[1]).unwrap();
    set_state(&store, "a", LEAVING);
    assert_eq!(store.writer("a").unwrap().write_slice(&[2_u8], &[1]).unwrap(), 2);
}

#[test]
fn an_ephemeral_value_stays_for_whoever_takes_it_over() {
    let (_dir, store) = store();
    let mut writer = store.writer_options("a").ephemeral(true).open().unwrap();
    writer.write_slice(&[7_u8], &[1]).unwrap();
    set_state(&store, "a", LEAVING);
    drop(writer);
    drop(store.writer_options("b").ephemeral(true).open().unwrap());
    assert_eq!(store.gc().unwrap().removed, [""; 0]);
    let taken = store.writer_options("a").takeover(true).ephemeral(true).open().unwrap();
    assert_eq!(taken.version(), 1);
    assert_eq!(store.reader("a").unwrap().latest().unwrap().bytes(), [7]);
    drop(taken);
    assert_eq!(store.tags().unwrap(), [""; 0]);
}

/// Looks at a tag whose writer changes the layout all the time never find it damaged.
#[test]
fn stat_under_a_busy_writer() {
    let (_dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[0_u8; 100], &[100]).unwrap();
    std::thread::scope(|scope| {
        let looker = scope.spawn(|| {
            for _ in 0..20_000 {
                let value = store.stat("a").unwrap().value.unwrap();
                assert!(value.shape == [100] || value.shape == [10, 10], "{:?}", value.shape);
            }
        });
        let mut turn = false;
        while !looker.is_finished() {
            turn = !turn;
            let shape: &[usize] = if turn { &[10, 10] } else { &[100] };
            writer.write_slice(&[0_u8; 100], shape).unwrap();
        }
    });
}
