//! A tag's header, as a file of words.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;

use ndsharray::Store;

use super::record;

// Places in a header, as docs/design.md has them.
pub const SEQ: u64 = 192;
/// The topmost bit of `seq`.
pub const FROZEN: u64 = 1 << 63;
/// The low half of `seq`, which is the futex word.
pub const FUTEX: u64 = if cfg!(target_endian = "little") { SEQ } else { SEQ + 4 };
const HOT: [u64; 2] = [208, 232];
const HOT_BYTES: usize = 24;

/// The words of a tag's header, in its file.
pub struct HeaderFile(File);

impl HeaderFile {
    pub fn of(store: &Store, tag: &str) -> HeaderFile {
        let options = File::options().read(true).write(true).clone();
        HeaderFile(options.open(store.directory().join(tag)).unwrap())
    }

    pub fn file(&self) -> &File {
        &self.0
    }

    /// Takes the name lock, as a takeover or a removal does. It is free again when this is dropped.
    pub fn lock_name(&self) {
        self.set_name_lock(libc::F_WRLCK);
    }

    pub fn unlock_name(&self) {
        self.set_name_lock(libc::F_UNLCK);
    }

    fn set_name_lock(&self, kind: libc::c_int) {
        // SAFETY: plain numbers; 0 is a value of each.
        let mut lock: libc::flock = unsafe { std::mem::zeroed() };
        (lock.l_type, lock.l_whence) = (kind as i16, libc::SEEK_SET as i16);
        // SAFETY: an open descriptor, and a structure that lives for the call.
        let outcome = unsafe { libc::fcntl(self.0.as_raw_fd(), libc::F_OFD_SETLKW, &raw const lock) };
        assert_eq!(outcome, 0, "{}", std::io::Error::last_os_error());
    }

    /// Freezes the header, as a takeover does, while its writer stands still.
    pub fn freeze(&self) {
        let mut seq = [0; 8];
        self.0.read_exact_at(&mut seq, SEQ).unwrap();
        self.put(SEQ, &(u64::from_ne_bytes(seq) | FROZEN).to_ne_bytes());
    }

    pub fn u32(&self, offset: u64) -> u32 {
        let mut word = [0; 4];
        self.0.read_exact_at(&mut word, offset).unwrap();
        u32::from_ne_bytes(word)
    }

    pub fn put(&self, offset: u64, bytes: &[u8]) {
        self.0.write_all_at(bytes, offset).unwrap();
    }

    /// Gives the value another write time. No writer may be at work.
    pub fn date(&self, written_at: u64) {
        let mut words = [0_u64; 3];
        self.0.read_exact_at(bytemuck::cast_slice_mut(&mut words), HOT[0]).unwrap();
        let hot = record::hot(words[0], written_at, words[2] >> 16 & 15, words[2] >> 20);
        HOT.iter().for_each(|&at| self.put(at, &hot));
    }

    /// Whether a stopped writer was stopped in the middle of a publish: outside one both records are equal.
    pub fn amid_publish(&self) -> bool {
        let [mut first, mut second] = [[0; HOT_BYTES]; 2];
        self.0.read_exact_at(&mut first, HOT[0]).unwrap();
        self.0.read_exact_at(&mut second, HOT[1]).unwrap();
        first != second
    }

    /// Whether a reader announced that it is going to sleep, and was not woken since.
    pub fn waiting(&self) -> bool {
        self.u32(u64::from(self.u32(16))) == 1
    }
}
