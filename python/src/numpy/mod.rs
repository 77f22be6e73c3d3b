//! The door to numpy: arrays over memory of the store, and dtypes.
//!
//! The crate of the same name is `numpy`; this room is `crate::numpy`.

pub mod array;
pub mod dtype;
