"""Measures reads and writes beside np.copyto, the least that a copy can take, in one run.

Usage: python python/benches/bench.py [--quick]
"""

import argparse
import mmap
import os
import statistics
import tempfile
import time
import timeit
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
    """The median of each case. The cases take turns, so that other work of the machine disturbs all of them alike."""
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
    """Calls that take a fraction of a microsecond. They are statements in a loop: a function around them would take as long.

    To read a new value, the statement writes first. The time of a write alone is subtracted then.
    """
    source, target = np.arange(64, dtype=np.uint8), np.zeros(64, np.uint8)
    writer = store.writer("small")
    writer.write(source)
    names = {
        "copyto": np.copyto,
        "frombuffer": np.frombuffer,
        "source": source,
        "target": target,
        "memory": bytes(64),
        "write": writer.write,
        "reader": store.reader("small"),
        "read": store.reader("small").read,
        "v1": ndsharray.NdShArray("small", r_w="r").read,
    }
    statements = {
        "np.copyto": "copyto(target, source)",
        "np.frombuffer, which only makes an array": "frombuffer(memory)",
        "write": "write(source)",
        "latest": "reader.latest()",
        "latest().array": "reader.latest().array",
        "latest(out=target)": "reader.latest(out=target)",
        "read, nothing new": "reader.read()",
    }
    after_write = {
        "read": "write(source); read()",
        "read().array": "write(source); read().array",
        "read(out=target)": "write(source); read(out=target)",
        "NdShArray.read": "write(source); v1()",
        # As in a program, which keeps the last result until it has the new one.
        "NdShArray.read to variables": "write(source); status, array = v1()",
    }
    timers = {name: timeit.Timer(text, globals=names) for name, text in (statements | after_write).items()}
    # They take turns, so that other work of the machine disturbs all of them alike.
    seconds = {name: statistics.median(times) for name, times in turns(timers, rounds).items()}
    for name in after_write:
        seconds[f"{name} of a new value"] = seconds.pop(name) - seconds["write"]
    show("64 bytes", {name: 1e6 * second for name, second in seconds.items()}, "np.copyto")


def turns(timers: dict[str, timeit.Timer], rounds: int, count: int = 20000) -> dict[str, list[float]]:
    """Seconds per statement, for each round."""
    times: dict[str, list[float]] = {name: [] for name in timers}
    for _ in range(rounds):
        for name, timer in timers.items():
            times[name].append(timer.timeit(count) / count)
    return times


def in_memory_file(size: int) -> "np.ndarray[Any, np.dtype[np.uint8]]":
    with tempfile.TemporaryFile(dir="/dev/shm") as file:
        os.posix_fallocate(file.fileno(), 0, size)
        return np.frombuffer(mmap.mmap(file.fileno(), size), np.uint8)


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

    # Long turns with nothing else in between, so that the buffers stay in the cache.
    warm: dict[str, tuple[Callable[[], Any], int]] = {
        "np.copyto, to one target": (lambda: np.copyto(target, source), 200),
        "np.copyto, to two targets in turn": (two_targets, 100),
        "write": (lambda: writer.write(source), 200),
    }
    # A stream needs two buffers in turn: the last value must stay whole until the next one is.
    # numpy's own large arrays are in huge pages. Files of a tmpfs are not.
    places = [in_memory_file(source.nbytes).reshape(FRAME) for _ in range(2)]

    def two_places() -> None:
        np.copyto(places[0], source)
        np.copyto(places[1], source)

    warm["np.copyto, to two targets in a tmpfs"] = (two_places, 100)
    warm_medians = side_by_side(rounds, warm)
    for name in ("np.copyto, to two targets in turn", "np.copyto, to two targets in a tmpfs"):
        warm_medians[name] /= 2
    show("6.2 MB: a frame of 1080 x 1920 x 3", warm_medians, "np.copyto, to two targets in turn")
    cases: dict[str, tuple[Callable[[], Any], int]] = {
        "np.copyto": (lambda: np.copyto(target, source), 20),
        "loan, one element written": (loan, 20),
        "latest(copy=True)": (lambda: reader.latest(copy=True), 5),
        "latest(out=target)": (lambda: reader.latest(out=target), 20),
        "np.copyto of strides": (lambda: np.copyto(target, strided), 3),
        "write of strides": (lambda: writer.write(strided), 3),
    }
    show("and in other ways", side_by_side(rounds, cases), "np.copyto")

    # Opened only now: it holds the array that it read last, and so a slot. The writes above would have had to use another
    # slot, which is not in the cache.
    v1 = ndsharray.NdShArray("large", r_w="r")
    v1.read()
    cases = {
        "latest().array": (lambda: reader.latest().array, 2000),
        "NdShArray.read, nothing new": (lambda: v1.read(), 2000),
    }
    medians = side_by_side(rounds, cases)
    # One call for each value. A copy of 6 MB pushes the interpreter itself out of the cache, so the first call of
    # anything is slow after it.
    calls: dict[str, Callable[[], Any]] = {
        "read().array of a new value": lambda: reader.read().array,  # type: ignore[union-attr]
        "NdShArray.read of a new value": lambda: v1.read(),
        "np.frombuffer, which only makes an array": lambda: np.frombuffer(bytes(64), np.uint8),
    }
    for way, publish in (("", loan), (", first after a copy", lambda: writer.write(source))):
        for name, call in calls.items():
            times = []
            for _ in range(rounds * 10):
                publish()
                times.append(once(call, 1))
            medians[name + way] = statistics.median(times)
    show("reading it", medians, "latest().array")


def layouts(store: ndsharray.Store, rounds: int) -> None:
    """Writes of another shape, as large as before, beside plain writes of as many bytes."""
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
