//! Edits of the two files that an input can say, and checksums put right after them, so that what lies behind a
//! checksum is reached too.

/// The bytes of a tag's files.
#[derive(Clone, Debug)]
pub struct Files {
    pub header: Vec<u8>,
    pub data: Vec<u8>,
}

/// Which of them an edit is for.
#[derive(Clone, Copy, Debug)]
pub enum File {
    Header,
    Data,
}

impl File {
    /// One bit of an edit's first byte says it, where an input may edit both.
    pub fn of(code: u8) -> File {
        if code & 0x80 == 0 { File::Header } else { File::Data }
    }
}

/// The records of a header.
pub const RECORDS: [usize; 2] = [200, 224];
/// Of an entry, as far as its checksum.
const ENTRY: usize = 1632;
/// Longer files only take longer.
const LONGEST: usize = 1 << 18;

/// Where damage is likely to matter: the words that the code decides by. Of the data file: those of pages of 4 KiB, slots of one
/// page, and limits of 8 and (the entry behind larger regions) 256.
const HEADER_WORDS: [u16; 21] =
    [8, 16, 24, 32, 40, 48, 56, 64, 72, 128, 136, 192, 200, 208, 216, 224, 232, 240, 256, 264, 4096];
const DATA_WORDS: [u16; 40] = [
    8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 256, 264, 272, 280, 288, 296, 320, 328, 336, 360, 384, 4096, 4224,
    4608, 4736, 8192, 8200, 8256, 8264, 8272, 8784, 8792, 16384, 16392, 16448, 16456, 16464, 16472, 16976,
    16984,
];
const VALUES: [u64; 24] = [
    0,
    1,
    2,
    3,
    7,
    8,
    9,
    64,
    65,
    101,
    255,
    256,
    257,
    2048,
    2049,
    4096,
    8192,
    1 << 24,
    1 << 32,
    (1 << 40) - 1,
    1 << 62,
    1 << 63,
    3 << 62,
    u64::MAX,
];

/// How many slots a data file has, as far as it says so with few.
pub fn slots(data: &[u8]) -> usize {
    let (capacity, [front, pins]) = (word(data, 64), regions(data));
    let slot = capacity.saturating_add(4096).max(4096);
    let slots = (data.len() as u64).saturating_sub(front + pins) / slot;
    slots.min(word(data, 72)).min(256) as usize
}

/// Where the entry of a slot is, if [`slots`] has it.
pub fn entry(data: &[u8], slot: usize) -> usize {
    let [front, pins] = regions(data);
    (front + pins + (4096 + word(data, 64)) * slot as u64) as usize
}

/// Bytes of the two regions in front of the slots.
fn regions(data: &[u8]) -> [u64; 2] {
    let both = word(data, 80).to_ne_bytes();
    [0, 4].map(|at| u64::from(u32::from_ne_bytes(std::array::from_fn(|i| both[at + i]))))
}

pub fn word(file: &[u8], at: usize) -> u64 {
    file.get(at..at + 8).map_or(0, |bytes| u64::from_ne_bytes(bytes.try_into().unwrap()))
}

/// Sets a word, as far as the file has it.
pub fn set_word(file: &mut [u8], at: usize, word: u64) {
    put(file, at, &word.to_ne_bytes());
}

fn put(file: &mut [u8], at: usize, bytes: &[u8]) {
    let end = file.len().min(at + bytes.len());
    if at < end {
        file[at..end].copy_from_slice(&bytes[..end - at]);
    }
}

/// Replaces the file, or (`over`) only its start.
pub fn overlay(file: &mut Vec<u8>, bytes: &[u8], over: bool) {
    let bytes = &bytes[..bytes.len().min(LONGEST)];
    if over { put(file, 0, bytes) } else { *file = bytes.to_vec() }
}

