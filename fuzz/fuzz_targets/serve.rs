#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let directory = std::env::var_os("NDSHARRAY_FUZZ_DIR").expect("NDSHARRAY_FUZZ_DIR names a directory");
    ndsharray_serve::fuzz::run(input, directory.as_ref());
});
