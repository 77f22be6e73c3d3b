"""``await reader.next()`` and ``async for``: the waits run in threads, so that the event loop goes on."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

from ndsharray._native import Reader, Snapshot

#: How long a thread sleeps before it looks whether it is still wanted, in seconds.
_STEP = 0.1

_threads: "ThreadPoolExecutor | None" = None


def _pool() -> ThreadPoolExecutor:
    """Threads of our own, as many as there are waits: asyncio's few must stay free for others."""
    global _threads
    if _threads is None:
        _threads = ThreadPoolExecutor(max_workers=1024, thread_name_prefix="ndsharray")
    return _threads


def _forget() -> None:
    global _threads
    _threads = None


# The threads stay in the parent.
os.register_at_fork(after_in_child=_forget)


async def next_value(reader: Reader) -> Snapshot:
    """The next new value of a reader.

    A wait takes nothing before it returns, so that no value is lost when it is cancelled.
    """
    loop = asyncio.get_running_loop()
    while True:
        value = reader.read()
        if value is not None:
            return value
        await loop.run_in_executor(_pool(), reader._ready, _STEP)
