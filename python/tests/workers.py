"""Functions that tests run in other processes. They are in a module because spawn and forkserver import them by name."""

import os
import time
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

import ndsharray
from ndsharray import Every, NdShArray, Reader, WriterOptions


def digest(array: Any) -> tuple[str, tuple[int, ...], bytes]:
    """All that tests compare of an array."""
    return str(array.dtype), array.shape, array.tobytes()


def echo_reader(reader: Reader, to: Connection, count: int) -> None:
    """Sends each value that it reads back to the test."""
    for _ in range(count):
        snapshot = reader.wait(60)
        assert snapshot is not None
        to.send((snapshot.version, digest(snapshot.array)))


def echo_v1(reader: NdShArray, to: Connection) -> None:
    status, array = reader.read()
    to.send((status, digest(array)))


def write_ramp(options: WriterOptions, count: int) -> None:
    with options.open() as writer:
        for n in range(count):
            writer.write(np.full(1000, n), str(n).encode())


def write_until(options: WriterOptions, end: Any) -> None:
    """Writes as fast as it can, until the event is set."""
    with options.open() as writer:
        while not end.is_set():
            for n in range(100):
                writer.write([n])


def write_for_ever(options: WriterOptions, ready: Connection) -> None:
    """Writes until it is killed. All elements of a value are the same, so a torn value can be seen."""
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
    """Runs in a forked child. The writer refuses to write, the array is whole, and the reader reads."""
    before = digest(array)
    try:
        writer.write(np.zeros(3))
        wrote = "wrote"
    except ndsharray.ForkedError:
        wrote = "refused"
    time.sleep(0.2)
    latest = reader.latest().array
    to.send((wrote, before == digest(array), digest(latest)))


def read_after_stalls(reader: Reader, pipe: Connection) -> None:
    """Reads all that is there in its turn, each time that the test says so. Between these times it stalls."""
    while pipe.recv():
        seen: list[tuple[int, int]] = []
        while (snapshot := reader.read_next()) is not None:
            seen.append((snapshot.version, int(snapshot.array[0])))
        pipe.send((seen, reader.missed))


def read_every(every: Every, pipe: Connection) -> None:
    """Sends the versions and attributes of all values until none comes any more."""
    pipe.send([(snapshot.version, snapshot.attrs) for snapshot in every])
