#!/usr/bin/env bash
# Makes the packages of the Python module, under target/dist/python: the source package, and of that a wheel for x86_64 and one for
# aarch64, each for CPython 3.10 and later and glibc 2.17 and later. Checks them as files; ci/release_python_roots.sh tries them.
set -euo pipefail
cd "$(dirname "$0")/.."

source ci/release_tools.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rm -rf "$dist/python"
mkdir -p "$dist/python"

step "source package"
maturin sdist --manifest-path python/Cargo.toml --out "$dist/python"
tar --extract --gzip --file "$dist"/python/ndsharray-*.tar.gz --directory "$work" --strip-components 1

for arch in x86_64 aarch64; do
    step "wheel for $arch"
    compiler_for "$arch"
    # From the source package, where nothing else of the project is.
    (cd "$work" && maturin build --quiet --release --locked --zig --target "$arch-unknown-linux-gnu" \
        --compatibility "manylinux_${glibc/./_}" --auditwheel check --out "$dist/python")
done

step "checks"
twine check --strict "$dist"/python/*
for wheel in "$dist"/python/*.whl; do
    arch=${wheel##*_2_17_}
    auditwheel show "$wheel"
    auditwheel show "$wheel" | tr '\n' ' ' | grep "platform tag: *\"manylinux_${glibc/./_}_${arch%.whl}\"" >/dev/null
    python3 -m zipfile --extract "$wheel" "$work/${arch%.whl}"
    portable "$work/${arch%.whl}"/ndsharray/*.so
    # The page of the index is that of the module, not that of the library.
    python3 - "$wheel" "$work/PACKAGE.md" <<'END'
import email
import sys
import zipfile

with zipfile.ZipFile(sys.argv[1]) as wheel:
    [name] = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    page = email.message_from_bytes(wheel.read(name)).get_payload(decode=True)
with open(sys.argv[2], "rb") as file:
    assert page.strip() == file.read().strip(), "the wheel has another page"
END
    # It finds one function that is in the stable interface only since 3.11. python/src/object/heap_type.rs says why 3.10 has it.
    abi3audit --report "$wheel" >"$work/report.json" 2>/dev/null || true
    python3 - "$work/report.json" <<'END'
import json
import sys

with open(sys.argv[1]) as file:
    [spec] = json.load(file)["specs"].values()
[library] = spec["wheel"]
result = library["result"]
print(library["name"], result)
assert result["is_abi3"] and result["non_abi3_symbols"] == []
assert result["future_abi3_objects"] == {"PyObject_GetBuffer": "3.11"}
END
done

step "made"
ls -l "$dist/python"
