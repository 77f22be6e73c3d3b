"""Recordings: files of values, read as sequences."""

import errno
import gc
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ndsharray
import recordings
from ndsharray import Recording


@pytest.fixture(scope="module", params=recordings.COMPRESSIONS)
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    [path] = recordings.make(tmp_path_factory.mktemp("recordings") / "run.mcap", "--compress", request.param)
    return path


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that is not compressed."""
    [path] = recordings.make(tmp_path_factory.mktemp("recordings") / "run.mcap")
    return path


@pytest.fixture
def recording(path: Path) -> Iterator[Recording]:
    with Recording(path) as recording:
        yield recording


def test_a_recording(recording: Recording, path: Path) -> None:
    assert recording.tags() == list(recording) == recordings.TAGS and len(recording) == len(recordings.TAGS)
    assert "cam" in recording and "cam2" not in recording
    assert 3 not in recording and None not in recording
    assert recording.path == path and recording.complete and not recording.closed
    assert recording.start == recordings.written_at(1) / 1e9
    assert recording.end == recordings.written_at(recordings.VALUES) / 1e9
    assert recording.missed == {"cam": 3, "uint8": 0}
    assert recording.metadata == {"ndsharray.missed": {"cam": "3", "uint8": "0"}}
    assert repr(recording) == f'<ndsharray.Recording "{path}": {len(recordings.TAGS)} tags>'


@pytest.mark.parametrize("form", [str, Path])
def test_forms_of_a_path(plain: Path, form: Any) -> None:
    assert Recording(form(plain)).path == plain


@pytest.mark.parametrize("tag", recordings.TAGS)
def test_values(recording: Recording, tag: str) -> None:
    track = recording[tag]
    assert track.tag == tag and len(track) == recordings.VALUES
    for number, message in enumerate(track, 1):
        expected = recordings.array(tag, number)
        assert recordings.is_same(message.array, expected)
        assert (message.dtype, message.shape) == (expected.dtype, expected.shape)
        assert message.array.flags.aligned and message.array.flags.c_contiguous
        assert message.version == 2**32 + number
        assert message.attrs == recordings.ATTRS.get(tag)
        assert tag in recordings.ATTRS or message.user_data == number.to_bytes(8, "little")
        written_at = recordings.written_at(number)
        assert message.written_at_ns == written_at
        assert message.written_at == pytest.approx(written_at / 1e9, rel=1e-15)
        acquired_at = written_at - recordings.DELAY if tag.startswith("cam") else None
        assert message.acquired_at_ns == acquired_at
        assert message.acquired_at == (acquired_at and pytest.approx(acquired_at / 1e9, rel=1e-15))
        source_written_at = written_at - recordings.DELAY // 2 if tag == "depth" else None
        assert message.source_written_at_ns == source_written_at
        assert message.source_written_at == (source_written_at and pytest.approx(source_written_at / 1e9, rel=1e-15))


def test_arrays_are_read_only(recording: Recording) -> None:
    for tag in ["cam", "float64", "aligned", "scalar"]:
        array = recording[tag][0].array
        with pytest.raises(ValueError, match="read-only"):
            array[...] = array
        with pytest.raises(ValueError, match="WRITEABLE"):
            array.flags.writeable = True


def test_arrays_lie_in_the_file(plain: Path) -> None:
    """Those of a file that is not compressed: each time the same memory, at a multiple of 64 bytes."""
    recording = Recording(plain)
    mapped = [
        range(*(int(number, 16) for number in line.split()[0].split("-")))
        for line in Path("/proc/self/maps").read_text().splitlines()
        if line.endswith(str(plain))
    ]
    for tag in recordings.TAGS:
        for index, message in enumerate(recording[tag]):
            address = message.array.ctypes.data
            assert address % 64 == 0 and address == recording[tag][index].array.ctypes.data
            assert any(address in pages for pages in mapped), tag


def test_arrays_keep_the_file_open(path: Path) -> None:
    recording = Recording(path)
    expected = recording["cam"][3].array.copy()
    array, track = recording["cam"][3].array, recording["pose"]
    recording.close()
    del recording
    gc.collect()
    np.testing.assert_array_equal(array, expected)
    assert recordings.is_same(track[1].array, recordings.array("pose", 2)), "a track works on"


def test_nothing_stays_mapped(plain: Path) -> None:
    def is_mapped() -> bool:
        gc.collect()
        return str(plain) in Path("/proc/self/maps").read_text()

    recording = Recording(plain)
    array = recording["cam"][0].array[1:, ::2]
    recording.close()
    del recording
    assert is_mapped()
    assert array.sum() == recordings.array("cam", 1)[1:, ::2].sum()
    del array
    assert not is_mapped()


def test_a_track_is_a_sequence(recording: Recording) -> None:
    track = recording["cam"]
    assert isinstance(track, Sequence)
    numbers = list(range(1, recordings.VALUES + 1))

    def seen(values: Any) -> list[int]:
        return [message.version - 2**32 for message in values]

    assert seen(track) == numbers and seen(reversed(track)) == numbers[::-1]
    assert [track[index].version - 2**32 for index in range(-10, 10)] == numbers * 2
    assert track[np.int8(3)].version == track[3].version
    bounds = [None, -100, -10, -3, 0, 2, 7, 10, 100]
    for start in bounds:
        for stop in bounds:
            for step in [None, 1, 2, 3, 9, 100, -1, -2, -3, -100, sys.maxsize, -sys.maxsize]:
                part, expected = track[start:stop:step], numbers[start:stop:step]
                assert seen(part) == expected and len(part) == len(expected)
                assert seen(part[::-2]) == expected[::-2] and seen(part[1:][-3:]) == expected[1:][-3:]
    assert seen(track[2:8][1::2][::-1]) == numbers[2:8][1::2][::-1]
    for wrong in [10, -11, 2**70, -(2**70)]:
        with pytest.raises(IndexError, match=rf'the index is {wrong}, but "cam" has 10 values'):
            track[wrong]
    for other in [1.0, "1", None, (1, 2)]:
        with pytest.raises(TypeError, match="the index must be an int or a slice, not"):
            track[other]  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="slice step cannot be zero"):
        track[::0]
    assert repr(track[3:]) == '<ndsharray.Track of "cam": 7 values>'


def test_an_index_may_raise(plain: Path) -> None:
    class Interrupts:
        def __index__(self) -> int:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Recording(plain)["cam"][Interrupts()]


def test_times(recording: Recording) -> None:
    track = recording["cam"]
    written = [recordings.written_at(number) for number in range(1, recordings.VALUES + 1)]
    acquired = [time - recordings.DELAY for time in written]
    for times, seconds, expected in [
        (track.times, track.written_at, written),
        (track.acquired_times, track.acquired_at, acquired),
    ]:
        assert times.dtype == "M8[ns]" and times.astype("i8").tolist() == expected
        assert seconds.dtype == "f8" and seconds.tolist() == pytest.approx([time / 1e9 for time in expected], rel=1e-15)
    assert track.written_at[3] == track[3].written_at and track.acquired_at[3] == track[3].acquired_at
    assert track[7:2:-2].times.astype("i8").tolist() == written[7:2:-2]
    assert (recording["pose"].acquired_times == recording["pose"].times).all(), "its writer did not say when"
    assert len(track[5:5].times) == 0 and track[5:5].times.dtype == "M8[ns]"
    assert track.times.flags.writeable, "an array of its own"


def test_nearest(recording: Recording) -> None:
    track = recording["cam"]

    def at(time: Any, within: "float | None" = None) -> "int | None":
        message = track.nearest(time, within)
        return None if message is None else message.version - 2**32

    for number in range(1, 11):
        time = recordings.written_at(number)
        moment = datetime.fromtimestamp(time // 10**9, timezone.utc).replace(microsecond=time // 1000 % 10**6)
        forms = [time, time / 1e9, moment, np.int64(time), track.times[number - 1], np.datetime64(time, "ns")]
        assert [at(form) for form in forms] == [number] * 6
        assert at(time + 10**7) == at(time - 10**7) == number
        assert at(time, within=0) == number and at(time + 100, 90e-9) is None and at(time + 100, 100e-9) == number
    assert at(0) == 1 and at(2**64 - 1) == 10 and at(0.0, within=1) is None
    part = track[2:8:2]
    assert [message.version - 2**32 for message in part] == [3, 5, 7]
    near = [part.nearest(time) for time in track.times]
    assert [message and message.version - 2**32 for message in near][::3] == [3, 3, 7, 7]
    assert track[3:3].nearest(0) is None
    with pytest.raises(ndsharray.InvalidArgumentError, match="time is -1: pass a time from 1970"):
        track.nearest(-1)
    with pytest.raises(ndsharray.InvalidArgumentError, match="within is -1.0"):
        track.nearest(0, within=-1.0)


def test_messages_are_like_snapshots(recording: Recording) -> None:
    message = recording["float64"][0]
    expected = recordings.array("float64", 1)
    assert repr(message) == f"<ndsharray.Message version {2**32 + 1} of float64 (2, 3)>"
    assert np.asarray(message).tobytes() == memoryview(message).tobytes() == expected.tobytes()
    assert np.shares_memory(np.asarray(message), message.array) and np.shares_memory(np.from_dlpack(message), message.array)
    copied = np.array(message)
    assert copied.flags.writeable and copied.tobytes() == expected.tobytes()
    with pytest.raises(BufferError, match=r"A copy can be exported: array\.copy\(\)\.$"):
        message.__dlpack__()
    with pytest.raises(BufferError, match="use the message's array"):
        memoryview(recording["record"][0])
    with pytest.raises(TypeError, match="cannot be pickled: pickle its array"):
        pickle.dumps(message)
    with pytest.raises(TypeError):
        type(message)()
    snapshot_only = {"age", "is_copy"}
    own = {"source_written_at", "source_written_at_ns"}
    public = {name for name in dir(ndsharray.Snapshot) if not name.startswith("_")}
    assert {name for name in dir(message) if not name.startswith("_")} == public - snapshot_only | own


def test_a_closed_recording(path: Path) -> None:
    recording = Recording(path)
    with recording as entered:
        assert entered is recording
        track = recording["pose"]
    recording.close()
    assert recording.closed and recording.path == path and "closed" in repr(recording)
    uses: list[Any] = [
        lambda: recording.tags(),
        lambda: list(recording),
        lambda: len(recording),
        lambda: "cam" in recording,
        lambda: recording["cam"],
        lambda: recording.start,
        lambda: recording.end,
        lambda: recording.complete,
        lambda: recording.missed,
        lambda: recording.metadata,
    ]
    for use in uses:
        with pytest.raises(ndsharray.ReaderClosedError, match="was closed: open it again"):
            use()
    assert len(track.stack()) == 10


def test_an_unknown_tag(plain: Path) -> None:
    recording = Recording(plain)
    with pytest.raises(KeyError, match='no tag "cam2" in this recording; it has "aligned", ') as caught:
        recording["cam2"]
    assert isinstance(caught.value, ndsharray.NoTagError) and isinstance(caught.value, ndsharray.Error)
    assert str(caught.value).startswith(str(plain))
    with pytest.raises(TypeError, match="tag must be a str, not int"):
        recording[0]  # type: ignore[index]


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing: cannot open") as missing:
        Recording(tmp_path / "nothing")
    assert isinstance(missing.value, ndsharray.NotFoundError)
    assert (missing.value.errno, missing.value.filename) == (errno.ENOENT, str(tmp_path / "nothing"))
    with pytest.raises(ndsharray.FormatError, match="found a directory"):
        Recording(tmp_path)
    for text in [b"", b"abc", b"\x93NUMPY" + bytes(100)]:
        (tmp_path / "other").write_bytes(text)
        with pytest.raises(ndsharray.FormatError, match="not a recording"):
            Recording(tmp_path / "other")
    with pytest.raises(TypeError):
        Recording(3)  # type: ignore[arg-type]


def test_a_file_of_another_user(plain: Path, tmp_path: Path) -> None:
    assert plain.stat().st_mode & 0o777 == 0o600
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    script = (
        "import os, sys, ndsharray; os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try: ndsharray.Recording(sys.argv[1])\n"
        "except PermissionError as error: print(type(error).__name__, error.errno)"
    )
    tmp_path.chmod(0o755)
    other = tmp_path / "run.mcap"
    other.write_bytes(plain.read_bytes())
    other.chmod(0o600)
    # In the default temporary directory the folders above are closed to others too, which is the same error.
    done = subprocess.run([sys.executable, "-c", script, str(other)], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == (f"NotPermittedError {errno.EACCES}\n", "")


def test_a_cut_file(path: Path, tmp_path: Path) -> None:
    """It is read up to the last whole chunk."""
    content = path.read_bytes()
    for length in range(0, len(content), max(1, len(content) // 60)):
        (tmp_path / "cut.mcap").write_bytes(content[:length])
        if length < 8:
            with pytest.raises(ndsharray.FormatError):
                Recording(tmp_path / "cut.mcap")
            continue
        recording = Recording(tmp_path / "cut.mcap")
        for tag in recording:
            for number, message in enumerate(recording[tag], 1):
                assert recordings.is_same(message.array, recordings.array(tag, number))
        assert recording.complete or "not complete" in repr(recording)


def test_a_damaged_value(path: Path, tmp_path: Path) -> None:
    """It is never returned."""
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0x10
    (tmp_path / "damaged.mcap").write_bytes(content)
    recording = Recording(tmp_path / "damaged.mcap")
    assert recording.complete and len(recording["cam"]) == recordings.VALUES
    uses: list[Any] = [lambda: recording["cam"][3], lambda: recording["cam"].stack(), lambda: list(recording["scalar"])]
    for use in uses:
        with pytest.raises(ndsharray.FormatError, match=r"damaged\.mcap: damaged at byte \d+: found .*, expected "):
            use()
    # Without its end it is scanned when it is opened.
    (tmp_path / "damaged.mcap").write_bytes(content[:-50])
    recording = Recording(tmp_path / "damaged.mcap")
    [left_out] = recording.left_out
    assert "damaged.mcap: damaged at byte" in left_out and recording.tags() == [] and not recording.complete


def test_opening_reads_no_values(tmp_path: Path) -> None:
    """The values are pages of the file that nobody has touched."""
    [path] = recordings.make(tmp_path / "run.mcap", "--values", "200")
    script = """
import sys, ndsharray
def resident():  # pages of the file in this process
    text = open("/proc/self/smaps").read()
    part = text[text.index(sys.argv[1]):]
    return int(part[part.index("Rss:"):].split()[1]) * 1024
recording = ndsharray.Recording(sys.argv[1])
track = recording["cam"]
len(track), track.times, track[3:], recording.start
print(resident())
"""
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, timeout=60, check=True)
    # The kernel maps some pages around each that is touched.
    assert int(done.stdout) < path.stat().st_size / 4, (done.stdout, path.stat().st_size)


def test_a_dtype_that_cannot_be_made(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    recording = Recording(plain)
    with pytest.raises(ndsharray.UnsupportedDTypeError, match="ml_dtypes, which is not installed"):
        recording["bfloat16"][0]
    with pytest.raises(ndsharray.UnsupportedDTypeError, match="ml_dtypes, which is not installed"):
        recording["bfloat16"].stack()
    assert len(recording["bfloat16"].times) == 10
