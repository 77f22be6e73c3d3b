"""What the processes that tests start do; importable by name, as spawn and forkserver need it."""

import os
import time
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

import ndsharray
from ndsharray import NdShArray, Reader, WriterOptions


def digest(array: Any) -> tuple[str, tuple[int, ...], bytes]:
    """All that there is to compare of an array."""
    return str(array.dtype), array.shape, array.tobytes()


def echo_reader(reader: Reader, to: Connection, count: int) -> None:
    """Sends back what it reads."""
    for _ in range(count):
        snapshot = reader.wait(60)
        assert snapshot is not None
        to.send((snapshot.version, digest(snapshot.array)))


def echo_classic(reader: NdShArray, to: Connection) -> None:
    status, array = reader.read()
    to.send((status, digest(array)))


def write_ramp(options: WriterOptions, count: int) -> None:
    with options.open() as writer:
        for n in range(count):
            writer.write(np.full(1000, n), str(n).encode())


def write_for_ever(options: WriterOptions, ready: Connection) -> None:
    """Whole values only: each element is the number of the value. Ends by being killed."""
    with options.open() as writer:
        writer.write(np.zeros(1 << 16, np.int64))
        ready.send(os.getpid())
        n = 0
        while True:
            n += 1
            writer.write(np.full(1 << (10 + n % 7), n))


def read_for_ever(reader: Reader, ready: Connection) -> None:
    held: list[Any] = []
    for snapshot in reader:
        array = snapshot.array
        assert array.min() == array.max()
        held = [*held[-2:], array]
        if len(held) == 3:
            ready.send(snapshot.version)


def use_inherited(writer: Any, reader: Reader, array: Any, to: Connection) -> None:
    """In a forked child: the writer is inert, the array is whole, the reader reads."""
    before = digest(array)
    try:
        writer.write(np.zeros(3))
        wrote = "wrote"
    except ndsharray.ForkedError:
        wrote = "refused"
    time.sleep(0.2)
    latest = reader.latest().array
    to.send((wrote, before == digest(array), digest(latest)))
