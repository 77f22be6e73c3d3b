"""Readers leave the event loop its turns, however fast the writer is, and wait in few threads."""

import asyncio
import gc
import multiprocessing
import os
import signal
import time
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import workers
from test_process import process

import ndsharray
from ndsharray import Reader, Snapshot, Store


def waiting_threads() -> int:
    names = []
    for task in Path("/proc/self/task").iterdir():
        try:
            names.append((task / "comm").read_text().strip())
        except OSError:
            pass
    return sum(name.startswith("ndsharray") for name in names)


def test_200_readers_wait_in_two_threads(store: Store) -> None:
    """Those of one tag share a thread; 200 tags take two."""
    one = store.writer("one")
    tags = [f"t{n}" for n in range(200)]
    for tag in tags:
        store.writer(tag).close()

    async def wait_for(readers: list[Reader]) -> tuple[int, list[Snapshot]]:
        tasks = [asyncio.create_task(reader.next()) for reader in readers]
        await asyncio.sleep(0.3)
        threads = waiting_threads()
        for reader in readers[:1] if readers[0].tag == "one" else readers:
            writer = one if reader.tag == "one" else store.writer(reader.tag)
            writer.write([1])
        return threads, await asyncio.gather(*tasks)

    before = len(os.listdir("/proc/self/task"))
    threads, values = asyncio.run(wait_for([store.reader("one") for _ in range(200)]))
    assert threads == 1 and [value.version for value in values] == [1] * 200
    threads, values = asyncio.run(wait_for([store.reader(tag) for tag in tags]))
    assert threads == 2 and [value.version for value in values] == [1] * 200
    end = time.monotonic() + 60
    while waiting_threads() and time.monotonic() < end:
        time.sleep(0.02)
    assert waiting_threads() == 0 and len(os.listdir("/proc/self/task")) <= before


@contextmanager
def fast_writer(store: Store) -> Iterator[Reader]:
    """Another process writes as fast as it can, so that a reader finds a value at each read."""
    store.writer("fast").close()
    end = multiprocessing.get_context("spawn").Event()
    with process("spawn", workers.write_until, store.writer_options("fast", history=200), end):
        reader = store.reader("fast")
        assert reader.wait(60) is not None
        try:
            yield reader
        finally:
            end.set()


async def forever(values: AsyncIterator[Snapshot]) -> None:
    async for _ in values:
        pass


async def next_forever(reader: Reader) -> None:
    while True:
        await reader.next()


def test_timeouts_cancellations_and_signals_get_through(store: Store) -> None:
    """Whoever reads at each turn would keep the loop for itself. It ends after a minute if it does."""
    signal.alarm(120)
    with fast_writer(store) as reader:
        every: list[Callable[[], Coroutine[None, None, None]]] = [
            lambda: forever(reader),
            lambda: forever(reader.every()),
            lambda: next_forever(reader),
        ]

        async def main() -> None:
            loop = asyncio.get_running_loop()
            for make in every:
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(make(), 0.1)
                task = asyncio.create_task(make())
                await asyncio.sleep(0.05)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                got = asyncio.Event()
                loop.add_signal_handler(signal.SIGUSR1, got.set)
                task = asyncio.create_task(make())
                await asyncio.sleep(0.05)
                os.kill(os.getpid(), signal.SIGUSR1)
                await got.wait()
                assert not task.done()
                task.cancel()
                await asyncio.wait([task])
                loop.remove_signal_handler(signal.SIGUSR1)

        asyncio.run(main())
    signal.alarm(0)


def test_a_reader_takes_its_turn_among_tasks(store: Store) -> None:
    """A value that is there already costs a turn, too."""
    writer, reader = store.writer("a", history=50), store.reader("a")
    for n in range(50):
        writer.write([n])
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def main() -> int:
        task = asyncio.create_task(count())
        seen = [snapshot.version async for snapshot in reader.every(timeout=0)]
        task.cancel()
        return len(seen)

    assert asyncio.run(main()) == 50 and turns >= 50


def test_a_loop_that_was_closed_is_left_alone(store: Store) -> None:
    """A wait that the program forgot rings for a loop that is no more."""
    writer, reader = store.writer("a"), store.reader("a")
    for n in range(1, 4):
        loop = asyncio.new_event_loop()
        waiting = reader.next()
        task = loop.create_task(waiting)
        loop.run_until_complete(asyncio.sleep(0.05))
        loop.close()
        assert writer.write([n]) == n
        time.sleep(0.05)
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        del task, waiting, loop
        value = asyncio.run(asyncio.wait_for(store.reader("a").next(), 60))
        assert value.version == n


def test_nothing_is_left_of_loops_that_were_closed_with_waits(store: Store) -> None:
    """Neither the loop, nor its descriptors, nor the library's thread, which ends when nobody waits."""
    _writer, reader = store.writer("a"), store.reader("a")
    before, loops = len(os.listdir("/proc/self/fd")), []
    for _ in range(10):
        loop = asyncio.new_event_loop()
        task = loop.create_task(reader.next())
        loop.run_until_complete(asyncio.sleep(0.01))
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        loop.close()
        loops.append(weakref.ref(loop))
        del task, loop
    gc.collect()
    assert [loop() for loop in loops] == [None] * 10
    assert len(os.listdir("/proc/self/fd")) <= before
    end = time.monotonic() + 60
    while waiting_threads() > 0:
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("module", ["uvloop", "anyio"])
def test_other_loops(store: Store, module: str) -> None:
    library = pytest.importorskip(module)
    writer, reader = store.writer("a", history=8), store.reader("a")

    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        for n in range(5):
            loop.call_later(0.02 * n, writer.write, [n])
        every = reader.every(timeout=60)
        return [(await anext(every)).version for _ in range(5)]

    assert library.run(main() if module == "uvloop" else main) == [1, 2, 3, 4, 5]


def test_loops_end_when_the_writer_has_gone(store: Store) -> None:
    """For each value and for the latest ones, with nothing lost at the end."""
    for ephemeral in (False, True):
        writer = store.writer("a", history=100, ephemeral=ephemeral)
        each, latest = store.reader("a"), store.reader("a")

        async def main() -> tuple[list[int], list[int]]:
            async def versions(values: ndsharray.Every) -> list[int]:
                return [snapshot.version async for snapshot in values]

            tasks = [
                asyncio.create_task(versions(each.every(until_writer_gone=True))),
                asyncio.create_task(versions(latest.values(until_writer_gone=True))),
            ]
            for n in range(60):
                writer.write([n])
                if n % 20 == 0:
                    await asyncio.sleep(0.15)
            assert not any(task.done() for task in tasks)
            if ephemeral:
                # Its values go with it.
                await asyncio.sleep(0.1)
            writer.close()
            first, second = await asyncio.gather(*tasks)
            return first, second

        first, second = asyncio.run(main())
        assert first == list(range(1, 61)) and second[-1] == 60 and second == sorted(second)
        if not ephemeral:
            store.remove("a")
