"""A writer and two readers, each in a process of its own."""

import multiprocessing
import os
import sys
import time

import numpy as np

from ndsharray._native import Reader, Store

TAG = "ndsharray-demo"


def say(line: str) -> None:
    """Prints a line in one piece, among those of the other processes."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def read(name: str, reader: Reader, pause: float) -> None:
    """Prints what it reads, until the writer says that this was the last."""
    for snapshot in reader:
        say(
            f"{name} (pid {os.getpid()}): version {snapshot.version}, {snapshot.dtype} {snapshot.shape}, "
            f"{snapshot.age * 1e6:.0f} us old, mean {snapshot.array.mean():.2f}, missed {reader.missed} so far"
        )
        if snapshot.user_data == b"last":
            return
        time.sleep(pause)


def run(store: Store) -> None:
    tag = f"{TAG}-{os.getpid()}"
    context = multiprocessing.get_context("spawn")
    with store.writer(tag, ephemeral=True) as writer:
        readers = [
            context.Process(target=read, args=(name, store.reader(tag), pause))
            for name, pause in [("fast reader", 0.0), ("slow reader", 0.35)]
        ]
        for process in readers:
            process.start()
        try:
            for n in range(10):
                frame = np.full((1080, 1920, 3), n, np.uint8) if n < 5 else np.linspace(0, n, 1000)
                start = time.perf_counter()
                version = writer.write(frame, b"last" if n == 9 else b"")
                took = (time.perf_counter() - start) * 1e6
                say(f"writer (pid {os.getpid()}): version {version}, {frame.nbytes} bytes in {took:.0f} us")
                time.sleep(0.15)
            for process in readers:
                process.join()
        finally:
            for process in readers:
                process.kill()
                process.join()
