"""Attributes: a dict that travels with an array, as JSON text. What cannot travel is refused, and the error says where it is."""

import enum
import json
import sys
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ndsharray
from ndsharray import Snapshot, Store


class Mode(enum.IntEnum):
    FAST = 3


#: What is written, and what is read if that is something else.
ROUND_TRIPS: list[tuple[dict[str, Any], Any]] = [
    ({}, None),
    ({"exposure": 0.01, "gain": 2}, None),
    ({"z": 1, "a": 2, "m": {"z": None, "a": [True, False]}}, None),
    ({"t": (1, (2, 3), [])}, {"t": [1, [2, 3], []]}),
    ({"low": -(2**63), "high": 2**64 - 1, "floats": [0.1, 1e300, -5e-324, 1.0, -0.0, 1e16]}, None),
    ({"": "", "grün": "日本語 🎥", 'quote"': "back\\slash\n\t\0\x7f\u2028"}, None),
    ({"f": np.float32(0.5), "i": np.int8(-3), "u": np.uint64(2**64 - 1), "d": np.float64(0.1), "h": np.float16(0.25)},
     {"f": 0.5, "i": -3, "u": 2**64 - 1, "d": 0.1, "h": 0.25}),
    ({"b": np.bool_(True), "s": np.str_("text"), "e": Mode.FAST}, {"b": True, "s": "text", "e": 3}),
    (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
    ({"f": np.float32(0.1)}, {"f": float(np.float32(0.1))}),
]


def all_forms(store: Store) -> list[Snapshot]:
    reader, value = store.reader("a"), store.reader("a").latest()
    return [value, reader.latest(copy=True), reader.latest(out=np.zeros(value.shape, value.dtype))]


@pytest.mark.parametrize("attrs, expected", ROUND_TRIPS, ids=lambda value: str(value)[:30])
def test_round_trips(store: Store, attrs: dict[str, Any], expected: "dict[str, Any] | None") -> None:
    expected = attrs if expected is None else expected
    writer = store.writer("a")
    writer.write([1], attrs=attrs)
    for snapshot in all_forms(store):
        assert snapshot.attrs == expected
        assert list(snapshot.attrs) == list(expected), "in the order of the dict"
        assert repr(snapshot.attrs) == repr(expected), "types too"
        assert json.loads(snapshot.user_data.decode()) == expected
    with writer.loan(1, "u1", attrs=attrs):
        pass
    assert store.reader("a").latest().attrs == expected
    loan = writer.loan(1, "u1")
    with loan:
        loan.attrs = attrs
        assert loan.attrs == expected
    assert store.reader("a").latest().attrs == expected == store.stat("a").attrs


def test_text(store: Store) -> None:
    store.writer("a").write([1], attrs={"z": 1, "grün": [0.01, (None, True)], "a": {"x": "日本"}})
    text = '{"z":1,"grün":[0.01,[null,true]],"a":{"x":"日本"}}'
    assert [snapshot.user_data.decode() for snapshot in all_forms(store)] == [text] * 3


def test_the_order_is_that_of_the_dict(store: Store) -> None:
    attrs: OrderedDict[str, int] = OrderedDict(a=1, b=2, c=3)
    attrs.move_to_end("a")
    store.writer("a").write([1], attrs=attrs)
    assert store.reader("a").latest().user_data == b'{"b":2,"c":3,"a":1}'


class Odd(dict[str, Any]):
    def items(self) -> Any:
        return [1, 2]


def test_a_dict_whose_items_are_no_pairs(store: Store) -> None:
    writer = store.writer("a")
    with pytest.raises(TypeError):
        writer.write([1], attrs=Odd(a=1))
    assert writer.version == 0


def test_user_data_or_attributes(store: Store) -> None:
    writer = store.writer("a")
    for user_data in [b"", b"{}", b'{"a":1}', b"\xff"]:
        writer.write([1], user_data)
        assert [(snapshot.attrs, snapshot.user_data) for snapshot in all_forms(store)] == [(None, user_data)] * 3
        assert store.stat("a").attrs is None
        with pytest.raises(ndsharray.InvalidArgumentError, match="user_data and attrs were both given"):
            writer.write([1], user_data, attrs={})
        with pytest.raises(ndsharray.InvalidArgumentError, match="user_data and attrs were both given"):
            writer.loan(1, "u1", user_data, attrs={})
    # In a loan, what is set last counts.
    loan: Any = writer.loan(1, "u1", b"first")
    assert (loan.user_data, loan.attrs) == (b"first", None)
    loan.attrs = {"a": 1}
    assert (loan.user_data, loan.attrs) == (b'{"a":1}', {"a": 1})
    with loan:
        loan.user_data = b"last"
    assert (loan.user_data, loan.attrs) == (b"last", None)
    assert [(snapshot.attrs, snapshot.user_data) for snapshot in all_forms(store)] == [(None, b"last")] * 3
    loan.attrs = {"a": 1}
    with loan:
        loan.attrs = None
    assert [(snapshot.attrs, snapshot.user_data) for snapshot in all_forms(store)] == [(None, b"")] * 3


def test_each_access_makes_a_new_dict(store: Store) -> None:
    store.writer("a").write([1], attrs={"list": [1]})
    snapshot = store.reader("a").latest()
    mine = snapshot.attrs
    assert mine is not None
    mine["list"].append(2)
    assert snapshot.attrs == {"list": [1]}


ITSELF: list[Any] = []
ITSELF.append(ITSELF)
INSIDE: dict[str, Any] = {}
INSIDE["again"] = {"and": INSIDE}


def nested(levels: int) -> Any:
    value: Any = 1
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


#: What is refused, and what the error says.
REFUSED: list[tuple[Any, str]] = [
    ({"roi": [0, 1, float("nan")]}, 'attrs["roi"][2] is nan: JSON has finite numbers only'),
    ({"a": {"b": (0, {"c": float("inf")})}}, 'attrs["a"]["b"][1]["c"] is inf'),
    ({"a": float("-inf")}, 'attrs["a"] is -inf'),
    ({"a": np.float32("nan")}, 'attrs["a"] is nan'),
    ({"a": np.float64("inf")}, 'attrs["a"] is'),
    ({"n": 2**64}, 'attrs["n"] is 18446744073709551616: an int must be from -2**63 to 2**64 - 1'),
    ({"n": [-(2**63) - 1]}, 'attrs["n"][0] is -9223372036854775809: an int must be from'),
    ({"n": 10**5000}, 'attrs["n"] is'),
    ({"raw": b"x"}, 'attrs["raw"] is of type bytes: pass a dict, list, tuple, str, int, float, bool or None'),
    ({"raw": bytearray(b"x")}, 'attrs["raw"] is of type bytearray'),
    ({"s": {1}}, 'attrs["s"] is of type set'),
    ({"x": [np.zeros(2)]}, 'attrs["x"][0] is of type ndarray'),
    ({"x": np.zeros(())}, 'attrs["x"] is of type ndarray'),
    ({"x": np.datetime64("2024-01-01")}, 'attrs["x"] is of type datetime64'),
    ({"x": np.timedelta64(1, "s")}, 'attrs["x"] is of type timedelta64'),
    ({"x": np.complex64(1)}, 'attrs["x"] is of type complex64'),
    ({"x": 1j}, 'attrs["x"] is of type complex'),
    ({"x": object}, 'attrs["x"] is of type type'),
    ({1: 2}, "attrs has the key 1 of type int: keys must be str"),
    ({"roi": {"x": 1, None: 2}}, 'attrs["roi"] has the key None of type NoneType: keys must be str'),
    ({"roi": [{b"x": 1}]}, "attrs[\"roi\"][0] has the key b'x' of type bytes: keys must be str"),
    ({10**5000: 2}, "attrs has the key"),
    ({"s": "a\ud800"}, "attrs[\"s\"] is 'a\\ud800': no Unicode text has a lone surrogate"),
    ({"s": {"\udfff": 1}}, "attrs[\"s\"] has the key '\\udfff': no Unicode text has a lone surrogate"),
    ({"l": ITSELF}, 'attrs["l"][0][0][0]'),
    (INSIDE, 'attrs["again"]["and"]["again"]'),
    ({"deep": nested(127)}, "lies too deep: at most 127 lists and dicts may lie in each other"),
    ({"x": "y" * 2100}, "2108 bytes of JSON; allowed is at most 2048 bytes"),
    ({"x": "ü" * 1024}, "2056 bytes of JSON; allowed is at most 2048 bytes"),
    ({str(n): n for n in range(1000)}, "bytes of JSON; allowed is at most 2048 bytes"),
    ({"x": ["y" * 1000] * 5000}, "attrs are more than 1048576 bytes as JSON text, at attrs[\"x\"]["),
    ({"k" * 5000: b"x"}, 'attrs["kkk'),
]


@pytest.mark.parametrize("attrs, text", REFUSED, ids=lambda value: value[:40] if isinstance(value, str) else "")
def test_refused(store: Store, attrs: Any, text: str) -> None:
    """Nothing is published then, and the next write is fine."""
    writer, reader = store.writer("a"), store.reader("a")
    writer.write([1], attrs={"before": 1})

    def set_in_a_loan() -> None:
        with (loan := writer.loan(1, "u1")):
            loan.attrs = attrs

    uses: list[Callable[[], object]] = [
        lambda: writer.write([2], attrs=attrs),
        lambda: writer.loan(1, "u1", attrs=attrs),
        set_in_a_loan,
    ]
    for use in uses:
        with pytest.raises(ndsharray.InvalidArgumentError) as caught:
            use()
        assert text in str(caught.value) and len(str(caught.value)) < 500
    assert writer.version == 1 and reader.latest().attrs == {"before": 1}
    assert writer.write([2], attrs={"after": 1}) == 2 and reader.latest().attrs == {"after": 1}


def test_a_set_that_is_refused_leaves_the_loan_as_it_was(store: Store) -> None:
    loan = store.writer("a").loan(1, "u1", attrs={"a": 1}, acquired_at=7)
    with loan:
        with pytest.raises(ValueError):
            loan.attrs = {"a": b""}
        with pytest.raises(ValueError):
            loan.user_data = b"x" * 2049
        with pytest.raises(ValueError):
            loan.acquired_at = -1
    snapshot = store.reader("a").latest()
    assert (snapshot.attrs, snapshot.acquired_at_ns) == ({"a": 1}, 7)


@pytest.mark.parametrize("wrong", [[], [("a", 1)], "{}", b"{}", 1, np.zeros(1), {1}], ids=repr)
def test_what_is_no_dict(store: Store, wrong: Any) -> None:
    with pytest.raises(TypeError, match="attrs must be a dict, not"):
        store.writer("a").write([1], attrs=wrong)


def test_limits(store: Store) -> None:
    writer = store.writer("a")
    for attrs in [{"x": "y" * 2040}, {"x": "ü" * 1020}, {"d": nested(126)}]:
        writer.write([1], attrs=attrs)
        assert [snapshot.attrs for snapshot in all_forms(store)] == [attrs] * 3
    assert len(store.reader("a").latest().user_data) <= 2048


def test_a_dict_that_changes_meanwhile(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python code runs for numbers of numpy. Whatever it does to the dict, an error or a value comes of it."""
    from ndsharray import _numbers

    attrs: dict[str, Any] = {}
    plain = _numbers.plain

    def change(value: Any) -> Any:
        attrs.clear()
        attrs["list"] = None
        items.clear()
        return plain(value)

    monkeypatch.setattr(_numbers, "plain", change)
    writer = store.writer("a")
    for _ in range(3):
        items: list[Any] = [np.int8(1), 2, 3]
        attrs.update(list=items, a=np.int8(1), b=np.int8(2))
        writer.write([1], attrs=attrs)
        read = store.reader("a").latest().attrs
        assert read is not None and read["a"] == 1


def test_numbers_are_exact(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    random = np.random.default_rng(2)
    for bits in random.integers(0, 2**64, 500, np.uint64):
        number = float(bits.view(np.float64))
        if np.isfinite(number):
            writer.write([1], attrs={"x": number, "i": int(bits)})
            assert reader.latest().attrs == {"x": number, "i": int(bits)}


def test_damaged_text(store: Store, directory: Path) -> None:
    """Text that somebody damaged is an error of who asks for it; the array and the bytes are there."""
    with store.writer("a") as writer:
        writer.write([1], attrs={"name": "value"})
        assert writer.data_file is not None
        path = directory / writer.data_file
    good = path.read_bytes()
    for bad in [b'{"name":"value";', b'{"name":"valu\xff"}', b'"name_ :  value"']:
        assert good.count(b'{"name":"value"}') >= 1
        path.write_bytes(good.replace(b'{"name":"value"}', bad.ljust(16)))
        snapshot = store.reader("a").latest()
        assert snapshot.array.tolist() == [1] and snapshot.user_data == bad.ljust(16)
        for one in all_forms(store):
            with pytest.raises(ndsharray.FormatError, match="attributes of the value are damaged"):
                one.attrs
        del snapshot, one


def test_references_end(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    keys, value = "a rather long key", "a rather long value"
    attrs = {keys: [value, {keys: value}]}
    before = sys.getrefcount(keys), sys.getrefcount(value), sys.getrefcount(attrs)
    for _ in range(100):
        writer.write([1], attrs=attrs)
        reader.latest().attrs
        with pytest.raises(ValueError):
            writer.write([1], attrs={**attrs, "bad": b""})
    assert (sys.getrefcount(keys), sys.getrefcount(value), sys.getrefcount(attrs)) == before


def test_stat(store: Store) -> None:
    with store.writer("a", source="robot-7:front") as writer:
        empty = store.stat("a")
        assert (empty.source, empty.acquired_at, empty.source_written_at, empty.attrs) == ("robot-7:front", None, None, None)
        writer.write(np.zeros(2), attrs={"gain": 2, "grün": [1]}, acquired_at=1.25)
        stat = store.stat("a")
        assert (stat.acquired_at, stat.attrs, stat.source_written_at) == (1.25, {"gain": 2, "grün": [1]}, None)
        assert repr(stat) == '<ndsharray.Stat of "a": float64 (2,), version 1, from "robot-7:front">'
    with store.writer("b") as writer:
        writer.write([1])
        stat = store.stat("b")
        assert (stat.acquired_at, stat.attrs, stat.source) == (None, None, "")
        assert repr(stat) == '<ndsharray.Stat of "b": int64 (1,), version 1>'
