"""Functions that run in processes whose end is tested. Each leaves an ephemeral writer somewhere that nothing drops."""

import builtins
import threading
import time
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

import ndsharray


def keep(value: Any) -> None:
    """Keeps a value until the process is gone: the end of an interpreter does not drop this."""
    kept = [value]
    kept.append(kept)
    builtins.__dict__.setdefault("ndsharray_kept", []).append(kept)


def leave_writer(store: ndsharray.Store, tag: str) -> str:
    writer = store.writer(tag, ephemeral=True)
    writer.write(np.arange(3))
    keep(writer)
    return tag


def leave_loan(store: ndsharray.Store, tag: str) -> None:
    writer = store.writer(tag, ephemeral=True)
    writer.write(np.arange(3))
    loan = writer.loan(3, "u1")
    loan.__enter__()[:] = 1
    keep([writer, loan])


def leave_daemon_thread(store: ndsharray.Store, tag: str) -> None:
    """A daemon thread that never stops writing."""
    started = threading.Event()

    def write() -> None:
        writer = store.writer(tag, ephemeral=True)
        while True:
            writer.write(np.zeros(1 << 18))  # large enough to let other threads run meanwhile
            started.set()

    threading.Thread(target=write, daemon=True).start()
    started.wait(60)


def leave_daemon_loans(store: ndsharray.Store, tag: str) -> None:
    """A daemon thread that never stops filling loans."""
    started = threading.Event()

    def fill() -> None:
        writer = store.writer(tag, ephemeral=True)
        while True:
            with writer.loan(1 << 20, "u1") as array:
                for n in range(100):
                    array[:] = n
            started.set()

    threading.Thread(target=fill, daemon=True).start()
    started.wait(60)


def leave_thread(store: ndsharray.Store, tag: str, pipe: Connection) -> None:
    """A thread that works on after the function, and says what happened."""
    writer = store.writer(tag, ephemeral=True)
    keep(writer)

    def write() -> None:
        for n in range(20):
            version = writer.write([n])
            time.sleep(0.01)
        pipe.send((version, store.stat(tag).writer_alive))

    threading.Thread(target=write).start()
