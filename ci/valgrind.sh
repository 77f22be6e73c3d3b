#!/usr/bin/env bash
# The Rust tests that valgrind can run, under memcheck: those of the library and those whose work is done in one process.
# Of tests that start themselves in a child, the child's half is run by itself. Not those that mount, fork or start programs,
# nor those of hot loops, in which nothing is hot under valgrind.
set -euo pipefail
cd "$(dirname "$0")/.."

# Binary, then what is run of it.
alone=("lib" "api --skip hot_loops::" "format" "crash leaving::" "ownership frozen::a_takeover_keeps"
    "ownership permissions::a_mode_holds")
# Role, binary, test.
roles=("inside damage headers::every_length_of_a_header" "inside damage headers::every_byte_of_the_headers_identity"
    "inside damage headers::retired_under_its_name" "inside damage headers::absurd_numbers_in_a_record_are_an_error"
    "inside damage headers::a_header_without_a_value_has_no_layout_either"
    "inside damage headers::a_damaged_header_that_is_replaced_does_not_stop_its_readers"
    "inside damage data::data_files_that_do_not_match" "inside damage data::a_damaged_data_file_goes_with_the_next_value"
    "inside damage data::a_missing_data_file_is_said_to_be_missing_when_it_grows"
    "inside damage restored::a_store_that_is_put_back_from_a_copy_is_another_one"
    "inside damage restored::a_view_is_never_of_what_is_being_filled"
    "inside damage fuzz_corpus::kept_inputs" "lend-nothing fork child")

place=$(mktemp -d /dev/shm/ndsharray-valgrind-XXXXXX)
log=$(mktemp)
trap 'rm -rf "$place" "$log"' EXIT

# What cargo built, as "name path". System calls by way of the C library: rustix otherwise looks at the vDSO, where the
# kernel says it is, and valgrind has taken it away.
builds=(--lib --test=api --test=format --test=crash --test=ownership --test=damage --test=fork)
binaries=$(RUSTFLAGS="--cfg rustix_use_libc" cargo test --locked --package ndsharray "${builds[@]}" --target-dir target/valgrind --no-run 2>&1 |
    sed -n 's/^ *Executable .*src\/lib.rs (\(.*\))$/lib \1/p; s/^ *Executable tests\/\([a-z]*\)[/.].* (\(.*\))$/\1 \2/p')
[ -n "$binaries" ]

# libtest leaks what it reads about the terminal.
unset TERM TERMINFO

# Runs a binary with these arguments.
check() {
    local binary
    binary=$(echo "$binaries" | sed -n "s/^$1 //p")
    shift
    valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite --fair-sched=yes \
        --child-silent-after-fork=yes "$binary" --test-threads=1 "$@" >"$log" 2>&1 || { head -c 20000 "$log"; return 1; }
    local passed
    passed=$(sed -n 's/^test result: ok\. \([0-9]*\) passed.*/\1/p' "$log")
    [ "${passed:-0}" -gt 0 ] || { cat "$log"; return 1; }
    echo "$(basename "$binary" | sed 's/-[0-9a-f]*$//') $*: $passed passed, no errors"
}

for tests in "${alone[@]}"; do
    read -ra tests <<<"$tests"
    check "${tests[@]}"
done
export NDSHARRAY_TEST_PLACE="$place"
for role in "${roles[@]}"; do
    read -r NDSHARRAY_TEST_ROLE binary test <<<"$role"
    export NDSHARRAY_TEST_ROLE
    check "$binary" --include-ignored --exact "$test"
    find "$place" -mindepth 1 -delete
done
