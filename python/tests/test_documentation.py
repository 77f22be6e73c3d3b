"""Every public name has a docstring. The examples in docstrings and in the pages for Python run as they are written."""

import ast
import doctest
import gc
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ndsharray
from ndsharray import _attributes, _dtypes, _numbers, _times

README = Path(__file__).parent.parent / "README.md"
FIRST_SCREEN = Path(__file__).parents[2] / "README.md"
#: What the package index shows.
PACKAGE = README.with_name("PACKAGE.md")
RECORDINGS = Path(__file__).parents[2] / "docs" / "recording.md"
#: Functions of modules that users do not import.
HELPERS: list[Any] = [_dtypes.describe, _dtypes.restore, _numbers.plain, _times.plain, _attributes.parsed]


@pytest.fixture(autouse=True)
def examples_find_a_recording(example_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(example_directory)


def documented() -> Iterator[tuple[str, Any]]:
    yield "ndsharray", ndsharray
    for helper in HELPERS:
        yield f"{helper.__module__}.{helper.__name__}", helper
    for name in ndsharray.__all__:
        value = getattr(ndsharray, name)
        if inspect.isclass(value) or inspect.isroutine(value):
            yield name, value
        if inspect.isclass(value):
            for member, function in vars(value).items():
                if not member.startswith("_"):
                    yield f"{name}.{member}", function


def examples() -> list[tuple[str, Any]]:
    return [(name, value) for name, value in documented() if ">>>" in (value.__doc__ or "")]


@pytest.mark.parametrize("name, value", list(documented()), ids=lambda value: value if isinstance(value, str) else "")
def test_documented(name: str, value: Any) -> None:
    assert value.__doc__ and value.__doc__.strip()


def test_what_can_be_called_has_an_example() -> None:
    have = {name for name, _ in examples()}
    methods = {name for name, value in documented() if inspect.isroutine(value)}
    classes = {"Store", "Writer", "WriterOptions", "Loan", "Reader", "Every", "Snapshot", "NdShArray", "Recording", "Track", "Message"}
    assert len(methods) > 15 and methods | classes <= have, (methods | classes) - have


def test_editors_show_the_same() -> None:
    """They read the stub file. `ci/docstrings.py` writes the docstrings there."""
    stub = ast.parse((Path(ndsharray.__file__).parent / "_native.pyi").read_text())
    shown: dict[str, str | None] = {}
    for node in stub.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            shown[node.name] = ast.get_docstring(node)
        if isinstance(node, ast.ClassDef):
            for member in node.body:
                if isinstance(member, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    shown.setdefault(f"{node.name}.{member.name}", ast.get_docstring(member))
    native = {name: value for name, value in documented() if name.split(".")[0] in shown}
    for method in ["__array__", "__dlpack__", "__dlpack_device__"]:
        native[f"Snapshot.{method}"] = vars(ndsharray.Snapshot)[method]
        native[f"Message.{method}"] = vars(ndsharray.Message)[method]
    assert len(native) > 80
    for name, value in native.items():
        assert shown[name] == inspect.cleandoc(value.__doc__), f"{name}: run ci/docstrings.py with this module installed"


def run(name: str, value: Any, scope: dict[str, Any]) -> None:
    test = doctest.DocTestParser().get_doctest(inspect.cleandoc(value.__doc__), scope, name, None, None)
    assert test.examples
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    result = runner.run(test, out=said.append, clear_globs=False)
    assert result.failed == 0, "".join(said)


@pytest.mark.parametrize("name, value", examples(), ids=lambda value: value if isinstance(value, str) else "")
def test_examples(name: str, value: Any, directory: Path) -> None:
    """As they are when pasted: nothing is defined before. They leave nothing in the store."""
    scope = {**value.__globals__} if value in HELPERS else {}
    run(name, value, scope)
    scope.clear()
    gc.collect()
    assert list(directory.iterdir()) == []


def test_examples_in_one_session(directory: Path) -> None:
    """Who pastes one after the other has the variables of those before, and their tags."""
    scope: dict[str, Any] = {}
    for name, value in examples():
        if value not in HELPERS:
            run(name, value, scope)
    scope.clear()
    gc.collect()
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize("page, least", [(README, 3), (PACKAGE, 2)], ids=["README", "PACKAGE"])
def test_readme(directory: Path, page: Path, least: int) -> None:
    """The Python blocks of a page run as one program, one after the other."""
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    assert len(blocks) >= least
    scope: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, str(page), "exec"), scope)


def test_first_screen(store: ndsharray.Store, capsys: pytest.CaptureFixture[str]) -> None:
    """The Python beside the Rust in the README of the project. It leaves no tag."""
    [block] = re.findall(r"```python\n(.*?)```", FIRST_SCREEN.read_text(), re.DOTALL)
    exec(compile(block, str(FIRST_SCREEN), "exec"), {})
    assert capsys.readouterr().out == "[[1 2 3]\n [4 5 6]]\n"
    assert store.tags() == []


def test_first_screen_is_short() -> None:
    assert len(FIRST_SCREEN.read_text().split()) <= 700


def test_recordings(directory: Path) -> None:
    """The blocks of docs/recording.md about Python, one after the other."""
    [section] = re.findall(r"^## Read in Python\n(.*?)^## ", RECORDINGS.read_text(), re.DOTALL | re.MULTILINE)
    blocks = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    assert len(blocks) >= 3
    scope: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, str(RECORDINGS), "exec"), scope)
    assert scope["film"].shape == (10, 48, 64) and scope["pose"].shape == (10, 3)
    assert (scope["frame"] == scope["film"][-1]).all()


def test_readme_names_exist() -> None:
    for name in re.findall(r"`ndsharray\.([A-Za-z_]+)", README.read_text()):
        assert hasattr(ndsharray, name), name
