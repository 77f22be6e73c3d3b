#!/usr/bin/env bash
# The page of `ndsharray serve` in a real browser: its colours, what it does when things change, keys, small screens, hostile names,
# and what axe finds. Takes some five minutes after the build.
set -euo pipefail
cd "$(dirname "$0")/.."

source ci/own_shm.sh

ci/tools.sh
for program in chromium npm; do
    if ! command -v "$program" >/dev/null; then
        echo "skipped: serve_page: no $program"
        exit 0
    fi
done

venv=target/python-venv
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy matplotlib playwright "pytest>=9"
# ci/python.sh has installed the module, if it ran before.
if ! "$venv/bin/python" -c "import ndsharray" 2>/dev/null; then
    wheel=$(ci/wheel.sh | tail -n 1)
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps "$wheel"
fi

cargo build --quiet --locked -p ndsharray-cli
"$venv/bin/pytest" -p no:cacheprovider serve/tests/browser "$@"
