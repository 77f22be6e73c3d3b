"""A masked array is refused: its mask would be lost, and what lies under the mask would be read as values."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.ma.mrecords
import pytest

import ndsharray
from ndsharray import NdShArray, Store


#: Its types do not know a mask of 0 and 1.
masked_array: Any = np.ma.masked_array


class Quantity(np.ma.MaskedArray):
    pass


class Wrapped:
    """What gives its elements as a masked array."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return masked_array([1.0, 2.0], [0, 1])


RECORDS: Any = masked_array([(1, 2.0), (3, 4.0)], [(0, 1), (0, 0)], [("a", "i4"), ("b", "f8")])
MASKED: dict[str, Any] = {
    "a mask": masked_array([1.0, -9999.0, 2.0], [0, 1, 0]),
    "nothing masked": masked_array([1.0, 2.0]),
    "a mask of no element": masked_array([1.0, 2.0], [0, 0]),
    "records": RECORDS,
    "one record": RECORDS[0],
    "masked records": np.ma.mrecords.fromarrays([masked_array([1, 2], [0, 1]), [3, 4]], names="a,b"),  # type: ignore[no-untyped-call]
    "the constant": np.ma.masked,
    "no axes": masked_array(1.0, True),
    "a subclass": masked_array([1.0, 2.0]).view(Quantity),
    "a list of arrays": [masked_array([1.0, 2.0], [0, 1]), np.zeros(2)],
    "a tuple in a list": [(np.zeros(2), masked_array([1.0, 2.0], [0, 1]))],
    "another object": Wrapped(),
}


@pytest.mark.parametrize("case", MASKED)
def test_refused(case: str, store: Store) -> None:
    array = MASKED[case]
    with store.writer("a") as writer:
        writes: list[Callable[[], object]] = [lambda: writer.write(array), lambda: writer.write(array, b"x", acquired_at=1)]
        for write in writes:
            with pytest.raises(ndsharray.InvalidArgumentError, match=r"^array .*filled\(value\).*getmaskarray"):
                write()
        assert writer.version == 0
        writer.write([1.0])
    if isinstance(array, np.ndarray):
        with pytest.raises(ndsharray.InvalidArgumentError, match="filled"):
            NdShArray("b", array, "w")
        assert store.tags() == ["a"], "nothing was opened"
        v1 = NdShArray("b", r_w="w")
        with pytest.raises(ndsharray.InvalidArgumentError, match="filled"):
            v1.write(array)
        assert store.stat("b").version == 1


def test_what_the_error_says_to_do(store: Store) -> None:
    masked = MASKED["a mask"]
    with store.writer("a") as writer, store.writer("a-mask") as mask:
        writer.write(masked.filled(0))
        assert store.reader("a").latest().array.tolist() == [1, 0, 2]
        writer.write(masked.data)
        mask.write(np.ma.getmaskarray(masked))
    again = masked_array(store.reader("a").latest().array, store.reader("a-mask").latest().array)
    assert again.mean() == 1.5


def test_out(store: Store) -> None:
    store.writer("a").write([1.0, 2.0])
    out: Any = masked_array([0.0, 0.0], [0, 1])
    reader = store.reader("a")
    with pytest.raises(ndsharray.InvalidArgumentError, match="out is a masked array.*out.data"):
        reader.read(out=out)
    assert reader.read(out=out.data) is not None and out.data.tolist() == [1, 2]


def test_other_subclasses_are_written(store: Store) -> None:
    matrix: Any = np.arange(4).reshape(2, 2).view(np.recarray)
    with store.writer("a") as writer:
        writer.write(matrix)
        assert store.reader("a").latest().array.tolist() == [[0, 1], [2, 3]]
    NdShArray("b", matrix, "w").write(matrix)
    assert NdShArray("b", masked_array([1]), "r").read()[1].tolist() == [[0, 1], [2, 3]]


LATE = """
import sys
import numpy as np
import ndsharray
if "numpy.ma" not in sys.modules:  # as in versions of numpy that import it at the first use
    print("late", file=sys.stderr)
writer = ndsharray.Store().writer("a", ephemeral=True)
class Sub(np.ndarray): pass
writer.write(np.zeros(2).view(Sub))
import numpy.ma
try:
    writer.write(np.ma.masked_array([1], [1]))
except ndsharray.InvalidArgumentError:
    print("refused")
"""


def test_a_module_of_masks_that_is_imported_late() -> None:
    done = subprocess.run([sys.executable, "-c", LATE], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ("refused\n", 0), done.stderr
