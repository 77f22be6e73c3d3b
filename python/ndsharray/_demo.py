"""The demonstration: a writer and two readers, each in a process of its own. Every value is checked."""

import multiprocessing
import os
import secrets
import sys
import time
from typing import Any

import numpy as np

from ndsharray._errors import Error
from ndsharray._native import Reader, Store

TAG = "ndsharray-demo"
VALUES = 10


def value(version: int) -> "np.ndarray[Any, Any]":
    """The array that is written as this version: first frames of a camera, then arrays of another shape and dtype."""
    n = version - 1
    return np.full((1080, 1920, 3), n, np.uint8) if n < 5 else np.linspace(0, n, 1000)


def say(line: str) -> None:
    """Prints a line in one piece, so that lines of several processes do not mix."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def read(name: str, reader: Reader, pause: float) -> None:
    """Prints each value that it reads, until the writer marks one as the last.

    The exit code is 1 if a value is not what was written.
    """
    while True:
        snapshot = reader.wait(timeout=1.0)
        if snapshot is None:
            if not reader.writer_alive:
                sys.exit(f"{name}: the writer ended without the last value")
            continue
        say(
            f"{name} (pid {os.getpid()}): version {snapshot.version}, {snapshot.dtype} {snapshot.shape}, "
            f"{snapshot.age * 1e6:.0f} us old, mean {snapshot.array.mean():.2f}, missed {reader.missed} so far"
        )
        if not np.array_equal(snapshot.array, value(snapshot.version)):
            sys.exit(f"{name}: version {snapshot.version} is not what was written")
        if snapshot.user_data == b"last":
            return
        time.sleep(pause)


def run(store: Store) -> None:
    """Runs the demonstration. Raises Error if a reader fails."""
    tag = f"{TAG}-{os.getpid()}-{secrets.token_hex(3)}"
    context = multiprocessing.get_context("spawn")
    with store.writer(tag, ephemeral=True) as writer:
        readers = [
            context.Process(target=read, args=(name, store.reader(tag), pause))
            for name, pause in [("fast reader", 0.0), ("slow reader", 0.35)]
        ]
        for process in readers:
            process.start()
        try:
            for version in range(1, VALUES + 1):
                array = value(version)
                start = time.perf_counter()
                writer.write(array, b"last" if version == VALUES else b"")
                took = (time.perf_counter() - start) * 1e6
                say(f"writer (pid {os.getpid()}): version {version}, {array.nbytes} bytes in {took:.0f} us")
                time.sleep(0.15)
            for process in readers:
                process.join()
        finally:
            for process in readers:
                process.kill()
                process.join()
    if any(process.exitcode != 0 for process in readers):
        raise Error("the demo failed: a reader ended without the last value")
    left = [path.name for path in store.directory.iterdir() if path.name.startswith(tag)]
    say(f"every value was whole and right; files of {tag} left in {store.directory}: {', '.join(left) or 'none'}")
