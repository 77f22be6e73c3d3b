#!/usr/bin/env bash
# All tests of the project. Tests that cannot run here print a line "skipped: NAME: REASON"; they are counted at the end.
set -euo pipefail
cd "$(dirname "$0")/.."

source ci/own_shm.sh

log=$(mktemp)
trap 'rm -f "$log"' EXIT

ci/tools.sh

# Everything is built once: what cargo would keep to build a change faster only fills the disk.
export CARGO_INCREMENTAL=0

before=$(ls -A /dev/shm 2>/dev/null | sort)
{ ci/rust.sh && ci/capi.sh && ci/python.sh && ci/serve_page.sh && ci/matrix.sh && ci/mirror.sh; } 2>&1 | tee "$log"
after=$(ls -A /dev/shm 2>/dev/null | sort)
if [ "$before" != "$after" ]; then
    echo "tests left something in /dev/shm:"
    diff <(echo "$before") <(echo "$after") || true
    exit 1
fi

skipped=$(grep -c '^skipped: ' "$log" || true)
# Lines such as "test result: ok. 5 passed; ..." (cargo) and "== 5 passed, 1 skipped in 2.00s ==" (pytest).
passed=$(awk '/^test result:/ {sum += $4} /^=.* passed.* in [0-9.]+s/ {for (i = 2; i <= NF; i++) if ($i ~ /^passed/) sum += $(i - 1)}
    END {print sum + 0}' "$log")
if [ "$skipped" -gt 0 ]; then
    grep '^skipped: ' "$log"
    # As root there is no excuse: what needs root must have run.
    if [ "$(id -u)" -eq 0 ] && grep -q '^skipped: .*root' "$log"; then
        echo "a test that needs root was skipped as root"
        exit 1
    fi
fi
echo "$passed passed, 0 failed, $skipped skipped"
