"""An error about an argument names the argument, and says what is allowed."""

import array as arrays
import re
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import ndsharray
from ndsharray import NdShArray, Store

HUGE: Any = 1 << 70
LONE: Any = "\ud800"
OTHER: Any = object()

#: The argument, and calls that get a wrong one: with a value that is not valid, and with one of a wrong type.
VALUES: dict[str, list[Callable[[Store], Any]]] = {
    "history": [lambda store: store.writer("a", history=-1), lambda store: store.writer_options("a", history=HUGE)]
    + [lambda store: store.writer("a", history=249)],
    "capacity": [lambda store: store.writer("a", capacity=-1), lambda store: store.writer_options("a", capacity=HUGE)],
    "mode": [lambda store: store.writer("a", mode=-1), lambda store: store.writer_options("a", mode=HUGE)]
    + [lambda store: store.writer("a", mode=0o777)],
    "source": [lambda store: store.writer("a", source=LONE), lambda store: store.writer("a", source="x" * 129)],
    "tag": [
        lambda store: store.writer(LONE),
        lambda store: store.writer_options(LONE),
        lambda store: store.reader(LONE),
        lambda store: store.stat(LONE),
        lambda store: store.remove(LONE),
        lambda store: store.writer("a/b"),
        lambda store: store.reader(""),
    ],
    "name": [lambda store: NdShArray(LONE, r_w="w")],
    "shape": [
        lambda store: store.writer("a").loan(-1, "f8"),
        lambda store: store.writer("a").loan((2, HUGE), "f8"),
        lambda store: store.writer("a").loan((1 << 62, 1 << 62), "f8").__enter__(),
        lambda store: store.writer("a").loan((1,) * 65, "f8").__enter__(),
    ],
    "dtype": [lambda store: store.writer("a").loan(3, [("a", "f4"), ("a", "f4")])],
    "acquired_at": [
        lambda store: store.writer("a").write([1], acquired_at=-1.0),
        lambda store: store.writer("a").write([1], acquired_at=HUGE),
        lambda store: store.writer("a").loan(1, "u1", acquired_at=float("nan")),
        lambda store: setattr(store.writer("a").loan(1, "u1"), "acquired_at", -1),
    ],
    "time": [lambda store: filled(store).nearest(-1.0)],
    "within": [lambda store: filled(store).nearest(0.0, within=-1.0), lambda store: filled(store).nearest(0, float("nan"))],
    "timeout": [lambda store: filled(store).wait(float("nan"))],
    "readers": [lambda store: ndsharray.wait_any([])],
    "out": [
        lambda store: filled(store).read(out=np.zeros(9)),
        lambda store: filled(store).latest(out=np.frombuffer(b"12345678")),
    ],
    "attrs": [lambda store: store.writer("a").write([1], attrs={"x": OTHER})],
    "r_w": [lambda store: NdShArray("a", r_w="x")],
}
TYPES: dict[str, list[Callable[[Store], Any]]] = {
    "history": [lambda store: store.writer("a", history=OTHER)],
    "capacity": [lambda store: store.writer("a", capacity=OTHER)],
    "mode": [lambda store: store.writer("a", mode=OTHER)],
    "ephemeral": [lambda store: store.writer("a", ephemeral=OTHER)],
    "takeover": [lambda store: store.writer("a", takeover=OTHER)],
    "source": [lambda store: store.writer("a", source=OTHER)],
    "tag": [lambda store: store.writer(OTHER), lambda store: store.reader(OTHER), lambda store: store.stat(OTHER)]
    + [lambda store: store.remove(OTHER)],
    "force": [lambda store: store.remove("a", force=OTHER)],
    "directory": [lambda store: Store(OTHER)],
    "name": [lambda store: NdShArray(OTHER, r_w="w")],
    "array": [lambda store: NdShArray("a", OTHER, "w")],
    "shape": [lambda store: store.writer("a").loan(OTHER, "f8")],
    "dtype": [lambda store: store.writer("a").loan(3, "nonsense")],
    "user_data": [
        lambda store: store.writer("a").write([1], OTHER),
        lambda store: store.writer("a").write([1], "text"),  # type: ignore[arg-type]
        lambda store: store.writer("a").write([1], 5),  # type: ignore[arg-type]
        lambda store: store.writer("a").loan(1, "u1", OTHER),
        lambda store: setattr(store.writer("a").loan(1, "u1"), "user_data", "text"),
    ],
    "attrs": [lambda store: store.writer("a").write([1], attrs=OTHER)],
    "acquired_at": [lambda store: store.writer("a").write([1], acquired_at=OTHER)],
    "timeout": [lambda store: filled(store).wait(OTHER), lambda store: filled(store).every(OTHER)],
    "within": [lambda store: filled(store).nearest(0.0, OTHER)],
    "time": [lambda store: filled(store).nearest(OTHER)],
    "out": [lambda store: filled(store).read(out=OTHER)],
    "copy": [lambda store: filled(store).read(copy=OTHER)],
    "snapshot": [lambda store: filled(store).has_changed(OTHER)],
    "readers": [lambda store: ndsharray.wait_any([OTHER])],
    "path": [lambda store: ndsharray.Recording(OTHER)],
}


