"""What Python wrote to a store, and the command line recorded, is what `Recording` reads."""

import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ndsharray
import recordings
from ndsharray import Recording, Store

WATCHDOG = 60
ALIGNED = np.dtype([("stamp", "u8"), ("position", "f4", 3), ("valid", "?")], align=True)
RANDOM = np.random.default_rng(1)
#: Tags, and the values of each: of any dtype and strides, some with another layout than the one before.
VALUES: dict[str, list[Any]] = {
    "cam": [RANDOM.integers(0, 255, (120, 160, 3), np.uint8) for _ in range(20)],
    "turned": [RANDOM.random((30, 40)).T for _ in range(5)],
    "records": [np.array([(n, (n, 0.5, np.inf), True)] * n, ALIGNED) for n in range(1, 6)],
    "recarray": [np.zeros(3, [("x", "f4"), ("y", "i8")]).view(np.recarray)],
    "times": [np.array(["2024-05-17", "NaT"], "M8[s]"), np.array([5], "m8[ns]")],
    "texts": [np.array(["a", "bcd"]), np.array([b"x", b"yz"]), np.array("alone")],
    "mixed": [1.5, np.array([np.nan], np.float16), True, np.array(3 + 4j), np.empty((0, 3)), np.arange(24).reshape(2, 3, 4)],
    "half": [np.arange(4).astype(recordings.DTYPES["bfloat16"])],
}


def record(path: Path, *arguments: str) -> "subprocess.Popen[bytes]":
    if not recordings.COMMAND_LINE.exists():
        pytest.skip("the command line is not built: cargo build --package ndsharray-cli")
    return subprocess.Popen([str(recordings.COMMAND_LINE), "record", "-o", str(path), "--min-free", "0", *arguments])


@pytest.mark.parametrize("compression", recordings.COMPRESSIONS)
def test_what_a_history_holds(store: Store, tmp_path: Path, compression: str) -> None:
    written: dict[str, list[ndsharray.Snapshot]] = {}
    writers = []
    for tag, values in VALUES.items():
        writers.append(writer := store.writer(tag, history=20, capacity=1 << 16))
        reader = store.reader(tag)
        for number, value in enumerate(values):
            extra: Any = {"attrs": {"number": number, "text": "é"}} if number % 2 else {"user_data": bytes([number])}
            writer.write(value, **extra, acquired_at=10**18 + number if number % 3 else None)
            written.setdefault(tag, []).append(reader.latest(copy=True))
    with record(tmp_path / "run.mcap", "--compress", compression, "--duration", "1") as recorder:
        assert recorder.wait(WATCHDOG) == 0
    recording = Recording(tmp_path / "run.mcap")
    assert recording.tags() == sorted(VALUES) and recording.complete and recording.left_out == []
    assert sum(recording.missed.values()) == 0
    for tag, snapshots in written.items():
        assert len(recording[tag]) == len(snapshots) == len(VALUES[tag])
        for message, snapshot in zip(recording[tag], snapshots):
            assert recordings.is_same(message.array, snapshot.array) and repr(message.dtype) == repr(snapshot.dtype)
            for name in ["version", "written_at_ns", "acquired_at_ns", "user_data", "attrs", "shape"]:
                assert getattr(message, name) == getattr(snapshot, name), name


def test_live(store: Store, tmp_path: Path) -> None:
    """Values that come while it records. The history is longer than what is written, so that none can be missed."""
    path, seen = tmp_path / "run.mcap", []
    with store.writer("cam", history=200, capacity=1 << 16) as writer, record(path, "cam") as recorder:
        try:
            while not path.exists():
                assert recorder.poll() is None
                time.sleep(0.01)
            reader = store.reader("cam")
            for number in range(150):
                writer.write(np.full((number % 7 + 1, 64), number))
                seen.append(reader.latest().written_at_ns)
                time.sleep(0.002)
            recorder.send_signal(signal.SIGINT)
            assert recorder.wait(WATCHDOG) == 0
        finally:
            recorder.kill()
    track = Recording(path)["cam"]
    assert track.times.astype("i8").tolist() == seen
    for number, message in enumerate(track):
        np.testing.assert_array_equal(message.array, np.full((number % 7 + 1, 64), number))
        near = track.nearest(message.written_at_ns)
        assert near is not None and near.written_at_ns == message.written_at_ns
    assert track[::7].stack().shape == (22, 1, 64)
