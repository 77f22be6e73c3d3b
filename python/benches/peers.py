"""Measures several Python packages that share arrays. Each contender has a writer and a reader process, and they take turns.

Usage: python peers.py [--quick] INSTALLED OUTPUT

INSTALLED has a directory for each contender's module, because two modules have the same name. OUTPUT gets a JSON object per line.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

SIZES = {"64": 64, "720x1280x3": 2764800, "1080x1920x3": 6220800, "52428800": 52428800}
# Each contender, and the directory of its module in INSTALLED.
CONTENDERS = {
    "np.copyto": "",
    "np.frombuffer": "",
    "ndsharray": "ndsharray2",
    "NdShArray": "ndsharray2",
    "ndsharray 1.1.4": "ndsharray1",
    "pyshmem": "pyshmem",
    "shared_memory": "",
    "iceoryx2": "iceoryx2",
}
# Contenders whose read can say that there is nothing new.
POLLED = ("np.frombuffer", "ndsharray", "NdShArray", "iceoryx2")
LIMITS = ("np.copyto", "np.frombuffer")
FRAME = "1080x1920x3"
SCENES = {
    "write once": ["read"],
    "stream": ["step", "read"] * 20,
    "four values held": ["step", "hold"] * 4 + ["step", "read"] * 6,
    "shrink to 64 bytes": ["small"] * 100,
}


class Process:
    """A writer or reader in a process of its own."""

    def __init__(self, installed: pathlib.Path, name: str, role: str, shape: str, directory: str) -> None:
        path = str(installed / CONTENDERS[name]) if CONTENDERS[name] else ""
        script = pathlib.Path(__file__).with_name("contenders.py")
        # With -P, Python does not search the script's own directory for modules.
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-P", str(script), name, role, shape, directory],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        self.name = name
        if self.line() != "ready":
            raise RuntimeError(f"{name}: the {role} does not start")

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def tell(self, command: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def ask(self, command: str) -> float | None:
        """The answer to a command; None if the contender cannot do it."""
        self.tell(command)
        answers = self.answers(command)
        return answers[0] if answers else None

    def answers(self, command: str) -> list[float]:
        """The numbers of the answer; an empty list if the contender cannot do it."""
        answer = self.line()
        if not answer:
            raise RuntimeError(f"{self.name}: it ended at {command!r}")
        return [] if answer == "-" else [float(number) for number in answer.split()]

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def resident(self) -> list[int]:
        """How many bytes of the process are in memory, and how many of these are private."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        fields = dict(line.split(":", 1) for line in status.splitlines())
        return [1024 * int(fields[name].split()[0]) for name in ("VmRSS", "RssAnon")]


class Contender:
    """The writer and the reader of one contender."""

    def __init__(self, installed: pathlib.Path, name: str, shape: str, directory: str) -> None:
        os.mkdir(directory)
        self.directory = directory
        self.writer = Process(installed, name, "writer", shape, directory)
        self.reader = Process(installed, name, "reader", shape, directory)

    def writes(self, count: int) -> float | None:
        return self.writer.ask(f"write {count}")

    def reads(self, count: int) -> float | None:
        """The mean time of a read, over the middle half of reads. Each reads a value that was written just before."""
        times = []
        for _ in range(count):
            self.writer.ask("step")
            times.append(self.reader.ask("read"))
        return middle(times)

    def polls(self, count: int) -> tuple[float | None, float | None]:
        """The same for a reader that asks again and again in a loop. Only the calls that found a value count.

        The first number is the call alone. The second includes the use of one element and the release of the value. The
        reader has a core of its own, so that no other process interrupts it.
        """
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) < 2:
            return None, None
        processes = (0, self.writer.process.pid, self.reader.process.pid)
        try:
            for pid, core in zip(processes, (0, 0, -1), strict=True):
                os.sched_setaffinity(pid, {cores[core]})
            calls, wholes = zip(*(self.poll() for _ in range(count)), strict=True)
        finally:
            for pid in processes:
                os.sched_setaffinity(pid, cores)
        return middle(list(calls)), middle(list(wholes))

    def poll(self) -> tuple[float | None, float | None]:
        self.reader.tell("poll")
        # After this time the reader asks in its loop. If it does not yet, its first call finds the value.
        time.sleep(0.002)
        if self.writer.ask("step") is None:
            # Without a new value the reader would ask for ever.
            self.reader.process.kill()
            raise RuntimeError(f"{self.writer.name}: it does not write")
        call, whole = self.reader.answers("poll") or (None, None)
        return call, whole

    def close(self) -> None:
        # The reader closes first, because some writers remove the array when they close.
        self.reader.close()
        self.writer.close()
        # iceoryx2 leaves files behind.
        for path in pathlib.Path("/dev/shm").glob(f"peers{os.path.basename(self.directory)}_*"):
            path.unlink()


