"""The values of a recording as one array."""

import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ndsharray
import recordings
from ndsharray import Recording


@pytest.fixture(scope="module", params=recordings.COMPRESSIONS)
def recording(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    [path] = recordings.make(tmp_path_factory.mktemp("recordings") / "run.mcap", "--compress", request.param)
    return Recording(path)


def expected(tag: str, numbers: range) -> np.ndarray[Any, Any]:
    # Not np.stack, which changes the byte order and drops the padding of records.
    dtype, shape = recordings.layout(tag, numbers[0])
    elements = b"".join(recordings.array(tag, number).tobytes() for number in numbers)
    return np.frombuffer(elements, dtype).reshape(len(numbers), *shape)


@pytest.mark.parametrize("tag", [tag for tag in recordings.TAGS if tag not in ("cloud", "switching")])
def test_stack(recording: Recording, tag: str) -> None:
    track = recording[tag]
    stacked = track.stack()
    assert recordings.is_same(stacked, expected(tag, range(1, 11))) and stacked.dtype == track[0].dtype
    assert stacked.flags.writeable and stacked.flags.owndata and stacked.base is None
    assert recordings.is_same(track[7:2:-2].stack(), expected(tag, range(8, 3, -2)))
    out = np.empty_like(stacked)
    assert track.stack(out=out) is out and recordings.is_same(out, stacked)


def test_out_of_any_strides(recording: Recording) -> None:
    for tag in ["cam", "scalar", "record", "record.big-endian", "empty"]:
        values = expected(tag, range(1, 11))
        wide = np.zeros((*values.shape, 2), values.dtype)
        turned = np.zeros(values.shape[::-1], values.dtype).T
        for out in [wide[..., 0], turned, np.zeros(values.shape, values.dtype, "F")]:
            assert recording[tag].stack(out=out) is out
            assert out.tobytes() == values.tobytes()
        assert not wide[..., 1].tobytes().strip(b"\0"), "nothing beside it is touched"


def test_values_of_different_layouts(recording: Recording) -> None:
    with pytest.raises(ndsharray.InvalidArgumentError) as caught:
        recording["cloud"].stack()
    assert str(caught.value) == (
        'the values of "cloud" cannot be stacked: number 1 is float32 [102, 3], but number 0 is float32 [101, 3]. Stack those of '
        "one layout, such as track[:1]"
    )
    with pytest.raises(ValueError, match=r'"switching" cannot be stacked: number 1 is float64 \[4\], but number 0 is int32 \[4\]'):
        recording["switching"].stack()
    with pytest.raises(ValueError, match="cannot be stacked"):
        recording["switching"].stack(out=np.zeros((10, 4), "i4")[::1, ::-1])
    assert recording["switching"][::2].stack().tolist() == expected("switching", range(1, 11, 2)).tolist()
    assert recording["cloud"][:1].stack().shape == (1, 101, 3)


def test_nothing_to_stack(recording: Recording) -> None:
    with pytest.raises(ndsharray.InvalidArgumentError, match='there are no values of "cam" to stack'):
        recording["cam"][10:].stack()


def test_out_that_does_not_fit(recording: Recording) -> None:
    track = recording["cam"]
    good = np.zeros((10, 48, 64), np.uint8)
    wrong: list[tuple[Any, type[Exception], str]] = [
        (np.zeros((9, 48, 64), np.uint8), ndsharray.InvalidArgumentError, r"shape \[9, 48, 64\], but the stack .* \[10, 48, 64\]"),
        (np.zeros((10, 64, 48), np.uint8), ndsharray.InvalidArgumentError, "shape"),
        (np.zeros((48, 64), np.uint8), ndsharray.InvalidArgumentError, "shape"),
        (good.astype(np.int8), ndsharray.DTypeMismatchError, "out has the dtype int8, but the stack has the dtype uint8"),
        (np.frombuffer(good.tobytes(), np.uint8).reshape(good.shape), ndsharray.InvalidArgumentError, "read-only"),
        (np.ma.masked_array(good, mask=True), ndsharray.InvalidArgumentError, "masked"),
        (good.tolist(), TypeError, "out must be a numpy.ndarray, not list"),
    ]
    for out, error, message in wrong:
        with pytest.raises(error, match=message):
            track.stack(out=out)
    assert not good.any()
    with pytest.raises(TypeError):
        track.stack(good)  # type: ignore[call-arg]


def test_a_view_of_the_file_is_no_place(recording: Recording) -> None:
    values = recording["cam"][:1]
    with pytest.raises(ndsharray.InvalidArgumentError, match="read-only"):
        values.stack(out=values[0].array[None])


def test_other_threads_run_meanwhile(tmp_path: Path) -> None:
    """While values are copied, with any strides."""
    [path] = recordings.make(tmp_path / "run.mcap", "--values", "300")
    count, ends, interval = 0, threading.Event(), sys.getswitchinterval()

    def run() -> None:
        nonlocal count
        while not ends.is_set():
            count += 1
            time.sleep(0)

    thread = threading.Thread(target=run, daemon=True)
    # Longer than any test, so that the interpreter is never taken from a thread.
    sys.setswitchinterval(3600)
    try:
        thread.start()
        track = Recording(path)["cam.rgb"]
        for out in [None, np.empty((300, 48, 64, 3), np.uint8), np.empty((3, 64, 48, 300), np.uint8).T]:
            before = count
            for _ in range(200):
                track.stack(out=out)
                if count > before:
                    break
            assert count > before
        before = count
        for _ in range(1000):
            Recording(path)
            if count > before:
                break
        assert count > before
    finally:
        ends.set()
        thread.join()
        sys.setswitchinterval(interval)
