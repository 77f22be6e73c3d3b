//! How the shared library is linked: its soname has the version of the ABI, and it stays loaded after `dlclose`, since its
//! threads and its `fork` handlers may still run.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libndsharray.so.2");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
