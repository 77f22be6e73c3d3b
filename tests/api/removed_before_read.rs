//! A tag that is removed before a reader got to its value: `read` and `wait` say that there is nothing new, as they do
//! when the value was read before, and the reader follows when the tag is written again.

use std::time::Duration;

use ndsharray::{Error, Store};

#[test]
fn removed_before_read() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let store = Store::open(dir.path()).unwrap();
    let mut writer = store.writer_options("a").ephemeral(true).open().unwrap();
    let mut reader = store.reader("a").unwrap();
    writer.write_slice(&[1_u8; 3], &[3]).unwrap();
    drop(writer);

    assert!(reader.read().unwrap().is_none());
    assert!(reader.wait(Duration::from_millis(1)).unwrap().is_none());
    assert_eq!(ndsharray::wait_any(&mut [&mut reader], Duration::from_millis(1)).unwrap(), None);
    assert!(matches!(reader.latest(), Err(Error::NotFound { .. })), "there is no value to give");

    store.writer("a").unwrap().write_slice(&[2_u8; 3], &[3]).unwrap();
    let value = reader.wait(Duration::from_secs(10)).unwrap().unwrap();
    assert_eq!((value.version(), value.bytes()), (1, &[2; 3][..]));
}
