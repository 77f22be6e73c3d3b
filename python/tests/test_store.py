"""The classes of version 2. Values are read as they were written, with every way to write and to read."""

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import ndsharray
from ndsharray import Store


def test_read_latest_and_missed(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    assert reader.read() is None
    with pytest.raises(LookupError):
        reader.latest()
    for n in range(5):
        assert writer.write(np.full(3, n), str(n).encode()) == n + 1
    snapshot = reader.read()
    assert snapshot is not None
    assert (snapshot.version, snapshot.user_data, snapshot.shape) == (5, b"4", (3,))
    assert reader.missed == 0, "what was there before the first read was not missed"
    assert reader.read() is None
    assert reader.latest().version == 5
    writer.write([6])
    writer.write([7])
    again = reader.read()
    assert again is not None and again.version == 7 and reader.missed == 1
    assert 0.0 <= again.age and again.written_at >= snapshot.written_at
    assert repr(again) == "<ndsharray.Snapshot version 7 of int64 (1,)>"


@pytest.mark.parametrize("big", [False, True], ids=["small", "large"])
def test_any_strides(store: Store, big: bool) -> None:
    # A copy of more than a mebibyte lets other threads use the interpreter.
    base = np.arange(64 * 80 * 60 if big else 4 * 8 * 6, dtype=np.float64).reshape(-1, 8, 6)
    writer, reader = store.writer("a"), store.reader("a")
    views = [base, base.T, base[::-1, 1::2, ::-3], base.transpose(1, 0, 2), np.broadcast_to(base[0], (3, 8, 6)), base[:, 3]]
    views += [base.astype(">f8"), np.asfortranarray(base), base[0, 0, 0], base[:0]]
    for view in views:
        writer.write(view)
        snapshot = reader.read()
        assert snapshot is not None and snapshot.array.flags.c_contiguous
        assert snapshot.dtype == np.float64
        assert snapshot.shape == view.shape
        np.testing.assert_array_equal(snapshot.array, view)


def test_array_likes(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    likes: list[npt.ArrayLike] = [[1, 2], 3.5, ((1, 2), (3, 4)), True]
    for like in likes:
        writer.write(like)
        seen, expected = reader.latest().array, np.asarray(like)
        assert (seen.dtype, seen.shape) == (expected.dtype, expected.shape)
        np.testing.assert_array_equal(seen, expected)
    np.testing.assert_array_equal(reader.latest(), True)  # a snapshot is an array-like
    writer.write(reader.latest())
    with pytest.raises(NotImplementedError):
        writer.write(object())  # type: ignore[arg-type]


def test_masks_viewed_as_bool(store: Store) -> None:
    """To numpy every byte but 0 is true. The store has only 0 and 1."""
    writer, reader = store.writer("a"), store.reader("a")
    mask = np.array([[0, 1], [255, 2]], np.uint8).view(bool)
    for view in [mask, mask.T]:
        writer.write(view)
        assert reader.latest().array.view(np.uint8).tolist() == [[int(x) for x in row] for row in view.tolist()]
    with writer.loan(2, bool) as array:
        array.view(np.uint8)[:] = [7, 0]
    assert reader.latest().array.view(np.uint8).tolist() == [1, 0]


def test_user_data_limits(store: Store) -> None:
    writer = store.writer("a")
    for length in [0, 1, 241, 2048]:
        writer.write([1], b"x" * length)
        assert store.reader("a").latest().user_data == b"x" * length
    with pytest.raises(ValueError, match="2049"):
        writer.write([2], b"x" * 2049)
    with pytest.raises(TypeError):
        writer.write([2], "text")  # type: ignore[arg-type]
    latest = store.reader("a").latest()
    assert latest.user_data == b"x" * 2048 and latest.array[0] == 1


def test_has_changed(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    writer.write(np.arange(3))
    other = store.reader("a")
    same = [reader.latest(), reader.latest(copy=True), reader.latest(out=np.zeros(3, np.int64)), other.latest()]
    for snapshot in same:
        assert reader.has_changed(snapshot) is False and other.has_changed(snapshot) is False
    assert reader.read() is not None, "asking is not reading"
    writer.write(np.arange(3))
    for snapshot in same:
        assert reader.has_changed(snapshot) is True and other.has_changed(snapshot) is True
    assert reader.missed == 0
    # A process that holds as many values as it may gets copies, which are values like the others.
    held = [same[0]]
    while not held[-1].is_copy:
        writer.write(np.zeros(3))
        held.append(reader.latest())
    assert [reader.has_changed(snapshot) for snapshot in held] == [True] * (len(held) - 1) + [False]
    for wrong in [None, 1, np.arange(3)]:
        with pytest.raises(TypeError):
            reader.has_changed(wrong)  # type: ignore[arg-type]


def test_has_changed_when_the_tag_changes_hands(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    writer.write([1])
    seen, mine = reader.latest(), reader.latest(copy=True)
    with store.writer("a", takeover=True):
        time.sleep(0.2)  # the reader follows to the new header, which has a copy of the value
        assert reader.has_changed(seen) and reader.has_changed(mine), "true once after a takeover"
        seen, mine = reader.latest(), reader.latest(copy=True)
        assert not reader.has_changed(seen) and not reader.has_changed(mine)
    store.remove("a")
    with store.writer("a") as writer:
        time.sleep(0.2)
        assert reader.has_changed(seen) and reader.has_changed(mine), "there is no value"
        writer.write([1])
        assert reader.latest().version == seen.version
        assert reader.has_changed(seen) and reader.has_changed(mine), "another value of the same version"


def test_a_loop_that_keeps_its_snapshot(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    writer.write([0.0])
    snapshot, reads = reader.latest(), 0
    for n in range(3000):
        if n % 100 == 0:
            writer.write([float(n)])
        if reader.has_changed(snapshot):
            snapshot, reads = reader.latest(), reads + 1
        assert snapshot.array[0] == n // 100 * 100
    assert reads == 30
    del snapshot
    assert store.stat("a").pinned == 0, "the reader keeps nothing"


def test_times(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    before = time.time()
    writer.write(np.zeros(3))
    after = time.time()
    place, copied = reader.latest(), reader.latest(copy=True)
    # Unix times, in floats that tell a few hundred nanoseconds apart. The writer looks at the clock about once a second.
    assert before - 0.01 <= place.written_at <= after + 0.01
    assert copied.written_at == place.written_at
    for _ in range(3):
        ages = [place.age, copied.age, place.age]
        assert 0.0 <= ages[0] <= ages[1] + 1e-6 <= ages[2] + 2e-6
        time.sleep(0.01)
    assert place.age >= 0.03 and copied.age >= 0.03


def test_copies_are_writeable(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    writer.write(np.arange(4.0), b"user")
    mine = reader.read(copy=True)
    assert mine is not None and mine.is_copy and mine.array.flags.writeable and mine.array.flags.owndata
    mine.array[0] = 9
    assert mine.array is mine.array and mine.array[0] == 9
    assert (mine.version, mine.user_data, mine.shape) == (1, b"user", (4,)) and mine.age >= 0
    assert reader.latest().array[0] == 0


@pytest.mark.parametrize("order", ["C", "F"])
def test_read_into_out(store: Store, order: str) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    value = np.arange(12, dtype=np.int16).reshape(3, 4)
    writer.write(value)
    out = np.zeros((3, 4), np.int16, order="F" if order == "F" else "C")
    snapshot = reader.read(out=out)
    assert snapshot is not None and snapshot.array is out
    np.testing.assert_array_equal(out, value)
    assert store.stat("a").pinned == 0


def test_out_that_does_not_fit_leaves_the_value_unread(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    writer.write(np.arange(12))
    locked = np.zeros(12, np.int64)
    locked.flags.writeable = False
    for wrong, error in [
        (np.zeros(11, np.int64), ValueError),
        (np.zeros(12, np.int32), TypeError),
        (np.zeros((3, 4), np.int64), ValueError),
        (locked, ValueError),
        ([0] * 12, TypeError),
    ]:
        with pytest.raises(error):
            reader.read(out=wrong)  # type: ignore[arg-type]
        with pytest.raises(error):
            reader.latest(out=wrong)  # type: ignore[arg-type]
    assert ndsharray.wait_any([reader], 0) is reader
    out = np.zeros(12, np.int64)
    assert reader.wait(0, out=out) is not None and out[11] == 11
    assert reader.read() is None
    # A newer value replaces one that did not fit.
    writer.write(np.arange(3))
    with pytest.raises(ValueError):
        reader.read(out=out)
    writer.write(np.arange(12) + 1)
    assert reader.read(out=out) is not None and out[11] == 12
    assert reader.read() is None


def test_loan(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    with writer.loan((2, 3), np.float32, b"first") as array:
        assert array.shape == (2, 3) and array.dtype == np.float32 and array.flags.writeable
        array[:] = np.arange(6).reshape(2, 3)
        assert reader.read() is None
    snapshot = reader.read()
    assert snapshot is not None and snapshot.user_data == b"first"
    np.testing.assert_array_equal(snapshot.array, np.arange(6).reshape(2, 3))
    assert not array.flags.writeable, "the array is for the block only"
    loan = writer.loan(3, bool)
    with loan as array:
        assert not array.any(), "bool starts as false"
        loan.user_data = b"second"
    second = reader.read()
    assert second is not None and second.user_data == b"second" and second.dtype == bool


def test_loan_with_an_exception_publishes_nothing(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    writer.write([1, 2, 3])
    first = reader.read()
    with pytest.raises(ZeroDivisionError):
        with writer.loan(3, np.int64) as array:
            array[:] = 1 // 0
    assert reader.read() is None and first is not None and first.array.tolist() == [1, 2, 3]
    assert writer.write([4]) == 2


def test_writer_is_busy_during_a_loan(store: Store) -> None:
    writer = store.writer("a")
    with writer.loan(2, np.uint8):
        uses: list[Callable[[], object]] = [lambda: writer.write([1]), writer.loan(1, np.uint8).__enter__, writer.close, lambda: writer.version]
        for use in uses:
            with pytest.raises(ndsharray.WriterBusyError):
                use()
    assert writer.version == 1
    # A loan that is dropped while it is open gives the writer back.
    loan = writer.loan(2, np.uint8)
    loan.__enter__()
    del loan
    assert writer.write([1]) == 2


def test_views_of_a_loan_stay_readable_memory(store: Store) -> None:
    """A view may outlive the loan, the writer and the tag. Its memory stays mapped."""
    writer = store.writer("a")
    with writer.loan(1 << 20, np.uint8) as array:
        array[:] = 5
        view = array[1:]
    del array
    writer.write(np.zeros(1 << 24, np.uint8))  # moves to another file
    writer.close()
    store.remove("a")
    assert int(view.sum()) == 5 * ((1 << 20) - 1)


def test_wrong_loans(store: Store) -> None:
    writer = store.writer("a")
    with pytest.raises(NotImplementedError):
        writer.loan(3, object)
    with pytest.raises(ndsharray.InvalidArgumentError):
        writer.loan((-1, 2), np.uint8)
    with pytest.raises(ValueError, match="64"):
        with writer.loan((1,) * 65, np.uint8):
            pass
    assert writer.write([1]) == 1


def test_closing(store: Store) -> None:
    with store.writer("a") as writer:
        writer.write([1])
        assert writer.data_file is not None and writer.tag == "a" and not writer.closed
        with pytest.raises(ndsharray.WriterExistsError):
            store.writer("a")
    assert writer.closed
    writer.close()
    with pytest.raises(ValueError, match="closed"):
        writer.write([2])
    with pytest.raises(ndsharray.ClosedError):
        with writer:
            writer.version
    with store.writer("a") as other:
        assert other.version == 1


def test_options(store: Store, directory: Path) -> None:
    with store.writer("a", mode=0o640, capacity=1 << 16, history=4, source="robot") as writer:
        writer.write([1])
        seen = store.stat("a")
        assert (seen.mode, seen.capacity, seen.source) == (0o640, 1 << 16, "robot")
        assert stat.S_IMODE((directory / "a").stat().st_mode) == 0o640
        with store.writer("a", takeover=True) as other:
            other.write([2])
            with pytest.raises(ndsharray.SupersededError):
                writer.write([3])
    with store.writer("b", ephemeral=True) as writer:
        writer.write([1])
        assert store.stat("b").ephemeral
    assert store.tags() == ["a"]
    for wrong in [{"history": 249}, {"source": "x" * 129}, {"source": "a\nb"}, {"mode": 0o777}]:
        with pytest.raises(ValueError):
            store.writer("c", **wrong)  # type: ignore[arg-type]


def test_stat_tags_remove_gc(store: Store) -> None:
    writer = store.writer("a")
    empty = store.stat("a")
    assert (empty.version, empty.shape, empty.dtype, empty.nbytes) == (0, None, None, None) and empty.writer_alive
    writer.write(np.zeros((2, 3), "M8[ms]"))
    seen = store.stat("a")
    assert seen.pid == os.getpid()
    assert (seen.tag, seen.version, seen.shape, seen.dtype_name, seen.nbytes) == ("a", 1, (2, 3), "datetime64[ms]", 48)
    assert seen.dtype == np.dtype("M8[ms]") and seen.data_file == writer.data_file
    assert "datetime64[ms] (2, 3), version 1" in repr(seen)
    reader = store.reader("a")
    assert reader.writer_alive
    with pytest.raises(ndsharray.WriterExistsError):
        store.remove("a")
    store.remove("a", force=True)
    assert store.tags() == []
    with pytest.raises(ndsharray.RemovedError):
        writer.write([1])
    with pytest.raises(FileNotFoundError):
        store.remove("a")
    assert not reader.writer_alive
    report = store.gc()
    assert report.removed == [] and report.bytes == 0


def test_stat_names_who_has_the_tag_now(store: Store) -> None:
    with store.writer("a") as writer:
        assert (store.stat("a").pid, store.stat("a").writer_alive) == (os.getpid(), True)
        writer.write([1])
    assert (store.stat("a").pid, store.stat("a").writer_alive) == (None, False)


def test_default_directory(directory: Path) -> None:
    assert Store().directory == directory
    assert Store() == Store(directory) == Store(str(directory))
    with pytest.raises(FileNotFoundError):
        Store(directory / "nothing")
