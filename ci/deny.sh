#!/usr/bin/env bash
# What all is built from: how many crates the library takes, then licences, bans and sources of all trees by cargo-deny, which is
# installed under target/ if the machine has none.
set -euo pipefail
cd "$(dirname "$0")/.."

# The crates that are compiled for a program with the library: those of others, each version once.
crates() {
    cargo tree --locked --package ndsharray --edges normal,build --target x86_64-unknown-linux-gnu --prefix none "$@" |
        sed 's/ (.*//' | grep -v '^ndsharray' | sort -u | wc -l
}
counted="$(crates) crates of others, $(crates --no-default-features) without its features"
echo "the library is built from $counted"
if ! grep -qF "$counted" CONTRIBUTING.md; then
    echo "CONTRIBUTING.md says otherwise. More crates need a reason; then it has to say the new number."
    exit 1
fi

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
