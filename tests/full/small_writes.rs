//! A store that has no room for a smaller segment: writes that fit the present one go on.

use super::small_store::mount;
use crate::common::sandbox::with_mounts;
use crate::common::test_name;

#[test]
fn small_writes_go_on_in_a_full_store() {
    let Some(dir) = with_mounts(test_name!(), "") else { return };
    let store = mount(&dir, "size=1m");
    let mut writer = store.writer("a").unwrap();
    let large = vec![1_u8; 400 << 10];
    writer.write_slice(&large, &[large.len()]).unwrap();
    writer.write_slice(&large, &[large.len()]).unwrap();
    let filler = std::fs::write(dir.join("filler"), vec![1_u8; 1 << 20]);
    assert!(filler.is_err(), "the store was to be full");
    for i in 0..40_u8 {
        writer.write_slice(&[i; 8], &[8]).unwrap_or_else(|error| panic!("small write {i}: {error}"));
    }
    std::fs::remove_file(dir.join("filler")).unwrap();
    writer.write_slice(&[1_u8; 8], &[8]).unwrap();
    let name = writer.data_file();
    for _ in 0..40 {
        writer.write_slice(&[1_u8; 8], &[8]).unwrap();
    }
    assert_ne!(writer.data_file(), name, "as soon as there is room the large segment is left");
}
