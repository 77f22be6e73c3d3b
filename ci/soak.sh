#!/usr/bin/env bash
# The long forms of the tests of survival, one after the other and again, until the minutes are over: ci/soak.sh MINUTES
# What fails is shown, with the seed that repeats it, and the rest goes on.
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${1:?usage: ci/soak.sh MINUTES}

# A memory of its own, as in ci/test.sh.
if [ -z "${NDSHARRAY_OWN_SHM:-}" ] && [ "$(id -u)" -eq 0 ] && unshare --mount true 2>/dev/null; then
    export NDSHARRAY_OWN_SHM=1
    exec unshare --mount sh -c 'mount -t tmpfs -o mode=1777 tmpfs /dev/shm && exec "$0" "$1"' "$PWD/ci/soak.sh" "$minutes"
fi

# name: command. A test binary runs its long form, because NDSHARRAY_SOAK is set.
suites=(
    "steps: steps"
    "instructions: long --test instructions"
    "storms: long --test storms"
    "time: long --test time"
    "many: long --test many"
    "processes: long --test processes --test fork"
    "model: long --test model"
    "hostile files: long --test damaged_headers --test damaged_data --test bad_places"
    "takeover: long --test takeover"
    "full stores: long --test full_store --test filling_store"
    "rm by hand: long --test removed_by_hand"
    "containers: long --test containers"
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

long() {
    local name
    for name in "$@"; do
        if [ "$name" != --test ] && [ ! -e "tests/$name.rs" ] && [ ! -e "tests/$name/main.rs" ]; then
            echo "skipped: $name: no such test here"
            return
        fi
    done
    timeout --kill-after=10 "$limit" nice cargo test --release --locked "$@" -- --nocapture
}

steps() {
    RUSTFLAGS="--cfg ndsharray_steps" CARGO_TARGET_DIR=target/steps long --test steps
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
