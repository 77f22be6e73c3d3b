#![no_main]

#[path = "../src/recording.rs"]
mod recording;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let directory = std::env::var_os("NDSHARRAY_FUZZ_DIR").expect("NDSHARRAY_FUZZ_DIR names a directory");
    recording::run(input, directory.as_ref());
});
