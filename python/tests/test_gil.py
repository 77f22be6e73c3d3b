"""A large copy lets other threads use the interpreter meanwhile."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import ndsharray

ROWS = 4000


@pytest.fixture
def steps() -> Iterator[Callable[[], int]]:
    """A count that another thread raises each time it runs. It runs only if this thread lets go of the interpreter."""
    count, ends, interval = 0, threading.Event(), sys.getswitchinterval()

    def run() -> None:
        nonlocal count
        while not ends.is_set():
            count += 1
            time.sleep(0)

    thread = threading.Thread(target=run, daemon=True)
    # Longer than any test, so that the interpreter is never taken from a thread.
    sys.setswitchinterval(3600)
    thread.start()
    yield lambda: count
    ends.set()
    thread.join()
    sys.setswitchinterval(interval)


def steps_during(call: Callable[[], Any], steps: Callable[[], int]) -> int:
    """How often the other thread ran during the call. Tries often, because a busy machine may not run it at once."""
    for _ in range(200):
        before = steps()
        call()
        ran = steps() - before
        if ran > 0:
            return ran
    return 0


def test_a_call_that_copies_little_keeps_the_interpreter(store: ndsharray.Store, steps: Callable[[], int]) -> None:
    writer, array = store.writer("a"), np.zeros(100, np.uint8)
    writer.write(array)
    reader = store.reader("a")
    assert steps_during(lambda: writer.write(array), steps) == 0
    assert steps_during(lambda: reader.latest(copy=True), steps) == 0


def test_large_copies_let_go_of_it(store: ndsharray.Store, steps: Callable[[], int]) -> None:
    writer, array = store.writer("a"), np.zeros((ROWS, ROWS), np.uint8)
    writer.write(array)
    reader = store.reader("a")
    calls: dict[str, Callable[[], Any]] = {
        "write": lambda: writer.write(array),
        "write of strides": lambda: writer.write(array.T),
        "copy": lambda: reader.latest(copy=True),
        "out": lambda: reader.latest(out=array),
        "out of strides": lambda: reader.latest(out=array.T),
    }
    assert [name for name, call in calls.items() if steps_during(call, steps) == 0] == []
