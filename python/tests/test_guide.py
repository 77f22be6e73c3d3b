"""The programs of docs/guide.md run as they are written, as processes, over a store of their own."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ndsharray

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "guide.md").read_text(), re.DOTALL)
PROGRAMS = {block.split("\n")[0].removeprefix("# "): block for block in BLOCKS if re.match(r"# \w+\.py\n", block)}
WATCHDOG = 120


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    for name, text in PROGRAMS.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def start(programs: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, *arguments], cwd=programs, stdout=subprocess.PIPE, text=True)


def ended(process: "subprocess.Popen[str]") -> str:
    try:
        said, _ = process.communicate(timeout=WATCHDOG)
    finally:
        process.kill()
    assert process.returncode == 0
    return said


def test_camera_and_consumers(programs: Path, directory: Path) -> None:
    consumers = [start(programs, "consumer.py", work) for work in ["0", "0.02", "0.2"]]
    try:
        ended(start(programs, "camera.py"))
        said = [ended(consumer) for consumer in consumers]
    finally:
        for consumer in consumers:
            consumer.kill()
    for line in said:
        numbers = re.fullmatch(r"(\d+) frames, missed (\d+), the last one was 59\n", line)
        assert numbers, line
        # Every frame after the first one that it saw was read or missed.
        assert 1 <= int(numbers[1]) and int(numbers[1]) + int(numbers[2]) <= 60
    assert list(directory.iterdir()) == []


def test_a_loop_that_keeps_its_snapshot(programs: Path, store: ndsharray.Store) -> None:
    with store.writer("gains") as writer:
        writer.write([1.0, 0.5])
        controller = start(programs, "controller.py")
        try:
            while store.stat("gains").pinned == 0:
                assert controller.poll() is None
            writer.write([2.0, 0.25])
            assert ended(controller) == "the last gains were 2.0 and 0.25, version 2\n"
        finally:
            controller.kill()
    assert store.stat("gains").pinned == 0


def test_numpy_to_rust_and_back(store: ndsharray.Store) -> None:
    program = ROOT / "target" / "debug" / "examples" / "spectrum"
    if not program.exists():
        pytest.skip("the Rust example is not built: cargo build --example spectrum")
    scope: dict[str, Any] = {}
    [block] = [block for block in BLOCKS if "def squared" in block]
    # The function opens a reader of "spectrum", so that tag must exist first.
    with subprocess.Popen([program]) as other, store.writer("samples") as samples:
        try:
            samples.write(np.zeros(1, np.float32))
            while "spectrum" not in store.tags():
                assert other.poll() is None
            samples.close()
            exec(compile(block, "guide", "exec"), scope)
            values = np.linspace(-3, 3, 1000, dtype=np.float32)
            for _ in range(3):
                np.testing.assert_array_equal(scope["squared"](store, values), values.astype(np.float64) ** 2)
        finally:
            other.kill()


def test_workers_and_trainer(programs: Path, store: ndsharray.Store, directory: Path) -> None:
    pytest.importorskip("torch", reason="torch is not installed", exc_type=ImportError)
    said = ended(start(programs, "trainer.py"))
    assert re.fullmatch(r"100 batches, missed 0, mean 0\.(49|50)\d\n", said), said
    assert list(directory.iterdir()) == []


def test_each_value_in_its_turn(store: ndsharray.Store) -> None:
    scope: dict[str, Any] = {}
    [block] = [block for block in BLOCKS if "def total" in block]
    exec(compile(block, "guide", "exec"), scope)
    with store.writer("samples", history=20) as writer:
        for n in range(20):
            writer.write(np.full(3, n))
        assert scope["total"](store) == 570.0


def test_every_program_of_the_guide_is_run() -> None:
    assert set(PROGRAMS) == {"camera.py", "consumer.py", "controller.py", "worker.py", "trainer.py"}
