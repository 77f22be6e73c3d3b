"""The goals: for each kind of work what is measured, against what, and how much of that is allowed."""

import dataclasses

RAW = 64


@dataclasses.dataclass(frozen=True)
class Goal:
    """Ours is at most `factor` times the other plus `plus` ns; `other` "" means `plus` alone, for each size."""

    work: str
    topic: str
    ours: str
    other: str
    factor: float
    plus: float = 0
    least: int = 0
    most: int = 1 << 62
    # Throughputs: at least, not at most.
    at_least: bool = False
    other_topic: str = ""

    def text(self) -> str:
        if not self.other:
            return f"at most {nanoseconds(self.plus)}"
        bound = "at least" if self.at_least else "at most"
        plus = f" + {nanoseconds(self.plus)}" if self.plus else ""
        return f"{bound} {self.factor:g} x {self.other}{plus}"


def nanoseconds(value: float) -> str:
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if abs(value) >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g} ns"


WRITE = "ndsharray write_slice"
RUST = [
    Goal("has_changed, unchanged value", "unchanged", "ndsharray has_changed", "bare atomic load", 1, 3),
    Goal("view, unchanged value", "unchanged", "ndsharray view", "mmap-sync read, unchecked", 2.5),
    Goal("view, a new value each time", "new", "ndsharray view", "iceoryx2 receive", 1),
    Goal("write of 64 B", "write alone", WRITE, "mmap-sync write_raw", 0.35),
    Goal("write of 64 B", "write alone", WRITE, "iceoryx2 loan, copy, send", 0.5),
    Goal("write of 64 B, idle reader", "write, one idle reader", WRITE, "mmap-sync write_raw", 0.35),
    Goal("write of 64 B, idle reader", "write, one idle reader", WRITE, "iceoryx2 loan, copy, send", 0.5),
    *(
        Goal(
            "write of 64 KiB to 1 GiB",
            "large write",
            f"{WRITE}, source + {offset}",
            f"memcpy, source + {offset}",
            1,
            80,
        )
        for offset in (0, 1, 8, 32)
    ),
    Goal("write of 64 B with history 32", "history write", f"{WRITE}, history 32", WRITE, 1.05, most=RAW),
    Goal("write from 64 KiB with history 32", "history write", f"{WRITE}, history 32", "memcpy, 33 targets", 1.05, least=RAW + 1),
    Goal("read_next, 16 values behind", "every value", "ndsharray read_next", "ndsharray read", 1.5),
    Goal("loan + publish", "loan", "ndsharray loan, publish", "", 0, 150),
    Goal("layout change that fits", "layout fits", "another layout", "plain write", 1.1, 15e3),
    Goal("layout change that grows", "layout grows", WRITE, "allocate, populate, copy", 1.05),
    Goal("publish to reader running, asleep", "wake", "ndsharray wait", "bare futex", 1.15),
    Goal("publish to reader running, spinning", "spin", "ndsharray read", "bare shared word", 3),
    Goal(
        "writes of 64 B with 1 reader on a second core", "readers", "ndsharray, 1 readers", "iceoryx2, 1 readers", 1.5, at_least=True, most=RAW
    ),
]

PEERS = ["ndsharray 1.1.4", "pyshmem", "shared_memory", "iceoryx2"]
PYTHON = [
    Goal("Python write of 64 B", "python write", "ndsharray", "np.copyto", 1, most=RAW),
    Goal("Python write of frames and 50 MiB", "python write", "ndsharray", "np.copyto", 1.05, least=RAW + 1),
    Goal("Python read of 64 B", "python read", "ndsharray", "np.copyto", 1, most=RAW),
    *(
        Goal(f"Python {read} of a new value, {way}", topic, ours, "np.frombuffer", 0.6)
        for ours, read in (("ndsharray", "`read().array`"), ("NdShArray", "`NdShArray.read()`"))
        for way, topic in (("asked for", "python poll"), ("asked for, touched and dropped", "python poll, whole"))
    ),
    *(Goal("Python write, ahead of the others", "python write", "ndsharray", peer, 1) for peer in PEERS),
    *(Goal("Python read, ahead of the others", "python read", "ndsharray", peer, 1) for peer in PEERS),
    *(
        Goal(f"Python read, {way}, ahead of the others", topic, "ndsharray", "iceoryx2", 1)
        for way, topic in (("asked for", "python poll"), ("asked for, touched and dropped", "python poll, whole"))
    ),
]

# The ten rows that docs/performance.md shows first, of which the README shows five: what is done, ours, the other, and in which topic and size.
HEADLINES = [
    ("`view` of a new value", "ndsharray view", "iceoryx2 receive", "new", 6220800),
    ("`write`, no reader", WRITE, "iceoryx2 loan, copy, send", "write alone", 64),
    ("`write`", f"{WRITE}, source + 0", "iceoryx2 loan, copy, send", "large write", 6220800),
    ("waking a reader that sleeps", "ndsharray wait", "bare futex", "wake", 64),
    ("Python `read` of a new value", "ndsharray", "shared_memory", "python read", 6220800),
    ("`view` of a value that stays", "ndsharray view", "mmap-sync read, unchecked", "unchanged", 64),
    ("`write`", f"{WRITE}, source + 0", "memcpy, source + 0", "large write", 50 << 20),
    ("`read_next`, 16 values behind", "ndsharray read_next", "iceoryx2 receive", "every value", 64),
    ("`loan` and `publish`", "ndsharray loan, publish", "iceoryx2 loan, send", "loan", 6220800),
    ("Python `write`", "ndsharray", "np.copyto", "python write", 50 << 20),
]

# Why a row is lost, as far as it is by design; for one size or all.
REASONS: dict[tuple[str, str] | tuple[str, str, int], str] = {
    ("spin", "bare shared word"): "the value is on a line of its own, and so is the pin",
    ("python write", "shared_memory"): "it has one buffer, in which readers see half-written values and must try again",
    ("python write", "pyshmem"): "it has one buffer, and readers wait while it is written",
}
