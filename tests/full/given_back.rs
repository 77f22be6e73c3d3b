//! Memory that is not needed any more is given back: that of old data files which readers only have mapped, that of slots which
//! a burst of readers made; and what a process holds is bounded, and so is its address space.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use ndsharray::{Snapshot, Store};

use super::small_store::{KIB, mount, value, write};
use crate::common::process::{Process, hear, place, role, say};
use crate::common::sandbox::{in_child, with_mounts};
use crate::common::test_name;

/// Starts a role of these tests in the mounts of this process.
fn ready(role: &str, store: &Store) -> Process {
    Process::ready(test_name!(child), role, store.directory())
}

#[test]
#[ignore = "the other processes of these tests; needs a role"]
fn child() {
    let Some(role) = role() else { return };
    let store = Store::open(place()).unwrap();
    let (verb, count) = role.split_once(' ').unwrap();
    let readers: Vec<_> = (0..count.parse().unwrap()).map(|_| store.reader("a").unwrap()).collect();
    match verb {
        // Readers that have looked, and look no more.
        "idle" => readers.iter().for_each(|reader| drop(reader.latest().unwrap())),
        // A value each, when told, until told to let go.
        "hold" => {
            say("ready");
            let mut held: Vec<Snapshot> = Vec::new();
            for reader in &readers {
                assert_eq!(hear(), "hold");
                held.push(reader.latest().unwrap());
                assert!(!held[held.len() - 1].is_copy());
                say("held");
            }
            assert_eq!(hear(), "let go");
            drop(held);
        }
        _ => panic!("{role}"),
    }
    say(if verb == "idle" { "ready" } else { "gone" });
    hear();
    drop(readers);
}

fn used(dir: &Path) -> u64 {
    fs2::total_space(dir).unwrap() - fs2::available_space(dir).unwrap()
}

fn blocks(path: &Path) -> u64 {
    512 * path.metadata().unwrap().blocks()
}

/// 40 readers have an old data file mapped, and do nothing. The writer moves to a larger file.
#[test]
fn idle_readers_keep_no_memory_of_an_old_file() {
    let Some(dir) = with_mounts(test_name!(), "") else { return };
    let store = mount(&dir, "size=64m");
    let mut writer = store.writer("a").unwrap();
    for seed in 0..4 {
        write(&mut writer, seed, 4000 * KIB).unwrap();
    }
    let mut idle: Vec<Process> = (0..8).map(|_| ready("idle 5", &store)).collect();
    let (old, before) = (dir.join(writer.data_file().unwrap()), used(&dir));
    assert!(before > 2 * 4000 * KIB as u64, "two slots: {before}");
    write(&mut writer, 5, 9000 * KIB).unwrap();
    assert!(!old.exists());
    let own = blocks(&dir.join("a")) + blocks(&dir.join(writer.data_file().unwrap()));
    let kept = used(&dir) - own;
    println!(
        "\nfigures: 40 idle readers: {before} bytes before, {own} of the new files, {kept} kept of the old one"
    );
    // The two regions in front, in which readers may still have pins.
    assert!(kept <= 16 << 10, "{kept} bytes are kept of a file that nobody names");
    for reader in &mut idle {
        reader.tell("end");
    }
    idle.into_iter().for_each(|reader| drop(reader.end()));
    assert_eq!(used(&dir), own);
}

/// Readers hold seven values at once, and let go. When the slots were not needed for long, their storage is given back.
#[test]
fn a_burst_is_given_back() {
    let Some(dir) = in_child(test_name!()) else { return };
    let store = Store::open(&dir).unwrap();
    let mut writer = store.writer("a").unwrap();
    let data = value(0, 100 * KIB);
    let mut write = || writer.write_slice(&data, &[data.len()]).unwrap();
    (0..4).for_each(|_| _ = write());
    let stat = || store.stat("a").unwrap().value.unwrap();
    let storage = || blocks(&dir.join(stat().data_file));
    let two = storage();
    let mut holders: Vec<Process> = ["hold 3", "hold 3", "hold 1"].map(|role| ready(role, &store)).into();
    for (holder, count) in holders.iter_mut().zip([3, 3, 1]) {
        for _ in 0..count {
            holder.tell("hold");
            holder.expect("held");
            write();
        }
    }
    let (most, slots) = (storage(), stat().slots);
    assert_eq!((slots.allocated, slots.pinned), (8, 7));
    assert!(most > 3 * two, "{most}, and {two} of two slots");
    for holder in &mut holders {
        holder.tell("let go");
        holder.expect("gone");
    }
    let name = stat().data_file;
    (0..2 * 4096 + 10).for_each(|_| _ = write());
    assert_eq!((storage(), stat().data_file), (two, name), "as before, in the same file");
    // The writer that comes next does not bring it back.
    drop(writer);
    let mut writer = store.writer("a").unwrap();
    assert_eq!(storage(), two);
    writer.write_slice(&data, &[data.len()]).unwrap();
    assert_eq!(storage(), two);
    // The next burst gets the slots again.
    let held: Vec<Snapshot> = (0..3)
        .map(|_| {
            writer.write_slice(&data, &[data.len()]).unwrap();
            store.reader("a").unwrap().latest().unwrap()
        })
        .collect();
    for _ in 0..10 {
        writer.write_slice(&data, &[data.len()]).unwrap();
        assert!(held.iter().all(|held| held.bytes() == data));
    }
    assert!(storage() > two);
    println!("\nfigures: a burst: {two} bytes of two slots, {most} with seven values held, {two} afterwards");
    for holder in &mut holders {
        holder.tell("end");
    }
    holders.into_iter().for_each(|holder| drop(holder.end()));
}

