#!/usr/bin/env bash
# Licences, bans and sources of all that is built from, by cargo-deny; installed under target/ if the machine has none.
set -euo pipefail
cd "$(dirname "$0")/.."

version=0.20.2
tools="$PWD/target/tools"
export PATH="$tools/bin:$PATH"
if [ "$(cargo-deny --version 2>/dev/null)" != "cargo-deny $version" ]; then
    # Unoptimised: built in a minute, run in a second.
    cargo install --quiet --locked --debug --root "$tools" --target-dir target/tools-build "cargo-deny@$version"
    rm -rf target/tools-build
fi

# Not peers/: what is measured against is not built upon, nor published.
for tree in . python fuzz mirror; do
    echo "$tree"
    cargo-deny --manifest-path "$tree/Cargo.toml" --workspace --exclude peers --config deny.toml --locked check licenses bans sources
done
