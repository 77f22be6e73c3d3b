//! What Python objects need beyond pyo3: a lock for their state, and a class that is cheap to make objects of.

pub mod attached_lock;
pub mod heap_type;
