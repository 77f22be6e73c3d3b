#!/usr/bin/env bash
# Tries the packages that ci/release_python.sh made, in clean Debians: the wheel of this machine with the numpy of its time (1.26) and
# of today, under the tests of the module; and the source package, which is built with the oldest compiler that it promises.
#   ci/release_python_roots.sh [bookworm|trixie|sid|source]...
# It must be root, and debootstrap be installed. On two cores, bookworm and trixie took 4 minutes together, the source package 3; where
# the Debians are not made yet, 2 minutes more for each.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }

given=$(mktemp -d)
trap 'rm -rf "$given"' EXIT
cp target/dist/python/* "$given"
cp -r python/tests python/pyproject.toml "$given"
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' python/Cargo.toml)

# Tests that need the rest of the project, or programs, stay out.
cat >"$given/wheel.sh" <<'END'
set -eu
apt-get -qq update
apt-get -qq install --no-install-recommends python3-venv >/dev/null
for numpy in "$@"; do
    python3 -m venv "/venv-$numpy"
    pip="/venv-$numpy/bin/pip install --quiet --only-binary :all:"
    $pip /given/ndsharray-*_"$(uname -m)".whl "numpy==$numpy.*" "pytest>=9" ml_dtypes
    "/venv-$numpy/bin/python" -m ndsharray demo >/root/demo
    "/venv-$numpy/bin/python" -c 'import numpy, platform; print("Python", platform.python_version(), "numpy", numpy.__version__)'
    cp -r /given/tests /given/pyproject.toml /root
    (cd /root && "/venv-$numpy/bin/pytest" -q -c pyproject.toml -p no:cacheprovider \
        --ignore tests/consumers --ignore tests/test_documentation.py --ignore tests/test_guide.py \
        --ignore tests/test_photos.py --ignore tests/test_record_and_read.py --ignore-glob 'tests/test_recording*' \
        --deselect tests/test_at_exit.py::test_the_guide_has_the_recipe tests)
    "/venv-$numpy/bin/pip" uninstall --quiet --yes ndsharray
    ! "/venv-$numpy/bin/python" -c 'import ndsharray' 2>/dev/null
done
[ -z "$(ls -A /dev/shm)" ]
END
cat >"$given/source.sh" <<'END'
set -eu
apt-get -qq update
apt-get -qq install --no-install-recommends python3-venv cargo gcc libc6-dev >/dev/null
rustc --version
python3 -m venv /venv
/venv/bin/pip install --quiet --no-binary ndsharray "/given/ndsharray-$1.tar.gz"
cd /root
/venv/bin/python -m ndsharray demo
/venv/bin/pip show ndsharray | sed -n 1,3p
END

[ $# -gt 0 ] || set -- bookworm trixie sid source
for root in "$@"; do
    step "$root"
    case $root in
    # Python 3.11, the last of Debian's that numpy 1.26 has wheels for.
    bookworm) ci/clean_root.sh bookworm "$given" sh wheel.sh 1.26 2 ;;
    # Its compiler is Rust 1.85.
    source) ci/clean_root.sh trixie "$given" sh source.sh "$version" ;;
    *) ci/clean_root.sh "$root" "$given" sh wheel.sh 2 ;;
    esac
done
echo "passed: $*"
