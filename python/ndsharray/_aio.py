"""``await reader.next()``, and ``async for`` over a reader or over ``reader.every()``.

A wait blocks, so it runs in a thread of its own. The event loop runs on meanwhile.
"""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

from ndsharray._native import Every, Reader, Snapshot

#: How many seconds a thread sleeps before it returns to the coroutine, which may have been cancelled.
_STEP = 0.1

_threads: "ThreadPoolExecutor | None" = None


def _pool() -> ThreadPoolExecutor:
    """The threads for waits, one for each wait. asyncio's own threads are few, and other code needs them."""
    global _threads
    if _threads is None:
        _threads = ThreadPoolExecutor(max_workers=1024, thread_name_prefix="ndsharray")
    return _threads


def _forget() -> None:
    global _threads
    _threads = None


# A forked child does not have the parent's threads, so it makes new ones.
os.register_at_fork(after_in_child=_forget)


async def next_value(reader: Reader) -> Snapshot:
    """Returns the next new value of a reader, and waits for it.

    A thread only waits for the value; this coroutine reads it. So no value is lost if the wait is cancelled.
    """
    loop = asyncio.get_running_loop()
    while True:
        value = reader.read()
        if value is not None:
            return value
        await loop.run_in_executor(_pool(), reader._ready, _STEP)


async def next_in_turn(every: Every, reader: Reader, timeout: "float | None") -> Snapshot:
    """Returns the next value of a reader in its turn, and waits for it. Ends the loop when the time is over."""
    loop = asyncio.get_running_loop()
    end = None if timeout is None else loop.time() + timeout
    while not every._ended:
        value = reader.read_next()
        if value is not None:
            return value
        left = _STEP if end is None else end - loop.time()
        if left <= 0:
            every._end()
            break
        await loop.run_in_executor(_pool(), reader._ready, min(left, _STEP))
    raise StopAsyncIteration
