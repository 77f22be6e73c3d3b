//! The record of a publish, put together by hand: the numbers are those of docs/design.md.

/// The third word: 40 bits of number, 8 of slot, 16 of check.
fn third(version: u64, written_at: u64, number: u64, slot: u64) -> u64 {
    let place = number << 24 | slot << 16;
    let products = [
        version.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        written_at.wrapping_mul(0xc13f_a9a9_02a6_328f),
        place.wrapping_mul(0xd1b5_4a32_d192_ed03),
    ];
    place | (products[0] ^ products[1] ^ products[2]) >> 48
}

/// The words of a record, as they lie in a header.
pub fn words(version: u64, written_at: u64, number: u64, slot: u64) -> [u64; 3] {
    [version, written_at, third(version, written_at, number, slot)]
}

/// The same as bytes.
pub fn bytes(version: u64, written_at: u64, number: u64, slot: u64) -> [u8; 24] {
    bytemuck::cast(words(version, written_at, number, slot))
}

/// Number and slot of a record's third word.
pub fn place(third: u64) -> (u64, u64) {
    (third >> 24, third >> 16 & 0xff)
}

/// Whether the words have their check.
pub fn is_whole(words: &[u64; 3]) -> bool {
    let (number, slot) = place(words[2]);
    third(words[0], words[1], number, slot) == words[2]
}
