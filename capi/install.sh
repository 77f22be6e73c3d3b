#!/usr/bin/env bash
# Builds the C library and installs it: the headers of C and C++, both libraries, the pkg-config file and the CMake package.
#   capi/install.sh --prefix DIRECTORY [--libdir DIRECTORY] [--includedir DIRECTORY]
# libdir and includedir are lib and include by default, inside the prefix unless they are absolute. If DESTDIR is set, all files go
# under it, for packages. Then make sure that the loader finds the library: run ldconfig, or set LD_LIBRARY_PATH.
set -euo pipefail

usage() {
    sed -n '2,5s/^# \?//p' "$0"
    exit "$1"
}

prefix="" libdir=lib includedir=include
while [ $# -gt 0 ]; do
    case $1 in
    --prefix=* | --libdir=* | --includedir=*)
        set -- "${1%%=*}" "${1#*=}" "${@:2}"
        continue
        ;;
    -h | --help) usage 0 ;;
    esac
    [ $# -ge 2 ] || usage 2 >&2
    case $1 in
    --prefix) prefix=$2 ;;
    --libdir) libdir=$2 ;;
    --includedir) includedir=$2 ;;
    *) usage 2 >&2 ;;
    esac
    shift 2
done
[ -n "$prefix" ] || usage 2 >&2
# From where the caller stands; it need not exist yet.
prefix=$(realpath --canonicalize-missing --no-symlinks "$prefix")
[[ $libdir == /* ]] || libdir=$prefix/$libdir
[[ $includedir == /* ]] || includedir=$prefix/$includedir
destdir=""
[ -z "${DESTDIR:-}" ] || destdir=$(realpath --canonicalize-missing --no-symlinks "$DESTDIR")

cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' capi/Cargo.toml)
major=${version%%.*}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The compiler prints what else a program needs that links the static library.
if ! cargo rustc --locked --profile capi --package ndsharray-capi -- --print native-static-libs 2>"$log"; then
    cat "$log" >&2
    exit 1
fi
private=$(sed -n 's/^note: native-static-libs: //p' "$log" | tail -n 1)
[ -n "$private" ]
built=$(realpath "${CARGO_TARGET_DIR:-target}")/capi

lib=$destdir$libdir include=$destdir$includedir
install -d "$lib/pkgconfig" "$lib/cmake/ndsharray" "$include/ndsharray"
install -m 644 capi/include/ndsharray.h capi/include/ndsharray.hpp capi/include/ndsharray_*.hpp "$include"
install -m 644 capi/include/ndsharray/*.hpp "$include/ndsharray"
install -m 755 "$built/libndsharray_capi.so" "$lib/libndsharray.so.$version"
ln -sf "libndsharray.so.$version" "$lib/libndsharray.so.$major"
ln -sf "libndsharray.so.$major" "$lib/libndsharray.so"
install -m 644 "$built/libndsharray_capi.a" "$lib/libndsharray.a"
strip --strip-debug "$lib/libndsharray.a"

from_libdir=$(realpath --canonicalize-missing --no-symlinks --relative-to="$libdir" "$includedir")
filled() {
    sed -e "s|@prefix@|$prefix|; s|@libdir@|$libdir|; s|@includedir@|$includedir|; s|@version@|$version|g; s|@major@|$major|g" \
        -e "s|@private@|$private|; s|@private_list@|${private// /;}|; s|@from_libdir@|$from_libdir|" "capi/package/$1.in" >"$2/$1"
    chmod 644 "$2/$1"
}
filled ndsharray.pc "$lib/pkgconfig"
filled ndsharrayConfig.cmake "$lib/cmake/ndsharray"
filled ndsharrayConfigVersion.cmake "$lib/cmake/ndsharray"
echo "installed ndsharray $version: $include/ndsharray.h, $lib/libndsharray.so.$version, $lib/libndsharray.a"
