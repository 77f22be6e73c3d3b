#!/usr/bin/env bash
# Everything that is checked of the mirror. It is a workspace of its own: its 250 crates are compiled for nobody else.
set -euo pipefail
cd "$(dirname "$0")/.."

source ci/own_shm.sh

step() { printf '\n== %s\n' "$*"; }

ci/tools.sh

step "formatting and clippy of the mirror"
cargo fmt --manifest-path mirror/Cargo.toml --check -- --config-path .
# From inside, where a workspace of its own finds its target folder.
(cd mirror && cargo clippy --quiet --all-targets --locked -- -D warnings)

step "tests of the mirror"
# Most of the time they wait.
(cd mirror && cargo test --locked -- --nocapture --test-threads 4)

step "the mirror among hostile hosts"
ci/mirror_hostile.sh

step "the second host of docs/tutorial.md"
# The step before has built both programs.
if [ -x target/python-venv/bin/pytest ]; then
    target/python-venv/bin/pytest -c python/pyproject.toml --rootdir python python/tests/test_tutorial.py -k second_host
else
    echo "skipped: the second host of docs/tutorial.md: there is no Python module; ci/python.sh makes it"
fi
