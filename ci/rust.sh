#!/usr/bin/env bash
# Everything that is checked of the Rust crate, the same here as in CI.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }

step "formatting"
cargo fmt --all --check
cargo fmt --manifest-path fuzz/Cargo.toml --check -- --config-path .

step "clippy"
# The default members: peers/ needs rivals that a test of the library does not.
cargo clippy --all-targets --locked -- -D warnings
cargo clippy --all-targets --locked --no-default-features -- -D warnings

step "unit, integration, doc and README tests"
cargo test --locked

step "build and test without default features"
cargo test --locked --no-default-features --lib

step "loom"
RUSTFLAGS="--cfg loom" cargo test --locked --release --test loom --target-dir target/loom -- --nocapture --test-threads 2

step "a writer killed at each of its steps"
RUSTFLAGS="--cfg ndsharray_steps" cargo test --locked --test steps --target-dir target/steps -- --nocapture --test-threads 1

step "a writer killed after each of its instructions"
# As users build it; without optimisation there are ten times as many.
cargo test --locked --release --test instructions -- --nocapture --test-threads 1

step "a reader in C that is written from docs/design.md"
ci/format_reader.sh

step "instructions of the hot paths"
ci/instructions.sh

step "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps

step "licences, bans and sources of dependencies"
ci/deny.sh
