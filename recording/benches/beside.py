"""Records gray 1080p frames to a disk beside dd, numpy and h5py, in turns, and prints the medians.

Usage: python beside.py [--quick] [--bytes N] [--rounds N] RECORD DIRECTORY

RECORD is the program of record.rs; DIRECTORY is on the disk. Before each of them the same number of bytes is written there and
removed again, so that each finds the same memory and the same disk. All of them end in fdatasync.
"""

import argparse
import os
import pathlib
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import h5py
import numpy as np
import numpy.typing as npt

SHAPE = (1080, 1920)
FRAME = SHAPE[0] * SHAPE[1]
DIFFERENT = 16

Frames = npt.NDArray[np.uint8]


class Figures:
    """What one run of a contender cost."""

    def __init__(self, seconds: float, cpu: float, written: int) -> None:
        self.seconds, self.cpu, self.written = seconds, cpu, written


def frames() -> Frames:
    """A bright gradient with the noise of a sensor, two bits of it; not two frames are the same."""
    noise = np.random.default_rng(7).integers(0, 4, (DIFFERENT, *SHAPE), np.uint8)
    slope = np.linspace(20, 220, SHAPE[1], dtype=np.uint8)
    return noise + slope


def measured(write: Callable[[], None], path: pathlib.Path) -> Figures:
    """What a function of this process costs."""
    cpu, begin = time.process_time(), time.perf_counter()
    write()
    seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
    return Figures(seconds, cpu, path.stat().st_size)


