//! Copying a value into its slot.

#![allow(unsafe_code)]

/// From so many bytes on, a value is streamed past the caches.
///
/// A copy leaves what it wrote in the cache, where a reader finds it at once; but it first has to fetch every line that
/// it is about to overwrite. Stores past the cache save that fetch, and readers then fetch from memory. Writing takes
/// less from 2 MiB on, writing and reading together only from some 25 MB on (docs/performance.md): below, somebody
/// would wait longer for a value. The C library streams too, but on machines with a large shared cache only from
/// hundreds of MiB on, since it cannot know that a value is written once and read elsewhere.
#[cfg(target_arch = "x86_64")]
const STREAMED: usize = 32 << 20;

/// Copies a value of the slot's length.
#[inline]
pub(crate) fn copy(to: &mut [u8], from: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    if from.len() >= STREAMED {
        return stream(to, from);
    }
    to.copy_from_slice(from);
}

/// Copies past the caches, four pages at a time: memory is faster if it is written in more than one place.
#[cfg(target_arch = "x86_64")]
#[cold]
#[inline(never)]
fn stream(to: &mut [u8], from: &[u8]) {
    use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_sfence, _mm_stream_si128};

    const WORD: usize = size_of::<__m128i>();
    const LINE: usize = 64;
    const PAGE: usize = 4096;
    const BLOCK: usize = 4 * PAGE;

    // As `copy_from_slice` does: the loop below would leave out what only one of them has.
    assert_eq!(to.len(), from.len(), "a value is as long as its slot");

    // Streaming stores are of aligned words. A slot begins at a page, so nothing is ahead of the first.
    let ahead = to.as_ptr().align_offset(WORD).min(to.len());
    let (to_ahead, to) = to.split_at_mut(ahead);
    let (from_ahead, from) = from.split_at(ahead);
    to_ahead.copy_from_slice(from_ahead);

    let mut to = to.chunks_exact_mut(BLOCK);
    let mut from = from.chunks_exact(BLOCK);
    for (to, from) in to.by_ref().zip(from.by_ref()) {
        for line in (0..PAGE).step_by(LINE) {
            for at in (0..BLOCK).step_by(PAGE).map(|page| page + line) {
                let (to, from) = (&mut to[at..at + LINE], &from[at..at + LINE]);
                for word in (0..LINE).step_by(WORD) {
                    // SAFETY: both are inside their line, to which the slices were cut; the target is aligned, since
                    // `ahead` was taken off and lines and words are multiples of a word. SSE2 is part of x86-64.
                    unsafe {
                        let value = _mm_loadu_si128(from.as_ptr().add(word).cast());
                        _mm_stream_si128(to.as_mut_ptr().add(word).cast(), value);
                    }
                }
            }
        }
    }
    to.into_remainder().copy_from_slice(from.remainder());
    // Streaming stores are not ordered by the release that publishes the value; after this they are as any others.
    // SAFETY: SSE is part of x86-64.
    unsafe { _mm_sfence() };
}

#[cfg(all(test, not(loom), target_arch = "x86_64"))]
mod tests {
    use super::*;

    /// Every length around the borders of word, line, page and block, from and to any alignment; nothing beside it.
    #[test]
    fn streams_all_bytes_and_no_others() {
        let source: Vec<u8> = (0..60_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let lengths =
            [0, 1, 15, 16, 17, 63, 64, 65, 4095, 4096, 16_383, 16_384, 16_385, 16_400, 32_768, 50_001];
        for length in lengths {
            for (to, from) in [(0, 0), (0, 1), (1, 0), (7, 8), (15, 15), (16, 3)] {
                let mut target = vec![7; length + 100];
                let start = target.as_ptr().align_offset(64) % 64 + to;
                let from = &source[from..from + length];
                stream(&mut target[start..start + length], from);
                assert!(target[start..start + length] == *from, "{length} bytes to {to}");
                assert!(target[..start].iter().chain(&target[start + length..]).all(|&byte| byte == 7));
            }
        }
    }

    #[test]
    fn copies_either_way() {
        for length in [100, STREAMED - 1, STREAMED, STREAMED + 77] {
            let source: Vec<u8> = (0..length).map(|i| (i / 3) as u8).collect();
            let mut target = vec![0; length];
            copy(&mut target, &source);
            assert!(target == source, "{length} bytes");
        }
    }
}
