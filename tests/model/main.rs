//! Models: a tag in plain memory, with which random operations are compared (`tag`), and machines of small steps, of which every
//! interleaving is tried: the takeover (`takeover`) and the names of data files (`names`).

#[path = "../common/mod.rs"]
mod common;
#[cfg(feature = "ndarray")]
mod kept;
mod machine;
mod names;
mod naming;
#[cfg(feature = "ndarray")]
mod ops;
#[cfg(feature = "ndarray")]
mod tag;
mod takeover;
#[cfg(feature = "ndarray")]
mod values;
mod walk;
#[cfg(feature = "ndarray")]
mod world;