def dd(source: pathlib.Path, path: pathlib.Path) -> Figures:
    """Copies the frames out of memory."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    arguments = [f"if={source}", f"of={path}", "bs=2M", "conv=fdatasync", "status=none"]
    subprocess.run(["dd", *arguments], check=True)
    seconds, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Figures(seconds, cpu, path.stat().st_size)


def record(program: str, *arguments: str) -> tuple[float, float, int, int]:
    """Seconds, CPU seconds, values and bytes."""
    output = subprocess.run([program, *arguments], check=True, capture_output=True, text=True).stdout
    seconds, cpu, values, written = output.split()
    return float(seconds), float(cpu), int(values), int(written)


def numpy_append(data: Frames, count: int, path: pathlib.Path) -> Figures:
    """Appends frames to one file."""

    def write() -> None:
        with open(path, "wb", buffering=0) as file:
            for number in range(count):
                file.write(data[number % DIFFERENT])
            os.fdatasync(file.fileno())

    return measured(write, path)


def h5py_append(data: Frames, count: int, path: pathlib.Path) -> Figures:
    """Appends frames to a dataset that grows."""

    def write() -> None:
        with h5py.File(path, "w") as file:
            dataset = file.create_dataset("cam", (0, *SHAPE), np.uint8, maxshape=(None, *SHAPE), chunks=(1, *SHAPE))
            for number in range(count):
                dataset.resize(number + 1, axis=0)
                dataset[number] = data[number % DIFFERENT]
        with open(path, "rb") as file:
            os.fdatasync(file.fileno())

    return measured(write, path)


def available_memory() -> int:
    """The bytes that programs can have without swapping."""
    lines = pathlib.Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))


def machine(directory: pathlib.Path) -> str:
    """The processor and the disk."""
    cpus = [line for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    name = cpus[0].split(":")[1].strip() if cpus else platform.machine()
    options = ["-n", "-o", "SOURCE,FSTYPE", "-T", str(directory)]
    disk = subprocess.run(["findmnt", *options], capture_output=True, text=True, check=False).stdout
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} x {name}, {' '.join(disk.split())}, Linux {platform.release()}, load {load:.1f}"


def main() -> None:
    """Measures, and prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="a round of little, to see that it runs")
    parser.add_argument("--bytes", type=int, help="of each file; 4 GB by default, or what memory allows")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("record")
    parser.add_argument("directory", type=pathlib.Path)
    arguments = parser.parse_args()
    total = arguments.bytes or (200_000_000 if arguments.quick else 4_000_000_000)
    rounds = arguments.rounds or (1 if arguments.quick else 5)
    # dd reads all frames from memory, and the page cache takes them once more.
    count = min(total, available_memory() // 3) // FRAME
    directory: pathlib.Path = arguments.directory
    free = shutil.disk_usage(directory).free
    # A recording leaves 1 GiB.
    if free < count * FRAME + (3 << 29):
        sys.exit(f"{directory}: {free >> 20} MiB are free, {(count * FRAME >> 20) + 1536} are wanted")
    data = frames()
    path, memory_file = directory / "run.mcap", pathlib.Path("/dev/shm/ndsharray-frames")
    some = directory / "frames"
    data.tofile(some)
    try:
        with open(memory_file, "wb") as file:
            for number in range(count):
                file.write(data[number % DIFFERENT])
        print(machine(directory), flush=True)
        compare(arguments.record, data, count, rounds, path, memory_file, some)
        small = 200_000 if arguments.quick else 5_000_000
        runs = []
        for _ in range(rounds):
            runs.append(record(arguments.record, "small", str(path), str(small)))
            path.unlink()
        seconds, cpu, values, written = sorted(runs)[len(runs) // 2]
        print(f"values of 64 bytes: {values / seconds / 1e6:.2f} million a second, {written / values:.0f} bytes each")
        wanted = "1" if arguments.quick else "10"
        seconds, cpu, values, _ = record(arguments.record, "stream", str(some), str(path), wanted)
        print(f"one stream of 1080p at 30 Hz: {cpu / seconds * 100:.1f} % of a CPU, {values} frames in {seconds:.1f} s")
    finally:
        for file_path in (path, memory_file, some):
            file_path.unlink(missing_ok=True)


def compare(
    program: str, data: Frames, count: int, rounds: int, path: pathlib.Path, source: pathlib.Path, some: pathlib.Path
) -> None:
    """Runs all contenders in turns, each time another one first."""

    def recording(compression: str, count: int) -> Figures:
        seconds, cpu, values, written = record(program, "frames", str(some), str(path), str(count), compression)
        assert values == count
        return Figures(seconds, cpu, written)

    # Compression is so much slower than a disk that a part tells enough.
    few = -(-count // 8)
    contenders: dict[str, tuple[int, Callable[[], Figures]]] = {
        "dd": (count, lambda: dd(source, path)),
        "recording": (count, lambda: recording("none", count)),
        "numpy": (count, lambda: numpy_append(data, count, path)),
        "h5py": (count, lambda: h5py_append(data, count, path)),
        "recording, lz4": (few, lambda: recording("lz4", few)),
        "recording, zstd": (few, lambda: recording("zstd", few)),
    }
    runs: dict[str, list[Figures]] = {name: [] for name in contenders}
    for number in range(rounds):
        names = list(contenders)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            dd(source, path)
            path.unlink()
            runs[name].append(contenders[name][1]())
            path.unlink()
    print(f"{count} frames, {count * FRAME / 1e9:.2f} GB ({few} where they are compressed), medians of {rounds}:")
    print(f"{'':16} {'MB/s':>8} {'x dd':>6} {'CPU s/GB':>9} {'size':>6}   MB/s of each round")
    limit = 0.0
    for name, figures in runs.items():
        gigabytes = contenders[name][0] * FRAME / 1e9
        speeds = [gigabytes * 1000 / run.seconds for run in figures]
        speed = statistics.median(speeds)
        cpu = statistics.median(run.cpu for run in figures) / gigabytes
        limit = limit or speed
        size = figures[0].written / gigabytes / 1e9
        each = " ".join(f"{speed:.0f}" for speed in speeds)
        print(f"{name:16} {speed:8.0f} {speed / limit:6.2f} {cpu:9.2f} {size:6.2f}   {each}", flush=True)


if __name__ == "__main__":
    main()
