"""Gives each test a store of its own, and prints a line for each test that is skipped."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import ndsharray
import recordings


@pytest.fixture(autouse=True)
def directory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The directory of the default store, for this test and for the processes that it starts."""
    with tempfile.TemporaryDirectory(prefix=".ndsharray-python-", dir="/dev/shm") as path:
        monkeypatch.setenv("NDSHARRAY_DIR", path)
        monkeypatch.delenv("NDSHARRAY_MODE", raising=False)
        # So that processes that a test starts find the helper modules of this folder.
        here = str(Path(__file__).parent)
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])]))
        yield Path(path)


@pytest.fixture
def store(directory: Path) -> ndsharray.Store:
    return ndsharray.Store(directory)


@pytest.fixture(scope="session")
def example_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the recording `run.mcap` is that the examples of the documentation open."""
    directory = tmp_path_factory.mktemp("examples")
    recordings.make(directory / "run.mcap")
    return directory


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        terminalreporter.write_line(f"skipped: {report.nodeid}: {reason.removeprefix('Skipped: ')}")
