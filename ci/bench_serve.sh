#!/usr/bin/env bash
# Measures what `ndsharray serve` costs with 1, 4 and 16 viewers and in a browser, and puts it into docs/serve.md: some 4 minutes after the
# build. Nothing else should run meanwhile. Usage: ci/bench_serve.sh [--quick] (a second of each, which is only printed)
set -euo pipefail
cd "$(dirname "$0")/.."

source ci/own_shm.sh

venv=target/bench-venv
python="$venv/bin/python"
[ -x "$python" ] || python3 -m venv "$venv"
"$python" -m pip install --quiet --disable-pip-version-check playwright

cargo build --quiet --release --locked --package ndsharray-cli
cargo bench --quiet --locked --package ndsharray-serve --bench load --no-run
load=$(cargo bench --quiet --locked --package ndsharray-serve --bench load --no-run --message-format=json |
    "$python" -c 'import json, sys; print(*filter(None, (json.loads(line).get("executable") for line in sys.stdin)))')

case " $* " in
*" --quick "*) ;;
*) set -- "$@" --write ;;
esac
"$python" serve/benches/load.py "$@" target/release/ndsharray "$load"
