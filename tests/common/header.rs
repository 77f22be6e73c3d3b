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
/// The next bit of it.
pub const RETIRED: u64 = 1 << 62;
/// The highest number that was ever given to a file.
pub const SPENT: u64 = 136;
/// The two records: `seq & 1` says which of them is in use.
pub const RECORDS: [u64; 2] = [200, 224];

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

    /// Whether somebody else has the name lock.
    pub fn name_is_locked(&self) -> bool {
        // SAFETY: plain numbers; 0 is a value of each.
        let mut lock: libc::flock = unsafe { std::mem::zeroed() };
        (lock.l_type, lock.l_whence) = (libc::F_WRLCK as i16, libc::SEEK_SET as i16);
        (lock.l_start, lock.l_len) = (0, 1);
        // SAFETY: an open descriptor, and a structure that lives for the call.
        let outcome = unsafe { libc::fcntl(self.0.as_raw_fd(), libc::F_OFD_GETLK, &raw mut lock) };
        assert_eq!(outcome, 0, "{}", std::io::Error::last_os_error());
        lock.l_type != libc::F_UNLCK as i16
    }

    fn set_name_lock(&self, kind: libc::c_int) {
        // SAFETY: plain numbers; 0 is a value of each.
        let mut lock: libc::flock = unsafe { std::mem::zeroed() };
        (lock.l_type, lock.l_whence) = (kind as i16, libc::SEEK_SET as i16);
        // Byte 0. The next one is the writer's, which it keeps for as long as it has the tag.
        (lock.l_start, lock.l_len) = (0, 1);
        // SAFETY: an open descriptor, and a structure that lives for the call.
        let outcome = unsafe { libc::fcntl(self.0.as_raw_fd(), libc::F_OFD_SETLKW, &raw const lock) };
        assert_eq!(outcome, 0, "{}", std::io::Error::last_os_error());
    }

    /// Freezes the header, as a takeover does, while its writer stands still.
    pub fn freeze(&self) {
        self.put(SEQ, &(self.u64(SEQ) | FROZEN).to_ne_bytes());
    }

    pub fn u64(&self, offset: u64) -> u64 {
        let mut word = [0; 8];
        self.0.read_exact_at(&mut word, offset).unwrap();
        u64::from_ne_bytes(word)
    }

    pub fn u32(&self, offset: u64) -> u32 {
        let mut word = [0; 4];
        self.0.read_exact_at(&mut word, offset).unwrap();
        u32::from_ne_bytes(word)
    }

    pub fn put(&self, offset: u64, bytes: &[u8]) {
        self.0.write_all_at(bytes, offset).unwrap();
    }

    /// Where the record in use is.
    pub fn current(&self) -> u64 {
        RECORDS[(self.u64(SEQ) & 1) as usize]
    }

    /// The words of the record at that place.
    pub fn record(&self, place: u64) -> [u64; 3] {
        let mut words = [0_u64; 3];
        self.0.read_exact_at(bytemuck::cast_slice_mut(&mut words), place).unwrap();
        words
    }

    /// Gives the value another write time. No writer may be at work.
    pub fn date(&self, written_at: u64) {
        let [version, _, third] = self.record(self.current());
        let (number, slot) = record::place(third);
        self.put(self.current(), &record::bytes(version, written_at, number, slot));
    }

    /// Whether a stopped writer was stopped in the middle of a publish. Outside one the record that is not in use is that of
    /// the value before, or empty.
    pub fn amid_publish(&self) -> bool {
        let current = self.current();
        let other = self.record(RECORDS[0] + RECORDS[1] - current);
        !record::is_whole(&other) || other[0] > self.record(current)[0]
    }

    /// Whether a reader announced that it is going to sleep, and was not woken since.
    pub fn waiting(&self) -> bool {
        self.u32(u64::from(self.u32(16))) == 1
    }
}
