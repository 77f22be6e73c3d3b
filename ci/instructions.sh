#!/usr/bin/env bash
# Instructions of the hot paths, counted by callgrind, compared with benches/instructions.txt: seconds are noise here,
# counts are not. Usage: ci/instructions.sh [--record]
set -euo pipefail
cd "$(dirname "$0")/.."

recorded=benches/instructions.txt
tolerance=5 # percent
paths="view latest read-nothing-new write write-view write-read loan-publish
history-write history-write-next history-write-lagging-next"
count=2000

if ! command -v valgrind >/dev/null; then
    echo "skipped: instructions: valgrind is not installed"
    exit 0
fi
# What was counted on one kind of machine, or of what one compiler made, says nothing of another. (Between processors of one
# kind there is no difference: valgrind shows programs a processor of its own.)
compiler=$(rustc --version | cut -d' ' -f1,2)
if [ "${1:-}" != --record ] && ! grep -qF "($compiler)" "$recorded"; then
    echo "skipped: instructions: they are recorded for another compiler than $compiler"
    exit 0
fi
if [ "$(uname -m)" != x86_64 ]; then
    echo "skipped: instructions: they are recorded for x86_64, not $(uname -m)"
    exit 0
fi

cargo bench --quiet --locked --bench hot_paths --no-run
program=$(cargo bench --quiet --locked --bench hot_paths --no-run --message-format=json |
    sed -n 's/.*"name":"hot_paths".*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The program's instructions with PATH COUNT.
total() {
    valgrind --tool=callgrind --callgrind-out-file="$work/out" "$program" "$1" "$2" >"$work/log" 2>&1 ||
        { cat "$work/log" >&2; exit 1; }
    sed -n 's/^\(summary\|totals\): //p' "$work/out" | tail -n 1
}

for path in $paths; do
    low=$(total "$path" $count)
    high=$(total "$path" $((2 * count)))
    echo "$path $(((high - low + count / 2) / count))"
done >"$work/now"

if [ "${1:-}" = --record ]; then
    { echo "# Instructions per call, from ci/instructions.sh --record ($compiler)"; cat "$work/now"; } >"$recorded"
    cat "$recorded"
    exit 0
fi

awk -v tolerance=$tolerance '
    /^#/ { next }
    NR == FNR { before[$1] = $2; next }
    {
        if (!($1 in before)) { print $1 " is not recorded"; failed = 1; next }
        change = 100 * ($2 - before[$1]) / before[$1]
        verdict = change > tolerance ? "MORE THAN RECORDED" : change < -tolerance ? "less: record it" : "as recorded"
        printf "%-18s %5d, recorded %5d  %+6.1f %%  %s\n", $1, $2, before[$1], change, verdict
        if (change > tolerance) failed = 1
        seen++
    }
    END {
        if (seen == 0) { print "nothing was counted"; failed = 1 }
        if (failed) print "A hot path takes more instructions. If that is right: ci/instructions.sh --record"
        exit failed
    }' "$recorded" "$work/now"
