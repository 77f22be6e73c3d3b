#!/usr/bin/env bash
# Checks the links of all pages, and makes a book of the documentation in target/book/book, with mdBook. mdBook is installed under target/
# if it is not there: ten minutes, once. Without it (no network) the links are checked, and a line says what was skipped.
set -euo pipefail
cd "$(dirname "$0")/.."

python3 ci/book.py links
python3 ci/book.py source target/book

mdbook=$(command -v mdbook || echo target/mdbook/bin/mdbook)
[ -x "$mdbook" ] || cargo install --quiet --locked --version '^0.5' --root target/mdbook mdbook || true
if ! [ -x "$mdbook" ]; then
    echo "skipped: the book: mdBook cannot be installed"
    exit 0
fi
"$mdbook" build target/book
python3 ci/book.py html target/book/book
echo "target/book/book/index.html"
