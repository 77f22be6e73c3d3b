#!/usr/bin/env bash
# All that is published, and the C library, build with the oldest compiler that Cargo.toml promises (rust-version). Their tests and
# benchmarks do not: criterion wants a newer one.
#   ci/msrv.sh           with rustup's toolchain; in CI (CI=true) it is installed if it is missing. Without one: as below
#   ci/msrv.sh debian    with Debian's packages of it, unpacked in target/msrv-debian; they are not installed
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }

oldest=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
unpacked="$PWD/target/msrv-debian"

# Debian has a compiler for each release, and newer ones for browsers (-web) beside it. What it needs and the machine lacks comes along.
unpack() {
    command -v apt-get >/dev/null || return 1
    local suffix packages=()
    for suffix in -web ""; do
        mapfile -t packages < <(apt-get --simulate --reinstall --no-install-recommends install "rustc$suffix=$oldest.*" \
            "cargo$suffix=$oldest.*" "libstd-rust$suffix-dev=$oldest.*" 2>/dev/null |
            sed -n 's/^Inst \([^ ]*\) \(\[[^]]*\] \)\?(\([^ ]*\) .*/\1=\3/p')
        [ ${#packages[@]} -eq 0 ] || break
    done
    [ ${#packages[@]} -gt 0 ] || return 1
    rm -rf "$unpacked"
    mkdir -p "$unpacked/packages"
    (cd "$unpacked/packages" && apt-get --quiet=2 --option APT::Sandbox::User=root download "${packages[@]}" && printf '%s\n' *.deb)
    local package
    for package in "$unpacked"/packages/*.deb; do
        dpkg-deb --extract "$package" "$unpacked"
    done
}

toolchain=
if [ "${1:-}" != debian ] && command -v rustup >/dev/null; then
    [ "${CI:-}" != true ] || rustup toolchain install "$oldest" --profile minimal
    toolchain=$(rustup toolchain list | sed -n "s/^\(${oldest}[.-][^ ]*\).*/\1/p" | head -n 1)
fi
if [ -n "$toolchain" ]; then
    export RUSTUP_TOOLCHAIN=$toolchain
elif [ -x "$unpacked/usr/bin/cargo" ] || unpack; then
    export PATH="$unpacked/usr/bin:$PATH" RUSTC="$unpacked/usr/bin/rustc" RUSTDOC="$unpacked/usr/bin/rustdoc"
    # Some packages still have their libraries in /lib.
    libraries=lib/$(uname -m)-linux-gnu
    export LD_LIBRARY_PATH="$unpacked/usr/$libraries:$unpacked/$libraries"
elif [ "${1:-}" = debian ]; then
    echo "msrv: apt-get offers no Rust $oldest here"
    exit 1
else
    printf '\nskipped: msrv: no Rust %s here (rustup toolchain install %s), and apt-get offers none\n' "$oldest" "$oldest"
    exit 0
fi

export CARGO_TARGET_DIR="$PWD/target/msrv" CARGO_INCREMENTAL=0
step "compiler"
rustc --version
cargo --version
[[ $(rustc --version) == "rustc $oldest."* && $(cargo --version) == "cargo $oldest."* ]]

step "library, derive macro, recordings, serve, program"
cargo check --locked
step "library alone, without features"
cargo check --locked --no-default-features --package ndsharray
step "C library, with all that the linker does"
cargo build --locked --package ndsharray-capi
step "mirror"
cargo check --locked --manifest-path mirror/Cargo.toml
echo "Rust $oldest builds all of it"
