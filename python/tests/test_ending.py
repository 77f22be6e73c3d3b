"""Readers that are closed, loops that end when the writer has gone, and readers that wait for their tag."""

import asyncio
import math
import pickle
import threading
import time

import pytest
from interrupting import interrupt

import ndsharray
from ndsharray import Reader, Store


def test_a_closed_reader_says_so(store: Store) -> None:
    writer = store.writer("a", history=4)
    writer.write([1, 2])
    with store.reader("a") as reader:
        snapshot = reader.read()
        assert snapshot is not None and not reader.closed
        values = reader.values(timeout=0)
    assert reader.closed
    calls = [
        reader.read,
        reader.latest,
        reader.read_next,
        lambda: reader.wait(0),
        lambda: reader.wait_next(0),
        lambda: reader.nearest(0),
        lambda: reader.writer_alive,
        lambda: reader.has_changed(snapshot),
        lambda: next(reader),
        lambda: next(values),
        lambda: ndsharray.wait_any([reader], 0),
        lambda: asyncio.run(reader.next()),
    ]
    for call in calls:
        with pytest.raises(ndsharray.ReaderClosedError, match="open another one with Store.reader"):
            call()
    assert issubclass(ndsharray.ReaderClosedError, ndsharray.Error)
    reader.close()
    reader.close()
    # What was read stays, also when the writer goes on; and the reader says who it was.
    for n in range(20):
        writer.write([n, n])
    assert snapshot.array.tolist() == [1, 2]
    assert reader.tag == "a" and reader.directory == store.directory
    assert repr(reader) == f'<ndsharray.Reader of "a" in "{store.directory}", closed>'
    assert pickle.loads(pickle.dumps(reader)).latest().array.tolist() == [19, 19]


def test_missed_values_are_counted_until_the_reader_is_closed(store: Store) -> None:
    writer = store.writer("a")
    with store.reader("a") as reader:
        for n in range(3):
            writer.write([n])
            if n != 1:
                reader.read()
    assert reader.missed == 1
    reader.close()
    assert reader.missed == 1


def test_closing_ends_what_waits_in_coroutines(store: Store) -> None:
    store.writer("a").close()

    async def waits() -> None:
        reader = store.reader("a")
        loops = [aiter(reader.every()), aiter(reader.values(timeout=60, until_writer_gone=False))]
        tasks = [asyncio.ensure_future(wait) for wait in [reader.next(), *map(anext, loops)]]
        cancelled = asyncio.ensure_future(reader.next())
        await asyncio.sleep(0.1)
        cancelled.cancel()
        await asyncio.wait([cancelled])
        reader.close()
        done, late = await asyncio.wait(tasks, timeout=60)
        assert not late and all(isinstance(task.exception(), ndsharray.ReaderClosedError) for task in done)

    asyncio.run(waits())


def test_an_exception_closes_the_reader_and_comes_out(store: Store) -> None:
    store.writer("a").close()
    with pytest.raises(KeyError), store.reader("a") as reader:
        raise KeyError
    assert reader.closed


def test_a_reader_that_is_closed_by_another_thread(store: Store) -> None:
    store.writer("a").close()
    reader = store.reader("a")
    threading.Timer(0.2, reader.close).start()
    with pytest.raises(ndsharray.ReaderClosedError):
        reader.wait(60)


def test_loops_end_when_the_writer_has_gone(store: Store) -> None:
    for ephemeral in (False, True):
        writer = store.writer("a", history=100, ephemeral=ephemeral)
        each, latest = store.reader("a"), store.reader("a")

        def write() -> None:
            for n in range(60):
                writer.write([n])
                if n % 20 == 0:
                    time.sleep(0.15)
            if ephemeral:
                # Its values go with it.
                time.sleep(0.3)
            writer.close()

        seen: list[int] = []

        def read() -> None:
            seen.extend(snapshot.version for snapshot in latest.values(until_writer_gone=True))

        threads = [threading.Thread(target=write), threading.Thread(target=read)]
        for thread in threads:
            thread.start()
        assert [s.version for s in each.every(until_writer_gone=True)] == list(range(1, 61))
        for thread in threads:
            thread.join()
        assert seen[-1] == 60 and seen == sorted(seen)
        if not ephemeral:
            # All that is left of it, at once.
            assert [s.version for s in store.reader("a").values(until_writer_gone=True)] == [60]
            store.remove("a")


def test_loops_of_a_tag_that_is_removed(store: Store) -> None:
    writer = store.writer("a")
    writer.write([1])
    reader = store.reader("a")
    threading.Timer(0.2, lambda: store.remove("a", force=True)).start()
    assert [s.version for s in reader.every(until_writer_gone=True)] == [1]


def test_how_a_loop_ends_is_shown_and_pickled(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    writer.write([1])
    for method in (reader.every, reader.values):
        values = method(0, until_writer_gone=True)
        assert method.__name__ in repr(values) and "until_writer_gone=True" in repr(values)
        again = pickle.loads(pickle.dumps(values))
        assert repr(again) == repr(values) and [s.version for s in again] == [1]
    with pytest.raises(ndsharray.InvalidArgumentError):
        reader.values(math.nan)
    # A time that is over ends the loop while the writer lives.
    assert [s.version for s in reader.values(timeout=0.25, until_writer_gone=True)] == [1]


def test_a_reader_waits_for_its_tag(store: Store) -> None:
    start = time.monotonic()
    with pytest.raises(ndsharray.NotFoundError):
        store.reader("a", wait=0.25)
    assert time.monotonic() - start >= 0.25
    for wait in (0, -1.0):
        with pytest.raises(FileNotFoundError):
            store.reader("a", wait=wait)
    with pytest.raises(ndsharray.InvalidArgumentError, match="wait is nan"):
        store.reader("a", wait=math.nan)
    with pytest.raises(ndsharray.InvalidTagError):
        store.reader("a/b", wait=60)
    opened: list[Reader] = []

    def open_late(wait: float | None) -> None:
        opened.append(store.reader("a", wait=wait))

    threads = [threading.Thread(target=open_late, args=(wait,)) for wait in (60, None, math.inf)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    assert opened == []
    writer = store.writer("a")
    for thread in threads:
        thread.join()
    # It has no value yet.
    assert [reader.read() for reader in opened] == [None] * 3
    writer.write([1])
    assert [reader.latest().version for reader in opened] == [1] * 3


INTERRUPTED = """
import ndsharray
store = ndsharray.Store()
print("waiting", flush=True)
try:
    store.reader("never", wait=None)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_ctrl_c_ends_a_wait_for_a_tag() -> None:
    assert interrupt(INTERRUPTED) == ("interrupted\n", "", 0)
