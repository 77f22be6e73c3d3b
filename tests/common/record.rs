//! The hot words of a record, put together by hand: the numbers are those of docs/design.md.

/// The third hot word: 16 bits of check, 4 of slot, 44 of layout id.
fn third(version: u64, written_at: u64, slot: u64, layout_id: u64) -> u64 {
    let place = layout_id << 20 | slot << 16;
    let products = [
        version.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        written_at.wrapping_mul(0xc13f_a9a9_02a6_328f),
        place.wrapping_mul(0xd1b5_4a32_d192_ed03),
    ];
    place | (products[0] ^ products[1] ^ products[2]) >> 48
}

/// Hot words as they lie in a header.
pub fn hot(version: u64, written_at: u64, slot: u64, layout_id: u64) -> [u8; 24] {
    let words = [version, written_at, third(version, written_at, slot, layout_id)];
    bytemuck::cast(words)
}
