//! Models: a tag in plain memory, with which random operations are compared (`tag`), and the takeover as a machine of
//! small steps, of which every interleaving is tried (`takeover`).

#[path = "../common/mod.rs"]
mod common;
mod machine;
#[cfg(feature = "ndarray")]
mod ops;
#[cfg(feature = "ndarray")]
mod tag;
mod takeover;
#[cfg(feature = "ndarray")]
mod values;
#[cfg(feature = "ndarray")]
mod world;
