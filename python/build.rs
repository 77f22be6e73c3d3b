//! Refuses interpreters for which the module is not made, before anything of it is compiled.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if pyo3_build_config::get().target_abi().kind().is_free_threaded() {
        eprintln!(
            "ndsharray does not support free-threaded Python (such as python3.14t): its objects rely on the global interpreter \
             lock. Install it for the ordinary interpreter of the same version."
        );
        std::process::exit(1);
    }
}