/// A process reads 40 values by as many new readers, and keeps all: it holds three slots, and has copies of the others.
#[test]
fn forty_readers_of_a_process_hold_three_slots() {
    let Some(dir) = in_child(test_name!()) else { return };
    let store = Store::open(&dir).unwrap();
    let mut writer = store.writer("a").unwrap();
    let mut kept = Vec::new();
    for seed in 0..40 {
        // Two layouts, so that the data file has several names on the way; and a larger file in the middle of it.
        let length = if seed < 20 { 100 * KIB + usize::from(seed) } else { 200 * KIB };
        write(&mut writer, seed, length).unwrap();
        let reader = store.reader("a").unwrap();
        let held = reader.latest().unwrap();
        kept.push((reader, held, length));
    }
    let copies = kept.iter().filter(|(_, held, _)| held.is_copy()).count();
    assert_eq!((copies, kept.len() - copies), (37, 3));
    for (seed, (_, held, length)) in kept.iter().enumerate() {
        assert!(held.bytes() == value(seed as u8, *length), "value {seed}");
    }
    let stat = store.stat("a").unwrap().value.unwrap();
    assert!(stat.slots.allocated <= 5 && stat.slots.pinned <= 3, "{:?}", stat.slots);
    let bytes = blocks(&dir.join(&stat.data_file));
    assert!(bytes <= 5 * 208 * KIB as u64 + 8192, "{bytes} bytes");
    // Values that are given back make room for others.
    kept.retain(|(_, held, _)| held.is_copy());
    assert!(!store.reader("a").unwrap().latest().unwrap().is_copy());
}

/// One slot is mapped, not the room for eight: it fits a limit on the address space. Its elements are left out of core files.
#[test]
fn only_what_is_there_takes_address_space() {
    const SLOT: usize = 96 << 20;
    let Some(dir) = in_child(test_name!()) else { return };
    let store = Store::open(&dir).unwrap();
    let mut writer = store.writer("a").unwrap();
    let mut loan = writer.loan::<u8>(&[SLOT]).unwrap();
    loan.as_mut_slice()[SLOT - 1] = 7;
    loan.publish().unwrap();
    drop(writer);
    // Of this process, and one slot and a half more.
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let size = pages.split(' ').next().unwrap().parse::<u64>().unwrap() * rustix::param::page_size() as u64;
    let limit = size + SLOT as u64 * 3 / 2;
    let resource = rustix::process::Resource::As;
    let limits = rustix::process::Rlimit { current: Some(limit), ..rustix::process::getrlimit(resource) };
    rustix::process::setrlimit(resource, limits).unwrap();
    let value = store.reader("a").unwrap().latest().unwrap();
    assert_eq!((value.bytes()[SLOT - 1], value.is_copy()), (7, false));
    let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let address = value.bytes().as_ptr() as u64;
    let mut inside = false;
    let flags = maps.lines().find(|line| {
        if let Some((start, rest)) =
            line.split_once('-').filter(|(start, _)| u64::from_str_radix(start, 16).is_ok())
        {
            let end = u64::from_str_radix(rest.split(' ').next().unwrap(), 16).unwrap();
            inside = (u64::from_str_radix(start, 16).unwrap()..end).contains(&address);
        }
        inside && line.starts_with("VmFlags:")
    });
    let flags = flags.expect("the mapping of the value");
    assert!(flags.split(' ').any(|flag| flag == "dd"), "it would be in a core file: {flags}");
    drop(value);
    // A writer, too.
    let mut writer = store.writer("a").unwrap();
    assert!(writer.write_slice(&[1_u8], &[1]).is_err() || writer.version() == 2, "an error, no signal");
}
