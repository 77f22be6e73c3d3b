#!/usr/bin/env bash
# Builds everything that is released beside the crates, in target/dist, with checksums: ci/release.sh [TAG]
# With a tag (such as v2.0.0) it first makes sure that all manifests have its version. Uploads nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

# What users of Python, of the command line and of Debian install.
scripts=(ci/release_python.sh ci/release_program.sh ci/release_deb.sh)
dist=target/dist

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
mkdir -p "$dist"
begun=$(mktemp)
trap 'rm -f "$begun"' EXIT
for script in "${scripts[@]}"; do
    printf '\n== %s\n' "$script"
    "$script"
done

printf '\n== %s\n' "$dist"
# Each script leaves its files where its tool does.
find target -maxdepth 4 -type f -newer "$begun" -not -path "$dist/*" \
    \( -name 'ndsharray*.whl' -o -name 'ndsharray*.tar.*' -o -name '*ndsharray*.deb' \) -exec cp -t "$dist" {} +
for kind in '*.whl' '*.tar.gz' '*.deb'; do
    if ! compgen -G "$dist/$kind" >/dev/null; then
        echo "release: no $kind was made"
        exit 1
    fi
done
(cd "$dist" && sha256sum -- * >SHA256SUMS && cat SHA256SUMS)
