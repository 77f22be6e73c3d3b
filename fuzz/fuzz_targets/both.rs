#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ndsharray_fuzz::fuzz(ndsharray_fuzz::Target::Both, input));
