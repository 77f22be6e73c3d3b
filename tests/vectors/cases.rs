//! The vectors: what files there are, and what they say.

use crate::build::{
    Data, Files, Header, ID, OFFSET, Record, SECOND, START, Value, data_file, put, put_u64, seal,
};

/// Files, and what a reader of tag "a" must find.
pub struct Case {
    pub name: &'static str,
    pub about: &'static str,
    pub files: Files,
    pub header: Header,
    pub found: Found,
    /// The versions of the values that are there without a gap up to the current one: what a reader of every value gets.
    pub every: Vec<u64>,
}

/// What reading gives.
pub enum Found {
    /// The value, and the number of its data file.
    Value(Box<Value>, u64),
    /// No value yet.
    Nothing,
    /// An error of that kind, about that field if it says one, of the file of that name.
    Error(&'static str, &'static str, String),
}

/// The bit of `seq` that says: nothing is published now.
const FROZEN: u64 = 1 << 63;
/// And: nothing is published any more.
const RETIRED: u64 = 1 << 62;

fn floats(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn of_type(code: u32, dtype: &'static str, itemsize: u64, shape: &[u64], bytes: &[u8]) -> Value {
    Value { code, dtype, itemsize, shape: shape.to_vec(), ..Value::new(bytes) }
}

/// One value in slot 0 of a file of one slot.
fn one(name: &'static str, about: &'static str, value: Value) -> Case {
    let header = Header::published(1, value.record(0));
    good(name, about, header, Data::new(vec![Some(value)]), 0)
}

/// The value in a slot is what is found.
fn good(name: &'static str, about: &'static str, header: Header, data: Data, slot: usize) -> Case {
    let value = data.slots[slot].clone().unwrap();
    let number = value.number;
    let there = |version: &u64| data.slots.iter().flatten().any(|value| value.version == *version);
    let mut every: Vec<u64> = (1..=value.version).rev().take_while(there).collect();
    every.reverse();
    let files = [("a".to_owned(), header.bytes()), (data_file(header.id, number), data.bytes())].into();
    Case { name, about, files, header, found: Found::Value(value.into(), number), every }
}

/// A good case with damage done to header or data file, which is an error.
fn bad(
    name: &'static str,
    about: &'static str,
    (kind, field): (&'static str, &'static str),
    damage: impl Fn(&mut Vec<u8>, &mut Vec<u8>),
) -> Case {
    let mut case = stream(name, about);
    let data_name = data_file(ID, 1);
    let [mut header, mut data] = ["a", &data_name].map(|name| case.files[name].clone());
    damage(&mut header, &mut data);
    let is_header = header != case.files["a"];
    case.files = [("a".to_owned(), header), (data_name.clone(), data)].into();
    case.every = Vec::new();
    case.found = Found::Error(kind, field, if is_header { "a".to_owned() } else { data_name });
    case
}

/// Two values: version 2 in slot 1, version 1 in slot 0 still.
fn stream(name: &'static str, about: &'static str) -> Case {
    let first = Value { user_data: b"first".to_vec(), ..Value::new(&[1; 5]) };
    let user_data = b"second".to_vec();
    let second = Value { version: 2, written_at: START + SECOND, user_data, ..Value::new(&[2; 5]) };
    let header = Header {
        records: [Some(second.record(1)), Some(first.record(0))],
        ..Header::published(2, second.record(1))
    };
    good(name, about, header, Data::new(vec![Some(first), Some(second)]), 1)
}

/// A tag with one header under its name and another one under a temporary name.
fn taken_over(name: &'static str, about: &'static str, exchanged: bool) -> Case {
    let other = ID ^ 1 << 127;
    let value = Value { version: 9, ..Value::new(b"the last value") };
    let old = Header {
        seq: 9 | FROZEN | if exchanged { RETIRED } else { 0 },
        pid: 4711,
        ..Header::published(9, value.record(0))
    };
    // The new header counts its own publishes, and its own numbers; the version goes on.
    let new = Header { id: other, pid: 4712, stood: exchanged, ..Header::published(1, value.record(0)) };
    let (at_name, aside) = if exchanged { (&new, &old) } else { (&old, &new) };
    let data = Data::new(vec![Some(value.clone())]);
    let files = [
        ("a".to_owned(), at_name.bytes()),
        (".a_0123456789abcdef.ndsharray-tmp".to_owned(), aside.bytes()),
        (data_file(ID, 1), data.bytes()),
        (data_file(other, 1), Data { id: other, ..data }.bytes()),
    ];
    Case {
        name,
        about,
        files: files.into(),
        header: at_name.clone(),
        found: Found::Value(value.into(), 1),
        every: vec![9],
    }
}

pub fn all() -> Vec<Case> {
    let mut all = good_ones();
    all.extend(odd_ones());
    all.extend(damaged_ones());
    all
}

fn good_ones() -> Vec<Case> {
    let matrix = floats(&[0.0, 1.5, -2.5, 1e300, f64::INFINITY, -0.0]);
    let structure = [1, 0, 2, 0, 3, 0, 0, 0];
    let json = br#"{"exposure": 0.01, "camera": "links"}"#.to_vec();
    let record = "[('x', '<i2'), ('y', '<i2'), ('n', '<u4')]";
    let empty = Header { pid: 4711, ..Header::new() };
    vec![
        Case {
            name: "empty",
            about: "A header whose writer (pid 4711, by now gone) has published nothing.",
            files: [("a".to_owned(), empty.bytes())].into(),
            header: empty,
            found: Found::Nothing,
            every: Vec::new(),
        },
        one(
            "small",
            "Five bytes, one slot.",
            Value { user_data: b"frame 7".to_vec(), ..Value::new(&[1, 2, 3, 4, 5]) },
        ),
        stream("stream", "Two values in two slots; the record of the first one is still there."),
        one("matrix", "Two dimensions of float64, in C order.", of_type(11, "float64", 8, &[2, 3], &matrix)),
        one(
            "scalar",
            "No dimensions: one complex64.",
            of_type(12, "complex64", 8, &[], &[0, 0, 128, 63, 0, 0, 0, 192]),
        ),
        one("no_elements", "An axis of length 0: no bytes.", of_type(10, "float32", 4, &[3, 0, 2], &[])),
        one("many_axes", "The most axes that there may be.", of_type(2, "int16", 2, &[1; 64], &[0x34, 0x12])),
        one("bools", "Bytes that are 0 or 1.", of_type(14, "bool", 1, &[3], &[1, 0, 1])),
        one(
            "custom",
            "A dtype of somebody's own: a name, an item size, and a text that says what it is.",
            Value { descr: "<M8[ns]", ..of_type(255, "datetime64[ns]", 8, &[1], &START.to_le_bytes()) },
        ),
        one(
            "structure",
            "The same, with fields.",
            Value { descr: record, ..of_type(255, "void64", 8, &[1], &structure) },
        ),
        one(
            "attributes",
            "User data that are a JSON object (encoding 1), and a time at which the value was acquired.",
            Value { user_data: json, encoding: 1, acquired_at: OFFSET + START - 1000, ..Value::new(&[7; 3]) },
        ),
        one(
            "from_elsewhere",
            "A value that was brought from another store, where it was written half a second before.",
            Value { source_written_at: OFFSET + START - SECOND / 2, ..Value::new(&[7; 3]) },
        ),
        one(
            "most_user_data",
            "As many user data as there may be; the elements follow at the next page.",
            Value { user_data: (0..2048).map(|i| i as u8).collect(), ..Value::new(&[9]) },
        ),
    ]
}

fn odd_ones() -> Vec<Case> {
    // A change of layout in the same file.
    let (old, new) = (Value::new(&[1; 4]), of_type(6, "uint16", 2, &[2], &[1, 2, 3, 4]));
    let new = Value { version: 2, number: 2, written_at: START + SECOND, ..new };
    let header =
        Header { records: [Some(new.record(1)), Some(old.record(0))], ..Header::published(2, new.record(1)) };
    let relayout = Data::new(vec![Some(old), Some(new)]);
    // More slots than a stream has.
    let value = Value::new(b"far behind");
    let mut far = vec![None; 9];
    far.push(Some(value.clone()));
    let wide = Data { limit: 256, ..Data::new(far) };
    // Larger pages.
    let paged = Data { page: 16384, capacity: 16384, ..Data::new(vec![Some(value.clone())]) };
    let of_paged = Header { page: 16384, ..Header::published(1, value.record(0)) };
    let sourced =
        Header { source: "recorder.example:/dev/shm/camera", ..Header::published(1, value.record(0)) };
    let ephemeral = Header { ephemeral: true, ..Header::published(1, value.record(0)) };
    let numbered = Value { number: (1 << 40) - 1, ..value.clone() };
    let last = Header::published(1, numbered.record(0));
    let frozen = Header { seq: 1 | FROZEN, ..Header::published(1, value.record(0)) };
    let one = |value: &Value| Data::new(vec![Some(value.clone())]);
    let mut cases = vec![
        good(
            "relayout",
            "Another layout in the same file: number 2, also in its name. Slot 0 still has the first.",
            header,
            relayout,
            1,
        ),
        good(
            "limit_256",
            "A slot limit of 256, so larger regions; the value is in slot 9, the last one of the file.",
            Header::published(1, value.record(9)),
            wide,
            9,
        ),
        good("pages_of_16k", "Made on a machine with pages of 16 KiB.", of_paged, paged, 0),
        good("source", "Values that come from somewhere else, as the header says.", sourced, one(&value), 0),
        good("ephemeral", "A tag that goes with its writer, which was killed.", ephemeral, one(&value), 0),
        good("last_number", "The highest number: no layout can follow.", last, one(&numbered), 0),
        good(
            "frozen",
            "Somebody was about to take the tag over or remove it, and was killed.",
            frozen,
            one(&value),
            0,
        ),
        taken_over("takeover_staged", "Killed in a takeover before the headers were exchanged.", false),
        taken_over(
            "takeover_exchanged",
            "Killed in a takeover after the headers were exchanged: the old one is aside.",
            true,
        ),
    ];
    // What a killed writer leaves: half a record, a slot that is being filled, one that was never published.
    let mut killed = stream(
        "killed_in_publish",
        "A writer was killed: in the record not in use are two words of version 3, slot 0 is sealed with it.",
    );
    let header = killed.files.get_mut("a").unwrap();
    put_u64(header, 224, 3);
    put_u64(header, 232, START + 2 * SECOND);
    put_u64(killed.files.get_mut(&data_file(ID, 1)).unwrap(), 256, 3);
    killed.header.records[1] = None;
    killed.every = vec![2];
    cases.push(killed);
    let mut filling = stream(
        "killed_in_fill",
        "A writer was killed while it filled slot 0, whose content version is 0; half of its entry is nonsense.",
    );
    let data = filling.files.get_mut(&data_file(ID, 1)).unwrap();
    put_u64(data, 256, 0);
    put(data, 8192, &[0xa5; 800]);
    filling.every = vec![2];
    cases.push(filling);
    cases
}

fn damaged_ones() -> Vec<Case> {
    let entry = 8192 + 8192;
    let record = Record { version: 2, written_at: START + SECOND, number: 1, slot: 1 };
    let set = |header: &mut Vec<u8>, record: Record| {
        for (i, word) in record.words().into_iter().enumerate() {
            put_u64(header, 200 + 8 * i, word);
        }
    };
    vec![
        bad("bad_header_checksum", "A flipped bit in the header's id.", ("Checksum", ""), |header, _| {
            header[24] ^= 1
        }),
        bad("bad_record", "A flipped bit in the record in use.", ("Corrupt", "check"), |header, _| {
            header[200] ^= 1
        }),
        bad("bad_slot", "A record that names a slot beyond the file's.", ("Corrupt", "slot"), |header, _| {
            set(header, Record { slot: 200, ..record });
        }),
        bad("bad_version", "A version that no counting reaches.", ("Corrupt", "version"), |header, _| {
            set(header, Record { version: 1 << 62, ..record });
        }),
        bad("bad_entry_checksum", "A flipped bit in the shape of the value.", ("Checksum", ""), |_, data| {
            data[entry + 80] ^= 1
        }),
        bad("bad_entry_number", "The entry is of another number.", ("Corrupt", "number"), |_, data| {
            put_u64(data, entry, 5);
            seal(data, entry, 1632);
        }),
        bad(
            "bad_length",
            "A shape whose length is not that of the entry.",
            ("Corrupt", "length"),
            |_, data| {
                put_u64(data, entry + 592, 6);
                seal(data, entry, 1632);
            },
        ),
        bad(
            "bad_content",
            "The slot holds another value than the record says.",
            ("Contended", ""),
            |_, data| data[256 + 64] = 1,
        ),
        bad(
            "other_headers_data",
            "A data file of another header under the right name.",
            ("Corrupt", "header id"),
            |_, data| {
                data[24] ^= 1;
                seal(data, 0, 120);
            },
        ),
        bad(
            "bad_regions",
            "Regions that do not follow from page size and slot limit.",
            ("Corrupt", "region 0"),
            |_, data| {
                put_u64(data, 80, 8192 | 4096 << 32);
                seal(data, 0, 120);
            },
        ),
        bad("cut", "The data file ends in the middle of the value's slot.", ("Truncated", ""), |_, data| {
            data.truncate(entry + 4096)
        }),
        bad(
            "unknown_feature",
            "An incompatible feature of the header.",
            ("UnknownFeatures", ""),
            |header, _| {
                header[40] = 2;
                seal(header, 0, 120);
            },
        ),
        bad("unknown_version", "Format 2.", ("FormatVersion", ""), |header, _| header[8] = 2),
        bad(
            "other_byte_order",
            "Of a machine of the other byte order: nothing but the magic can be read.",
            ("Endianness", ""),
            |header, _| {
                header[8..12].reverse();
                header[12..16].reverse();
                for word in header[16..].chunks_mut(8) {
                    word.reverse();
                }
            },
        ),
    ]
}
