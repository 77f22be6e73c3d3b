#!/usr/bin/env bash
# Everything that is checked of the C interface and the C++ headers: built, installed and used as users would, with each compiler
# that is here.
set -euo pipefail
cd "$(dirname "$0")/.."

source ci/own_shm.sh

step() { printf '\n== %s\n' "$*"; }

work=$(mktemp -d)
place=$(mktemp -d /dev/shm/ndsharray-capi-XXXXXX)
trap 'rm -rf "$work" "$place"' EXIT
prefix=$work/prefix
passed=0
pass() {
    passed=$((passed + 1))
    echo "$*: passed"
}

step "C: clippy"
cargo clippy --quiet --package ndsharray-capi --all-targets --locked -- -D warnings

step "C: the header is that of the sources"
cargo test --quiet --locked --package ndsharray-capi

step "C: install"
capi/install.sh --prefix "$prefix"

step "C: symbols and size"
nm --dynamic --defined-only "$prefix/lib/libndsharray.so" | awk '{print $3}' | LC_ALL=C sort >"$work/symbols"
if ! diff capi/symbols.txt "$work/symbols"; then
    echo "the library exports other symbols than capi/symbols.txt says; a symbol that goes breaks programs"
    exit 1
fi
objdump -p "$prefix/lib/libndsharray.so" | grep -q 'SONAME *libndsharray\.so\.2$'
objdump -p "$prefix/lib/libndsharray.so" | grep -q NODELETE || readelf --dynamic "$prefix/lib/libndsharray.so" | grep -q NODELETE
size=$(stat --format=%s --dereference "$prefix/lib/libndsharray.so")
echo "$(wc -l <capi/symbols.txt) symbols, $size bytes"
[ "$size" -le 1500000 ]
pass "symbols and size"

export LD_LIBRARY_PATH="$prefix/lib" PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
strict=(-std=c99 -Wall -Wextra -Wpedantic -Werror)
if command -v pkg-config >/dev/null; then
    found=$(pkg-config --cflags ndsharray)
    read -ra flags <<<"$found"
    found=$(pkg-config --libs ndsharray)
    read -ra shared <<<"$found"
    found=$(pkg-config --libs --static ndsharray)
    read -ra private <<<"$found"
else
    printf '\nskipped: pkg-config of the C library: pkg-config is not installed\n'
    flags=("-I$prefix/include") shared=("-L$prefix/lib" -lndsharray) private=(-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc)
fi
# The archive itself, and what it needs.
static=("$prefix/lib/libndsharray.a" "${private[@]/#-lndsharray/-lm}")

compilers=()
for compiler in gcc clang; do
    if command -v "$compiler" >/dev/null; then
        compilers+=("$compiler")
    else
        printf '\nskipped: the C library with %s: it is not installed\n' "$compiler"
    fi
done

# Runs a program with a store of its own; nothing may be left in that.
run() {
    local store
    store=$(mktemp -d "$place/XXXXXX")
    timeout --kill-after=5 240 "$@" "$store"
    if [ -n "$(ls -A "$store")" ]; then
        echo "$1 left something:"
        ls -lA "$store"
        exit 1
    fi
    rmdir "$store"
}

# A camera under three tags, and the loop that reads them, until the cameras have left.
examples() {
    local pids=() tag
    export NDSHARRAY_DIR=$place
    timeout 100 "$1/epoll" left middle right >"$work/epoll.out" &
    local loop=$!
    for tag in left middle right; do
        timeout 60 "$1/camera" "$tag" 2 >>"$work/camera.out" &
        pids+=($!)
    done
    for pid in "${pids[@]}" "$loop"; do wait "$pid"; done
    unset NDSHARRAY_DIR
    # Of 60 frames of each camera: on a machine that is busy some are missed.
    if [ "$(grep -cE ': [1-9][0-9]+ values, missed [0-9]+$' "$work/epoll.out")" -ne 3 ]; then
        cat "$work/epoll.out"
        exit 1
    fi
}

