#!/usr/bin/env bash
# All tests of the project. Tests that cannot run here print a line "skipped: NAME: REASON"; they are counted at the end.
set -euo pipefail
cd "$(dirname "$0")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT

before=$(ls -A /dev/shm 2>/dev/null | sort)
ci/rust.sh 2>&1 | tee "$log"
after=$(ls -A /dev/shm 2>/dev/null | sort)
if [ "$before" != "$after" ]; then
    echo "tests left something in /dev/shm:"
    diff <(echo "$before") <(echo "$after") || true
    exit 1
fi

skipped=$(grep -c '^skipped: ' "$log" || true)
passed=$(awk '/^test result:/ {sum += $4} END {print sum + 0}' "$log")
if [ "$skipped" -gt 0 ]; then
    grep '^skipped: ' "$log"
    # As root there is no excuse: what needs root must have run.
    if [ "$(id -u)" -eq 0 ] && grep -q '^skipped: .*root' "$log"; then
        echo "a test that needs root was skipped as root"
        exit 1
    fi
fi
echo "$passed passed, 0 failed, $skipped skipped"
