#!/usr/bin/env bash
# Two hosts and random faults between them: ci/mirror_soak.sh [MINUTES]. MIRROR_SEED repeats the faults of an earlier run.
# An hour by default.
set -euo pipefail
cd "$(dirname "$0")/.."

source ci/own_shm.sh

export MIRROR_SECONDS=$((${1:-60} * 60))
cd mirror
cargo test --locked --test faults -- --ignored --exact --nocapture soak::random_faults
