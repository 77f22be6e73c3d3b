"""``async for`` over ``Reader.every``: all values in order, a time that ends it, and cancelled waits that lose none."""

import asyncio
import subprocess
import sys
import threading
import time

import pytest
from interrupting import interrupt

from ndsharray import Snapshot, Store


def test_all_in_order(store: Store) -> None:
    """A thread writes in bursts that are shorter than the history; each of two loops gets all values of its tag."""
    writers = [store.writer(tag, history=50) for tag in "ab"]
    readers = [store.reader(tag) for tag in "ab"]
    seen: list[list[int]] = [[], []]

    def write() -> None:
        for start in range(0, 200, 25):
            for index, writer in enumerate(writers):
                while start - len(seen[index]) > 20:
                    time.sleep(0.001)
                for n in range(start, start + 25):
                    writer.write([n])

    async def consume(index: int) -> None:
        async for snapshot in readers[index].every():
            seen[index].append(int(snapshot.array[0]))
            if len(seen[index]) == 200:
                return

    async def main() -> None:
        await asyncio.gather(consume(0), consume(1))

    thread = threading.Thread(target=write)
    thread.start()
    asyncio.run(main())
    thread.join()
    assert seen == [list(range(200))] * 2
    assert [reader.missed for reader in readers] == [0, 0]


def test_the_loop_ends_when_nothing_comes(store: Store) -> None:
    writer, reader = store.writer("a", history=8), store.reader("a")

    async def versions(timeout: float) -> list[int]:
        return [snapshot.version async for snapshot in reader.every(timeout)]

    async def main() -> None:
        for _ in range(3):
            writer.write([0])
        assert await versions(0) == [1, 2, 3]
        start = time.monotonic()
        assert await versions(0.25) == []
        assert time.monotonic() - start >= 0.25
        assert await versions(-1) == []
        # The time counts anew after each value.
        loop = asyncio.get_running_loop()
        for step in range(1, 6):
            loop.call_later(0.3 * step, writer.write, [0])
        assert await versions(1.2) == [4, 5, 6, 7, 8]

    asyncio.run(main())


def test_one_object_does_both(store: Store) -> None:
    writer, reader = store.writer("a", history=8), store.reader("a")
    for _ in range(4):
        writer.write([0])
    every = reader.every(timeout=0)

    async def main() -> list[int]:
        seen = [next(every).version, (await anext(every)).version, next(every).version]
        seen += [snapshot.version async for snapshot in every]
        writer.write([0])
        assert [snapshot async for snapshot in every] == [] and list(every) == [], "what has ended stays at its end"
        with pytest.raises(StopAsyncIteration):
            await anext(every)
        return seen

    assert asyncio.run(main()) == [1, 2, 3, 4]
    assert [snapshot.version for snapshot in reader.every(timeout=0)] == [5]


def test_cancelled_waits_lose_nothing(store: Store) -> None:
    writer, reader = store.writer("a", history=8), store.reader("a")

    async def main() -> list[Snapshot]:
        every = reader.every()
        for _ in range(3):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(anext(every), 0.05)
        task = asyncio.ensure_future(anext(every))
        await asyncio.sleep(0.05)
        writer.write([1])
        task.cancel()
        writer.write([2])
        with pytest.raises(asyncio.CancelledError):
            await task
        return [await anext(every), await anext(every)]

    assert [snapshot.version for snapshot in asyncio.run(main())] == [1, 2]
    assert reader.read_next() is None and reader.missed == 0


def test_errors_come_out(store: Store) -> None:
    writer, reader = store.writer("a", history=3), store.reader("a")
    writer.write([1])
    assert writer.data_file is not None
    (store.directory / writer.data_file).unlink()

    async def main() -> None:
        with pytest.raises(FileNotFoundError):
            async for _ in reader.every():
                raise AssertionError("there is no value")

    asyncio.run(main())


INTERRUPTED = """
import asyncio, ndsharray
store = ndsharray.Store()
writer = store.writer("a", history=3)
reader = store.reader("a")
async def main():
    print("waiting", flush=True)
    async for snapshot in reader.every(timeout=3600):
        raise AssertionError("nothing was written")
try:
    asyncio.run(main())
except KeyboardInterrupt:
    writer.write([1]), writer.write([2])
    assert [snapshot.version for snapshot in reader.every(timeout=0)] == [1, 2]
    print("interrupted")
"""


def test_ctrl_c() -> None:
    assert interrupt(INTERRUPTED) == ("interrupted\n", "", 0)


FORKED = """
import asyncio, os, ndsharray
store = ndsharray.Store()
writer = store.writer("a", history=20)
reader = store.reader("a")
async def versions(count):
    every = reader.every(timeout=60)
    return [(await anext(every)).version for _ in range(count)]
for n in range(3):
    writer.write([n])
assert asyncio.run(versions(3)) == [1, 2, 3]
started, go = os.pipe()
pid = os.fork()
if pid == 0:
    os.read(started, 1)
    os._exit(0 if asyncio.run(versions(5)) == [4, 5, 6, 7, 8] and reader.missed == 0 else 1)
for n in range(4):
    writer.write([n])
os.write(go, b".")
writer.write([4])
assert asyncio.run(versions(5)) == [4, 5, 6, 7, 8], "the child's reader is another one"
assert os.waitpid(pid, 0)[1] == 0
print("done")
"""


def test_forked_children_read_on() -> None:
    command = [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-c", FORKED]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("done\n", "", 0)
