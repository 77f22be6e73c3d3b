#!/usr/bin/env bash
# Measures how fast recordings are written, beside dd, numpy and h5py on the same disk: some 10 minutes. Nothing else should run meanwhile.
# Usage: ci/bench_recording.sh [--quick] [--bytes N] [--rounds N] (NDSHARRAY_BENCH_DIR is the directory on the disk, target/bench by default)
set -euo pipefail
cd "$(dirname "$0")/.."

# The frames lie there.
source ci/own_shm.sh

venv=target/bench-venv
python="$venv/bin/python"
[ -x "$python" ] || python3 -m venv "$venv"
"$python" -m pip install --quiet --disable-pip-version-check "numpy>=2" "h5py>=3.11"

cargo bench --quiet --locked --package ndsharray-recording --bench record --no-run
program=$(cargo bench --quiet --locked --package ndsharray-recording --bench record --no-run --message-format=json |
    "$python" -c 'import json, sys; print(*filter(None, (json.loads(line).get("executable") for line in sys.stdin)))')

parent=${NDSHARRAY_BENCH_DIR:-target/bench}
mkdir -p "$parent"
directory=$(mktemp -d "$parent/recording.XXXXXX")
trap 'rm -rf "$directory"' EXIT
"$python" recording/benches/beside.py "$@" "$program" "$directory"
