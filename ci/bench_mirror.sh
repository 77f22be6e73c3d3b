#!/usr/bin/env bash
# Measures the mirror between two network namespaces, beside what else carries arrays between hosts, and writes the figures into
# docs/hosts.md: about 18 minutes, as root. Usage: ci/bench_mirror.sh [--quick] (short, and writes nothing)
set -euo pipefail
cd "$(dirname "$0")/.."

source ci/own_shm.sh

if [ "$(id -u)" -ne 0 ]; then
    echo "skipped: bench_mirror: network namespaces need root"
    exit 0
fi

venv=target/bench-venv
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
pip() { "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
pip "numpy>=2" "pyzmq>=26"
installed=target/bench/python/ndsharray2
[ -d "$installed" ] || pip --no-deps --target "$installed" "$(ci/wheel.sh | tail -n 1)"

export NDSHARRAY_BENCH_PYTHON="$PWD/$venv/bin/python" PYTHONPATH="$PWD/$installed"
cargo bench --quiet --locked --manifest-path mirror/Cargo.toml --bench hosts -- "$@"
