#!/usr/bin/env bash
# The reader in C that knows nothing but docs/design.md (examples/c/format_reader.c) against the test vectors, and against
# a writer at full speed: ci/format_reader.sh [SECONDS], 5 if not said otherwise. Needs a C compiler, Python 3 and Cargo.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-5}

source ci/own_shm.sh

# Whichever compilers are here, with the warnings of both.
built=()
for compiler in gcc clang; do
    command -v "$compiler" >/dev/null || continue
    mkdir -p target/c
    "$compiler" -std=c11 -O2 -Wall -Wextra -Wpedantic -Werror -o "target/c/format_reader-$compiler" examples/c/format_reader.c
    echo "built without warnings by $compiler"
    built+=("target/c/format_reader-$compiler")
done
if [ ${#built[@]} -eq 0 ]; then
    echo "skipped: format_reader: no C compiler"
    exit 0
fi
cargo build --quiet --release --locked --example layouts

stores=$(mktemp -d /dev/shm/format_reader.XXXXXX)
trap 'rm -rf "$stores"' EXIT
for reader in "${built[@]}"; do
    store=$stores/$(basename "$reader")
    mkdir "$store"
    echo "$reader:"
    python3 ci/format_reader.py "$reader" "${CARGO_TARGET_DIR:-target}/release/examples/layouts" "$store" "$seconds"
done
