#!/usr/bin/env bash
# Packs each crate that is published, and builds it from its package and those packed before it alone. Uploads nothing.
# To publish, in this order: cargo publish --workspace, then cargo publish in mirror/.
set -euo pipefail
cd "$(dirname "$0")/.."

printf '\n== the workspace\n'
cargo publish --workspace --locked --dry-run

# A workspace of its own. It asks the registry for the library, which is not there before the first release: it gets the package.
printf '\n== the mirror\n'
packed=$(printf '%s\n' "${CARGO_TARGET_DIR:-$PWD/target}"/package/ndsharray-[0-9]*[0-9])
cargo package --manifest-path mirror/Cargo.toml --config "patch.crates-io.ndsharray.path='$packed'"
