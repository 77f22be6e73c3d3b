#!/usr/bin/env bash
# The Rust tests under AddressSanitizer, which needs a nightly toolchain (NDSHARRAY_NIGHTLY names another one than `nightly`).
# Arguments go to `cargo test`; by default all unit and integration tests run.
set -euo pipefail
cd "$(dirname "$0")/.."

nightly=${NDSHARRAY_NIGHTLY:-$(rustup toolchain list 2>/dev/null | sed -n 's/^\(nightly[^ ]*\).*/\1/p' | head -n 1)}
if [ -z "$nightly" ]; then
    printf '\nskipped: asan: no nightly toolchain here\n'
    exit 0
fi
[ $# -gt 0 ] || set -- --lib --tests
# Leaks are looked for too: children that a test kills or that leave by _exit are not checked, as they do not end.
export RUSTFLAGS="-Zsanitizer=address"
exec cargo "+$nightly" test --locked --target "$(rustc -vV | sed -n 's/^host: //p')" --target-dir target/asan "$@"
