#!/usr/bin/env bash
# The page of `ndsharray serve` in a real browser: its colours, what it does when things change, keys, small screens, hostile names,
# and what axe finds. Takes some three minutes after the build. Needs chromium and npm; in CI (CI=true, as root) they are installed.
set -euo pipefail
cd "$(dirname "$0")/.."

source ci/own_shm.sh

if [ "${CI:-}" = true ] && [ "$(id -u)" -eq 0 ] && ! { command -v chromium && command -v npm; } >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update
    apt-get -qq install --yes --no-install-recommends chromium npm >/dev/null
fi

venv=target/python-venv
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy matplotlib playwright "pytest>=9"
if [ -z "${NDSHARRAY_WHEEL_INSTALLED:-}" ]; then
    wheel=$(ci/wheel.sh | tail -n 1)
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps "$wheel"
fi

cargo build --quiet --locked -p ndsharray-cli
"$venv/bin/pytest" -q -p no:cacheprovider serve/tests/browser "$@"
