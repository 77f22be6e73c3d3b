//! The protocol modules, compiled with loom's atomics: each brings its own tests (`src/sync/*_loom.rs`).
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release --test loom`
#![cfg(loom)]

#[path = "../../src/sync/mod.rs"]
mod sync;

mod model;
