//! Random numbers that a seed repeats.

/// A seed: the one that NDSHARRAY_SEED names, to repeat what failed, else any.
pub fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    match std::env::var("NDSHARRAY_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => RandomState::new().hash_one(0) | 1,
    }
}

/// Tells how to repeat what follows if it fails.
pub struct Seeded(pub u64);

impl Drop for Seeded {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("NDSHARRAY_SEED={} repeats it", self.0);
        }
    }
}

/// Numbers that look random, the same ones in every run with the same seed.
pub struct Random(pub u64);

impl Random {
    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }
}
