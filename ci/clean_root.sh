#!/usr/bin/env bash
# Runs a command as root in a clean Debian, to see that a package installs and works where nothing else is:
#   ci/clean_root.sh SUITE FOLDER COMMAND [ARGUMENT]...
# The command finds FOLDER, read-only, as /given, and stands in it. It has its own processes, /dev and /dev/shm, the network of this
# machine, and the certificates that this machine trusts. What it changes is gone afterwards. The Debian is made by debootstrap at the first use (about 250 MB, 2 minutes),
# under target/roots or in the folder that NDSHARRAY_ROOTS names.
set -euo pipefail

inside() {
    local base=$1 scratch=$2 given=$3
    shift 3
    local root=$scratch/root
    # On a disk: what is installed may be larger than the memory.
    mount -t overlay -o "lowerdir=$base,upperdir=$scratch/changes,workdir=$scratch/work" overlay "$root"
    mount -t proc proc "$root/proc"
    mount -t tmpfs -o mode=755 tmpfs "$root/dev"
    mkdir "$root/dev/shm" "$root/dev/pts" "$root/given"
    mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
    ln -s pts/ptmx "$root/dev/ptmx"
    local node
    for node in null zero full random urandom tty; do
        touch "$root/dev/$node"
        mount --bind "/dev/$node" "$root/dev/$node"
    done
    ln -s /proc/self/fd "$root/dev/fd"
    mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
    mount --bind "$given" "$root/given"
    mount -o remount,bind,ro "$root/given"
    cp --dereference /etc/resolv.conf "$root/etc/resolv.conf"
    local trusted=/etc/ssl/certs/ca-certificates.crt
    [ ! -e "$trusted" ] || cp "$trusted" "$root$trusted"
    # A copy of the archive may lag behind; its signature still counts.
    echo 'Acquire::Check-Valid-Until "false";' >"$root/etc/apt/apt.conf.d/90lag"
    # No package may start a service here.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
    exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_CERT="$trusted" CARGO_HTTP_CAINFO="$trusted" \
        chroot "$root" sh -c 'cd /given && exec "$@"' sh "$@"
}

if [ "${1:-}" = --inside ]; then
    shift
    inside "$@"
fi

[ $# -ge 3 ] || { sed -n '2,6s/^# \?//p' "$0" >&2; exit 2; }
suite=$1 given=$(realpath "$2")
shift 2
roots=${NDSHARRAY_ROOTS:-$(dirname "$0")/../target/roots}
mkdir -p "$roots"
roots=$(realpath "$roots")
if [ ! -e "$roots/$suite/etc/debian_version" ]; then
    command -v debootstrap >/dev/null || { echo "debootstrap is not installed" >&2; exit 1; }
    making=$roots/.$suite.$$
    trap 'rm -rf --one-file-system "$making"' EXIT
    echo "making a Debian $suite" >&2
    unshare --mount --pid --fork debootstrap --variant=minbase --include=ca-certificates "$suite" "$making" \
        http://deb.debian.org/debian >"$roots/$suite.log" 2>&1 || { tail "$roots/$suite.log" >&2; exit 1; }
    rm -f "$making"/var/cache/apt/archives/*.deb
    mv "$making" "$roots/$suite"
fi

scratch=$(mktemp -d "$roots/.scratch-XXXXXX")
trap 'rm -rf --one-file-system "$scratch"' EXIT
mkdir "$scratch/changes" "$scratch/work" "$scratch/root"
# The mounts go with the namespace, all processes with the first of them.
unshare --mount --pid --fork --kill-child "$(realpath "$0")" --inside "$roots/$suite" "$scratch" "$given" "$@"
