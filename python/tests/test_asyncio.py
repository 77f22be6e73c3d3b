"""Readers in asyncio. The event loop runs on while they wait, and a cancelled wait loses no value."""

import asyncio
import subprocess
import sys
import threading

import numpy as np
import pytest
from interrupting import interrupt

from ndsharray import Snapshot, Store


def test_next_is_woken(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")

    async def main() -> tuple[Snapshot, int]:
        ticks = 0
        task = asyncio.create_task(reader.next())
        while ticks < 20:
            await asyncio.sleep(0.01)
            ticks += 1
            assert not task.done()
        writer.write([5])
        return await task, ticks

    snapshot, ticks = asyncio.run(main())
    assert snapshot.array.tolist() == [5] and ticks == 20


def test_two_readers(store: Store) -> None:
    """A thread writes two tags in turn, and a loop reads each of them. Each loop gets all values of its tag, in order."""
    writers = [store.writer(tag) for tag in "ab"]
    readers = [store.reader(tag) for tag in "ab"]
    turn = [threading.Semaphore(1), threading.Semaphore(1)]
    seen: list[list[int]] = [[], []]

    def write() -> None:
        for n in range(30):
            for writer, free in zip(writers, turn, strict=True):
                free.acquire()
                writer.write(np.full(10, n), b"end" if n == 29 else b"")

    async def consume(index: int) -> None:
        async for snapshot in readers[index]:
            seen[index].append(int(snapshot.array[0]))
            turn[index].release()
            if snapshot.user_data == b"end":
                return

    async def main() -> None:
        await asyncio.gather(consume(0), consume(1))

    thread = threading.Thread(target=write)
    thread.start()
    asyncio.run(main())
    thread.join()
    assert seen == [list(range(30))] * 2


def test_cancelled_waits_lose_nothing(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")

    async def main() -> Snapshot:
        for _ in range(3):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(reader.next(), 0.05)
        task = asyncio.create_task(reader.next())
        await asyncio.sleep(0.05)
        writer.write([1])
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await reader.next()

    assert asyncio.run(main()).version == 1
    assert reader.read() is None


def test_many_readers_at_once(store: Store) -> None:
    """There may be more waits than asyncio has threads."""
    count = 60
    writers = [store.writer(f"t{n}") for n in range(count)]

    async def main() -> list[Snapshot]:
        readers = [store.reader(f"t{n}") for n in range(count)]
        tasks = [asyncio.create_task(reader.next()) for reader in readers]
        await asyncio.sleep(0.2)
        for n, writer in enumerate(writers):
            writer.write([n])
        return await asyncio.gather(*tasks)

    assert [int(snapshot.array[0]) for snapshot in asyncio.run(main())] == list(range(count))


def test_errors_come_out(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    writer.write([1])
    assert writer.data_file is not None
    (store.directory / writer.data_file).unlink()

    async def main() -> None:
        with pytest.raises(FileNotFoundError):
            await reader.next()

    asyncio.run(main())


LEFT = """
import asyncio, ndsharray
store = ndsharray.Store()
writer = store.writer("a")
reader = store.reader("a")
async def main():
    tasks = [asyncio.create_task(reader.next()) for _ in range(3)]
    await asyncio.sleep(0.1)
    print("leaving", flush=True)
    {end}
asyncio.run(main())
"""


@pytest.mark.parametrize("end", ["return", "raise SystemExit(0)"])
def test_a_loop_that_ends_ends_the_waits(end: str) -> None:
    command = [sys.executable, "-W", "error", "-c", LEFT.format(end=end)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("leaving\n", "", 0)


INTERRUPTED = """
import asyncio, ndsharray
store = ndsharray.Store()
writer = store.writer("a")
reader = store.reader("a")
async def main():
    print("waiting", flush=True)
    async for snapshot in reader:
        raise AssertionError("nothing was written")
try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("interrupted")
"""


def test_ctrl_c() -> None:
    assert interrupt(INTERRUPTED) == ("interrupted\n", "", 0)


def test_forked_children_wait_too() -> None:
    """A forked child does not have the parent's threads for waits. It makes new ones."""
    script = """
import asyncio, os, ndsharray
store = ndsharray.Store()
writer = store.writer("a")
reader = store.reader("a")
async def one():
    asyncio.get_running_loop().call_later(0.2, lambda: store.writer("b", takeover=True).write([1]))
    return (await store.reader("b").next()).version
store.writer("b").close()
assert asyncio.run(one()) == 1
pid = os.fork()
if pid == 0:
    os._exit(0 if asyncio.run(one()) == 1 else 1)
assert os.waitpid(pid, 0)[1] == 0
print("done")
"""
    command = [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("done\n", "", 0)
