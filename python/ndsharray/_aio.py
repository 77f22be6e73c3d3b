"""``await reader.next()``, and ``async for`` over a reader, ``reader.every()`` and ``reader.values()``.

The threads of the library wait, one for every 127 tags, for all loops of the process. They tell a loop through a socket
that the loop watches, and need no interpreter for it.

Each value costs at least one turn of the loop, also while values are there: so timeouts, cancellations and signal handlers
get through under a writer at full speed.
"""

import asyncio
import itertools
import os
import weakref

from ndsharray._native import Every, Reader, Snapshot, _Alarm

#: How often, in seconds, a loop that ends with the writer asks whether it has gone.
_STEP = 0.1


class _Waits:
    """The waits of one event loop, by number. The loop keeps it alive, by the reader that is added to it, and nothing else
    does: its futures keep their loop alive, which may be closed with waits that nobody ended."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.alarm = _Alarm()
        self.numbers = itertools.count()
        self.futures: dict[int, asyncio.Future[bool]] = {}
        loop.add_reader(self.alarm.fileno(), self._rung)

    def _rung(self) -> None:
        for number in self.alarm.take():
            future = self.futures.get(number)
            if future is not None:
                _resolve(future, True)


def _resolve(future: "asyncio.Future[bool]", outcome: bool) -> None:
    if not future.done():
        future.set_result(outcome)


_loops: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, weakref.ref[_Waits]]" = weakref.WeakKeyDictionary()


def _waits_of(loop: asyncio.AbstractEventLoop) -> _Waits:
    known = _loops.get(loop)
    waits = None if known is None else known()
    if waits is None:
        waits = _Waits(loop)
        _loops[loop] = weakref.ref(waits)
    return waits


def _forget() -> None:
    global _loops
    _loops = weakref.WeakKeyDictionary()


# A forked child must not take what the parent's loops are told.
os.register_at_fork(after_in_child=_forget)


async def _changed(reader: Reader, limit: "float | None") -> bool:
    """Waits until a reader may have a new value, and returns True; False after `limit` seconds.

    It reads nothing, so no value is lost if it is cancelled.
    """
    loop = asyncio.get_running_loop()
    waits = _waits_of(loop)
    number = next(waits.numbers)
    wait = reader._wait(waits.alarm, number)
    if wait.ready:
        await asyncio.sleep(0)
        return True
    future: asyncio.Future[bool] = loop.create_future()
    waits.futures[number] = future
    timer = None if limit is None else loop.call_later(limit, _resolve, future, False)
    try:
        return await future
    finally:
        if timer is not None:
            timer.cancel()
        del waits.futures[number]
        wait.close()


async def next_value(reader: Reader) -> Snapshot:
    """Returns the next new value of a reader, and waits for it."""
    # Before the value is read: a cancellation comes out here.
    await asyncio.sleep(0)
    while True:
        value = reader.read()
        if value is not None:
            return value
        await _changed(reader, None)


async def next_in_turn(
    every: Every, reader: Reader, timeout: "float | None", until_writer_gone: bool
) -> Snapshot:
    """Returns the next value of `every`, and waits for it. Ends the loop when the time is over, or the writer has gone."""
    loop = asyncio.get_running_loop()
    end = None if timeout is None else loop.time() + timeout
    await asyncio.sleep(0)
    changed = True
    while not every._ended:
        value = every._read()
        if value is not None:
            return value
        left = None if end is None else end - loop.time()
        if until_writer_gone and (not changed or left is not None and left <= 0) and not reader.writer_alive:
            # It may have written once more before it left.
            value = every._read()
            if value is not None:
                return value
            every._end()
            break
        if left is not None and left <= 0:
            every._end()
            break
        if until_writer_gone:
            left = _STEP if left is None else min(left, _STEP)
        changed = await _changed(reader, left)
    raise StopAsyncIteration
