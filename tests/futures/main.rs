//! Asynchronous readers: futures of `Reader::changed`, without a runtime.
//!
//! Tests here count threads of the process, so each has it alone while it runs: it holds a `Watchdog`.

#[path = "../common/mod.rs"]
mod common;
mod following;
mod kernels;
mod runtime;
mod threads;
mod values;
mod wakers;
