//! Objects of Python: a class made by hand, and the lock for what attached threads touch.

pub mod attached_lock;
pub mod heap_type;
