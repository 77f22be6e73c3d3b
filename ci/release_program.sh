#!/usr/bin/env bash
# Makes the program for Linux of this architecture with glibc 2.17 and later: target/dist/ndsharray-VERSION-linux-ARCH.tar.gz, with
# ndsharray, ndsharray-mirror, manual pages, completions and systemd units, to be unpacked in a prefix such as /usr/local.
# target/dist/tree has the same files. At the end `cargo install` is tried, too, unless --no-cargo-install says otherwise.
set -euo pipefail
cd "$(dirname "$0")/.."

source ci/release_tools.sh

arch=$(uname -m)
triple=$arch-unknown-linux-gnu
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' cli/Cargo.toml)

step "ndsharray"
cargo zigbuild --quiet --release --locked --target "$triple.$glibc" --package ndsharray-cli
step "ndsharray-mirror"
cargo zigbuild --quiet --release --locked --target "$triple.$glibc" --manifest-path mirror/Cargo.toml

step "files"
tree=$dist/tree
built=$CARGO_TARGET_DIR/$triple/release
rm -rf "$tree"
install -D --strip --mode 755 --target-directory "$tree/bin" "$built/ndsharray" "$built/ndsharray-mirror"
program=$tree/bin/ndsharray
portable "$tree"/bin/*
[ "$("$program" --version)" = "ndsharray $version" ]
[ "$("$tree/bin/ndsharray-mirror" --version)" = "ndsharray mirror $version" ]
"$program" man --out "$tree/share/man/man1"
# Names that the shells look for.
for shell in bash:bash-completion/completions/ndsharray zsh:zsh/site-functions/_ndsharray fish:fish/vendor_completions.d/ndsharray.fish; do
    "$program" completions "${shell%%:*}" >"$tree/completion"
    install -D --mode 644 "$tree/completion" "$tree/share/${shell#*:}"
done
rm "$tree/completion"
install -D --mode 644 --target-directory "$tree/lib/systemd/system" cli/systemd/*.service
install -D --mode 644 --target-directory "$tree/share/doc/ndsharray" LICENSE-APACHE LICENSE-MIT CHANGELOG.md cli/systemd/ndsharray.default
package=$dist/ndsharray-$version-linux-$arch.tar.gz
# The same files make the same archive.
tar --create --sort name --owner 0 --group 0 --numeric-owner --mtime "@$(git log -1 --format=%ct)" --directory "$tree" bin lib share |
    gzip --no-name -9 >"$package"

if [ "${1:-}" != --no-cargo-install ]; then
    step "cargo install"
    root=$(mktemp -d)
    trap 'rm -rf "$root"' EXIT
    cargo install --quiet --locked --path cli --root "$root"
    cargo install --quiet --locked --path mirror --root "$root"
    "$root/bin/ndsharray" man --out "$root/man"
    "$root/bin/ndsharray" completions bash | cmp - "$tree/share/bash-completion/completions/ndsharray"
    diff -r "$root/man" "$tree/share/man/man1"
    # It finds the mirror beside it.
    [ "$(env PATH=/nowhere "$root/bin/ndsharray" mirror --version)" = "ndsharray mirror $version" ]
fi

step "made"
ls -l "$package"
