#!/usr/bin/env bash
# Packs each crate that is published, and builds it from its package and those packed before it alone. Uploads nothing.
# To publish, in this order: cargo publish --workspace, then cargo publish in mirror/.
set -euo pipefail
cd "$(dirname "$0")/.."

printf '\n== the workspace\n'
cargo publish --workspace --locked --dry-run

# A workspace of its own. It asks the registry for the library, which is not there before the first release. So its package is built
# against that of the library, in a folder of its own.
printf '\n== the mirror\n'
packages=${CARGO_TARGET_DIR:-$PWD/target}/package
cargo package --manifest-path mirror/Cargo.toml --target-dir "${packages%/package}" --no-verify --exclude-lockfile
for package in "$packages"/ndsharray-mirror-*.crate; do
    unpacked=${package%.crate}
    rm -rf "$unpacked"
    tar --extract --gzip --file "$package" --directory "$packages"
    cp mirror/Cargo.lock "$unpacked"
    library=$packages/ndsharray-${unpacked##*-}
    (cd "$unpacked" && cargo check --config "patch.crates-io.ndsharray.path='$library'" --target-dir "${packages%/package}/mirror")
done
