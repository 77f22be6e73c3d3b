#!/usr/bin/env bash
# The library, the program and the mirror build with the oldest compiler that Cargo.toml promises (rust-version). Their tests and
# benchmarks do not: criterion wants a newer one. In CI (CI=true) the compiler is installed if it is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

oldest=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
[ "${CI:-}" != true ] || rustup toolchain install "$oldest" --profile minimal
toolchain=$(rustup toolchain list | sed -n "s/^\($oldest[.-][^ ]*\).*/\1/p" | head -n 1)
if [ -z "$toolchain" ]; then
    printf '\nskipped: msrv: Rust %s is not installed (rustup toolchain install %s)\n' "$oldest" "$oldest"
    exit 0
fi
export CARGO_TARGET_DIR="$PWD/target/msrv"
cargo "+$toolchain" check --locked
cargo "+$toolchain" check --locked --no-default-features --package ndsharray
cargo "+$toolchain" check --locked --package ndsharray-capi
cargo "+$toolchain" check --locked --manifest-path mirror/Cargo.toml
