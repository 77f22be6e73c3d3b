#!/usr/bin/env bash
# Every language writes, and every language reads what each of them wrote: all dtypes and shapes, attributes, user data and times,
# compared byte for byte with the cases. Runs after ci/python.sh, which builds the Python module.
set -euo pipefail
cd "$(dirname "$0")/.."

source ci/own_shm.sh

work=$(mktemp -d)
place=$(mktemp -d /dev/shm/ndsharray-matrix-XXXXXX)
trap 'rm -rf "$work" "$place"' EXIT
sources=capi/tests/matrix
python=$PWD/target/python-venv/bin/python

printf '\n== the matrix of languages\n'
capi/install.sh --prefix "$work/prefix" >/dev/null
export LD_LIBRARY_PATH="$work/prefix/lib"
compiled=(-Wall -Wextra -Wpedantic -Werror "-I$work/prefix/include" "-L$work/prefix/lib")
cargo build --quiet --locked --package ndsharray-capi --example matrix

declare -A sides
sides[rust]=$(realpath "${CARGO_TARGET_DIR:-target}")/debug/examples/matrix
cc -std=c99 -D_GNU_SOURCE "${compiled[@]}" "$sources/matrix.c" -lndsharray -o "$work/c"
sides[c]=$work/c
order=(rust c)
if [ -f "$work/prefix/include/ndsharray.hpp" ]; then
    c++ -std=c++17 "${compiled[@]}" "$sources/matrix.cpp" -lndsharray -o "$work/cpp"
    sides[cpp]=$work/cpp
    order+=(cpp)
fi
# The command line's files are read by numpy, too.
if [ -x "$python" ] && "$python" -c 'import numpy, ndsharray' 2>/dev/null; then
    cargo build --quiet --locked --package ndsharray-cli
    sides[python]="$python $sources/matrix.py python"
    sides[cli]="$python $sources/matrix.py cli=$(realpath "${CARGO_TARGET_DIR:-target}")/debug/ndsharray"
    order+=(python cli)
else
    printf '\nskipped: Python and the command line in the matrix: the Python module is not built; ci/python.sh does it\n'
fi

run() {
    local side
    read -ra side <<<"${sides[$1]}"
    timeout --kill-after=5 300 "${side[@]}" "${@:2}"
}

# What a reader finds of a writer: some cannot write or read user data (column 6) or source_written_at (column 8).
expected() {
    awk -F'\t' -v OFS='\t' -v writer="$1" -v reader="$2" '{
        if (writer == "cli") $6 = "-"
        if (writer == "cli" || writer == "python") $8 = 0
        if (reader == "cli") $6 = "?"
        if (reader == "python") $8 = "?"
        print
    }' "$work/cases"
}

python3 "$sources/cases.py" >"$work/cases"
cases=$(wc -l <"$work/cases")
pairs=0
for writer in "${order[@]}"; do
    mkdir "$place/$writer"
    run "$writer" write "$place/$writer" "$work/cases"
    for reader in "${order[@]}"; do
        run "$reader" read "$place/$writer" "$work/cases" >"$work/found"
        expected "$writer" "$reader" >"$work/expected"
        if ! cmp --quiet "$work/expected" "$work/found"; then
            echo "what $writer writes and $reader reads differs (< expected, > found):"
            diff "$work/expected" "$work/found" | cut -c 1-300 | head -n 20
            exit 1
        fi
        pairs=$((pairs + 1))
    done
    rm -r "${place:?}/$writer"
done
echo "${#order[@]} writers (${order[*]}) x ${#order[@]} readers x $cases cases: $((pairs * cases)) combinations, all the same"
# As cargo says it, for ci/test.sh.
printf '\ntest result: ok. %d passed; of the matrix\n' "$pairs"
