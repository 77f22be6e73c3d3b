"""Arguments that are not valid, and unusual ones that are."""

import pickle
import sys
import threading
import warnings
from typing import Any

import numpy as np
import pytest

import ndsharray
from ndsharray import Store


def test_fields_renamed_in_place(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    array: Any = np.zeros(2, [("a", "i4"), ("b", [("c", "f4")])])
    writer.write(array)
    array.dtype.names = ("u", "v")
    writer.write(array)
    assert reader.latest().dtype.names == ("u", "v")
    array.dtype["v"].names = ("w",)
    writer.write(array)
    assert store.reader("a").latest().dtype["v"].names == ("w",)
    # The dtype that a reader keeps is not the one that callers got and may rename.
    dtype = reader.latest().dtype
    dtype.names = ("p", "q")
    assert reader.latest().dtype.names == ("u", "v")
    dtype = reader.latest().dtype
    dtype["v"].names = ("x",)
    assert reader.latest().dtype["v"].names == ("w",)


def test_dtypes_of_loans(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    with writer.loan(2, None) as array:
        assert array.dtype == np.float64
        array[:] = 1
    # If the elements are arrays, their axes are added to the shape, as numpy does.
    with writer.loan(3, np.dtype(("f4", (2,)))) as array:
        assert array.shape == (3, 2) and array.dtype == np.float32
        array[:] = 1
    snapshot = reader.latest()
    assert snapshot.shape == snapshot.array.shape == (3, 2) and snapshot.dtype == np.float32
    assert reader.latest(out=np.zeros(snapshot.shape, snapshot.dtype)).array.sum() == 6
    with writer.loan(2, ">i4") as array:
        assert array.dtype.isnative
        array[:] = [1, 2]
    assert reader.latest().array.tolist() == [1, 2]


@pytest.mark.parametrize("shape", [-1, (-1, 2), 1 << 70])
def test_shapes_that_are_not_valid(store: Store, shape: Any) -> None:
    with pytest.raises(ndsharray.InvalidArgumentError, match="pass lengths from 0 on"):
        store.writer("a").loan(shape, "f8")


def test_a_shape_that_is_no_shape(store: Store) -> None:
    with pytest.raises(TypeError, match="shape must be an int or a sequence of ints"):
        store.writer("a").loan("many", "f8")  # type: ignore[arg-type]


def test_user_data_is_checked_before_anything_is_filled(store: Store) -> None:
    writer = store.writer("a")
    with pytest.raises(ndsharray.InvalidArgumentError, match="2049 bytes are too long: at most 2048 fit"):
        writer.loan(1, "u1", b"x" * 2049)
    loan = writer.loan(1, "u1", b"x" * 2048)
    with loan as array:
        array[:] = 5
        with pytest.raises(ndsharray.InvalidArgumentError, match="2049 bytes"):
            loan.user_data = b"y" * 2049
    snapshot = store.reader("a").latest()
    assert (snapshot.array.tolist(), snapshot.user_data) == ([5], b"x" * 2048)


def test_a_block_that_fails_with_an_open_loan(store: Store) -> None:
    with pytest.raises(KeyError, match="mine"):
        with store.writer("a", ephemeral=True) as writer:
            loan = writer.loan(3, "u1")
            loan.__enter__()
            raise KeyError("mine")
    assert writer.closed
    del loan
    # The writer was closed when its loan ended, so the ephemeral tag is gone.
    assert store.tags() == []
    with pytest.raises(ndsharray.WriterBusyError):
        with store.writer("a") as writer:
            loan = writer.loan(3, "u1")
            loan.__enter__()


def test_an_array_outlives_its_loan_as_a_read_only_one(store: Store) -> None:
    writer = store.writer("a")
    array = (loan := writer.loan(3, np.uint8)).__enter__()
    array[:] = 1
    del loan
    assert not array.flags.writeable
    assert writer.version == 0


def test_out_that_becomes_read_only_during_a_wait(store: Store) -> None:
    writer, reader, out = store.writer("a"), store.reader("a"), np.zeros(2)

    def freeze_and_write() -> None:
        out.flags.writeable = False
        writer.write([1.0, 2.0])

    timer = threading.Timer(0.2, freeze_and_write)
    timer.start()
    with pytest.raises(ndsharray.InvalidArgumentError, match="read-only"):
        reader.wait(60, out=out)
    timer.join()
    assert out.tolist() == [0, 0]
    snapshot = reader.read()
    assert snapshot is not None and snapshot.array.tolist() == [1, 2]


def test_a_dtype_that_is_set_while_it_is_described(store: Store) -> None:
    base: Any = np.zeros((1 << 12, 128), "S1")[:, :64]
    writer = store.writer("a")

    def set_it(frame: Any, event: str, argument: Any) -> None:
        if event == "call" and frame.f_code.co_name == "describe":
            base.dtype = "S64"

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # numpy 2.5 would rather not have it set
        sys.settrace(set_it)
        try:
            with pytest.raises(ndsharray.InvalidArgumentError, match="dtype of array was set"):
                writer.write(base)
        finally:
            sys.settrace(None)
        base.dtype = "S1"
    assert writer.write(base) == 1


def test_a_value_that_is_never_returned_counts_as_missed(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    writer.write([1])
    assert reader.read() is not None
    writer.write([1, 2])
    with pytest.raises(ndsharray.Error):
        reader.read(out=np.zeros(9))
    assert reader.missed == 0
    writer.write([1, 2, 3])
    snapshot = reader.read()
    assert snapshot is not None and (snapshot.version, reader.missed) == (3, 1)


def test_errors_are_exceptions_of_the_module(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    writer.write([1.0])
    out = np.zeros(1)
    out.flags.writeable = False
    with pytest.raises(ndsharray.InvalidArgumentError, match="read-only"):
        reader.read(out=out)
    with pytest.raises(ndsharray.InvalidArgumentError, match="timeout"):
        reader.wait(float("nan"))
    with pytest.raises(ndsharray.InvalidArgumentError, match="timeout"):
        ndsharray.wait_any([reader], float("nan"))
    with pytest.raises(ndsharray.InvalidArgumentError, match="readers"):
        ndsharray.wait_any([])
    for r_w in [5, b"r", ["r"], None, "x"]:
        with pytest.raises(ValueError, match="'r' or 'w'"):
            ndsharray.NdShArray("a", r_w=r_w)  # type: ignore[arg-type]


class Scaled(ndsharray.NdShArray):
    def __init__(self, name: str, scale: int) -> None:
        super().__init__(name, r_w="r")
        self.scale = scale


class Careful(ndsharray.NdShArray):
    __slots__ = ("slot",)

    def __init__(self, name: str) -> None:
        super().__init__(name, r_w="r")
        self.lock = threading.Lock()
        self.slot = 5

    def __getstate__(self) -> Any:
        return {"scale": 3}


class Slotted(ndsharray.NdShArray):
    __slots__ = ("slot",)


def test_a_subclass_says_what_is_pickled(store: Store) -> None:
    store.writer("a").write([3])
    again: Any = pickle.loads(pickle.dumps(Careful("a")))
    assert (again.scale, hasattr(again, "lock"), again.read()[1].tolist()) == (3, False, [3])
    slotted: Any = Slotted("a", r_w="r")
    slotted.slot = 4
    slotted.other = 5
    again = pickle.loads(pickle.dumps(slotted))
    assert (again.slot, again.other) == (4, 5)


def test_a_subclass_is_pickled_with_its_attributes(store: Store) -> None:
    store.writer("a").write([3])
    again = pickle.loads(pickle.dumps(Scaled("a", 2)))
    assert type(again) is Scaled
    assert (again.scale, again.read()[1].tolist()) == (2, [3])