if [ ${#compilers[@]} -eq 0 ]; then
    echo "no C compiler is installed"
    exit 1
fi

for compiler in "${compilers[@]}"; do
    for link in shared static; do
        step "C: $compiler, the $link library"
        programs="$work/$compiler-$link"
        mkdir "$programs"
        libraries=("${shared[@]}")
        [ "$link" = shared ] || libraries=("${static[@]}")
        for source in capi/tests/c/*.c; do
            "$compiler" "${strict[@]}" -D_GNU_SOURCE -pthread "${flags[@]}" "$source" "${libraries[@]}" \
                -o "$programs/$(basename "$source" .c)"
        done
        for source in examples/c/camera.c examples/c/epoll.c; do
            "$compiler" "${strict[@]}" "${flags[@]}" "$source" "${libraries[@]}" -o "$programs/$(basename "$source" .c)"
        done
        for source in capi/tests/c/*.c; do
            name=$(basename "$source" .c)
            run "$programs/$name"
            pass "$name"
        done
        examples "$programs"
        pass "the examples"
    done
done

# The first compiler that is here, as the page has it: without a standard that is asked for.
step "C: the programs of docs/c.md"
mkdir "$work/docs"
# A block whose first line is a file name is a program.
awk -v into="$work/docs" '/^```/ { file = ""; block = /^```c$/ ? NR : 0; next }
    block && NR == block + 1 && match($0, /[a-z]+\.c/) { file = into "/" substr($0, RSTART, RLENGTH) }
    file { print >file }' docs/c.md
for name in write read; do
    "${compilers[0]}" -Wall -Wextra -Werror "$work/docs/$name.c" -o "$work/docs/$name" "${flags[@]}" "${shared[@]}"
done
export NDSHARRAY_DIR=$place
timeout 60 "$work/docs/read" >"$work/docs/out" &
timeout 60 "$work/docs/write"
wait $!
unset NDSHARRAY_DIR
grep -q '^value 100: x = 99$' "$work/docs/out"
rm "$place"/pose*
pass "the programs of docs/c.md"

step "C: sanitizers, valgrind and random calls"
ci/capi_sanitizers.sh "$prefix"

# shellcheck source=ci/capi_cpp.sh
source ci/capi_cpp.sh

step "C: CMake"
if command -v cmake >/dev/null; then
    mkdir "$work/project"
    cat >"$work/project/CMakeLists.txt" <<'EOF'
cmake_minimum_required(VERSION 3.10)
project(example C)
find_package(ndsharray 2 REQUIRED)
add_executable(with_shared camera.c)
target_link_libraries(with_shared ndsharray::ndsharray)
add_executable(with_static camera.c)
target_link_libraries(with_static ndsharray::static)
EOF
    cp examples/c/camera.c "$work/project"
    # Once where it was installed, once moved elsewhere.
    for found in "$prefix" "$work/moved"; do
        [ "$found" = "$prefix" ] || mv "$prefix" "$found"
        cmake -S "$work/project" -B "$found.build" -DCMAKE_PREFIX_PATH="$found" >"$work/cmake.log" 2>&1 &&
            cmake --build "$found.build" >>"$work/cmake.log" 2>&1 || { cat "$work/cmake.log"; exit 1; }
        for program in with_shared with_static; do
            LD_LIBRARY_PATH= NDSHARRAY_DIR=$place "$found.build/$program" cmake 0.1
        done
        [ ${#cxx[@]} -gt 0 ] || continue
        cmake -S examples/cmake -B "$found.numbers" -DCMAKE_PREFIX_PATH="$found" >"$work/cmake.log" 2>&1 &&
            cmake --build "$found.numbers" >>"$work/cmake.log" 2>&1 || { cat "$work/cmake.log"; exit 1; }
        [ "$(LD_LIBRARY_PATH= NDSHARRAY_DIR=$place "$found.numbers/numbers")" = $'1\n2\n3' ]
    done
    pass "CMake"
else
    printf '\nskipped: the CMake package of the C library: cmake is not installed\n'
fi

if [ -n "$(ls -A "$place")" ]; then
    echo "something is left in the store:"
    ls -lA "$place"
    exit 1
fi
# As cargo says it, for ci/test.sh.
printf '\ntest result: ok. %d passed; of the C interface\n' "$passed"
