#!/usr/bin/env bash
# Builds the Python module as a wheel under target/wheels, which installs where no Rust is; prints its path at the end.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=target/python-venv
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check "maturin>=1.9,<2"

rm -f target/wheels/ndsharray-*.whl
PATH="$PWD/$venv/bin:$PATH" CARGO_TARGET_DIR="$PWD/target/python" maturin build --quiet --release --locked \
    --manifest-path python/Cargo.toml --interpreter "$PWD/$venv/bin/python" --out target/wheels
echo target/wheels/ndsharray-*.whl
