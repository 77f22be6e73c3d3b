"""Turns the samples in target/bench/*.jsonl into docs/performance.md and docs/charts/*.svg: the last step of ci/bench.sh."""

import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
from collections.abc import Iterable

import charts
from goals import HEADLINES, PYTHON, REASONS, RUST, Goal, nanoseconds

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "target/bench"
Samples = dict[tuple[str, str, int], list[float]]
SIZES = {64: "64 B", 65536: "64 KiB", 2764800: "720p", 6220800: "1080p", 52428800: "50 MiB", 1 << 30: "1 GiB"}


def load() -> Samples:
    samples: Samples = {}
    for path in sorted(SAMPLES.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            record = json.loads(line)
            samples[record["topic"], record["case"], record["size"]] = record["samples"]
    return samples


def spread(values: list[float]) -> tuple[float, float, float]:
    """Median, 10th and 90th percentile."""
    ordered = sorted(values)
    last = len(ordered) - 1
    return statistics.median(ordered), ordered[round(0.1 * last)], ordered[round(0.9 * last)]


def sizes_of(samples: Samples, goal: Goal) -> list[int]:
    found = [size for topic, case, size in samples if topic == goal.topic and case == goal.ours]
    other = [size for size in found if not goal.other or (goal.topic, goal.other, size) in samples]
    return sorted(size for size in other if goal.least <= size <= goal.most)


def judged(samples: Samples, goal: Goal, size: int) -> tuple[float, float, float, bool]:
    """The ratio (or the time, without another) with its spread, and whether the goal is met; round by round."""
    ours = samples[goal.topic, goal.ours, size]
    if not goal.other:
        median, low, high = spread(ours)
        return median, low, high, median <= goal.plus
    other = samples[goal.topic, goal.other, size]
    median, low, high = spread([a / b for a, b in zip(ours, other, strict=True)])
    if goal.at_least:
        return median, low, high, median >= goal.factor
    # What is allowed beside the factor is a time: what is left after it has to fit.
    left = statistics.median((a - goal.plus) / b for a, b in zip(ours, other, strict=True))
    return median, low, high, left <= goal.factor


def table(head: list[str], rows: Iterable[list[str]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows] + [""]


def goals(samples: Samples, chosen: list[Goal]) -> list[str]:
    rows = []
    for goal in chosen:
        for size in sizes_of(samples, goal):
            median, low, high, met = judged(samples, goal, size)
            show = (lambda value: f"{value:.2f} x") if goal.other else nanoseconds
            seen = f"{show(median)} ({show(low)} to {show(high)})"
            verdict = "yes" if met else "**no**"
            if not met and goal.other and not goal.plus and low <= goal.factor <= high:
                verdict += ", within the spread"
            reason = REASONS.get((goal.topic, goal.other), REASONS.get((goal.topic, goal.other, size)))
            if not met and reason:
                verdict += f": {reason}"
            source = goal.ours.rpartition("source + ")[2] if "source + " in goal.ours else ""
            work = goal.work + (f", source at 64 n + {source}" if source else "")
            rows.append([work, SIZES.get(size, str(size)), goal.text(), seen, verdict])
    return table(["work", "size", "goal", "seen (10th to 90th percentile of rounds)", "met"], rows)


def times(samples: Samples, topic: str, limit: str) -> list[str]:
    """All cases of a topic: median and spread, and the ratio to the limit."""
    rows = []
    for found, case, size in samples:
        if found != topic:
            continue
        median, low, high = spread(samples[found, case, size])
        if topic == "readers":
            shown = [f"{value:,.0f} writes/s" for value in (median, low, high)]
        else:
            shown = [nanoseconds(value) for value in (median, low, high)]
        base = case.split(",")[0] + ", 0 readers" if topic == "readers" else limit
        ratio = "-"
        if (topic, base, size) in samples and base != case:
            pairs = zip(samples[found, case, size], samples[topic, base, size], strict=True)
            ratio = f"{statistics.median(a / b for a, b in pairs):.2f} x"
        rows.append((size, [SIZES.get(size, str(size)), case, shown[0], f"{shown[1]} to {shown[2]}", ratio]))
    rows.sort(key=lambda row: row[0])
    against = "the same without readers" if topic == "readers" else limit
    return table(["size", "case", "median", "10th to 90th percentile", f"to {against}"], [row for _, row in rows])


def memory(samples: Samples, topic: str) -> list[str]:
    rows = []
    for found, case, _ in samples:
        if found == topic:
            figures = samples[found, case, _]
            name, _, scene = case.rpartition(", ")
            rows.append([scene, name, *(f"{figure / 2**20:.1f}" for figure in figures)])
    rows.sort(key=lambda row: row[0])
    return table(
        ["scene", "", "tmpfs", "writer resident", "of that its own", "reader resident", "of that its own"], rows
    )


def command(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip()


def processor() -> str:
    model = next((line.split(":")[1].strip() for line in command("lscpu").splitlines() if line.startswith("Model name")), "?")
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release()}"


def today() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")


def machine() -> list[str]:
    dirty = " with changes that are not committed" if command("git", "status", "--porcelain", "--untracked-files=no") else ""
    load_file = SAMPLES / "load"
    load = load_file.read_text().split()[0] if load_file.exists() else "unknown"
    rows = [
        ["machine", processor()],
        ["load when it started", load],
        ["commit", command("git", "rev-parse", "--short", "HEAD") + dirty],
        ["date", today()],
        ["compiler", command("rustc", "--version")],
        ["Python", platform.python_version()],
    ]
    return table(["", ""], rows)


INTRODUCTION = """# Performance

Written by `ci/bench.sh`, which measures everything on this page in one run on one machine. All cases of a table take
turns in many short rounds; a ratio is taken round by round, so that what else the machine did hits both sides. Figures are
medians of rounds; the spread is from the 10th to the 90th percentile. Writer and reader are processes of their own, on
cores of their own where one waits for the other. Goals that are not met and rows that are lost are here too.

The others: the Rust crates mmap-sync 2 and iceoryx2 0.10; in Python ndsharray 1.1.4, pyshmem 1.4, iceoryx2 0.10, and
`multiprocessing.shared_memory` with a counter around each copy, which is the least that makes one safe. The limit is a copy:
memcpy or `np.copyto`, to two warm targets in turn, since a stream has two: the last value stays whole while the next is
written. 720p and 1080p are frames of three bytes a pixel, 2.8 and 6.2 MB.
"""

TEN = "A ratio below 1 means that this library is faster. The README shows the first five."

SECTIONS = [
    ("Reading a value that stays", "unchanged", "mmap-sync read, unchecked", "reading.svg",
     "A view of the latest value, one byte of it read, and dropped, again and again. A queue has no such thing. A loop that "
     "runs much more often than something is written keeps its value, and asks `has_changed`."),
    ("Reading a new value each time", "new", "iceoryx2 receive", "new.svg",
     "A writer on another core writes, and is waited for; then one read is timed. The first look at what another core "
     "has just written is most of it."),
    ("Small writes", "write alone", "memcpy", "", "64 bytes, with no reader."),
    ("Small writes beside an idle reader", "write, one idle reader", "memcpy", "", "A reader of each in another process."),
    ("Large writes", "large write", "memcpy, source + 0", "writing.svg",
     "From a source at 0, 1, 8 or 32 bytes from a 64-byte boundary. mmap-sync also makes a checksum."),
    ("Writes with a history", "history write", "memcpy, 33 targets", "",
     "The last 32 values stay in place, so a write goes to one of 33 slots in turn, and its limit is memcpy to as many targets."),
    ("Reading every value", "every value", "iceoryx2 receive", "",
     "16 values wait, which a writer on another core has written; each of them is taken in its turn, from a history of 32 or a "
     "queue of 32. `read` takes the latest after each write, which it fetches from the other core."),
    ("Written, and read to the end", "through", "memcpy, sum", "",
     "A write, and then a sum over all of the value on another core, which has to fetch what the write left in a cache or "
     "in memory: what both take together. iceoryx2 keeps no last value here, and "
     "fills one buffer again and again, where the others have two."),
    ("Loans", "loan", "iceoryx2 loan, send", "", "One byte is filled."),
    ("Layout changes that fit", "layout fits", "plain write", "", "Another shape at each write."),
    ("Layout changes that grow", "layout grows", "allocate, populate, copy", "", "The first large value after a small one."),
    ("Waking a reader that sleeps", "wake", "bare futex", "", "From just before a loan is published to the value in the reader's hands."),
    ("A reader that spins", "spin", "bare shared word", "", "The same, with a reader that asks again and again."),
    ("Readers of a writer at full speed", "readers", "", "readers.svg",
     "The writer has a core; all readers, which take the latest value again and again, share the others."),
    ("Python: writing", "python write", "np.copyto", "python_write.svg", ""),
    ("Python: reading a new value", "python read", "np.copyto", "python_read.svg",
     "A pipe wakes the reader, which reads. One element is touched. pyshmem and shared_memory copy to an array that is warm. "
     "`np.frombuffer` makes an array over the same bytes each time: the limit of a read that makes one. NdShArray is this "
     "package's class."),
    ("Python: a loop that asks for a new value", "python poll", "np.frombuffer", "",
     "The reader asks again and again, as a program's loop does; of the call that finds a new value, up to the array: "
     "`read().array`, or `NdShArray.read()`. Only those are here whose `read` is for asking: it says at once that there is "
     "nothing new."),
    ("Python: the same, touched and dropped", "python poll, whole", "np.frombuffer", "",
     "That call, the first look at an element, and the end of all that was got."),
]


START, END = "<!-- figures: written by ci/bench.sh -->\n", "<!-- end of figures -->"


def headlines(samples: Samples, most: int) -> list[str]:
    rows = []
    for work, ours, other, topic, size in HEADLINES[:most]:
        if (topic, ours, size) in samples and (topic, other, size) in samples:
            mine, theirs = samples[topic, ours, size], samples[topic, other, size]
            ratio = statistics.median(a / b for a, b in zip(mine, theirs, strict=True))
            shown = f"{ratio:.2f}" if ratio >= 0.01 else "less than 0.01"
            limit = other.startswith(("memcpy", "bare", "np."))
            verdict = "" if limit or ratio <= 0.95 else "about the same" if ratio <= 1.05 else "the other is faster"
            name = other.removesuffix(", source + 0") + (" (the limit)" if limit else "")
            rows.append([work, SIZES[size], name, shown, nanoseconds(statistics.median(mine)), verdict])
    return table(["work", "size", "beside", "ratio", "ours takes", ""], rows)


def main() -> None:
    samples = load()
    lines = [INTRODUCTION, *machine(), "## Ten rows first", "", TEN, "", *headlines(samples, 10)]
    lines += ["## Goals", "", *goals(samples, RUST), *goals(samples, PYTHON)]
    directory = ROOT / "docs/charts"
    directory.mkdir(parents=True, exist_ok=True)
    medians = {key: statistics.median(values) for key, values in samples.items()}
    charts.draw(medians, directory)
    for title, topic, limit, chart, words in SECTIONS:
        if any(found == topic for found, _, _ in samples):
            lines += [f"## {title}", ""] + ([words, ""] if words else []) + times(samples, topic, limit)
            if chart:
                lines += [f"![{title}](charts/{chart})", ""]
    for title, topic in (("Memory", "memory"), ("Python: memory", "python memory")):
        if any(found == topic for found, _, _ in samples):
            lines += [f"## {title}", "", "MiB, after each scene. The source array of the writer is in its own memory.", ""]
            lines += memory(samples, topic)
    lines += [(ROOT / "benches/log.md").read_text()]
    text = "\n".join(lines).rstrip() + "\n"
    (ROOT / "docs/performance.md").write_text(text)
    readme = ROOT / "README.md"
    before, _, rest = readme.read_text().partition(START)
    _, _, after = rest.partition(END)
    five = "\n".join([*headlines(samples, 5), f"Measured on: {processor()}, {today()}."])
    readme.write_text(before + START + "\n" + five + "\n\n" + END + after)
    print(f"docs/performance.md: {text.count('| yes')} goals met, {text.count('**no**')} not")


if __name__ == "__main__":
    main()