def filled(store: Store) -> ndsharray.Reader:
    store.writer("a").write([1.0])
    return store.reader("a")


@pytest.mark.parametrize("argument, use", [(name, use) for name, calls in VALUES.items() for use in calls])
def test_values(argument: str, use: Callable[[Store], Any], store: Store) -> None:
    # A tag that is not valid is shown itself.
    with pytest.raises(ValueError, match=rf"(?i)(^|\W){argument}(\W|$)") as caught:
        use(store)
    assert isinstance(caught.value, ndsharray.Error) or argument == "r_w", repr(caught.value)


@pytest.mark.parametrize("argument, use", [(name, use) for name, calls in TYPES.items() for use in calls])
def test_types(argument: str, use: Callable[[Store], Any], store: Store) -> None:
    with pytest.raises(TypeError) as caught:
        use(store)
    # Some have it in a note, which Python 3.10 does not know.
    notes = getattr(caught.value, "__notes__", [] if sys.version_info >= (3, 11) else [argument])
    assert any(re.search(rf"(^|\W){argument}(\W|$)", text) for text in [str(caught.value), *notes])


def test_messages_about_types(store: Store) -> None:
    for argument, expected in [("history", "an int"), ("capacity", "an int"), ("mode", "an int"), ("source", "a str")]:
        with pytest.raises(TypeError, match=f"^{argument} must be {expected}, not object"):
            store.writer("a", **{argument: OTHER})
    for argument in ["ephemeral", "takeover"]:
        with pytest.raises(TypeError, match=f"^{argument} must be a bool, not int"):
            store.writer("a", **{argument: 1})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="^tag must be a str, not bytes"):
        store.reader(b"a")  # type: ignore[arg-type]


BUFFERS: dict[str, Any] = {
    "bytes": b"abcdef",
    "bytearray": bytearray(b"abcdef"),
    "memoryview": memoryview(b"abcdef"),
    "every second": memoryview(b"a.b.c.d.e.f.")[::2],
    "array": arrays.array("B", b"abcdef"),
    "numpy": np.frombuffer(b"abcdef", np.uint8),
    "numpy, transposed": np.frombuffer(b"adbecf", np.uint8).reshape(3, 2).T,
    "numpy, wide": np.frombuffer(b"abcdef", np.uint16),
    "numpy scalar": np.bytes_(b"abcdef"),
}


@pytest.mark.parametrize("case", BUFFERS)
def test_user_data_are_any_buffer(case: str, store: Store) -> None:
    buffer = BUFFERS[case]
    assert bytes(buffer) == b"abcdef"
    with store.writer("a") as writer:
        writer.write([1], buffer)
        assert store.reader("a").latest().user_data == b"abcdef"
        with (loan := writer.loan(1, "u1", buffer)) as elements:
            assert loan.user_data == b"abcdef"
            elements[:] = 0
        with (loan := writer.loan(1, "u1")) as elements:
            loan.user_data = buffer
            elements[:] = 0
        assert store.reader("a").latest().user_data == b"abcdef"


def test_user_data_that_are_too_long(store: Store) -> None:
    with pytest.raises(ndsharray.InvalidArgumentError, match="user data of 2049 bytes"):
        store.writer("a").write([1], bytearray(2049))


def test_out_and_copy(store: Store) -> None:
    reader, out = filled(store), np.zeros(1)
    calls: list[Callable[..., Any]] = [reader.read, reader.latest, reader.wait, reader.read_next, reader.wait_next]
    calls.append(lambda **keywords: reader.nearest(0.0, **keywords))
    for call in calls:
        with pytest.raises(ndsharray.InvalidArgumentError, match="out and copy=True were both given.*leave one out"):
            call(out=out, copy=True)
    assert reader.read(out=out, copy=False) is not None, "nothing was read by the others"


def test_repr_of_a_loan(store: Store) -> None:
    writer = store.writer("frame")
    loan = writer.loan((2, 3), np.float32)
    assert repr(loan) == "<ndsharray.Loan of \"frame\": float32 (2, 3), not open>"
    with loan:
        assert repr(loan) == "<ndsharray.Loan of \"frame\": float32 (2, 3), open>"
