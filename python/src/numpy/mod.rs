//! The door to numpy: arrays over memory of the store, and dtypes.
//!
//! The crate of the same name is `numpy`; this room is `crate::numpy`. From the bottom up: `masked` (arrays that are
//! refused), `array` and `dtype`.

pub mod array;
pub mod dtype;
pub mod masked;
