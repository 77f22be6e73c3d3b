"""Waits. A write, the end of the time, or Ctrl-C ends them, and other threads run on meanwhile."""

import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from interrupting import interrupt

import ndsharray
from ndsharray import Reader, Snapshot, Store


def later(seconds: float, action: Callable[[], Any]) -> threading.Timer:
    timer = threading.Timer(seconds, action)
    timer.start()
    return timer


def test_wait_returns_at_once_or_when_time_is_over(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    writer.write([1])
    first = reader.wait(60)
    assert first is not None and first.version == 1
    assert reader.wait(0) is None
    start = time.monotonic()
    assert reader.wait(0.25) is None
    assert time.monotonic() - start >= 0.25
    assert reader.wait(-1) is None
    with pytest.raises(ValueError):
        reader.wait(float("nan"))


def test_wait_is_woken_by_a_thread(store: Store) -> None:
    """The wait lets go of the interpreter, or the other thread could not write."""
    writer, reader = store.writer("a"), store.reader("a")
    timer = later(0.1, lambda: writer.write([7]))
    snapshot = reader.wait()
    timer.join()
    assert snapshot is not None and snapshot.array.tolist() == [7]
    timer = later(0.1, lambda: writer.write([8, 9]))
    out = np.zeros(2, np.int64)
    assert reader.wait(float("inf"), out=out) is not None and out.tolist() == [8, 9]
    timer.join()


def test_reader_is_free_while_a_thread_waits(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    seen: list[Snapshot | None] = []
    thread = threading.Thread(target=lambda: seen.append(reader.wait(60)))
    thread.start()
    time.sleep(0.2)
    for _ in range(1000):
        assert reader.read() is None
        with pytest.raises(ndsharray.EmptyError):
            reader.latest()
    writer.write([1])
    thread.join()
    assert len(seen) == 1 and seen[0] is not None and seen[0].version == 1


def test_each_value_goes_to_one_of_two_waiting_threads(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    seen: list[int] = []

    def wait() -> None:
        for snapshot in reader:
            seen.append(snapshot.version)
            if snapshot.user_data == b"end":
                return

    threads = [threading.Thread(target=wait) for _ in range(2)]
    for thread in threads:
        thread.start()
    for n in range(20):
        writer.write([n])
        time.sleep(0.002)
    while any(thread.is_alive() for thread in threads):
        writer.write([0], b"end")
        time.sleep(0.01)
    assert len(seen) == len(set(seen))


def test_iteration(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    writer.write([0])
    seen = []
    for snapshot in reader:
        seen.append(int(snapshot.array[0]))
        if len(seen) == 5:
            break
        writer.write([len(seen)])
    assert seen == [0, 1, 2, 3, 4]


def test_wait_any(store: Store) -> None:
    writers = [store.writer(tag) for tag in "abc"]
    readers = [store.reader(tag) for tag in "abc"]
    assert ndsharray.wait_any(readers, 0) is None
    start = time.monotonic()
    assert ndsharray.wait_any(readers, 0.2) is None
    assert time.monotonic() - start >= 0.2
    for n in [2, 0, 1]:
        timer = later(0.05, lambda: writers[n].write([n]))
        ready = ndsharray.wait_any(readers)
        timer.join()
        assert ready is readers[n]
        snapshot = ready.read()
        assert snapshot is not None and snapshot.array[0] == n
    writers[1].write([5])
    assert ndsharray.wait_any((readers[1], readers[1]), 0) is readers[1]
    assert readers[1].read() is not None, "a wait takes nothing"
    with pytest.raises(ValueError):
        ndsharray.wait_any([])
    with pytest.raises(TypeError):
        ndsharray.wait_any([1])  # type: ignore[list-item]


INTERRUPTED = """
import sys, ndsharray
store = ndsharray.Store()
writer = store.writer("a")
reader = store.reader("a")
print("waiting", flush=True)
try:
    {wait}
except KeyboardInterrupt:
    writer.write([1])
    assert reader.read() is not None
    print("interrupted")
"""


@pytest.mark.parametrize(
    "wait",
    [
        "reader.wait()",
        "reader.wait(3600)",
        "next(reader)",
        "ndsharray.wait_any([reader])",
        "[s for s in reader]",
        "reader.wait_next()",
        "next(reader.every(timeout=3600))",
        "list(reader.every())",
    ],
)
def test_ctrl_c(wait: str) -> None:
    assert interrupt(INTERRUPTED.format(wait=wait)) == ("interrupted\n", "", 0)


def test_signal_handlers_run_during_a_wait(store: Store) -> None:
    store.writer("a")
    reader = store.reader("a")
    seen: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(number))
    try:
        timer = later(0.1, lambda: signal.raise_signal(signal.SIGUSR1))
        assert reader.wait(0.5) is None
        timer.join()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert seen == [signal.SIGUSR1]


def test_readers_follow_a_tag_that_is_written_anew(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    writer.write([1])
    assert reader.read() is not None
    writer.close()
    store.remove("a")

    def again() -> None:
        with store.writer("a") as other:
            other.write([2])

    timer = later(0.15, again)
    snapshot = reader.wait(60)
    timer.join()
    assert snapshot is not None and snapshot.array[0] == 2


def test_threads_share_a_writer_and_a_reader(store: Store) -> None:
    """Large copies let other threads use the interpreter. There is no deadlock, and no value is torn."""
    writer, reader = store.writer("a"), store.reader("a")
    arrays = [np.full((1 << 19) + n, n) for n in range(4)]
    strided = [np.full((1 << 10, 1 << 10), n).T for n in range(4)]
    writer.write(arrays[0])
    wrong: list[str] = []

    def write(n: int) -> None:
        for _ in range(20):
            writer.write(arrays[n])
            writer.write(strided[n])

    def read(reader: Reader) -> None:
        for _ in range(200):
            array = reader.latest(copy=True).array
            if array.min() != array.max():
                wrong.append(f"torn: {array}")

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    threads += [threading.Thread(target=read, args=(reader,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == [] and writer.version == 161
