//! numpy: its arrays and its dtypes.

pub mod array;
pub mod dtype;
