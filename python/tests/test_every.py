"""Each value in its turn: what a writer with a history keeps, nobody loses who does not stall for longer."""

import multiprocessing
import pickle
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import workers
from test_process import process

import ndsharray
from ndsharray import Snapshot, Store


def versions(snapshots: "list[Snapshot]") -> list[int]:
    return [snapshot.version for snapshot in snapshots]


@pytest.mark.parametrize("history", [1, 2, 10, 248])
def test_stalls_in_another_process(store: Store, history: int) -> None:
    """Stalls that are shorter than the history lose nothing. Longer ones lose the oldest, and `missed` counts them."""
    here, there = multiprocessing.Pipe()
    writer = store.writer("a", history=history)
    written = 0

    def stall(count: int) -> tuple[list[tuple[int, int]], int]:
        """Writes so many values, and has the other process read what is there then."""
        nonlocal written
        for _ in range(count):
            written = writer.write(np.full(1000, written + 1))
        here.send(True)
        seen, missed = here.recv()
        assert all(version == element for version, element in seen)
        return seen, missed

    with process("spawn", workers.read_after_stalls, store.reader("a"), there):
        assert stall(0) == ([], 0)
        for count in [1, history, history // 2, 0, history, max(history - 1, 1)]:
            before = written
            assert stall(count) == ([(n, n) for n in range(before + 1, written + 1)], 0)
        lost = 0
        for count in [history + 20, 3 * history + 7, history, 5 * history + 300]:
            before = written
            seen, missed = stall(count)
            assert len(seen) >= min(count, history)
            assert [version for version, _ in seen] == list(range(written - len(seen) + 1, written + 1))
            lost += written - before - len(seen)
            assert missed == lost
        assert lost > 0
        here.send(False)


@pytest.mark.parametrize("history", [0, 30])
def test_a_fast_writer_in_another_process(store: Store, history: int) -> None:
    """A reader that cannot keep up gets values in order, and counts exactly what it did not get."""
    store.writer("a").close()
    reader, seen = store.reader("a"), []
    with process("spawn", workers.write_ramp, store.writer_options("a", history=history), 20000):
        for snapshot in reader.every(timeout=60):
            assert (snapshot.array == int(snapshot.user_data)).all()
            assert snapshot.version == int(snapshot.user_data) + 1
            seen.append(snapshot.version)
            if snapshot.version == 20000:
                break
    assert seen == sorted(set(seen))
    assert len(seen) + reader.missed == 20000 - (seen[0] - 1)


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_pickled_into_a_process(store: Store, method: str) -> None:
    here, there = multiprocessing.Pipe()
    writer, reader = store.writer("a", history=20), store.reader("a")
    for n in range(15):
        writer.write([n], attrs={"n": n})
    assert reader.latest().version == 15
    with process(method, workers.read_every, reader.every(timeout=0.2), there):
        assert here.recv() == [(n + 1, {"n": n}) for n in range(15)]
    again = pickle.loads(pickle.dumps(reader.every(timeout=0)))
    assert versions(list(again)) == list(range(1, 16))
    options = pickle.loads(pickle.dumps(store.writer_options("b", history=7, source="robot")))
    assert options == store.writer_options("b", history=7, source="robot") != store.writer_options("b", history=8)
    assert "mode=None, ephemeral=False, takeover=False, capacity=0, history=7" in repr(options)


def test_the_loop_ends_when_nothing_comes(store: Store) -> None:
    writer, reader = store.writer("a", history=8), store.reader("a")
    every = reader.every(timeout=0.2)
    assert iter(every) is every and "timeout=0.2" in repr(every)
    start = time.monotonic()
    assert list(every) == []
    assert time.monotonic() - start >= 0.2
    writer.write([1])
    assert list(every) == [], "what has ended stays at its end"
    with pytest.raises(StopIteration):
        next(every)
    assert versions(list(reader.every(timeout=0))) == [1]
    # The time counts anew after each value.
    seen = []
    for snapshot in reader.every(timeout=0.3):
        seen.append(snapshot.version)
    assert seen == []
    writer.write([2])
    for snapshot in reader.every(timeout=0.3):
        seen.append(snapshot.version)
        if len(seen) < 4:
            time.sleep(0.2)
            writer.write([0])
    assert seen == [2, 3, 4, 5] and reader.missed == 0


def test_a_value_wakes_the_loop(store: Store) -> None:
    """The wait lets go of the interpreter, or the other thread could not write."""
    writer, reader = store.writer("a", history=8), store.reader("a")
    timer = threading.Timer(0.2, lambda: [writer.write([n]) for n in range(5)])
    timer.start()
    every = reader.every()
    assert [int(next(every).array[0]) for _ in range(5)] == list(range(5))
    timer.join()
    assert reader.wait_next(0) is None and reader.wait_next(-1) is None
    assert reader.wait_next(0.01) is None
    timer = threading.Timer(0.2, lambda: writer.write([7]))
    timer.start()
    snapshot = reader.wait_next(60)
    timer.join()
    assert snapshot is not None and snapshot.array[0] == 7


def test_arguments(store: Store) -> None:
    store.writer("a")
    reader = store.reader("a")
    uses: list[Callable[[Any], object]] = [reader.every, reader.wait_next]
    for use in uses:
        with pytest.raises(ndsharray.InvalidArgumentError, match="timeout is nan"):
            use(float("nan"))
        with pytest.raises(TypeError):
            use("soon")
    with pytest.raises(TypeError):
        ndsharray.Every()
    with pytest.raises(ValueError, match="history: found 249; allowed is 0 to 248"):
        store.writer("b", history=249)
    with pytest.raises(ndsharray.InvalidArgumentError, match="history is -1: pass a number from 0 on"):
        store.writer("b", history=-1)


def test_copies_and_out(store: Store) -> None:
    writer, reader = store.writer("a", history=10), store.reader("a")
    for n in range(6):
        writer.write(np.full(3, n))
    mine = reader.read_next(copy=True)
    assert mine is not None and mine.array.flags.writeable and mine.is_copy and mine.array.tolist() == [0, 0, 0]
    out = np.zeros(3, np.int64)
    for n in [1, 2]:
        snapshot = reader.read_next(out=out)
        assert snapshot is not None and snapshot.array is out and out.tolist() == [n] * 3
    again = reader.wait_next(60, copy=True)
    assert again is not None and (again.version, again.array.tolist()) == (4, [3, 3, 3])
    assert reader.wait_next(out=out) is not None and out.tolist() == [4, 4, 4]
    assert store.stat("a").pinned == 0 and reader.missed == 0


def test_a_value_that_does_not_fit_stays_the_next_one(store: Store) -> None:
    writer, reader = store.writer("a", history=10), store.reader("a")
    for n in range(4):
        writer.write(np.full(3, n))
    short, out = np.zeros(2, np.int64), np.zeros(3, np.int64)
    for _ in range(3):
        with pytest.raises(ndsharray.InvalidArgumentError, match="shape"):
            reader.read_next(out=short)
        with pytest.raises(ndsharray.InvalidArgumentError, match="shape"):
            reader.wait_next(60, out=short)
    assert reader.read_next(out=out) is not None and out[0] == 0
    with pytest.raises(ndsharray.DTypeMismatchError):
        reader.read_next(out=np.zeros(3))
    assert versions(list(reader.every(timeout=0))) == [2, 3, 4] and reader.missed == 0
    # `read` passes over it.
    for n in range(3):
        writer.write(np.full(3, n))
    with pytest.raises(ndsharray.InvalidArgumentError):
        reader.read_next(out=short)
    snapshot = reader.read()
    assert snapshot is not None and (snapshot.version, reader.missed) == (7, 2)


def test_read_and_read_next_together(store: Store) -> None:
    writer, reader = store.writer("a", history=10), store.reader("a")
    for n in range(5):
        writer.write([n])
    seen = [reader.read_next(), reader.read_next(), reader.read(), reader.read_next(), reader.read()]
    assert [snapshot and snapshot.version for snapshot in seen] == [1, 2, 5, None, None]
    assert reader.missed == 2
    for n in range(3):
        writer.write([n])
    assert ndsharray.wait_any([reader], 0) is reader
    assert versions([reader.latest(), *reader.every(timeout=0)]) == [8, 6, 7, 8]
    assert ndsharray.wait_any([reader], 0) is None and reader.missed == 2


def test_without_a_history(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    assert reader.read_next() is None
    for n in range(100):
        writer.write([n])
        snapshot = reader.read_next()
        assert snapshot is not None and snapshot.version == n + 1
    assert reader.missed == 0
    for n in range(100):
        writer.write([n])
    seen = versions(list(reader.every(timeout=0)))
    assert seen[-1] == 200 and len(seen) + reader.missed == 100


#: Values of many dtypes and shapes. Python code describes most of these dtypes.
MANY: list[Any] = [
    np.arange(3),
    np.array(["abc"]),
    np.zeros(2, [("x", "f4")]),
    np.array(["a", "bc"]),
    np.zeros((2, 2), "M8[ms]"),
    np.zeros(2, [("x", "f4"), ("y", "i2")]),
    np.float32(2.5),
    np.array([b"xyz"]),
]


def test_every_value_may_be_of_another_dtype(store: Store) -> None:
    writer, reader = store.writer("a", history=40, capacity=4096), store.reader("a")
    for value in MANY * 4:
        writer.write(value)
    seen = list(reader.every(timeout=0))
    assert versions(seen) == list(range(1, len(MANY) * 4 + 1))
    for value, snapshot in zip(MANY * 4, seen, strict=True):
        assert (snapshot.dtype, snapshot.shape) == (value.dtype, value.shape)
        np.testing.assert_array_equal(snapshot.array, value)
    assert reader.missed == 0


def test_threads_share_a_reader(store: Store) -> None:
    """Each value goes to one of the threads, also where Python code must make its dtype first."""
    writer, reader = store.writer("a", history=248, capacity=4096), store.reader("a")
    seen: list[list[int]] = [[] for _ in range(4)]
    ends = threading.Event()

    def read(mine: list[int]) -> None:
        while not ends.is_set():
            for snapshot in reader.every(timeout=0.02):
                mine.append(snapshot.version)

    threads = [threading.Thread(target=read, args=(mine,)) for mine in seen]
    for thread in threads:
        thread.start()
    for n in range(2000):
        writer.write(MANY[n % len(MANY)])
        while n + 1 - sum(map(len, seen)) > 200:
            time.sleep(0.001)
    while sum(map(len, seen)) < 2000 and all(thread.is_alive() for thread in threads):
        time.sleep(0.01)
    ends.set()
    for thread in threads:
        thread.join()
    assert sorted(sum(seen, [])) == list(range(1, 2001)) and reader.missed == 0
    # A loop continues where the threads stopped.
    writer.write([1])
    assert versions(list(reader.every(timeout=0))) == [2001]


def test_held_values_and_growth(store: Store) -> None:
    """A process that holds many values gets copies. A value that needs more room ends the history before it."""
    writer, reader = store.writer("a", history=10), store.reader("a")
    for n in range(10):
        writer.write(np.full(100, n))
    held = list(reader.every(timeout=0))
    assert versions(held) == list(range(1, 11))
    for n in range(50):
        writer.write(np.full(100, n + 10))
    assert [int(snapshot.array[99]) for snapshot in held] == list(range(10)), "what is held stays"
    held.clear()
    before = reader.missed
    seen = list(reader.every(timeout=0))
    assert versions(seen)[-1] == 60 and len(seen) + reader.missed - before == 50
    writer.write(np.zeros(1))
    writer.write(np.zeros(1 << 16))
    writer.write(np.zeros(1))
    assert versions(list(reader.every(timeout=0))) == [62, 63] and reader.missed == before + 50 - len(seen) + 1


def test_a_tag_that_changes_hands(store: Store) -> None:
    reader_of = store.reader
    with store.writer("a", history=5) as writer:
        reader = reader_of("a")
        for n in range(3):
            writer.write([n])
        assert versions(list(reader.every(timeout=0))) == [1, 2, 3]
    with store.writer("a", history=5) as writer:
        for n in range(3):
            writer.write([n])
        assert versions(list(reader.every(timeout=0))) == [4, 5, 6]
    store.remove("a")
    assert reader.read_next() is None and list(reader.every(timeout=0.05)) == []
    with store.writer("a", history=5) as writer:
        writer.write([7])
        snapshot = reader.wait_next(60)
        assert snapshot is not None and (snapshot.version, snapshot.array[0]) == (1, 7)


def test_errors_come_out(store: Store) -> None:
    writer, reader = store.writer("a", history=3), store.reader("a")
    writer.write([1])
    assert writer.data_file is not None
    (store.directory / writer.data_file).unlink()
    every = reader.every(timeout=60)
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            next(every)
    with pytest.raises(FileNotFoundError):
        reader.read_next()
