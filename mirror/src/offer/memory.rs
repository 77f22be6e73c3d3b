//! The memory that answers use until they are sent, or until it is known that they arrived: of all receivers together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

/// All answers of a kind together have at most so many bytes, and one more answer.
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
        // A figure, here and below: no order with anything else is needed.
        self.0.load(Ordering::Relaxed) > MOST
    }

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
