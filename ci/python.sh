#!/usr/bin/env bash
# Everything that is checked of the Python module: the wheel is built, installed and tested as users would have it.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }

venv=target/python-venv
export CARGO_TARGET_DIR="$PWD/target/python"

step "virtual environment"
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    "maturin>=1.9,<2" numpy "pytest>=9" ml_dtypes mypy scikit-learn pillow \
    pandas pyarrow polars xarray uvloop anyio mcap mcap-protobuf-support

step "formatting and clippy of the native half"
cargo fmt --manifest-path python/Cargo.toml --check -- --config-path .
cargo clippy --quiet --manifest-path python/Cargo.toml --release --all-targets --locked -- -D warnings

step "wheel"
wheel=$(ci/wheel.sh | tail -n 1)
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps "$wheel"

step "types"
# Python before 3.12 has no method for the buffer that a snapshot lends.
"$venv/bin/python" -m mypy.stubtest ndsharray --ignore-unused-allowlist \
    --allowlist <(echo 'ndsharray\._native\.(Snapshot|Message)\.__buffer__')
"$venv/bin/python" -m mypy --config-file python/pyproject.toml python/ndsharray python/tests python/benches \
    ci/docstrings.py

step "links of the pages"
python3 ci/book.py links

step "tests"
# What makes the recordings that they read, where they look for it.
env -u CARGO_TARGET_DIR cargo build --quiet --locked --package ndsharray-recording --example make_recording
env -u CARGO_TARGET_DIR cargo build --quiet --locked --package ndsharray-cli
# From here, not from python/: there the sources would hide what is installed.
"$venv/bin/pytest" -c python/pyproject.toml --rootdir python python/tests

step "benchmarks run"
"$venv/bin/python" -W error python/benches/bench.py --quick
