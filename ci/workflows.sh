#!/usr/bin/env bash
# Checks the files of the hosted CI (.github/workflows): against their schema, and that each action is pinned to a commit and each
# script that they call exists. In a minute; installs check-jsonschema in target/workflows-venv.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=target/workflows-venv
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check "check-jsonschema==0.39.*"
"$venv/bin/check-jsonschema" --builtin-schema vendor.github-workflows .github/workflows/*.yml

failed=0
# A tag can be moved to other code, a commit cannot.
if grep -nE '^ *(- )?uses:' .github/workflows/*.yml | grep -vE '@[0-9a-f]{40} # v[0-9.]+$'; then
    echo "an action is not pinned to a commit, with its version behind it"
    failed=1
fi
while read -r script; do
    if [ ! -x "$script" ]; then
        echo "$script is called, and is no program"
        failed=1
    fi
done < <(grep -ohE '\bci/[a-z_]+\.sh' .github/workflows/*.yml | sort -u)
[ "$failed" -eq 0 ] && echo "the workflows are as their schema wants them"
