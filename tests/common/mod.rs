//! What the tests share.
#![allow(dead_code, unused_imports, unused_macros)] // Each test binary uses a part of it.

pub mod board;
pub mod damage;
pub mod data_words;
pub mod forking;
pub mod header;
pub mod process;
pub mod random;
pub mod reading;
pub mod record;
pub mod sandbox;
pub mod seccomp;
pub mod time_namespace;
pub mod values;

use std::sync::atomic::{AtomicBool, Ordering};

/// The name of the test that this stands in, or of another one, as libtest prints it: its modules, then its function.
macro_rules! test_name {
    () => {{
        fn here() {}
        let path = std::any::type_name_of_val(&here);
        path.split_once("::").unwrap().1.strip_suffix("::here").unwrap()
    }};
    ($function:path) => {
        std::any::type_name_of_val(&$function).split_once("::").unwrap().1
    };
}
pub(crate) use test_name;

/// Whether the long forms of the tests are to be run.
pub fn soak() -> bool {
    std::env::var_os("NDSHARRAY_SOAK").is_some()
}

/// Sets a flag when it is dropped, also by a panic: the threads of a scope that look at it end, and the scope with them.
pub struct Stop<'a>(pub &'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
