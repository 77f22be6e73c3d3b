"""Times of acquisition in all their forms, and the value nearest to a time."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import ndsharray
from ndsharray import Store

UTC = timezone.utc
#: Unix time, and what it is in nanoseconds.
FORMS: list[tuple[Any, int]] = [
    (1, 1),
    (1_700_000_000_123_456_789, 1_700_000_000_123_456_789),
    (2**64 - 1, 2**64 - 1),
    (np.int64(2**63 - 1), 2**63 - 1),
    (np.uint64(2**64 - 1), 2**64 - 1),
    (np.int8(7), 7),
    (1.5, 1_500_000_000),
    (0.1, 100_000_000),
    (1e-9, 1),
    (1_700_000_000.25, 1_700_000_000_250_000_000),
    (18446744073.0, 18446744073_000_000_000),
    (np.float64(1.5), 1_500_000_000),
    (np.float32(2.5), 2_500_000_000),
    (np.float16(0.5), 500_000_000),
    (np.longdouble(3.5), 3_500_000_000),
    (datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC), 1000),
    (datetime(2024, 5, 17, 12, 34, 56, 654321, tzinfo=UTC), 1_715_949_296_654_321_000),
    (datetime(2024, 5, 17, 14, 34, 56, 654321, tzinfo=timezone(timedelta(hours=2))), 1_715_949_296_654_321_000),
    (datetime(2554, 7, 21, 23, 34, 33, 709551, tzinfo=UTC), 18446744073_709_551_000),
    # Those of numpy are in UTC, in one of many units.
    (np.datetime64(1_700_000_000_123_456_789, "ns"), 1_700_000_000_123_456_789),
    (np.datetime64("2024-05-17T12:34:56.654321"), 1_715_949_296_654_321_000),
    (np.datetime64("2024-05-17"), 1_715_904_000 * 10**9),
    (np.datetime64("2024-05"), 1_714_521_600 * 10**9),
    (np.datetime64("2024"), 1_704_067_200 * 10**9),
    (np.datetime64("2554-07-21T23:34:33"), 18446744073 * 10**9),
    (np.datetime64(3, "W"), 3 * 7 * 86400 * 10**9),
    (np.datetime64(5_999_999_999, "as"), 5),
    (np.datetime64(3, ("ns", 20)), 60),
]


@pytest.mark.parametrize("form, nanoseconds", FORMS, ids=lambda value: repr(value))
def test_forms(store: Store, form: Any, nanoseconds: int) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    writer.write([1], acquired_at=form)
    for snapshot in [reader.latest(), reader.latest(copy=True), reader.latest(out=np.zeros(1, np.int64))]:
        assert snapshot.acquired_at_ns == nanoseconds
        assert snapshot.acquired_at == pytest.approx(nanoseconds / 1e9, rel=1e-15, abs=0)
    with writer.loan(1, "u1", acquired_at=form):
        pass
    assert reader.latest().acquired_at_ns == nanoseconds
    assert writer.write([1]) and reader.latest().acquired_at is None, "it is that of one value only"
    loan = writer.loan(1, "u1")
    assert loan.acquired_at is None
    with loan:
        loan.acquired_at = form
        assert loan.acquired_at == pytest.approx(nanoseconds / 1e9, rel=1e-15, abs=0)
    assert reader.latest().acquired_at_ns == nanoseconds
    assert store.stat("a").acquired_at == reader.latest().acquired_at
    nearest = reader.nearest(form, within=0)
    assert nearest is not None and nearest.version == 4


def test_floats_come_back_as_they_were(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    random = np.random.default_rng(1)
    for seconds in [time.time(), *random.uniform(1.0e9, 4.0e9, 300).tolist()]:
        writer.write([1], acquired_at=seconds)
        snapshot = reader.latest()
        assert snapshot.acquired_at == seconds
        assert snapshot.acquired_at_ns == round(Fraction(seconds) * 10**9), "the nearest nanosecond"


def test_nobody_knows(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    for unknown in [None, 0, 0.0, -0.0, np.int32(0), 1e-12, datetime(1970, 1, 1, tzinfo=UTC)]:
        writer.write([1], acquired_at=unknown)
        snapshot = reader.latest()
        assert (snapshot.acquired_at, snapshot.acquired_at_ns) == (None, None)
    assert store.stat("a").acquired_at is None
    loan = writer.loan(1, "u1", acquired_at=5)
    with loan:
        loan.acquired_at = None
    assert reader.latest().acquired_at_ns is None


LOCAL = """
import time
from datetime import datetime
import ndsharray
store = ndsharray.Store()
writer, reader = store.writer("a"), store.reader("a")
for fold in [0, 1]:
    for naive in [datetime(2024, 1, 15, 12, 0, 0, 123457), datetime(2024, 7, 15, 12, 0, 0, 1), datetime(2024, 10, 27, 2, 30)]:
        naive = naive.replace(fold=fold)
        writer.write([1], acquired_at=naive)
        micro = reader.latest().acquired_at_ns // 1000
        assert reader.latest().acquired_at_ns % 1000 == 0 and micro % 10**6 == naive.microsecond
        assert micro // 10**6 == int(naive.timestamp()), naive
        print(micro // 10**6, end=" ")
"""


def test_a_datetime_without_a_zone_is_local() -> None:
    """Berlin: an hour before UTC in winter, two in summer. The night of the change has 2:30 twice."""
    zone = "CET-1CEST,M3.5.0,M10.5.0/3"
    command = [sys.executable, "-W", "error", "-c", LOCAL]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, "TZ": zone}
    )
    seen = "1705316400 1721037600 1729989000 1705316400 1721037600 1729992600 "
    assert (done.stdout, done.stderr) == (seen, "")


def test_a_timestamp_of_pandas_without_a_zone_is_local(store: Store) -> None:
    pandas = pytest.importorskip("pandas")
    writer, reader = store.writer("a"), store.reader("a")
    naive = datetime(2024, 7, 15, 12, 0, 0, 250001)
    writer.write([1], acquired_at=pandas.Timestamp(naive))
    assert reader.latest().acquired_at_ns == int(naive.timestamp()) * 10**9 + 250_001_000


REFUSED: list[Any] = [
    -1,
    -0.5,
    -1e-9,
    2**64,
    10**30,
    10**5000,
    1e30,
    18446744074.0,
    float("nan"),
    float("inf"),
    float("-inf"),
    True,
    False,
    np.True_,
    np.int64(-1),
    np.float32("nan"),
    np.float64("inf"),
    datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(2555, 1, 1, tzinfo=UTC),
    datetime(1900, 1, 1),
    datetime.min,
    datetime.max,
    np.datetime64("NaT", "s"),
    np.datetime64("1969-12-31T23:59:59.999999999"),
    np.datetime64("2555"),
    np.datetime64(2**62, "Y"),
    np.datetime64(-(2**62), "M"),
    np.datetime64(2**63 - 1, "D"),
]
NO_TIME: list[Any] = ["now", b"1", [1], np.zeros(1), np.timedelta64(1, "s"), timedelta(1), 1j]


def name(value: Any) -> str:
    return "10**5000" if isinstance(value, int) and value > 2**999 else repr(value)


@pytest.mark.parametrize("wrong", REFUSED + NO_TIME, ids=name)
def test_refused(store: Store, wrong: Any) -> None:
    """The error says what was given and what is allowed. Nothing is published."""
    writer, reader = store.writer("a"), store.reader("a")
    writer.write([1], acquired_at=5)
    is_no_time = any(wrong is value for value in NO_TIME)
    kind: type[Exception] = TypeError if is_no_time else ndsharray.InvalidArgumentError

    def set_in_a_loan() -> None:
        with (loan := writer.loan(1, "u1")):
            loan.acquired_at = wrong

    uses: list[tuple[str, Callable[[], object]]] = [
        ("acquired_at", lambda: writer.write([2], acquired_at=wrong)),
        ("acquired_at", lambda: writer.loan(1, "u1", acquired_at=wrong)),
        ("acquired_at", set_in_a_loan),
        ("time", lambda: reader.nearest(wrong)),
    ]
    for argument, use in uses:
        with pytest.raises(kind) as caught:
            use()
        text = str(caught.value)
        assert isinstance(caught.value, (ValueError, TypeError))
        assert text.startswith(f"{argument} must be" if is_no_time else f"{argument} is ")
        assert all(word in text for word in ["float", "nanoseconds", "datetime"])
        assert is_no_time or "from 1970 to 2554" in text
        if not is_no_time:
            assert ("a value of type int" if name(wrong) == "10**5000" else repr(wrong)) in text
    assert writer.version == 1 and reader.latest().acquired_at_ns == 5


def test_written_at(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    writer.write([1])
    place, copied = reader.latest(), reader.latest(copy=True)
    assert place.written_at_ns == copied.written_at_ns
    assert place.written_at == copied.written_at == pytest.approx(place.written_at_ns / 1e9, rel=1e-15)
    assert abs(place.written_at_ns - time.time_ns()) < 60 * 10**9


def test_nearest(store: Store) -> None:
    writer, reader = store.writer("a", history=10), store.reader("a")
    assert reader.nearest(5) is None, "there is no value"
    for n in range(10):
        writer.write(np.full(2, n), acquired_at=1_000_000_000 + n * 100)

    def at(nanoseconds: int, within: "float | None" = None) -> "int | None":
        snapshot = reader.nearest(nanoseconds, within)
        return None if snapshot is None else int(snapshot.array[0])

    assert [at(1_000_000_000 + x) for x in [0, 49, 51, 149, 351, 900, 950, 10**6]] == [0, 0, 1, 1, 4, 9, 9, 9]
    assert at(0) == 0
    assert at(1_000_000_250) == 3, "of two the newer one"
    limits: list[Any] = [30e-9, 29e-9, 0.0, 1, np.float32(1), float("inf")]
    assert [at(1_000_000_930, limit) for limit in limits] == [9, None, None, 9, 9, 9]
    assert at(1_000_000_300, 0) == 3
    assert reader.missed == 0
    first = reader.read_next()
    assert first is not None and first.version == 1, "to look is not to read"
    out = np.zeros(2, np.int64)
    snapshot = reader.nearest(1_000_000_700, out=out)
    assert snapshot is not None and snapshot.array is out and out.tolist() == [7, 7]
    mine = reader.nearest(1.0000002, within=1e-6, copy=True)
    assert mine is not None and mine.array.flags.writeable and mine.acquired_at_ns == 1_000_000_200
    with pytest.raises(ndsharray.InvalidArgumentError, match="shape"):
        reader.nearest(1, out=np.zeros(1, np.int64))
    for wrong in [float("nan"), -1.0, -1e-12]:
        with pytest.raises(ndsharray.InvalidArgumentError, match=f"within is {wrong}"):
            reader.nearest(1, within=wrong)
    with pytest.raises(TypeError):
        reader.nearest(1, within="1")  # type: ignore[arg-type]
    store.remove("a", force=True)
    assert reader.nearest(1, within=0) is None


def test_nearest_of_values_without_a_time(store: Store) -> None:
    """They count by when they were written."""
    writer, reader = store.writer("a", history=10), store.reader("a")
    for n in range(5):
        writer.write([n])
        time.sleep(0.01)
    for snapshot in list(reader.every(timeout=0)):
        near = reader.nearest(snapshot.written_at_ns)
        assert near is not None and near.version == snapshot.version
    moment = datetime.now()
    writer.write([5], acquired_at=moment)
    near = reader.nearest(moment, within=0)
    assert near is not None and near.version == 6


def test_nearest_of_values_of_many_dtypes(store: Store) -> None:
    writer, reader = store.writer("a", history=10, capacity=4096), store.reader("a")
    values: list[Any] = [np.array(["abc"]), np.zeros(2, [("x", "f4")]), np.arange(3), np.array(["a", "bc"])]
    for n, value in enumerate(values):
        writer.write(value, acquired_at=1000 + n)
    for n, value in enumerate(values):
        snapshot = reader.nearest(1000 + n)
        assert snapshot is not None and snapshot.dtype == value.dtype
        np.testing.assert_array_equal(snapshot.array, value)