def middle(times: list[float | None]) -> float | None:
    """The mean of the middle half; `None` if a time is missing."""
    known = sorted(time for time in times if time is not None)
    quarter = len(known) // 4
    return statistics.fmean(known[quarter : len(known) - quarter]) if len(known) == len(times) else None


def times(installed: pathlib.Path, directory: str, rounds: int) -> list[dict[str, Any]]:
    records = []
    for shape, size in SIZES.items():
        contenders = {
            name: Contender(installed, name, shape, f"{directory}/{index}-{size}") for index, name in enumerate(CONTENDERS)
        }
        samples: dict[tuple[str, str], list[float | None]] = {}
        large = size > 10_000_000
        writes, reads = (4, 4) if large else (5000, 100) if size < 1000 else (40, 20)
        for turn in range(1 + ((rounds + 1) // 2 if large else rounds)):
            order = list(contenders.items())
            for name, contender in order if turn % 2 else reversed(order):
                took = {}
                if name != "np.frombuffer":
                    took["python write"] = contender.writes(writes)
                took["python read"] = contender.reads(reads)
                if name in POLLED:
                    took["python poll"], took["python poll, whole"] = contender.polls(reads)
                for topic, mean in took.items():
                    # The first round does not count: it only warms up.
                    samples.setdefault((topic, name), []).extend([mean] * (turn > 0))
        for contender in contenders.values():
            contender.close()
        for (topic, name), values in samples.items():
            known = [value for value in values if value is not None]
            if len(known) == len(values):
                records.append({"topic": topic, "case": name, "size": size, "unit": "ns", "samples": known})
                print(f"{topic:<16} {name:<20} {size:>11} B {statistics.median(known):>14.1f} ns")
            else:
                print(f"{topic:<16} {name:<20} {size:>11} B failed")
    return records


def memory(installed: pathlib.Path, directory: str) -> list[dict[str, Any]]:
    """Bytes in the file system, the writer and the reader, after each scene. No other process may use /dev/shm meanwhile."""

    def used() -> int:
        stat = os.statvfs("/dev/shm")
        return (stat.f_blocks - stat.f_bfree) * stat.f_frsize

    records = []
    for index, name in enumerate(name for name in CONTENDERS if name not in LIMITS):
        for number, (scene, commands) in enumerate(SCENES.items()):
            before = used()
            contender = Contender(installed, name, FRAME, f"{directory}/memory{index}-{number}")
            possible = True
            # A subscriber of iceoryx2 gets only what is published after it came.
            for command in ["step"] * (name == "iceoryx2") + commands:
                process = contender.reader if command in ("read", "hold") else contender.writer
                possible = possible and process.ask(command) is not None
            if possible:
                figures = [used() - before, *contender.writer.resident(), *contender.reader.resident()]
                case = f"{name}, {scene}"
                record = {"topic": "python memory", "case": case, "size": 6220800, "unit": "bytes", "samples": figures}
                records.append(record)
                print(f"{'python memory':<16} {case:<34} {figures[0]:>14} bytes")
            contender.close()
    return records


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few rounds only, to see that it runs")
    parser.add_argument("installed", type=pathlib.Path)
    parser.add_argument("output", type=pathlib.Path)
    arguments = parser.parse_args()
    installed = arguments.installed.absolute()
    with tempfile.TemporaryDirectory(prefix="peers", dir="/dev/shm") as directory:
        records = times(installed, directory, 3 if arguments.quick else 21)
        if os.environ.get("NDSHARRAY_OWN_SHM"):
            records += memory(installed, directory)
        else:
            print("skipped: python memory: a /dev/shm of its own needs root")
    arguments.output.write_text("".join(json.dumps(record) + "\n" for record in records))


if __name__ == "__main__":
    main()
