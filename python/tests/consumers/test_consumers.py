"""Libraries that take a snapshot: without a copy where they can, and the value stays in the store as long as they hold it."""

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import xarray as xr

import recordings
from ndsharray import Recording, Snapshot, Store

MATRIX = np.arange(3000.0).reshape(1000, 3)
COLUMN = np.arange(1000.0)


@pytest.fixture
def pinned(store: Store) -> Iterator[Any]:
    """How many values are held. At the end of a test none may be."""

    def count() -> int | None:
        gc.collect()
        return store.stat("a").pinned

    yield count
    assert count() == 0


def snapshot_of(store: Store, array: Any) -> Snapshot:
    store.writer("a").write(array)
    return store.reader("a").latest()


def is_unchanged(store: Store, held: Any, expected: Any) -> bool:
    """Whether what is held stays as it is while a writer goes on."""
    with store.writer("a") as writer:
        for n in range(10):
            writer.write(np.full_like(expected, n))
    return bool((np.asarray(held) == expected).all())


def test_pandas(store: Store, pinned: Any) -> None:
    snapshot = snapshot_of(store, MATRIX)
    frame = pd.DataFrame(np.asarray(snapshot), columns=["x", "y", "z"], copy=False)
    column = pd.Series(snapshot.array[:, 1], copy=False)
    assert np.shares_memory(frame.to_numpy(), snapshot.array) and np.shares_memory(column.to_numpy(), snapshot.array)
    del snapshot
    assert pinned() == 1
    assert is_unchanged(store, frame, MATRIX) and column.sum() == MATRIX[:, 1].sum()
    del column
    assert pinned() == 1
    with pytest.raises(ValueError, match="read-only"):
        frame.to_numpy()[0, 0] = 1
    assert frame.mean().tolist() == MATRIX.mean(axis=0).tolist()
    changed = frame.copy()
    changed.loc[0, "x"] = -1.0
    assert frame.loc[0, "x"] == 0.0
    del frame, changed


def test_pandas_takes_records(store: Store, pinned: Any) -> None:
    records: Any = np.array([(1, 2.5), (2, 3.5)], [("id", "i4"), ("value", "f8")])
    frame = pd.DataFrame(snapshot_of(store, records).array)  # columns of their own: a copy
    assert frame["value"].sum() == 6.0 and pinned() == 0


def test_pyarrow(store: Store, pinned: Any) -> None:
    snapshot = snapshot_of(store, COLUMN)
    # Arrow's arrays are one-dimensional. Both ways lead to the same memory.
    array = pa.array(snapshot.array)
    buffer = pa.py_buffer(snapshot)
    again = pa.Array.from_buffers(pa.float64(), 1000, [None, buffer])
    assert array.buffers()[1].address == buffer.address == snapshot.array.ctypes.data and not buffer.is_mutable
    assert array.equals(again)
    del snapshot, buffer, again
    assert pinned() == 1
    table = pa.table({"x": array})
    del array
    assert is_unchanged(store, table["x"].to_numpy(), COLUMN) and pinned() == 1
    del table


def test_pyarrow_tensor(store: Store, pinned: Any) -> None:
    snapshot = snapshot_of(store, MATRIX)
    tensor = pa.Tensor.from_numpy(snapshot.array)
    del snapshot
    assert pinned() == 1 and tensor.shape == (1000, 3)
    assert is_unchanged(store, tensor.to_numpy(), MATRIX)
    del tensor


def test_polars(store: Store, pinned: Any) -> None:
    snapshot = snapshot_of(store, COLUMN)
    series = pl.Series("x", pa.array(snapshot.array))  # by way of Arrow: without a copy
    assert np.shares_memory(series.to_numpy(), snapshot.array)
    del snapshot
    assert pinned() == 1
    assert is_unchanged(store, series.to_numpy(), COLUMN) and series.sum() == COLUMN.sum()
    del series


def test_polars_from_numpy(store: Store, pinned: Any) -> None:
    snapshot = snapshot_of(store, MATRIX)
    frame = pl.from_numpy(snapshot.array, schema=["x", "y", "z"])  # columns of their own
    del snapshot
    assert is_unchanged(store, frame.to_numpy(), MATRIX)
    del frame


def test_xarray(store: Store, pinned: Any) -> None:
    snapshot = snapshot_of(store, MATRIX)
    array = xr.DataArray(snapshot.array, dims=["time", "axis"], attrs=snapshot.attrs, coords={"axis": ["x", "y", "z"]})
    assert np.shares_memory(array.values, snapshot.array)
    del snapshot
    assert pinned() == 1
    part = array.sel(axis="y")
    del array
    assert pinned() == 1 and is_unchanged(store, part, MATRIX[:, 1])
    del part


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    [path] = recordings.make(tmp_path_factory.mktemp("recordings") / "run.mcap")
    return Recording(path)


def test_xarray_of_a_recording(recording: Recording) -> None:
    track = recording["cam"]
    film = xr.DataArray(track.stack(), dims=("time", "y", "x"), coords={"time": track.times})
    assert film.shape == (10, 48, 64) and film.dtype == np.uint8 and film["time"].dtype == "M8[ns]"
    assert film["time"].to_index().is_monotonic_increasing and str(film["time"].values[0]).startswith("2023-11-14T22:13:20.03")
    near = film.sel(time=track.times[4] + np.timedelta64(1, "ms"), method="nearest")
    assert (near.values == recordings.array("cam", 5)).all()
    second = film.resample(time="100ms").mean()
    assert second.shape[0] == 4


def test_pandas_of_a_recording(recording: Recording) -> None:
    track = recording["pose"]
    frame = pd.DataFrame(track.stack(), index=track.times, columns=["x", "y", "z"])
    assert isinstance(frame.index, pd.DatetimeIndex) and frame.index[3].value == recordings.written_at(4)
    moment = track.nearest(frame.index[3])
    assert moment is not None and abs(moment.written_at_ns - recordings.written_at(4)) == 0


def test_libraries_take_a_message(recording: Recording) -> None:
    message = recording["pose"][3]
    array = pa.array(message.array)
    assert array.buffers()[1].address == message.array.ctypes.data
    assert pa.py_buffer(message).address == message.array.ctypes.data
    expected = recordings.array("pose", 4)
    del message
    gc.collect()
    assert array.to_numpy().tobytes() == expected.tobytes()
