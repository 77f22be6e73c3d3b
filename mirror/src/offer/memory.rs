//! Counts the memory of answers, of all receivers together, until they are sent or are known to have arrived.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

/// Memory is full when the answers that are counted together have more bytes than this.
const MOST: usize = 1 << 30;

/// Counts the bytes of answers.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory(Arc<AtomicUsize>);

/// Bytes that count until they are dropped.
#[derive(Debug)]
pub(super) struct Counted {
    bytes: Vec<u8>,
    memory: Memory,
}

impl Memory {
    /// Whether no further answer should be made now.
    pub fn is_full(&self) -> bool {
        // It is only a count, here and below: no order with other memory is needed.
        self.0.load(Ordering::Relaxed) > MOST
    }

    /// Counts these bytes until what this returns is dropped.
    pub fn count(&self, bytes: Vec<u8>) -> Counted {
        self.0.fetch_add(bytes.capacity(), Ordering::Relaxed);
        Counted { bytes, memory: self.clone() }
    }
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl From<Counted> for Bytes {
    fn from(counted: Counted) -> Bytes {
        Bytes::from_owner(counted)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.memory.0.fetch_sub(self.bytes.capacity(), Ordering::Relaxed);
    }
}
