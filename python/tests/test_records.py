"""Records cross the languages: structured dtypes of numpy are structs of Rust, in both directions."""

import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

import ndsharray

PROGRAM = Path(__file__).parents[2] / "target" / "debug" / "examples" / "poses"
WATCHDOG = 60

ALIGNED = np.dtype([("stamp", "u8"), ("position", "f4", 3), ("valid", "?")], align=True)
# The same places, said in another way.
SPELLED = np.dtype(
    {"names": ["stamp", "position", "valid"], "formats": ["<u8", ("<f4", (3,)), "|b1"], "offsets": [0, 8, 20], "itemsize": 24}
)


@pytest.mark.parametrize("dtype", [ALIGNED, SPELLED, np.dtype((np.record, ALIGNED))], ids=["aligned", "spelled", "recarray"])
def test_a_struct_reads_records_and_records_read_a_struct(store: ndsharray.Store, dtype: "np.dtype[np.void]") -> None:
    if not PROGRAM.exists():
        pytest.skip("the Rust example is not built: cargo build --example poses")
    poses = np.zeros(3, dtype)
    poses["stamp"] = [1, 2, 2**64 - 1]
    poses["position"] = [[0, 1, 2], [np.inf, 0, 0], [-1, 0.5, 0]]
    poses["valid"] = [True, False, True]
    with store.writer("poses") as writer:
        writer.write(poses)
        with subprocess.Popen([PROGRAM]) as program:
            try:
                deadline = time.monotonic() + WATCHDOG
                while "poses.moved" not in store.tags() or store.stat("poses.moved").version == 0:
                    assert program.poll() is None and time.monotonic() < deadline
                    time.sleep(0.01)
                moved = store.reader("poses.moved").latest().array
            finally:
                program.kill()
    assert moved.dtype == SPELLED
    expected = poses.copy()
    expected["position"][:, 0] += 1
    for name in dtype.names or ():
        np.testing.assert_array_equal(moved[name], expected[name])


def test_a_mismatch_says_which_field_differs(store: ndsharray.Store) -> None:
    if not PROGRAM.exists():
        pytest.skip("the Rust example is not built: cargo build --example poses")
    wrong = np.zeros(1, np.dtype([("stamp", "u8"), ("position", "f8", 3), ("valid", "?")], align=True))
    with store.writer("poses") as writer:
        writer.write(wrong)
        ended = subprocess.run([PROGRAM], stderr=subprocess.PIPE, text=True, timeout=WATCHDOG)
    assert ended.returncode != 0
    assert 'position' in ended.stderr and "float64[3] at byte 8" in ended.stderr, ended.stderr
