"""The commands of ``python -m ndsharray``."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np

import ndsharray
from ndsharray import Store


def run(*arguments: str) -> tuple[int, str, str]:
    command = [sys.executable, "-W", "error", "-m", "ndsharray", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    return done.returncode, done.stdout, done.stderr


def test_demo(store: Store) -> None:
    code, out, errors = run("demo")
    assert (code, errors) == (0, ""), errors
    assert len(re.findall(r"^writer \(pid \d+\): version \d+, \d+ bytes in \d+ us$", out, re.MULTILINE)) == 10
    for name in ["fast reader", "slow reader"]:
        assert re.search(rf"^{name} \(pid \d+\): version 10, float64 \(1000,\), \d+ us old, mean 4.50", out, re.MULTILINE)
    left = rf"files of ndsharray-demo-\d+-\w{{6}} left in {re.escape(str(store.directory))}: none"
    assert re.search(rf"^every value was whole and right; {left}\n\Z", out, re.MULTILINE), out
    assert list(store.directory.iterdir()) == []


def test_the_directory_may_stand_behind_the_command(store: Store, tmp_path: Path) -> None:
    store.writer("here").close()
    directory = str(store.directory)
    for arguments in [["ls", "--dir", directory], ["--dir", directory, "ls"], ["--dir", str(tmp_path), "ls", "--dir", directory]]:
        code, out, errors = run(*arguments)
        assert (code, errors) == (0, "") and out.startswith("here  empty"), out
    assert run("--dir", str(tmp_path), "ls") == (0, "", "")
    code, _, errors = run("rm", "nothing", "here")
    assert code == 1 and errors.count("error: no array") == 1
    assert store.tags() == []


def test_who_reads_the_output_may_go(store: Store) -> None:
    store.writer("here").close()
    ends, output = os.pipe()
    os.close(ends)
    command = [sys.executable, "-W", "error", "-m", "ndsharray", "ls"]
    done = subprocess.run(command, stdout=output, stderr=subprocess.PIPE, text=True, timeout=100, check=False)
    os.close(output)
    assert (done.returncode, done.stderr) == (0, "")


def test_ls_stat_rm_gc(store: Store) -> None:
    assert run("ls") == (0, "", "")
    with store.writer("camera") as writer, store.writer("empty"):
        writer.write(np.zeros((2, 3), np.float32))
        code, out, errors = run("ls")
        assert (code, errors) == (0, "")
        assert re.fullmatch(
            r"camera  float32 \(2, 3\) version 1  \d+ bytes  writer\nempty  empty  \d+ bytes  writer\n", out
        )
        code, out, errors = run("stat", "camera")
        assert (code, errors) == (0, "")
        for line in ["dtype:             float32", "mode:              0o600", "nbytes:            24", "writer_alive:      True"]:
            assert f"{line}\n" in out
        code, out, errors = run("rm", "camera")
        assert code == 1 and out == "" and "has a writer" in errors
        assert run("rm", "--force", "camera") == (0, "", "")
    assert store.tags() == ["empty"]
    with store.writer("left", source="robot-7") as writer:
        writer.write(np.zeros(2), attrs={"gain": 2}, acquired_at=1.5)
        code, out, errors = run("ls")
        assert (code, errors) == (0, "")
        assert re.search(r"^left  float64 \(2,\) version 1  \d+ bytes  writer  from robot-7$", out, re.MULTILINE), out
        code, out, errors = run("stat", "left")
        assert (code, errors) == (0, "")
        for line in ["attrs:             {'gain': 2}", "acquired_at:       1.5", "source_written_at: None", "source:            robot-7"]:
            assert f"{line}\n" in out
    store.remove("left")
    assert run("--dir", str(store.directory), "rm", "empty") == (0, "", "")
    assert run("gc") == (0, "0 files, 0 bytes removed\n", "")
    code, _, errors = run("stat", "empty")
    assert code == 1 and errors.startswith("error: no array")
    assert run("--version") == (0, f"{ndsharray.__version__}\n", "")