/// Reads a script: a byte says what is done (and to which file), the bytes after it how.
pub fn edit(files: &mut Files, script: &[u8], which: impl Fn(u8) -> File) {
    let mut script = Script(script);
    while let Some(code) = script.byte() {
        let (file, words) = match which(code) {
            File::Header => (&mut files.header, &HEADER_WORDS[..]),
            File::Data => (&mut files.data, &DATA_WORDS[..]),
        };
        let some_word = |choice: u8| usize::from(words[usize::from(choice) % words.len()]);
        match code & 7 {
            0 => {
                let at = some_word(script.next());
                set_word(file, at, script.next_word());
            }
            1 => {
                let at = some_word(script.next());
                set_word(file, at, VALUES[usize::from(script.next()) % VALUES.len()]);
            }
            2 => {
                let at = some_word(script.next());
                let change = i64::from(script.next() as i8);
                let new = word(file, at).wrapping_add_signed(change);
                set_word(file, at, new);
            }
            3 => {
                let at = script.next_length();
                let bytes = script.bytes();
                put(file, at, bytes);
            }
            4 => {
                let at = script.next_length() & !7;
                set_word(file, at, VALUES[usize::from(script.next()) % VALUES.len()]);
            }
            5 => file.truncate(script.next_length()),
            6 => {
                let (more, with) = (script.next_length(), script.next());
                file.resize((file.len() + more).min(LONGEST), with);
            }
            _ => {
                // One word of it in the place of another.
                let (from, to) = (script.next_length() & !7, some_word(script.next()));
                let moved = word(file, from);
                set_word(file, to, moved);
            }
        }
    }
}

/// Puts right what `bits` say: 0 the checksum of the header's identity, 1 and 2 the check of its records, 3 the checksum of the
/// data file's identity, 6 those of its entries; 4 and 5 magic, version and endian tag of header and data file.
pub fn seal(files: &mut Files, bits: u8) {
    let Files { header, data } = files;
    let start = |magic: &[u8; 8]| [&magic[..], &1_u32.to_ne_bytes(), &0x0102_0304_u32.to_ne_bytes()].concat();
    if bits & 0x10 != 0 {
        put(header, 0, &start(b"NDSHHEAD"));
    }
    if bits & 0x20 != 0 {
        put(data, 0, &start(b"NDSHDATA"));
    }
    for (bit, file) in [(0, &mut *header), (3, &mut *data)] {
        if bits >> bit & 1 != 0 {
            seal_part(file, 0, 120);
        }
    }
    for (bit, record) in [(1, RECORDS[0]), (2, RECORDS[1])] {
        if bits >> bit & 1 != 0 {
            let (place, check) = check(header, record);
            set_word(header, record + 16, place | check);
        }
    }
    if bits & 0x40 != 0 {
        for slot in 0..slots(data) {
            let entry = entry(data, slot);
            seal_part(data, entry, ENTRY);
        }
    }
}

/// Puts the checksum of so many bytes behind them.
fn seal_part(file: &mut [u8], start: usize, length: usize) {
    if let Some(sum) = file.get(start..start + length).map(crc32fast::hash) {
        set_word(file, start + length, sum.into());
    }
}

/// The third word of a record without its check, and the check that it ought to have.
fn check(header: &[u8], record: usize) -> (u64, u64) {
    let place = word(header, record + 16) & !0xffff;
    let mixed = word(header, record).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ word(header, record + 8).wrapping_mul(0xc13f_a9a9_02a6_328f)
        ^ place.wrapping_mul(0xd1b5_4a32_d192_ed03);
    (place, mixed >> 48)
}

/// Bytes that say something; zeros after their end.
struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn next(&mut self) -> u8 {
        self.byte().unwrap_or(0)
    }

    fn next_length(&mut self) -> usize {
        usize::from(u16::from_le_bytes([self.next(), self.next()]))
    }

    fn next_word(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.next()))
    }

    fn bytes(&mut self) -> &'a [u8] {
        let length = usize::from(self.next() & 63).min(self.0.len());
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        bytes
    }
}
