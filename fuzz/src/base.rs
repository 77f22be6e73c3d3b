//! Valid tags to start from: made by the library itself, with their random numbers replaced by fixed ones, so that an
//! input means the same in every run.

use std::path::Path;

use ndsharray::{DType, Meta, Store};

use super::patch::{self, Files, set_word, word};

/// The tag that all of it is about.
pub const TAG: &str = "a";
/// The data file's name: the tag, and the fixed id with number 1 in its lowest 40 bits.
pub const DATA: &str = "a_44444444444444443333330000000001";
/// Offsets and lengths are those of the tables in docs/design.md.
const HEADER_ID: [u64; 2] = [0x3333_3333_3333_3333, 0x4444_4444_4444_4444];

/// Makes the valid tags in an empty directory, which is empty again afterwards.
pub fn make(dir: &Path) -> Vec<Files> {
    let store = Store::open(dir).unwrap();
    let read = |name: &str| std::fs::read(dir.join(name)).unwrap();
    let mut all = Vec::new();
    for kind in 0..5 {
        let mut writer = store.writer_options(TAG).ephemeral(kind == 4).open().unwrap();
        match kind {
            // A stream: two slots, user data.
            0 => {
                writer.write_slice(&[0.0_f32; 5], &[5]).unwrap();
                let bytes: Vec<u8> =
                    [1.5_f32, -2.5, 3.5, 4.5, 1e9].into_iter().flat_map(f32::to_ne_bytes).collect();
                writer
                    .write_bytes_with(
                        &DType::Float32,
                        &[5],
                        &bytes,
                        &Meta::new().user_data(b"user data").unwrap(),
                    )
                    .unwrap();
            }
            // All 8 slots, since values are held, and a new layout in an old segment.
            1 => {
                let mut held = Vec::new();
                for i in 0..8_u16 {
                    writer.write_slice(&[i; 6], &[2, 3]).unwrap();
                    let reader = store.reader(TAG).unwrap();
                    held.push((reader.view().map(|_| ()), reader.latest(), reader));
                }
                writer.write_slice(&[7_u8], &[]).unwrap();
            }
            // A dtype of somebody's own.
            2 => {
                let dtype = DType::custom("pixel", 3, "[('r', '|u1'), ('g', '|u1'), ('b', '|u1')]").unwrap();
                writer.write_bytes(&dtype, &[1, 2], &[1, 2, 3, 4, 5, 6]).unwrap();
            }
            // No elements, many axes; and a tag that goes with its writer.
            _ => {
                writer.write_slice::<bool>(&[], &[0; 64]).unwrap();
            }
        }
        let name = writer.data_file().unwrap();
        let mut files = Files { header: read(TAG), data: read(&name) };
        fix(&mut files);
        all.push(files);
        drop(writer);
        let _ = store.remove(TAG);
    }
    // Nothing written yet; the data file is left over from something else.
    drop(store.writer(TAG).unwrap());
    let mut empty = Files { header: read(TAG), data: all[0].data.clone() };
    fix(&mut empty);
    all.push(empty);
    store.remove(TAG).unwrap();
    assert_eq!(dir.read_dir().unwrap().count(), 0);
    all
}

/// Replaces what is different in every run: ids, pids, times, clocks. The number in use becomes 1, whatever it was, and an earlier
/// one of an old slot something else.
fn fix(files: &mut Files) {
    let Files { header, data } = files;
    put(header, 24, HEADER_ID);
    put(data, 24, HEADER_ID);
    set_word(header, 56, 0);
    set_word(header, 72, HEADER_ID[0]);
    let current = word(header, patch::RECORDS[(word(header, 192) & 1) as usize] + 16) >> 24;
    let renumber = |number: u64| if number == current { 1 } else { number + 100 };
    set_word(header, 136, 1);
    for record in patch::RECORDS {
        if word(header, record) > 0 {
            let place = word(header, record + 16);
            set_word(header, record + 8, 1_000_000_000);
            set_word(header, record + 16, renumber(place >> 24) << 24 | place & 0xff_ffff);
        }
    }
    set_word(data, 56, 1);
    for slot in 0..patch::slots(data) {
        let (line, entry) = (256 + 64 * slot, patch::entry(data, slot));
        if word(data, line) > 0 {
            set_word(data, line + 8, 1_000_000_000);
            set_word(data, line + 16, 1_700_000_000_000_000_000);
            set_word(data, line + 24, 0xd0);
        }
        if word(data, entry) > 0 {
            let number = renumber(word(data, entry));
            set_word(data, entry, number);
        }
    }
    patch::seal(files, 0b100_1111);
}

fn put(file: &mut [u8], at: usize, id: [u64; 2]) {
    set_word(file, at, id[0]);
    set_word(file, at + 8, id[1]);
}
