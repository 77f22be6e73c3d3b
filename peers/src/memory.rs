//! How much memory an array takes: blocks of the filesystem, and what writer and reader have resident.

use std::path::Path;

use crate::child::Child;
use crate::contenders::{self, ALL};
use crate::measure::Output;

const FRAME: usize = 1920 * 1080 * 3;
const LARGE: usize = 50 << 20;
const SCENES: [(&str, usize, &str); 4] = [
    ("write once", FRAME, "wt"),
    ("stream", FRAME, "wtwtwtwtwtwtwtwtwtwtwtwtwtwtwtwtwtwtwtwt"),
    ("four values held", FRAME, "wtwhwhwhwhwtwtwtwtwtwtwt"),
    ("shrink from 50 MiB", LARGE, "wtwts"),
];

/// Plays each scene with fresh processes. What the filesystem has more afterwards is the scene's, so this needs a
/// /dev/shm that nobody else uses.
pub fn footprint(directory: &Path, output: &mut Output) {
    for contender in ALL {
        for (scene, size, play) in SCENES {
            let inner = tempfile::tempdir_in(directory).expect("a directory");
            let directory = inner.path();
            let before = blocks();
            let text = size.to_string();
            let mut writer = Child::start(&["sizes", contender, &text], directory);
            let mut reader = Child::start(&["whole", contender], directory);
            let mut possible = true;
            for step in play.bytes() {
                match step {
                    b'w' => _ = writer.step(b'w'),
                    b's' => {
                        for _ in 0..100 {
                            writer.step(b's');
                            reader.step(b't');
                        }
                    }
                    other => possible &= reader.step(other) == 1,
                }
            }
            if possible {
                let used = blocks().saturating_sub(before);
                let [(w, w_own), (r, r_own)] = [&writer, &reader].map(|child| resident(child.id()));
                let figures = [used, w, w_own, r, r_own].map(|bytes| bytes as f64);
                output.record("memory", &format!("{contender}, {scene}"), size, "bytes", &figures);
            }
            drop((writer, reader));
            contenders::sweep(directory);
        }
    }
}

/// Bytes in use on the filesystem.
fn blocks() -> u64 {
    // SAFETY: a path that ends in NUL and a structure of ours.
    unsafe {
        let mut stat: libc::statvfs = std::mem::zeroed();
        assert_eq!(libc::statvfs(c"/dev/shm".as_ptr(), &raw mut stat), 0);
        (stat.f_blocks - stat.f_bfree) * stat.f_frsize
    }
}

/// Bytes of a process that are resident, and those of them that are its own.
fn resident(process: u32) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("a process");
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0 kB");
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) * 1024
    };
    (field("VmRSS:"), field("RssAnon:"))
}

/// The writer: a value of the scene's size, or one of 64 bytes.
pub fn writer(contender: &str, directory: &Path, size: usize) {
    let (large, small) = (vec![7_u8; size], [7_u8; 64]);
    let mut writer = contenders::writer(contender, directory, size);
    crate::child::serve(|what| {
        writer.write(if what == b's' { &small } else { &large });
        1
    });
}

/// The reader: takes and touches the whole of it, or holds it as well.
pub fn reader(contender: &str, directory: &Path) {
    let mut reader = contenders::reader(contender, directory);
    crate::child::serve(|what| {
        if what == b'h' {
            return u64::from(reader.hold());
        }
        std::hint::black_box(reader.take_whole());
        1
    });
}

/// Whether this process's /dev/shm is its own, as `ci/bench.sh` sees to if it can.
pub fn alone() -> bool {
    std::env::var_os("NDSHARRAY_OWN_SHM").is_some()
}
