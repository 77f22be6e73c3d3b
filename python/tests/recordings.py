"""Recordings that the Rust example `make_recording` makes, and what it puts into them."""

import subprocess
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

BUILT = Path(__file__).parents[2] / "target" / "debug"
PROGRAM = BUILT / "examples" / "make_recording"
COMMAND_LINE = BUILT / "ndsharray"
WATCHDOG = 60
VALUES = 10
START = 1_700_000_000_000_000_000
FRAME_TIME = 33_333_333
DELAY = 4_000_000
COMPRESSIONS = ["none", "lz4", "zstd"]

NUMBERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64"]
#: Tags of arrays of shape (2, 3), and their dtypes.
DTYPES: dict[str, np.dtype[Any]] = {
    **{name: np.dtype(name) for name in [*NUMBERS, "complex64", "complex128", "bool"]},
    "datetime": np.dtype("datetime64[ns]"),
    "timedelta": np.dtype("timedelta64[ms]"),
    "bytes": np.dtype("S4"),
    "str": np.dtype("<U2"),
    "void": np.dtype("V3"),
    "datetime.big-endian": np.dtype(">M8[us]"),
    "record.big-endian": np.dtype([("x", ">f4"), ("y", ">i4")]),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
    "record": np.dtype([("stamp", "<u8"), ("id", "<i4")]),
    "aligned": np.dtype(
        {"names": ["stamp", "position", "valid"], "formats": ["u8", ("f4", 3), "?"], "offsets": [0, 8, 20], "itemsize": 24}
    ),
}
#: Images: dtype, shape, and how viewers are to show them.
IMAGES: dict[str, tuple[str, tuple[int, ...], str]] = {
    "cam": ("uint8", (48, 64), "mono8"),
    "cam.16": ("uint16", (48, 64), "mono16"),
    "cam.rgb": ("uint8", (48, 64, 3), "rgb8"),
    "cam.bgr": ("uint8", (48, 64, 3), "bgr8"),
    "cam.rgba": ("uint8", (48, 64, 4), "rgba8"),
    "cam.bgra": ("uint8", (4, 4, 4), "bgra8"),
    "depth": ("float32", (48, 64), "32FC1"),
}
OTHERS = ["scalar", "empty", "cloud", "pose", "switching"]
TAGS = sorted([*DTYPES, *IMAGES, *OTHERS])
ATTRS: dict[str, dict[str, Any]] = {
    **dict.fromkeys(DTYPES, {"unit": "m"}),
    "cam": {"exposure": 0.01, "roi": [0, 0, 64, 48]},
    "cam.bgr": {"encoding": "bgr8"},
    "cam.bgra": {"encoding": "bgra8"},
}


def make(path: Path, *arguments: str) -> list[Path]:
    """Makes a recording, and returns its files: several with ``--split``."""
    if not PROGRAM.exists():
        pytest.skip("the Rust example is not built: cargo build --package ndsharray-recording --example make_recording")
    command = [str(PROGRAM), str(path), "--min-free", "0", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WATCHDOG, check=True)
    return [Path(line) for line in done.stdout.splitlines()]


def layout(tag: str, number: int) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """The dtype and the shape of value `number`, from 1 on."""
    if tag in DTYPES:
        return DTYPES[tag], (2, 3)
    if tag in IMAGES:
        return np.dtype(IMAGES[tag][0]), IMAGES[tag][1]
    others: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {
        "scalar": (np.dtype("f8"), ()),
        "empty": (np.dtype("f4"), (0, 3)),
        "cloud": (np.dtype("f4"), (100 + number, 3)),
        "pose": (np.dtype("f8"), (3,)),
        "switching": (np.dtype("i4" if number % 2 else "f8"), (4,)),
    }
    return others[tag]


def array(tag: str, number: int) -> np.ndarray[Any, Any]:
    """Value `number` of a tag."""
    dtype, shape = layout(tag, number)
    index = np.arange(int(np.prod(shape)) * dtype.itemsize)
    elements = ((number + index * 7) % (2 if dtype == bool else 256)).astype(np.uint8)
    return np.frombuffer(elements.tobytes(), dtype).reshape(shape)


def written_at(number: int) -> int:
    return START + number * FRAME_TIME


def is_same(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> bool:
    """Whether two arrays have the same dtype, shape and bytes. Some of the floats are NaN."""
    return (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())


def recover(cut: Path, whole: Path) -> None:
    """Makes a complete recording from a cut one, on the command line."""
    if not COMMAND_LINE.exists():
        pytest.skip("the command line is not built: cargo build --package ndsharray-cli")
    command = [str(COMMAND_LINE), "convert", "--recover", str(cut), str(whole)]
    subprocess.run(command, capture_output=True, text=True, timeout=WATCHDOG, check=True)
