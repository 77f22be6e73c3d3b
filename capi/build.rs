//! How the shared library is linked: under the name of its ABI, and so that it stays when `dlclose` is called on it, since its
//! threads and the handlers of `fork` may still run.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libndsharray.so.2");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
