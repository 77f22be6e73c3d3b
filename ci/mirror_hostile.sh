#!/usr/bin/env bash
# The mirror among hosts that are not mirrors, written with the Python package of Zenoh: hostile ones, honest ones, and such as have
# no certificate. Installs the package under target/ if it is not there.
set -euo pipefail
cd "$(dirname "$0")/.."

# Where that is allowed, in a /dev/shm of its own, and with `robot` as a name of this host, as docs/hosts.md has it.
if [ -z "${NDSHARRAY_OWN_HOSTS:-}" ] && [ "$(id -u)" -eq 0 ] && unshare --mount true 2>/dev/null; then
    export NDSHARRAY_OWN_HOSTS=1
    exec unshare --mount sh -c '
        mount -t tmpfs -o mode=1777 tmpfs /dev/shm
        { cat /etc/hosts; echo "127.0.0.1 robot"; } >/dev/shm/hosts && mount --bind /dev/shm/hosts /etc/hosts
        exec "$0" "$@"' "$PWD/ci/mirror_hostile.sh" "$@"
fi

cargo build --quiet --locked --package ndsharray-cli
(cd mirror && cargo build --quiet --locked)
python=target/mirror-venv/bin/python
if ! "$python" -c 'import pytest, zenoh' 2>/dev/null; then
    python3 -m venv target/mirror-venv
    "$python" -m pip install --quiet eclipse-zenoh==1.10.2 pytest
fi
export NDSHARRAY="$PWD/target/debug/ndsharray" NDSHARRAY_MIRROR="$PWD/mirror/target/debug/ndsharray-mirror"
"$python" -m pytest -q -p no:cacheprovider --rootdir mirror/tests/hostile mirror/tests/hostile "$@"
