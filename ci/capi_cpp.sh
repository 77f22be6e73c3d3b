# Sourced by ci/capi.sh, whose functions and paths it uses: what is checked of the C++ headers.
# shellcheck shell=bash disable=SC2154

cxx=()
for compiler in g++ clang++; do
    if command -v "$compiler" >/dev/null; then
        cxx+=("$compiler")
    else
        printf '\nskipped: the C++ headers with %s: it is not installed\n' "$compiler"
    fi
done
cxx_strict=(-Wall -Wextra -Wpedantic -Werror -pthread)
sanitized=(-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all)

# Whether a compiler can make a program of this text, with these arguments.
compiles() {
    "$1" -std=c++17 -x c++ - "${@:3}" -o "$work/probe" <<<"$2" 2>/dev/null
}

# The flags for a program: what it includes besides says which ones.
libraries_of() {
    if grep -q ndsharray_opencv.hpp "$1"; then echo "${opencv[@]}"; fi
    if grep -q ndsharray_eigen.hpp "$1"; then echo "${eigen[@]}"; fi
}

# The programs in a folder that can be built here.
programs_in() {
    local source
    for source in "$1"/*.cpp; do
        if { [ -n "$has_opencv" ] || ! grep -q ndsharray_opencv.hpp "$source"; } &&
            { [ -n "$has_eigen" ] || ! grep -q ndsharray_eigen.hpp "$source"; }; then
            echo "$source"
        fi
    done
}

# build COMPILER SOURCE PROGRAM FLAGS...
build() {
    local needed
    read -ra needed <<<"$(libraries_of "$2" | tr '\n' ' ')"
    "$1" "${cxx_strict[@]}" "${@:4}" "${flags[@]}" "$2" "${needed[@]}" "${shared[@]}" -o "$3"
}

# A producer and a consumer, until the producer has left.
pictures() {
    export NDSHARRAY_DIR=$place
    timeout 100 "$1/consumer" >"$work/consumer.out" &
    timeout 60 "$1/producer" camera 3
    wait $!
    unset NDSHARRAY_DIR
    cat "$work/consumer.out"
    # How many frames come in time is the machine's.
    grep -q '^frame [0-9]*: the square is at ([0-9]*, 200), ' "$work/consumer.out"
}

cpp() {
    local compiler=$1 programs="$work/$1" source name sanitize=yes
    mkdir "$programs"
    step "C++: $compiler, C++17"
    for source in $(programs_in capi/tests/cpp) $(programs_in examples/cpp); do
        build "$compiler" "$source" "$programs/$(basename "$source" .cpp)" -std=c++17 -O2
    done
    for source in $(programs_in capi/tests/cpp); do
        name=$(basename "$source" .cpp)
        run "$programs/$name"
        pass "$name"
    done
    if [ -n "$has_opencv" ]; then
        pictures "$programs"
        pass "producer and consumer"
    fi
    if [ -n "$has_eigen" ]; then
        [ "$(NDSHARRAY_DIR=$place "$programs/pose")" = "11 22 33" ]
        pass "pose"
    fi

    step "C++: $compiler, C++20 and no exceptions, with sanitizers"
    if ! compiles "$compiler" 'int main() {}' "${sanitized[@]}"; then
        printf '\nskipped: sanitizers of %s: their libraries are not installed\n' "$compiler"
        sanitize=
    fi
    for source in $(programs_in capi/tests/cpp); do
        name=$(basename "$source" .cpp)
        build "$compiler" "$source" "$programs/$name-20" -std=c++20 ${sanitize:+"${sanitized[@]}"}
        run "$programs/$name-20"
        pass "$name"
    done
    build "$compiler" capi/tests/cpp/values.cpp "$programs/values-no" -std=c++17 -fno-exceptions ${sanitize:+"${sanitized[@]}"}
    run "$programs/values-no"
    pass "values without exceptions"
}

if [ ${#cxx[@]} -gt 0 ]; then
    opencv=(-isystem /usr/include/opencv4 -lopencv_core) has_opencv=yes
    eigen=(-isystem /usr/include/eigen3) has_eigen=yes
    compiles "${cxx[0]}" $'#include <opencv2/core.hpp>\nint main() { return cv::Mat(1, 1, CV_8U).rows - 1; }' "${opencv[@]}" || {
        has_opencv=
        printf '\nskipped: C++ with OpenCV: libopencv-core-dev is not installed\n'
    }
    compiles "${cxx[0]}" $'#include <Eigen/Core>\nint main() {}' "${eigen[@]}" || {
        has_eigen=
        printf '\nskipped: C++ with Eigen: libeigen3-dev is not installed\n'
    }

    step "C++: each header by itself"
    for header in "$prefix"/include/ndsharray/*.hpp; do
        "${cxx[0]}" -std=c++17 "${cxx_strict[@]}" -fsyntax-only -x c++ - <<<"#include \"$header\""
    done
    pass "each header by itself"

    for compiler in "${cxx[@]}"; do cpp "$compiler"; done

    step "C++: the programs of docs/c.md"
    mkdir "$work/docs_cpp"
    # A block whose first line is a file name is a program.
    awk -v into="$work/docs_cpp" '/^```/ { file = ""; block = /^```cpp$/ ? NR : 0; next }
        block && NR == block + 1 && match($0, /[a-z]+\.cpp/) { file = into "/" substr($0, RSTART, RLENGTH) }
        file { print >file }' docs/c.md
    for name in write read; do
        build "${cxx[0]}" "$work/docs_cpp/$name.cpp" "$work/docs_cpp/$name" -std=c++17
    done
    export NDSHARRAY_DIR=$place
    timeout 60 "$work/docs_cpp/read" >"$work/docs_cpp/out" &
    timeout 60 "$work/docs_cpp/write"
    wait $!
    unset NDSHARRAY_DIR
    grep -q '^value 100: x = 99$' "$work/docs_cpp/out"
    rm "$place"/pose*
    pass "the programs of docs/c.md"
fi
