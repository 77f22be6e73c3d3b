//! Files of format 1, byte by byte and with nothing of the library: the offsets are those of docs/design.md. Little-endian, as
//! nearly all machines are.

use std::collections::BTreeMap;

/// The id of every header here; its lowest 40 bits make place for the number of a data file.
pub const ID: u128 = 0x0011_2233_4455_6677_8899_aabb_ccdd_eeff;
/// Unix time less the monotonic clock, in nanoseconds.
pub const OFFSET: u64 = 1_700_000_000_000_000_000;
/// When the first value was published, by the monotonic clock; each next one a second later.
pub const START: u64 = 5_000_000_000;
pub const SECOND: u64 = 1_000_000_000;
/// No machine's clock domain.
pub const DOMAIN: u64 = 0x00d0_0d1e;
const ENDIAN: u32 = 0x0102_0304;

/// The name of tag "a"'s data file of that number.
pub fn data_file(id: u128, number: u64) -> String {
    format!("a_{:032x}", id >> 40 << 40 | u128::from(number))
}

/// The files of a store, by name.
pub type Files = BTreeMap<String, Vec<u8>>;

pub fn put(bytes: &mut [u8], at: usize, with: &[u8]) {
    bytes[at..at + with.len()].copy_from_slice(with);
}

pub fn put_u32(bytes: &mut [u8], at: usize, value: u32) {
    put(bytes, at, &value.to_le_bytes());
}

pub fn put_u64(bytes: &mut [u8], at: usize, value: u64) {
    put(bytes, at, &value.to_le_bytes());
}

/// The checksum of an identity block or an entry: CRC-32 (IEEE) of the bytes before it, in a word.
pub fn seal(bytes: &mut [u8], start: usize, length: usize) {
    let checksum = crc32fast::hash(&bytes[start..start + length]);
    put_u64(bytes, start + length, checksum.into());
}

fn identity(bytes: &mut [u8], magic: &[u8; 8], page: usize, id: u128, own: [u64; 4]) {
    put(bytes, 0, magic);
    put_u32(bytes, 8, 1);
    put_u32(bytes, 12, ENDIAN);
    put_u64(bytes, 16, page as u64);
    put(bytes, 24, &id.to_le_bytes());
    for (i, word) in own.into_iter().enumerate() {
        put_u64(bytes, 56 + 8 * i, word);
    }
    seal(bytes, 0, 120);
}

/// What a record says.
#[derive(Clone, Copy)]
pub struct Record {
    pub version: u64,
    pub written_at: u64,
    pub number: u64,
    pub slot: u64,
}

impl Record {
    /// Three words; the last 16 bits are a check of the rest.
    pub fn words(self) -> [u64; 3] {
        let place = self.number << 24 | self.slot << 16;
        let mixed = self.version.wrapping_mul(0x9e37_79b9_7f4a_7c15)
            ^ self.written_at.wrapping_mul(0xc13f_a9a9_02a6_328f)
            ^ place.wrapping_mul(0xd1b5_4a32_d192_ed03);
        [self.version, self.written_at, place | mixed >> 48]
    }
}

/// A header.
#[derive(Clone)]
pub struct Header {
    pub id: u128,
    pub page: usize,
    pub ephemeral: bool,
    pub origin: u64,
    /// Who has the tag, as the file says.
    pub pid: u32,
    pub spent: u64,
    pub seq: u64,
    pub records: [Option<Record>; 2],
    pub source: &'static str,
    /// Whether it has stood at its tag.
    pub stood: bool,
}

impl Header {
    pub fn new() -> Self {
        Header {
            id: ID,
            page: 4096,
            ephemeral: false,
            origin: ID as u64,
            pid: 0,
            spent: 0,
            seq: 0,
            records: [None; 2],
            source: "",
            stood: true,
        }
    }

    /// After that many publishes, the last of which says this.
    pub fn published(count: u64, record: Record) -> Self {
        let mut new = Header { seq: count, spent: record.number, ..Header::new() };
        new.records[(count & 1) as usize] = Some(record);
        new
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; 2 * self.page];
        // Made by uid 1000, pid 7.
        let own = [1000 | 7 << 32, u64::from(self.ephemeral), self.origin, 0];
        identity(&mut bytes, b"NDSHHEAD", self.page, self.id, own);
        put_u32(&mut bytes, 128, self.pid);
        put_u32(&mut bytes, 132, self.stood.into());
        put_u64(&mut bytes, 136, self.spent);
        put_u64(&mut bytes, 192, self.seq);
        for (at, record) in [200, 224].into_iter().zip(self.records) {
            for (i, word) in record.map_or([0; 3], Record::words).into_iter().enumerate() {
                put_u64(&mut bytes, at + 8 * i, word);
            }
        }
        put_u64(&mut bytes, 256, self.source.len() as u64);
        put(&mut bytes, 264, self.source.as_bytes());
        bytes
    }
}

