# Sourced by ci/release_*.sh, from the root of the project: gets the tools that make packages, under target/release-tools, and
# builds with zig's linker, whose programs run with glibc 2.17 and later, whatever this machine has.
# shellcheck shell=bash

glibc=2.17
tools=$PWD/target/release-tools
dist=$PWD/target/dist
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target/release-build}" CARGO_INCREMENTAL=0

step() { printf '\n== %s\n' "$*"; }

[ -x "$tools/bin/python" ] || python3 -m venv "$tools"
"$tools/bin/python" -m pip install --quiet --disable-pip-version-check maturin==1.16.0 ziglang==0.17.1 cargo-zigbuild==0.24.1 \
    auditwheel==6.8.2 abi3audit==0.0.26 twine==7.0.0
export PATH="$tools/bin:$PATH"

# ci/portable/zig says what for.
export NDSHARRAY_UNWINDERS=$tools/unwinders CARGO_ZIGBUILD_ZIG_COMMAND=$PWD/ci/portable/zig
for arch in x86_64 aarch64; do
    mkdir -p "$NDSHARRAY_UNWINDERS/$arch"
    python-zig cc -target "$arch-linux-gnu.$glibc" -shared -nostdlib -fPIC -Wl,-soname,libgcc_s.so.1 \
        -Wl,--version-script=ci/portable/libgcc_s.map ci/portable/libgcc_s.c -o "$NDSHARRAY_UNWINDERS/$arch/libgcc_s.so.1"
done

# Makes sure that the compiler has the standard library of an architecture. Where rustup cannot get it, Debian's compiler is
# unpacked, with the libraries of both architectures; nothing is installed.
compiler_for() {
    local triple=$1-unknown-linux-gnu arch=$1
    unset RUSTC
    [ ! -e "$(rustc --print target-libdir --target "$triple")" ] || return 0
    ! rustup target add "$triple" 2>/dev/null || return 0
    [ "$arch" != aarch64 ] || arch=arm64
    [ "$arch" != x86_64 ] || arch=amd64
    debian_compiler "$arch"
    [ -e "$("$tools/debian-rust/rustc" --print target-libdir --target "$triple")" ]
    export RUSTC="$tools/debian-rust/rustc"
}

debian_compiler() {
    local at=$tools/debian-rust host
    host=$(dpkg --print-architecture)
    [ ! -e "$at/$1" ] || return 0
    echo "getting Debian's compiler for $1"
    rm -rf "$at"
    mkdir -p "$at/state/lists/partial" "$at/cache/archives/partial" "$at/debs" "$at/root"
    touch "$at/status"
    printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/%s main\n' "debian bookworm" \
        "debian-security bookworm-security" >"$at/sources.list"
    cat >"$at/apt.conf" <<END
Dir::State "$at/state"; Dir::State::status "$at/status"; Dir::Cache "$at/cache";
Dir::Etc::sourcelist "$at/sources.list"; Dir::Etc::sourceparts "-";
APT::Architecture "$host"; APT::Architectures { "$host"; "$1"; }; APT::Sandbox::User "root";
END
    local driver
    (
        export APT_CONFIG="$at/apt.conf"
        apt-get -qq update
        driver=$(apt-cache depends libstd-rust-web-dev | sed -n 's/.*Depends: \(libstd-rust-web-[0-9.]*\)$/\1/p' | head -n 1)
        cd "$at/debs"
        # With what the compiler's own library is linked to.
        apt-get -qq download rustc-web "$driver" libstd-rust-web-dev "libstd-rust-web-dev:$1" \
            "$(apt-cache depends "$driver" | sed -n 's/.*Depends: \(libllvm[0-9]*\)$/\1/p')" libedit2 libffi8 libxml2 libz3-4 libzstd1 libbsd0 libmd0 libicu72
    )
    for driver in "$at"/debs/*.deb; do
        dpkg-deb --extract "$driver" "$at/root"
    done
    rm -r "$at/debs" "$at/cache"
    cat >"$at/rustc" <<'END'
#!/bin/sh
here=$(dirname "$(realpath "$0")")/root/usr
LD_LIBRARY_PATH=$here/lib/$(uname -m)-linux-gnu exec "$here/bin/rustc" "$@"
END
    chmod 755 "$at/rustc"
    touch "$at/$1"
}

# Fails if a program or library needs a newer glibc than that, or other libraries than are part of glibc and its compiler; and if it
# has an unwinder of its own.
portable() {
    local file newest needed
    for file in "$@"; do
        newest=$(objdump -T "$file" | grep -o 'GLIBC_[0-9.]*' | sort -Vu | tail -n 1)
        needed=$(objdump -p "$file" | sed -n 's/^ *NEEDED *//p' | grep -vE '^(lib(c|m|dl|rt|pthread|util|gcc_s)\.so\.[0-9]|ld-linux.*)$' || true)
        echo "$(basename "$file"): $newest, $(stat --format=%s "$file") bytes"
        if [ "$(printf '%s\n' "$newest" "GLIBC_$glibc" | sort -V | tail -n 1)" != "GLIBC_$glibc" ] || [ -n "$needed" ]; then
            echo "$file is to run with glibc $glibc alone: it wants $newest $needed"
            return 1
        fi
        if ! objdump -T "$file" | grep 'GCC_3.0.* _Unwind_' >/dev/null; then
            echo "$file does not use the unwinder of the system"
            return 1
        fi
    done
}
