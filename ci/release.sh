#!/usr/bin/env bash
# Builds everything that is released beside the crates, and lays it with checksums into target/dist/release: ci/release.sh [TAG]
# With a tag (such as v2.0.0) it first makes sure that all manifests have its version. Uploads nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

# What users of Python, of the command line and of Debian install. Each leaves its files in target/dist.
scripts=(ci/release_python.sh ci/release_program.sh ci/release_debian.sh)
kinds=('*.whl' '*.tar.gz' '*.deb')
# The wheels of both processors are made on one of them.
if [ "$(uname -m)" != x86_64 ]; then
    scripts=("${scripts[@]:1}")
    kinds=("${kinds[@]:1}")
fi
dist=target/dist
release=$dist/release

if [ $# -gt 0 ]; then
    for manifest in Cargo.toml {capi,cli,derive,mirror,python,recording,serve}/Cargo.toml; do
        version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$manifest" | head -n 1)
        if [ "v$version" != "$1" ]; then
            echo "release: $manifest has version $version, the tag is $1"
            exit 1
        fi
    done
fi
for script in "${scripts[@]}"; do
    if [ ! -x "$script" ]; then
        echo "release: $script is not there, or no program"
        exit 1
    fi
done

rm -rf "$dist"
for script in "${scripts[@]}"; do
    printf '\n== %s\n' "$script"
    "$script"
done

printf '\n== %s\n' "$release"
mkdir -p "$release"
for kind in "${kinds[@]}"; do
    mapfile -t made < <(find "$dist" -maxdepth 2 -type f -name "$kind")
    if [ ${#made[@]} -eq 0 ]; then
        echo "release: no $kind was made"
        exit 1
    fi
    cp --target-directory "$release" "${made[@]}"
done
(cd "$release" && sha256sum -- * >"SHA256SUMS-$(uname -m)" && cat SHA256SUMS-*)
