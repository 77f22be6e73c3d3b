//! Fields and words: where something lies in a file, and how its bytes are put together.

/// A field of a file. Mappings, writers and `inspect` all go by the tables of these.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    /// As in the byte tables of docs/design.md; errors of damage and `inspect` use it.
    pub name: &'static str,
    /// Bytes from the start of the region, or of the part of it that the table describes.
    pub offset: usize,
    pub kind: FieldKind,
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FieldKind {
    U32,
    U64,
    /// 128 bits, the low word first.
    Id,
    /// UTF-8, in so many bytes.
    Text(usize),
    /// So many words.
    Words(usize),
}

impl Field {
    pub const fn new(name: &'static str, offset: usize, kind: FieldKind) -> Self {
        Field { name, offset, kind }
    }

    /// The field that begins where this one ends.
    pub const fn then(self, name: &'static str, kind: FieldKind) -> Self {
        Field::new(name, self.end(), kind)
    }

    /// This field in a part that begins at `start`.
    pub const fn within(self, start: usize) -> Self {
        Field::new(self.name, start + self.offset, self.kind)
    }

    /// Where the field ends.
    pub const fn end(self) -> usize {
        let bytes = match self.kind {
            FieldKind::U32 => 4,
            FieldKind::U64 => 8,
            FieldKind::Id => 16,
            FieldKind::Text(bytes) => bytes,
            FieldKind::Words(words) => 8 * words,
        };
        self.offset + bytes
    }

    /// The number of its first word.
    pub const fn word(self) -> usize {
        self.offset / 8
    }
}

/// Stores a text in words, from the first on.
pub(crate) fn put_text(words: &mut [u64], text: &str) {
    for (word, bytes) in words.iter_mut().zip(text.as_bytes().chunks(8)) {
        let mut whole = [0; 8];
        whole[..bytes.len()].copy_from_slice(bytes);
        *word = u64::from_ne_bytes(whole);
    }
}

/// The text of so many bytes; `None` if it is not inside the words, or no UTF-8.
pub(crate) fn text(words: &[u64], length: u64) -> Option<String> {
    let bytes: &[u8] = bytemuck::cast_slice(words);
    let text = bytes.get(..usize::try_from(length).ok()?)?;
    String::from_utf8(text.to_vec()).ok()
}

/// CRC-32 of the words as they lie in memory.
pub(crate) fn checksum(words: &[u64]) -> u32 {
    crc32fast::hash(bytemuck::cast_slice(words))
}

/// The low and the high word of a 128-bit id.
pub(crate) fn halves(id: u128) -> (u64, u64) {
    (id as u64, (id >> 64) as u64)
}

/// The id of a low and a high word.
pub(crate) fn whole(low: u64, high: u64) -> u128 {
    u128::from(low) | u128::from(high) << 64
}
