# Sourced, from the root of the project: gives the script that sources it a /dev/shm of its own, so that what other programs
# do there does not matter, and nothing stays behind. The script runs once more, in a mount namespace, which has
# NDSHARRAY_OWN_SHM set; without the permission, it goes on where it is.
# shellcheck shell=bash

if [ -z "${NDSHARRAY_OWN_SHM:-}" ] && [ "$(id -u)" -eq 0 ] && unshare --mount true 2>/dev/null; then
    export NDSHARRAY_OWN_SHM=1
    exec unshare --mount sh -c 'mount -t tmpfs -o mode=1777 tmpfs /dev/shm && exec "$0" "$@"' "ci/$(basename "$0")" "$@"
fi
