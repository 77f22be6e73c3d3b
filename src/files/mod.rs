//! The files of a store: their names, opening them, looking at them, making them, removing them.

pub(crate) mod aside;
pub(crate) mod gc;
pub(crate) mod leftover;
pub(crate) mod open;
pub(crate) mod peek;
pub(crate) mod retire;
pub(crate) mod staged;
pub(crate) mod tag;
