//! `stat` is stopped in the middle of looking at a header, while values are published: it says one of those, and none that was only
//! going to be.

use crate::common::data_words::DataWords;
use crate::common::header::{HeaderFile, RECORDS, SEQ};
use crate::common::process::Watchdog;
use crate::common::record;
use crate::common::sandbox::store;
use crate::common::test_name;
use crate::traced::{Stop, Traced};

/// `stat` looks which record is in use, and is stopped. The other one is in use then, and its own is written by a writer that is
/// killed before it publishes it, or stops there: a whole record, of a value that is sealed.
#[test]
fn stat_says_no_value_that_was_not_published() {
    let _watchdog = Watchdog::new(test_name!());
    let (directory, store) = store();
    let mut writer = store.writer("a").unwrap();
    for value in [1_u8, 2] {
        writer.write_slice(&[value], &[1]).unwrap();
    }
    let look = || {
        let stat = ndsharray::Store::open(directory.path()).unwrap().stat("a").unwrap();
        let version = stat.value.unwrap().version;
        assert!([2, 3].contains(&version), "version {version} was never published");
    };
    let Some(mut traced) = Traced::start(test_name!(), || (), |()| look()) else { return };
    // Of the eight bytes of `seq`, alone.
    let looks_at_seq = |stop: &Stop| {
        let [_, _, length, offset, ..] = stop.arguments;
        stop.call as i64 == libc::SYS_pread64 && (length, offset) == (8, SEQ) && !stop.is_before
    };
    assert!(traced.run_to(0, looks_at_seq), "it looks at `seq`");

    let header = HeaderFile::of(&store, "a");
    let before = header.current();
    let (number, slot) = record::place(header.record(before)[2]);
    writer.write_slice(&[3_u8], &[1]).unwrap();
    assert_eq!(header.current(), RECORDS[0] + RECORDS[1] - before);
    let written_at = header.record(header.current())[1];
    DataWords::of(&store, "a").set_content(slot, 4);
    header.put(before, &record::bytes(4, written_at, number, slot));
    traced.go_on();
    assert_eq!(writer.write_slice(&[4_u8], &[1]).unwrap(), 4);
}
