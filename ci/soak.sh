#!/usr/bin/env bash
# The long forms of the tests of survival, one after the other and again, until the minutes are over: ci/soak.sh MINUTES
# What fails is shown, with the seed that repeats it, and the rest goes on.
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${1:?usage: ci/soak.sh MINUTES}

source ci/own_shm.sh

# Name: test binaries, then the tests of them, if not all. They run their long forms, because NDSHARRAY_SOAK is set.
suites=(
    "steps: steps"
    "instructions: instructions"
    "storms: storms"
    "histories: histories"
    "time: crash stopped:: wrap::"
    "many: many"
    "processes: crash processes::"
    "forks: fork,fork_windows,fork_clock"
    "model: model"
    "hostile files: damage headers:: data:: bad_places::"
    "takeover: ownership takeover:: frozen::"
    "full stores: full"
    "rm by hand: damage removed_by_hand::"
    "containers: containers"
    "recorders: record_kills"
    "serving: hostile"
    "fuzz: fuzz"
)
# One run of a suite takes at most so long; after that it hangs.
longest=1800

export NDSHARRAY_SOAK=1
start=$SECONDS
end=$((SECONDS + minutes * 60))
commit=$(git rev-parse --short HEAD)$(git diff --quiet HEAD || echo +)
log=$(mktemp)
trap 'rm -f "$log"' EXIT

left() { echo $((end - SECONDS)); }

# The long forms of the tests in BINARY[,BINARY] whose names have one of the words in them.
long() {
    local binaries=()
    IFS=, read -ra binaries <<<"$1"
    timeout --kill-after=10 "$limit" nice cargo test --release --locked "${binaries[@]/#/--test=}" -- --nocapture "${@:2}"
}

steps() {
    RUSTFLAGS="--cfg ndsharray_steps" CARGO_TARGET_DIR=target/steps long steps
}

fuzz() {
    if [ ! -x ci/fuzz.sh ] || ! cargo fuzz --version >/dev/null 2>&1; then
        echo "skipped: fuzz: no cargo fuzz here"
        return
    fi
    timeout --kill-after=10 "$limit" nice ci/fuzz.sh $((limit < 240 ? limit / 2 : 120))s
}

echo "building"
cargo test --release --locked --no-run 2>/dev/null
end=$((end + SECONDS - start))

declare -A runs cut failures seconds
round=0
while [ "$(left)" -gt 0 ]; do
    for suite in "${suites[@]}"; do
        name=${suite%%: *}
        read -ra command <<<"${suite#*: }"
        limit=$(left)
        [ "$limit" -gt 0 ] || break
        [ "$limit" -le "$longest" ] || limit=$longest
        begun=$SECONDS
        status=0
        case ${command[0]} in steps | fuzz) ;; *) command=(long "${command[@]}") ;; esac
        "${command[@]}" >"$log" 2>&1 || status=$?
        taken=$((SECONDS - begun))
        if [ "$status" -eq 124 ] && [ "$limit" -lt "$longest" ]; then
            result="cut short by the end"
            cut[$name]=$((${cut[$name]:-0} + 1))
            # What it was killed with stays behind.
            [ -z "${NDSHARRAY_OWN_SHM:-}" ] || find /dev/shm -mindepth 1 -delete
        elif [ "$status" -eq 0 ] && ! grep -q '^test result:\|executions' "$log"; then
            result="not run"
        elif [ "$status" -eq 0 ]; then
            result="ok"
            runs[$name]=$((${runs[$name]:-0} + 1))
        else
            result="FAILED ($status)"
            failures[$name]=$((${failures[$name]:-0} + 1))
        fi
        seconds[$name]=$((${seconds[$name]:-0} + taken))
        passed=$(awk '/^test result:/ {sum += $4} END {print sum + 0}' "$log")
        skipped=$(grep -c '^skipped: ' "$log" || true)
        echo "$(date -u +%FT%TZ) $commit $name: $result, $passed passed, $skipped skipped, $taken s"
        sed -n 's/^\(figures: \|skipped: \)/    &/p' "$log"
        if [[ $result == FAILED* ]]; then
            sed 's/^/    | /' "$log" | tail -n 60
        fi
    done
    round=$((round + 1))
done

echo
echo "| suite | good runs | failed | cut short | seconds |"
echo "|---|---:|---:|---:|---:|"
failed=0
for suite in "${suites[@]}"; do
    name=${suite%%: *}
    echo "| $name | ${runs[$name]:-0} | ${failures[$name]:-0} | ${cut[$name]:-0} | ${seconds[$name]:-0} |"
    failed=$((failed + ${failures[$name]:-0}))
done
echo
echo "$(date -u +%FT%TZ), commit $commit, $round rounds in $(((SECONDS - start) / 60)) minutes, $failed failed"
leftover=$(find /dev/shm -mindepth 1 -maxdepth 1 2>/dev/null | wc -l)
if [ -n "${NDSHARRAY_OWN_SHM:-}" ] && [ "$leftover" -gt 0 ]; then
    echo "something is left in /dev/shm:"
    ls -lA /dev/shm
    failed=1
fi
[ "$failed" -eq 0 ]
