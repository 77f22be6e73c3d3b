#!/usr/bin/env bash
# Measures this library beside others, in Rust and Python, and writes docs/performance.md with its charts: about 20 minutes.
# Nothing else should run meanwhile. Usage: ci/bench.sh [--quick] (a few rounds of each, to see that everything runs)
set -euo pipefail
cd "$(dirname "$0")/.."

# Memory can be told only if nobody else takes some.
source ci/own_shm.sh

step() { printf '\n== %s\n' "$*"; }

venv=target/bench-venv
python="$venv/bin/python"
installed=target/bench/python

step "what is measured"
cargo build --quiet --release --locked --package peers
[ -x "$python" ] || python3 -m venv "$venv"
pip() { "$python" -m pip install --quiet --disable-pip-version-check "$@"; }
pip "numpy>=2" "matplotlib>=3.9"
# Each where only its own processes look, since two have one name; numpy is one for all.
rm -rf "$installed"
pip --no-deps --target "$installed/ndsharray1" ndsharray==1.1.4
pip --no-deps --target "$installed/pyshmem" "pyshmem==1.4.*" portalocker
pip --no-deps --target "$installed/iceoryx2" iceoryx2==0.10.0 flatbuffers
pip --no-deps --target "$installed/ndsharray2" "$(ci/wheel.sh | tail -n 1)"

# The load that it starts with says whether the figures are worth anything.
rm -f target/bench/*.jsonl
cat /proc/loadavg >target/bench/load

step "Rust"
target/release/peers "$@"

step "Python"
"$python" python/benches/peers.py "$@" "$installed" target/bench/python.jsonl

step "docs/performance.md"
"$python" peers/report/performance.py

step "recordings"
ci/bench_recording.sh "$@"

step "serve"
ci/bench_serve.sh "$@"