/// What a slot holds.
#[derive(Clone)]
pub struct Value {
    pub version: u64,
    pub written_at: u64,
    pub number: u64,
    pub code: u32,
    pub dtype: &'static str,
    pub itemsize: u64,
    pub descr: &'static str,
    pub shape: Vec<u64>,
    pub bytes: Vec<u8>,
    pub user_data: Vec<u8>,
    pub encoding: u32,
    pub acquired_at: u64,
    pub source_written_at: u64,
}

impl Value {
    /// The first value of a stream of bytes.
    pub fn new(bytes: &[u8]) -> Self {
        Value {
            version: 1,
            written_at: START,
            number: 1,
            code: 5,
            dtype: "uint8",
            itemsize: 1,
            descr: "",
            shape: vec![bytes.len() as u64],
            bytes: bytes.to_vec(),
            user_data: Vec::new(),
            encoding: 0,
            acquired_at: 0,
            source_written_at: 0,
        }
    }

    /// The record of it, in that slot.
    pub fn record(&self, slot: u64) -> Record {
        Record { version: self.version, written_at: self.written_at, number: self.number, slot }
    }
}

/// A data file.
#[derive(Clone)]
pub struct Data {
    pub id: u128,
    pub page: usize,
    pub made_as: u64,
    pub capacity: usize,
    pub limit: usize,
    /// By slot: `None` if it holds nothing.
    pub slots: Vec<Option<Value>>,
}

impl Data {
    pub fn new(slots: Vec<Option<Value>>) -> Self {
        Data { id: ID, page: 4096, made_as: 1, capacity: 4096, limit: 8, slots }
    }

    /// Bytes of the lines and of the pins, each with what is in front of it, in whole pages.
    fn regions(&self) -> [usize; 2] {
        [256 + 64 * self.limit, 512 * self.limit].map(|bytes| bytes.next_multiple_of(self.page))
    }

    /// Where a slot begins, with its entry.
    pub fn slot(&self, slot: usize) -> usize {
        self.regions().iter().sum::<usize>() + slot * (self.page + self.capacity)
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.slot(self.slots.len())];
        let [lines, pins] = self.regions();
        let own = [self.made_as, self.capacity as u64, self.limit as u64, lines as u64 | (pins as u64) << 32];
        identity(&mut bytes, b"NDSHDATA", self.page, self.id, own);
        for (i, value) in self.slots.iter().enumerate() {
            let Some(value) = value else { continue };
            let line = [value.version, value.written_at, OFFSET, DOMAIN, value.acquired_at];
            for (word, value) in line.into_iter().enumerate() {
                put_u64(&mut bytes, 256 + 64 * i + 8 * word, value);
            }
            put_u32(&mut bytes, 256 + 64 * i + 40, value.encoding);
            put_u32(&mut bytes, 256 + 64 * i + 44, value.user_data.len() as u32);
            put_u64(&mut bytes, 256 + 64 * i + 48, value.source_written_at);
            let slot = self.slot(i);
            put_u64(&mut bytes, slot, value.number);
            put_u32(&mut bytes, slot + 8, value.code);
            put_u32(&mut bytes, slot + 12, value.dtype.len() as u32);
            put(&mut bytes, slot + 16, value.dtype.as_bytes());
            put_u64(&mut bytes, slot + 64, value.itemsize);
            put_u64(&mut bytes, slot + 72, value.shape.len() as u64);
            for (axis, &length) in value.shape.iter().enumerate() {
                put_u64(&mut bytes, slot + 80 + 8 * axis, length);
            }
            put_u64(&mut bytes, slot + 592, value.itemsize * value.shape.iter().product::<u64>());
            put_u64(&mut bytes, slot + 600, value.descr.len() as u64);
            put(&mut bytes, slot + 608, value.descr.as_bytes());
            seal(&mut bytes, slot, 1632);
            put(&mut bytes, slot + 2048, &value.user_data);
            put(&mut bytes, slot + self.page, &value.bytes);
        }
        bytes
    }
}
