#!/usr/bin/env bash
# The Rust tests under AddressSanitizer, which needs a nightly toolchain (NDSHARRAY_NIGHTLY names one; by default the first
# that is installed). Arguments go to `cargo test`; without any, all unit and integration tests run but `costs`, which
# counts allocations, and `examples`, which starts programs that are built otherwise.
set -euo pipefail
cd "$(dirname "$0")/.."

nightly=${NDSHARRAY_NIGHTLY:-$(rustup toolchain list 2>/dev/null | sed -n 's/^\(nightly[^ ]*\).*/\1/p' | head -n 1)}
if [ -z "$nightly" ]; then
    printf '\nskipped: asan: no nightly toolchain here\n'
    exit 0
fi
if [ $# -eq 0 ]; then
    set -- --lib
    for test in tests/*.rs tests/*/main.rs; do
        name=$(basename "$(dirname "$test")")
        [ "$name" != tests ] || name=$(basename "$test" .rs)
        case $name in costs | loom) ;; *) set -- "$@" --test "$name" ;; esac
    done
    set -- "$@" --test many --test fork_windows --test storms
fi
# Optimised a little, so that the sweeps stay within the tests' watchdog.
export RUSTFLAGS="-Zsanitizer=address" CARGO_PROFILE_DEV_OPT_LEVEL=1
exec cargo "+$nightly" test --locked --target "$(rustc -vV | sed -n 's/^host: //p')" --target-dir target/asan "$@"
