"""Custom dtypes are read exactly as they were written, or are refused with the reason."""

from typing import Any

import ml_dtypes
import numpy as np
import pytest

import ndsharray
from ndsharray import NdShArray, Store
from ndsharray._dtypes import describe, restore, same

POINT = [("x", "<f4"), ("y", "<f4")]
NESTED = [("id", "u1"), ("matrix", "<f8", (2, 3)), ("points", POINT, (4,)), ("name", "U5")]

DTYPES: list[Any] = [
    *["M8", "M8[ns]", "M8[D]", "M8[25s]", ">M8[us]", "m8", "m8[ms]", "m8[h]"],
    *["S1", "S17", "U1", "U12", ">U3", "V5"],
    ml_dtypes.bfloat16,
    ml_dtypes.float8_e4m3fn,
    ml_dtypes.float8_e5m2,
    ml_dtypes.int4,
    POINT,
    NESTED,
    [("big", ">i4"), ("little", "<i4"), ("when", ">M8[ms]")],
    np.dtype([("a", "u1"), ("b", "f8"), ("c", "i2")], align=True),
    np.dtype([("a", "u1"), ("b", [("c", "u1"), ("d", "i8")])], align=True),
    {"names": ["a", "b"], "formats": ["u1", "f4"], "offsets": [3, 8], "itemsize": 20},
    {"names": ["low", "all"], "formats": ["u1", "u4"], "offsets": [0, 0]},
    {"names": ["late", "early"], "formats": ["u1", "u4"], "offsets": [4, 0]},
    [(("A title", "a"), "u1"), ("b", "f4")],
    [("größe", "f4"), ("日", "i2")],
    (np.record, POINT),
    np.dtype([("x", "f8", 3), ("y", "f8", (2, 2))]),
]


def equal(a: Any, b: Any) -> bool:
    """Whether all elements are equal bit for bit. Padding bytes between fields do not count."""
    if a.dtype.names is not None:
        return all(equal(a[name], b[name]) for name in a.dtype.names)
    return bool(a.shape == b.shape and a.tobytes() == b.tobytes())


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: str(np.dtype(dtype))[:40])
def test_round_trip(dtype: Any, store: Store) -> None:
    dtype = np.dtype(dtype)
    rng = np.random.default_rng(0)
    array: Any = np.frombuffer(rng.integers(0, 2, 12 * dtype.itemsize, np.uint8).tobytes(), dtype).reshape(3, 4)
    writer, reader = store.writer("a"), store.reader("a")
    for value in [array, array.T, array[::2, ::-1]]:
        writer.write(value)
        seen = reader.latest().array
        assert same(seen.dtype, dtype), (seen.dtype, dtype)
        assert seen.shape == value.shape
        assert equal(seen, value)
    # Another process makes the dtype from the text alone.
    name, descr, again = describe(dtype)
    assert same(again, dtype) and (dtype.names is None or again is not dtype)
    assert same(restore("a", name, descr, dtype.itemsize), dtype)
    with writer.loan(3, dtype) as loan:
        assert same(loan.dtype, dtype)
        loan[:] = array[0, :3]
    assert equal(reader.latest(copy=True).array, array[0, :3])
    assert store.stat("a").dtype_name == name


def test_structs_use_numpys_descr() -> None:
    packed: Any
    for packed in [POINT, NESTED]:
        dtype = np.dtype(packed)
        assert describe(dtype)[1] == repr(dtype.descr)
    assert describe(np.dtype("M8[ns]"))[:2] == ("datetime64[ns]", "<M8[ns]")
    assert describe(np.dtype(ml_dtypes.bfloat16))[:2] == ("bfloat16", "<V2")


@pytest.mark.parametrize(
    "dtype, reason",
    [
        ("O", "references to objects"),
        ([("a", "i4"), ("b", "O")], "references to objects"),
        (np.dtype([]), "no size"),
        ("longdouble", "cannot be shared"),
        ("clongdouble", "cannot be shared"),
        ([("a", "longdouble")], "cannot be shared"),
        ([("a", ml_dtypes.bfloat16)], "numpy makes"),
        ([(f"a_field_with_a_long_name_{n}", "f8") for n in range(40)], "descr of 1[0-9]{3} bytes"),
    ],
)
def test_refused(dtype: Any, reason: str, store: Store) -> None:
    array = np.zeros(3, dtype)
    writer = store.writer("a")
    with pytest.raises(ndsharray.UnsupportedDTypeError, match=reason):
        writer.write(array)
    with pytest.raises(NotImplementedError, match=reason):
        NdShArray("b", array, "w")
    with pytest.raises(ndsharray.UnsupportedDTypeError):
        writer.loan(3, dtype)
    assert writer.version == 0


def test_bytes_swapped_numbers_are_stored_in_native_order(store: Store) -> None:
    store.writer("a").write(np.arange(5, dtype=">i4"))
    seen = store.reader("a").latest().array
    assert seen.dtype == np.int32 and seen.dtype.isnative and seen.tolist() == [0, 1, 2, 3, 4]


def test_dates(store: Store) -> None:
    dates = np.array(["2024-02-29", "NaT", "1969-12-31T23:59:59"], "M8[s]")
    store.writer("a").write(dates)
    np.testing.assert_array_equal(store.reader("a").latest().array, dates)


def test_dtype_changes_between_reads(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    dtype: Any
    for dtype in ["M8[s]", "f4", "M8[ms]", POINT, "S3", POINT, "i1"]:
        array = np.zeros(2, dtype)
        writer.write(array)
        seen = reader.read()
        assert seen is not None and seen.dtype == array.dtype
