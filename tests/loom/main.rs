//! The protocol modules, compiled with loom's atomics: each brings its own tests (`src/*_loom.rs`).
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release --test loom`
#![cfg(loom)]

#[path = "../../src/pins.rs"]
mod pins;
#[path = "../../src/seqlock.rs"]
mod seqlock;
#[path = "../../src/sync.rs"]
mod sync;
#[path = "../../src/wake.rs"]
mod wake;

mod model;
