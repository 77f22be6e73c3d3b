"""Reading and writing side by side with np.copyto, which is the limit, in one run.

Usage: python python/benches/bench.py [--quick]
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import ndsharray

FRAME = (1080, 1920, 3)


def once(function: Callable[[], Any], count: int) -> float:
    """Microseconds per call, over `count` calls."""
    start = time.perf_counter_ns()
    for _ in range(count):
        function()
    return (time.perf_counter_ns() - start) / count / 1e3


def side_by_side(rounds: int, cases: dict[str, tuple[Callable[[], Any], int]]) -> dict[str, float]:
    """Medians; the cases take turns, so that what else the machine does is the same for all."""
    times: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, (function, count) in cases.items():
            times[name].append(once(function, count))
    return {name: statistics.median(values) for name, values in times.items()}


def show(title: str, medians: dict[str, float], limit: str) -> None:
    print(f"\n{title}")
    for name, median in medians.items():
        print(f"  {name:<44}{median:>10.3f} us {median / medians[limit]:>8.2f} x")


def small(store: ndsharray.Store, rounds: int) -> None:
    source, target = np.arange(64, dtype=np.uint8), np.zeros(64, np.uint8)
    writer = store.writer("small")
    writer.write(source)
    reader, classic = store.reader("small"), ndsharray.NdShArray("small", r_w="r")

    def write_and_read() -> None:
        writer.write(source)
        reader.read()

    def write_and_read_array() -> None:
        writer.write(source)
        reader.read().array  # type: ignore[union-attr]

    def write_and_read_classic() -> None:
        writer.write(source)
        classic.read()

    n = 5000
    cases: dict[str, tuple[Callable[[], Any], int]] = {
        "np.copyto": (lambda: np.copyto(target, source), n),
        "write": (lambda: writer.write(source), n),
        "latest": (lambda: reader.latest(), n),
        "latest().array": (lambda: reader.latest().array, n),
        "latest(out=target)": (lambda: reader.latest(out=target), n),
        "read, nothing new": (lambda: reader.read(), n),
        "write and read": (write_and_read, n),
        "write and read().array": (write_and_read_array, n),
        "write and NdShArray.read": (write_and_read_classic, n),
    }
    medians = side_by_side(rounds, cases)
    for name in ["read", "read().array", "NdShArray.read"]:
        medians[f"{name} of a new value (difference)"] = medians[f"write and {name}"] - medians["write"]
    show("64 bytes", medians, "np.copyto")


def large(store: ndsharray.Store, rounds: int) -> None:
    source = np.random.default_rng(0).integers(0, 255, FRAME, np.uint8)
    target, other, strided = source.copy(), source.copy(), np.asfortranarray(source)

    def two_targets() -> None:
        np.copyto(target, source)
        np.copyto(other, source)

    writer = store.writer("large")
    writer.write(source)
    writer.write(source)
    reader = store.reader("large")
    loaned = np.zeros(1, np.uint8)

    def loan() -> None:
        with writer.loan(FRAME, np.uint8) as array:
            array[0, 0, 0] = loaned[0]

    # Long turns, and nothing else in between: the buffers are to be warm.
    warm: dict[str, tuple[Callable[[], Any], int]] = {
        "np.copyto, warm": (lambda: np.copyto(target, source), 200),
        "np.copyto, to two targets in turn": (two_targets, 100),
        "write": (lambda: writer.write(source), 200),
    }
    # A stream goes to two slots in turn, as readers may have one: this is its limit where caches are small or shared.
    warm_medians = side_by_side(rounds, warm)
    warm_medians["np.copyto, to two targets in turn"] /= 2
    show("6.2 MB: a frame of 1080 x 1920 x 3", warm_medians, "np.copyto, warm")
    cases: dict[str, tuple[Callable[[], Any], int]] = {
        "np.copyto": (lambda: np.copyto(target, source), 20),
        "loan, one element written": (loan, 20),
        "latest(copy=True)": (lambda: reader.latest(copy=True), 5),
        "latest(out=target)": (lambda: reader.latest(out=target), 20),
        "np.copyto of strides": (lambda: np.copyto(target, strided), 3),
        "write of strides": (lambda: writer.write(strided), 3),
    }
    show("and in other ways", side_by_side(rounds, cases), "np.copyto")

    # Only now: it holds the array that it read last, and so a slot, which writes above would miss in the cache.
    classic = ndsharray.NdShArray("large", r_w="r")
    classic.read()
    cases = {
        "latest().array": (lambda: reader.latest().array, 2000),
        "NdShArray.read, nothing new": (lambda: classic.read(), 2000),
    }
    medians = side_by_side(rounds, cases)
    new: dict[str, list[float]] = {"read().array of a new value": [], "NdShArray.read of a new value": []}
    for _ in range(rounds * 20):
        writer.write(source)
        new["read().array of a new value"].append(once(lambda: reader.read().array, 1))  # type: ignore[union-attr]
        new["NdShArray.read of a new value"].append(once(lambda: classic.read(), 1))
    medians.update({name: statistics.median(times) for name, times in new.items()})
    show("reading it", medians, "latest().array")


def layouts(store: ndsharray.Store, rounds: int) -> None:
    """A change of layout that fits the slot, beside a plain write of as many bytes."""
    a = np.zeros((1080, 1920), np.uint8)
    b = a.reshape(1920, 1080)
    writer = store.writer("layouts")
    writer.write(a)
    writer.write(a)
    turn = [a, b]

    def change() -> None:
        turn.reverse()
        writer.write(turn[0])

    cases: dict[str, tuple[Callable[[], Any], int]] = {
        "plain write": (lambda: writer.write(turn[0]), 20),
        "write of another layout": (change, 20),
    }
    medians = side_by_side(rounds, cases)
    show("2.1 MB: layout changes", medians, "plain write")
    allowed = 1.1 * medians["plain write"] + 20
    print(f"  allowed for another layout (1.1 x + 20 us) {allowed:>11.3f} us")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few rounds only, to see that it runs")
    rounds = 3 if parser.parse_args().quick else 31
    with tempfile.TemporaryDirectory(prefix=".ndsharray-bench-", dir="/dev/shm") as directory:
        os.environ["NDSHARRAY_DIR"] = directory
        store = ndsharray.Store(directory)
        print(f"ndsharray {ndsharray.__version__}, numpy {np.__version__}; medians of {rounds} rounds")
        small(store, rounds)
        large(store, rounds)
        layouts(store, rounds)


if __name__ == "__main__":
    main()
