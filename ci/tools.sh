#!/usr/bin/env bash
# The programs of the distribution that tests use beside the toolchains. In CI (CI=true, as root, on Debian and its like)
# those that are missing are installed; elsewhere they are only named, and the tests that want them print that they skip.
set -euo pipefail

declare -A packages=([bwrap]=bubblewrap [chromium]=chromium [clang]=clang [cmake]=cmake [crun]=crun [ffmpeg]=ffmpeg [g++]=g++ [gst-launch-1.0]=gstreamer1.0-tools [ip]=iproute2 [nft]=nftables [npm]=npm [pkg-config]=pkg-config [promtool]=prometheus [strace]=strace [tmux]=tmux [valgrind]=valgrind)

# And what has no program, by a file of it. The last one has what clang needs for sanitizers.
declare -A files=([/usr/include/eigen3/Eigen/Core]=libeigen3-dev [/usr/include/opencv4/opencv2/core.hpp]=libopencv-core-dev
    ["/usr/lib/*/gstreamer-1.0/libgstrawparse.so"]=gstreamer1.0-plugins-base
    ["/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.asan-*"]=libclang-rt-dev)

missing=()
for file in "${!files[@]}"; do
    compgen -G "$file" >/dev/null || missing+=("${files[$file]}")
done
for program in "${!packages[@]}"; do
    command -v "$program" >/dev/null || missing+=("${packages[$program]}")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "${CI:-}" = true ] && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    echo "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    if apt-get -qq update && apt-get -qq install --yes --no-install-recommends "${missing[@]}" >/dev/null; then
        exit 0
    fi
    # Distributions do not have all of them: those that there are.
    for package in "${missing[@]}"; do
        apt-get -qq install --yes --no-install-recommends "$package" >/dev/null || echo "not to be had: $package"
    done
    exec env CI= "$0"
fi
echo "not installed, and not tested with: ${missing[*]}"
