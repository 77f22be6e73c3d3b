"""Recordings in several threads and processes."""

import copy
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import recordings
from ndsharray import Recording


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that is not compressed."""
    [path] = recordings.make(tmp_path_factory.mktemp("recordings") / "run.mcap")
    return path


@pytest.fixture(scope="module", params=recordings.COMPRESSIONS)
def recording(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    [path] = recordings.make(tmp_path_factory.mktemp("recordings") / "run.mcap", "--compress", request.param)
    return Recording(path)


def test_pickle(plain: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(plain.parent)
    recording = Recording("run.mcap")
    sent = pickle.dumps(recording)
    monkeypatch.chdir(tmp_path)
    again = pickle.loads(sent)
    assert again.path == plain and again.tags() == recordings.TAGS
    assert copy.copy(again)["cam"][0].version == 2**32 + 1


def test_threads(recording: Recording) -> None:
    """They share a recording, a track and its dtypes."""
    track, records = recording["cam"], recording["aligned"]
    wrong: list[BaseException] = []

    def read() -> None:
        try:
            for turn in range(20):
                number = turn % recordings.VALUES + 1
                assert recordings.is_same(track[number - 1].array, recordings.array("cam", number))
                assert recordings.is_same(records.stack()[number - 1], recordings.array("aligned", number))
        except BaseException as error:  # noqa: B036
            wrong.append(error)

    threads = [threading.Thread(target=read, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive(), "it hangs"
    assert wrong == []


def test_a_forked_child_reads_on(recording: Recording) -> None:
    track = recording["cam"]
    assert track[0].version
    child = os.fork()
    if child == 0:
        try:
            same = [recordings.is_same(track[number - 1].array, recordings.array("cam", number)) for number in range(1, 11)]
            os._exit(0 if all(same) and len(Recording(recording.path)) == len(recordings.TAGS) else 1)
        except BaseException:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


FORKED = """
import os, sys, threading
import ndsharray
recording = ndsharray.Recording(sys.argv[1])
track, seen = recording["cam.rgb"], set()
threading.Thread(target=lambda: [track.stack() for _ in iter(int, 1)], daemon=True).start()
for _ in range(2000):
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if len(track[5:].stack()) == len(track) - 5 and track[3].array.any() else 1)
        except ndsharray.ForkedError as error:
            again = ndsharray.Recording(sys.argv[1])["cam.rgb"]
            os._exit(3 if "open it anew" in str(error) and len(again.stack()) == len(track) else 1)
        except BaseException:
            os._exit(2)
    seen.add(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    if 3 in seen:
        break
print(sorted(seen - {0}))
sys.stdout.flush()
os._exit(0)
"""


def test_a_fork_in_the_middle_of_a_call(tmp_path: Path) -> None:
    """The other thread may hold a lock at the fork, which nobody frees in the child. The child does not wait for it."""
    [path] = recordings.make(tmp_path / "run.mcap", "--compress", "zstd", "--values", "50")
    command = [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-c", FORKED, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert (done.stdout, done.stderr) == ("[3]\n", "")
