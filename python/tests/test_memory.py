"""A stream leaks no memory. The process's memory is measured after a million reads."""

import gc
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np

from ndsharray import NdShArray, Store


# Blocks that Python's own caches may take meanwhile: seen up to 124. A leak takes one each round, thousands in all.
CACHES = 500


def resident() -> int:
    """The process's private memory in bytes, from /proc. The shared pages of the store do not count."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no RssAnon")


def test_a_million_reads_leak_nothing(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    v1 = NdShArray("a", r_w="r")
    array, out = np.zeros(8), np.zeros(8)
    strided = np.zeros((8, 2))[:, 0]

    def round_trip() -> None:
        writer.write(array)
        reader.read()
        v1.read()
        v1.read()
        reader.latest().array
        reader.latest(out=out)
        reader.latest(copy=True)
        writer.write(strided, b"user data")
        reader.read()
        reader.read()

    for _ in range(2000):
        round_trip()
    gc.collect()
    before, objects = resident(), sys.getallocatedblocks()
    for _ in range(125_000):
        round_trip()
    gc.collect()
    grown, more = resident() - before, sys.getallocatedblocks() - objects
    assert more < CACHES, f"{more} more objects"
    assert grown < 1 << 20, f"{grown} bytes more"


def test_attributes_and_histories_leak_nothing(store: Store) -> None:
    writer, reader = store.writer("a", history=5), store.reader("a")
    array, out, moment = np.zeros(8), np.zeros(8), datetime.now()

    def round_trip() -> None:
        writer.write(array, attrs={"exposure": 0.01, "roi": [np.int16(3), {"x": None}]}, acquired_at=1.5)
        reader.read_next()
        writer.write(array, attrs={"gain": 2}, acquired_at=moment)
        for snapshot in reader.every(timeout=0):
            snapshot.attrs
        nearest = reader.nearest(moment, copy=True)
        assert nearest is not None and nearest.attrs is not None
        reader.nearest(1.5, out=out)
        loan = writer.loan(8, "f8", attrs={"a": 1})
        with loan:
            loan.attrs = {"b": 2}
        store.stat("a").attrs

    for _ in range(200):
        round_trip()
    gc.collect()
    before, objects = resident(), sys.getallocatedblocks()
    for _ in range(5000):
        round_trip()
    gc.collect()
    assert sys.getallocatedblocks() - objects < CACHES
    assert resident() - before < 1 << 20


def test_errors_leak_nothing(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    writer.write(np.zeros(8))
    wrong = np.zeros(9)
    bad = np.array([None])

    uses: list[Callable[[], object]] = [
        lambda: reader.latest(out=wrong),
        lambda: writer.write(bad),
        lambda: store.reader("b"),
    ]

    def fail() -> None:
        for use in uses:
            try:
                use()
            except (ValueError, NotImplementedError, FileNotFoundError):
                pass
        with writer.loan(8, "f8"):
            pass

    for _ in range(200):
        fail()
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(5000):
        fail()
    gc.collect()
    assert sys.getallocatedblocks() - before < 100
