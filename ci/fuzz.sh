#!/usr/bin/env bash
# Fuzzes what a store's files and recordings may hold and what a server is asked, from the kept inputs in fuzz/corpus on:
#   ci/fuzz.sh EXECUTIONS    of all targets together, such as 10000000
#   ci/fuzz.sh SECONDSs      for all targets together, such as 900s
#   ci/fuzz.sh minimise      lays new inputs (of target/fuzz/corpus) that reach more code by those in fuzz/corpus
# Ends with 1 if an input made the library panic, hang, die or change a foreign file; it is under target/fuzz/artifacts.
# Coverage-guided, without a sanitizer, so that a stable toolchain does.
set -euo pipefail
cd "$(dirname "$0")/.."

amount=${1:?"how many executions, how many seconds (900s), or minimise"}
targets=(header segment both recording serve)
work="$PWD/target/fuzz"
mkdir -p target

if [ -z "${NDSHARRAY_FUZZ_DIR:-}" ]; then
    # A small filesystem in memory, once more read-only beside it, so that a store that is filled is noticed; it goes with
    # the namespace. Without the permission: a directory, and no read-only readers.
    if unshare --mount true 2>/dev/null; then
        setup='mount -t tmpfs -o size=64m none /mnt && mkdir /mnt/fuzz /mnt/fuzz-ro && mount --bind /mnt/fuzz /mnt/fuzz-ro &&
            mount -o remount,bind,ro /mnt/fuzz-ro && NDSHARRAY_FUZZ_DIR=/mnt/fuzz exec "$0" "$@"'
        exec unshare --mount sh -c "$setup" "$PWD/ci/fuzz.sh" "$@"
    fi
    NDSHARRAY_FUZZ_DIR=$(mktemp -d /dev/shm/ndsharray-fuzz-XXXXXX)
    trap 'rm -rf "$NDSHARRAY_FUZZ_DIR"' EXIT
fi
export NDSHARRAY_FUZZ_DIR

cargo fuzz --version >/dev/null 2>&1 || cargo install --quiet --locked cargo-fuzz@0.13.2
cargo fuzz build -s none --target-dir "$work" 2>"$work.log" || { cat "$work.log"; exit 1; }

for target in "${targets[@]}"; do
    longest=400
    [ "$target" != header ] || longest=8300
    [ "$target" != recording ] || longest=4096
    [ "$target" != serve ] || longest=1024
    mkdir -p "$work/corpus/$target" "$work/artifacts/$target" "fuzz/corpus/$target"
    if [ "$amount" = minimise ]; then
        run=("-merge=1 -use_counters=0" "$PWD/fuzz/corpus/$target" "$work/corpus/$target")
    elif [ "${amount%s}" != "$amount" ]; then
        run=(-max_total_time=$((${amount%s} / ${#targets[@]})) "$work/corpus/$target" "$PWD/fuzz/corpus/$target")
    else
        run=(-runs=$((amount / ${#targets[@]})) "$work/corpus/$target" "$PWD/fuzz/corpus/$target")
    fi
    log="$work/$target.log"
    if ! cargo fuzz run -s none --target-dir "$work" "$target" "${run[@]:1}" -- ${run[0]} -timeout=10 \
        -max_len="$longest" -print_final_stats=1 -artifact_prefix="$work/artifacts/$target/" >"$log" 2>&1; then
        tail -n 60 "$log"
        echo "$target: failed"
        exit 1
    fi
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    coverage=$(sed -n 's/.*DONE *\(cov: [0-9]* ft: [0-9]*\).*/\1/p' "$log")
    echo "$target: ${executions:-0} executions, ${coverage:-no count of coverage}, $(ls "fuzz/corpus/$target" | wc -l) kept inputs"
done
