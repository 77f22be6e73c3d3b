//! `include/ndsharray.h` is what cbindgen makes from the sources. To make it again: NDSHARRAY_WRITE_HEADER=1 cargo test
//! -p ndsharray-capi --test header

use std::path::Path;

/// The sources, in the order in which the header has what is in them.
const SOURCES: [&str; 13] = [
    "status", "failure", "dtype", "array", "meta", "names", "stat", "store", "writer", "loan", "snapshot",
    "reader", "wait_any",
];

#[test]
fn the_header_is_that_of_the_sources() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).unwrap();
    let mut builder = cbindgen::Builder::new().with_config(config);
    for source in SOURCES {
        builder = builder.with_src(root.join(format!("src/{source}.rs")));
    }
    let mut made = Vec::new();
    builder.generate().unwrap().write(&mut made);
    let made = String::from_utf8(made).unwrap();
    let path = root.join("include/ndsharray.h");
    if std::env::var_os("NDSHARRAY_WRITE_HEADER").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap();
    assert!(
        found == made,
        "{path:?} is not that of the sources: NDSHARRAY_WRITE_HEADER=1 cargo test -p ndsharray-capi --test header"
    );
}
