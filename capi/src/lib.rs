//! The C interface of ndsharray. The functions and types are named as C sees them; `include/ndsharray.h` is generated from them
//! and their doc comments.
//!
//! - `status`, `failure`: what a call returns, and why it failed
//! - `call`, `argument`, `grown`: how each function begins and ends, and reads what it is given
//! - `dtype`, `array`, `strides`, `meta`: what is written
//! - `store`, `names`, `stat`: a store, and what is in it
//! - `writer`, `loan`, `reader`, `watch`, `wait_any`, `snapshot`: the handles

#![allow(non_camel_case_types)]

mod argument;
mod array;
mod call;
mod dtype;
mod failure;
mod grown;
mod loan;
mod meta;
mod names;
mod reader;
mod snapshot;
mod stat;
mod status;
mod store;
mod strides;
mod wait_any;
mod watch;
mod writer;
