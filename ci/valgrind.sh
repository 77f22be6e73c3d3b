#!/usr/bin/env bash
# The Rust tests that valgrind can run, under memcheck: those of the library and those whose work is done in one process,
# also the sweeps of damaged files, whose inner half is run by itself. Not those that mount, fork or start programs.
set -euo pipefail
cd "$(dirname "$0")/.."

alone=(basic bad_input format regressions leaving loan_in_a_forked_child removed_before_read)
inner=("damaged_headers every_length_of_a_header" "damaged_headers every_byte_of_the_headers_identity"
    "damaged_headers gone_under_its_name" "damaged_data data_files_that_do_not_match" "fuzz_corpus kept_inputs")

place=$(mktemp -d /dev/shm/ndsharray-valgrind-XXXXXX)
log=$(mktemp)
trap 'rm -rf "$place" "$log"' EXIT

# What cargo built, as "name path". System calls by way of the C library: rustix otherwise looks at the vDSO, where the
# kernel says it is, and valgrind has taken it away.
builds=(--lib --test fuzz_corpus --test damaged_headers --test damaged_data "${alone[@]/#/--test=}")
binaries=$(RUSTFLAGS="--cfg rustix_use_libc" cargo test --locked --package ndsharray "${builds[@]}" --target-dir target/valgrind --no-run 2>&1 |
    sed -n 's/^ *Executable [^(]*\/\([a-z_]*\)\.rs (\(.*\))$/\1 \2/p')
[ -n "$binaries" ]

# libtest leaks what it reads about the terminal.
unset TERM TERMINFO

check() {
    local binary=$1
    shift
    valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite --fair-sched=yes \
        --child-silent-after-fork=yes "$binary" --test-threads=1 "$@" >"$log" 2>&1 || { head -c 20000 "$log"; return 1; }
    local passed
    passed=$(sed -n 's/^test result: ok\. \([0-9]*\) passed.*/\1/p' "$log")
    [ "${passed:-0}" -gt 0 ] || { cat "$log"; return 1; }
    echo "$(basename "$binary" | sed 's/-[0-9a-f]*$//') $*: $passed passed, no errors"
}

for name in lib "${alone[@]}"; do
    check "$(echo "$binaries" | sed -n "s/^$name //p")"
done
export NDSHARRAY_TEST_ROLE=inside NDSHARRAY_TEST_PLACE="$place"
for test in "${inner[@]}"; do
    read -r name part <<<"$test"
    check "$(echo "$binaries" | sed -n "s/^$name //p")" --exact "$part"
    find "$place" -mindepth 1 -delete
done
