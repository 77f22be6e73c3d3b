"""Threads that share a writer or a reader. Their calls do not mix, and no thread waits for ever."""

import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pytest

from ndsharray import NdShArray, Store


@pytest.fixture(autouse=True)
def eager() -> Iterator[None]:
    """Makes threads take the interpreter from each other all the time."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def together(*works: Callable[[], None]) -> None:
    """Runs all at the same time. If one of them raises an exception, it is raised here."""
    errors: list[BaseException] = []

    def run(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: B036
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
        assert not thread.is_alive(), "it hangs"
    if errors:
        raise errors[0]


def test_threads_write_with_one_writer(store: Store) -> None:
    """Writes of large arrays let other threads use the interpreter. Python code describes new dtypes meanwhile."""
    writer = store.writer("a")
    records = [np.zeros(3, [(name, "f8")]) for name in "xyz"]
    arrays: list["np.ndarray[tuple[int, ...], np.dtype[np.generic]]"]
    arrays = [np.zeros(10), np.zeros(1 << 21, np.uint8), *records]
    versions: list[int] = []

    def write(array: "np.ndarray[tuple[int, ...], np.dtype[np.generic]]") -> None:
        for _ in range(300):
            versions.append(writer.write(array))
            assert writer.version > 0 and not writer.closed

    together(*(partial(write, array) for array in arrays))
    assert sorted(versions) == list(range(1, 1501))


def test_threads_read_with_one_reader(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    writer.write(np.zeros(100, np.int64))
    v1 = NdShArray("a", r_w="r")
    new: list[list[int]] = [[] for _ in range(4)]
    ends = threading.Event()

    def write() -> None:
        n = 0
        # Until each of the readers has read many values.
        while not all(len(mine) > 200 for mine in new):
            n += 1
            writer.write(np.full(100, n))
        ends.set()

    def read(mine: list[int]) -> None:
        while not ends.is_set():
            snapshot = reader.read()
            if snapshot is not None:
                array = snapshot.array
                assert (array == array[0]).all() and not array.flags.writeable
                mine.append(snapshot.version)

    def read_to(out: "np.ndarray[tuple[int, ...], np.dtype[np.int64]]") -> None:
        while not ends.is_set():
            assert reader.latest(out=out).array is out and (out == out[0]).all()

    def read_v1(mine: list[int]) -> None:
        last = -1
        while not ends.is_set():
            status, array = v1.read()
            assert (array == array[0]).all()
            assert array[0] > last if status else array[0] >= last
            last = int(array[0])
            if status:
                mine.append(last)

    def works() -> Iterator[Callable[[], None]]:
        yield write
        for mine in new[:2]:
            yield partial(read, mine)
        for mine in new[2:]:
            yield partial(read_v1, mine)
        for out in [np.zeros(100, np.int64) for _ in range(2)]:
            yield partial(read_to, out)

    together(*works())
    for one, other in [new[:2], new[2:]]:
        assert one == sorted(one) and other == sorted(other)
        assert not set(one) & set(other), "a value was new to two calls"
