#!/usr/bin/env bash
# Makes the Debian package target/dist/ndsharray_VERSION-1_ARCH.deb: the programs, manual pages, completions and systemd units, and the
# library with headers, the pkg-config file and the CMake package. It fits Debian 12 and later, and its like. lintian looks at it, and
# as root it is installed, used and removed in clean Debians (bookworm, trixie and sid, or those that are named).
#   ci/release_debian.sh [SUITE]...
# It wants lintian, and for the clean Debians debootstrap. After the compilers, the rest took 2 minutes on two cores.
set -euo pipefail
cd "$(dirname "$0")/.."

ci/release_program.sh --no-cargo-install
source ci/release_tools.sh

deb_version=3.8.0
if [ "$(cargo-deb --version 2>/dev/null)" != "cargo-deb $deb_version" ]; then
    step "cargo-deb"
    # Unoptimised: built in a minute, run in a second.
    cargo install --quiet --locked --debug --root "$tools" --target-dir "$tools/build" "cargo-deb@$deb_version"
    rm -rf "$tools/build"
fi

step "library"
triplet=$(gcc -print-multiarch)
root=$dist/debian
rm -rf "$root"
# The linker is zig here, too.
linker=$tools/zig-linker
cat >"$linker" <<END
#!/bin/sh
exec cargo-zigbuild zig cc -- -fno-sanitize=all -g -target $(uname -m)-linux-gnu.$glibc "\$@"
END
chmod 755 "$linker"
host=$(rustc -vV | sed -n 's/^host: //p' | tr a-z- A-Z_)
env "CARGO_TARGET_${host}_LINKER=$linker" DESTDIR="$root" capi/install.sh --prefix /usr --libdir "lib/$triplet"
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' cli/Cargo.toml)
library=$root/usr/lib/$triplet/libndsharray.so.$version
portable "$library"
nm --dynamic --defined-only "$library" | awk '{print $3}' | LC_ALL=C sort | diff capi/symbols.txt -
objdump -p "$library" | grep 'SONAME *libndsharray\.so\.2$' >/dev/null
readelf --dynamic "$library" | grep NODELETE >/dev/null

step "package"
cp -r "$dist/tree/bin" "$root/usr"
cp -r "$dist/tree/lib/systemd" "$root/usr/lib"
mkdir "$root/usr/share"
cp -r "$dist"/tree/share/{man,bash-completion,fish} "$root/usr/share"
install -D --mode 644 --target-directory "$root/usr/share/zsh/vendor-completions" "$dist/tree/share/zsh/site-functions/_ndsharray"
maintainer=$(sed -n 's/^maintainer = "\(.*\)"$/\1/p' cli/Cargo.toml)
printf 'ndsharray (%s-1) unstable; urgency=medium\n\n  * Version %s.\n\n -- %s  %s\n' "$version" "$version" "$maintainer" \
    "$(git log -1 --format=%cd --date=rfc2822)" >"$dist/changelog"
rm -f "$dist"/ndsharray_*.deb
cargo-deb deb --quiet --no-build --no-strip --package ndsharray-cli --output "$dist/unfinished.deb"
# What cargo-deb has no word for: which package has the library.
dpkg-deb --raw-extract "$dist/unfinished.deb" "$dist/unfinished"
echo "libndsharray 2 ndsharray (>= $version)" >"$dist/unfinished/DEBIAN/shlibs"
rm -f "$dist/unfinished.deb"
package=$dist/ndsharray_$version-1_$(dpkg --print-architecture).deb
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) dpkg-deb --root-owner-group -Zxz --build "$dist/unfinished" "$package" >/dev/null
rm -rf "$dist/unfinished"
dpkg-deb --info "$package"
dpkg-deb --contents "$package" | awk '{print $1, $2, $3, $6, $7, $8}'

step "lintian"
lintian --fail-on error "$package"

if [ "$(id -u)" -ne 0 ] || ! command -v debootstrap >/dev/null; then
    printf '\nskipped: the package in clean Debians: it takes root and debootstrap\n'
    exit 0
fi
given=$(mktemp -d)
trap 'rm -rf "$given"' EXIT
cp "$package" ci/try_debian.sh examples/c/camera.c "$given"
[ $# -gt 0 ] || set -- bookworm trixie sid
for suite in "$@"; do
    step "installed and removed in $suite"
    ci/clean_root.sh "$suite" "$given" sh try_debian.sh
done
echo "made: $package"
