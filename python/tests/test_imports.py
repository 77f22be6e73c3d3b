"""What tools that gather modules find, what a reload keeps, and what an import costs."""

import itertools
import modulefinder
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import ndsharray
from ndsharray import _native

MODULES = {module.name for module in pkgutil.iter_modules(ndsharray.__path__)}


def named_by_native_code() -> set[str]:
    code = Path(_native.__file__).read_bytes()
    return {name for name in MODULES if f"ndsharray.{name}".encode() in code}


def test_python_code_imports_what_native_code_imports(tmp_path: Path) -> None:
    named = named_by_native_code()
    assert {"_aio", "_attributes", "_dtypes", "_ephemeral", "_errors", "_numbers", "_pickling", "_times"} <= named
    script = tmp_path / "program.py"
    script.write_text("import ndsharray\n")
    finder = modulefinder.ModuleFinder(excludes=["numpy", "asyncio", "multiprocessing", "concurrent"])
    finder.run_script(str(script))
    found = {name.removeprefix("ndsharray.") for name in finder.modules if name.startswith("ndsharray.")}
    assert named <= found, named - found


def test_an_import_leaves_out_what_takes_long() -> None:
    script = "import ndsharray, sys; print([name for name in ['asyncio', 'multiprocessing.util'] if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")


RELOAD = """
import importlib, sys
import ndsharray
store = ndsharray.Store()
before = {name: getattr(ndsharray, name) for name in ndsharray.__all__ if name != "supported_types"}
for name in sys.argv[1:]:
    importlib.reload(sys.modules[name])
for name, value in before.items():
    assert getattr(ndsharray, name) is value, name
try:
    store.reader("nothing")
except before["Error"] as error:
    assert type(error) is before["NotFoundError"] is ndsharray.NotFoundError
try:
    store.writer("a", ephemeral=True).write([object()])
except before["UnsupportedDTypeError"]:
    print("caught")
with store.writer("b", ephemeral=True) as writer:
    writer.write([1])
assert store.tags() == []
"""
RELOADED = ["ndsharray._errors", "ndsharray", "ndsharray._dtypes"]


@pytest.mark.parametrize("order", list(itertools.permutations(RELOADED)), ids=lambda order: ", ".join(order))
def test_a_reload_keeps_the_classes(order: tuple[str, ...]) -> None:
    """As IPython's autoreload does it, whichever module comes first."""
    command = [sys.executable, "-W", "error", "-c", RELOAD, *order, "ndsharray._ephemeral", "ndsharray.ndsharray"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("caught\n", "")
