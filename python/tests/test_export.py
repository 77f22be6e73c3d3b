"""Other libraries get the array of a snapshot without a copy: by `__array__`, DLPack and the buffer protocol."""

import gc
import io
from typing import Any

import numpy as np
import pytest

import ndsharray
from ndsharray import Snapshot, Store


def pinned(store: Store) -> int | None:
    gc.collect()
    return store.stat("a").pinned


def latest(store: Store, array: Any, **keywords: Any) -> Snapshot:
    store.writer("a").write(array)
    return store.reader("a").latest(**keywords)


def is_shared(array: Any, snapshot: Snapshot) -> bool:
    return bool(np.shares_memory(array, snapshot.array))


NUMBERS = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"]


@pytest.mark.parametrize("dtype", NUMBERS)
def test_memoryview(dtype: str, store: Store) -> None:
    array = np.ones((2, 3), dtype)
    snapshot = latest(store, array)
    view = memoryview(snapshot)
    assert view.readonly and view.c_contiguous and (view.shape, view.itemsize) == ((2, 3), array.itemsize)
    assert view.tobytes() == array.tobytes() == bytes(snapshot)
    assert np.frombuffer(view, dtype).dtype == array.dtype
    again = np.asarray(view)
    assert again.dtype == array.dtype and is_shared(again, snapshot)
    with pytest.raises((TypeError, NotImplementedError)):  # a memoryview does not know complex numbers
        view[0, 0] = 1
    with pytest.raises((BufferError, TypeError, ValueError), match="read-only|read-write|writ"):
        io.BytesIO(b"x" * 1000).readinto(snapshot)


def test_a_buffer_keeps_the_value(store: Store) -> None:
    view = memoryview(latest(store, np.arange(1000)))
    assert pinned(store) == 1
    part = view[10:20]
    with store.writer("a") as writer:
        for n in range(20):
            writer.write(np.full(1000, n))
    del view
    assert part.tolist() == list(range(10, 20)) and pinned(store) == 1
    part.release()
    assert pinned(store) == 0


def test_a_buffer_of_an_array_of_its_own_can_be_written(store: Store) -> None:
    snapshot = latest(store, np.zeros(3), copy=True)
    view: Any = memoryview(snapshot)
    view[1] = 5.0
    assert snapshot.array.tolist() == [0, 5, 0]


EXACT: list[Any] = [
    np.dtype([("a", "u1"), ("b", "f8")], align=True),
    np.dtype((np.record, [("a", "f4")])),
    [(("title", "a"), "f4")],
    "M8[ns]",
    "V5",
    "S3",
    "U2",
]


@pytest.mark.parametrize("dtype", EXACT, ids=str)
def test_other_dtypes_stay_exact(dtype: Any, store: Store) -> None:
    """A buffer does not say all of them, so there is none, and numpy asks for the array."""
    snapshot = latest(store, np.zeros(3, dtype))
    with pytest.raises(BufferError, match="use the snapshot's array"):
        memoryview(snapshot)
    array = np.asarray(snapshot)
    assert ndsharray._dtypes.same(array.dtype, snapshot.dtype) and is_shared(array, snapshot)


def test_asarray(store: Store) -> None:
    snapshot = latest(store, np.arange(6.0).reshape(2, 3))
    array = np.asarray(snapshot)
    assert is_shared(array, snapshot) and not array.flags.writeable and array.dtype == np.float64
    assert np.asarray(snapshot, dtype="f8").sum() == 15
    other = np.asarray(snapshot, dtype="f4")
    assert other.dtype == np.float32 and not is_shared(other, snapshot)
    mine = np.array(snapshot)
    assert mine.flags.writeable and not is_shared(mine, snapshot)
    assert is_shared(snapshot.__array__(copy=False), snapshot)
    assert not is_shared(snapshot.__array__(copy=True), snapshot)
    assert snapshot.__array__(np.float32).dtype == np.float32 == snapshot.__array__(dtype=np.float32).dtype
    assert snapshot.__array__(None, copy=None).dtype == np.float64
    with pytest.raises(ValueError, match="leave out copy"):
        snapshot.__array__(np.float32, copy=False)
    wrong: Any = snapshot.__array__
    arguments: Any
    keywords: Any
    for arguments, keywords in [((None, True), {}), ((), {"order": "C"}), ((None,), {"dtype": None, "other": 1})]:
        with pytest.raises(TypeError, match="__array__ takes"):
            wrong(*arguments, **keywords)
    with pytest.raises(TypeError, match="bool"):
        wrong(copy="x")


def test_dlpack(store: Store) -> None:
    snapshot = latest(store, np.arange(6, dtype=np.float32).reshape(2, 3))
    assert snapshot.__dlpack_device__() == (1, 0) == snapshot.array.__dlpack_device__()
    if np.lib.NumpyVersion(np.__version__) < "2.1.0":
        pytest.skip("this numpy does not know DLPack 1.0")
    seen = np.from_dlpack(snapshot)
    assert is_shared(seen, snapshot) and not seen.flags.writeable and seen.tolist() == [[0, 1, 2], [3, 4, 5]]
    copy = np.from_dlpack(snapshot, copy=True)
    assert not is_shared(copy, snapshot) and copy.flags.writeable
    del snapshot, copy
    assert pinned(store) == 1
    del seen
    assert pinned(store) == 0


@pytest.mark.parametrize("dtype", ["U2", "M8[s]", [("a", "i4")]], ids=str)
def test_no_copy_is_advised_for_what_dlpack_has_not(store: Store, dtype: Any) -> None:
    snapshot = latest(store, np.zeros(2, dtype))
    with pytest.raises(BufferError) as caught:
        np.from_dlpack(snapshot)
    assert "copy=True" not in str(caught.value)


def test_dlpack_for_who_does_not_know_read_only_arrays(store: Store) -> None:
    snapshot = latest(store, np.arange(3))
    with pytest.raises(BufferError, match="copy=True can be exported"):
        snapshot.__dlpack__()
    assert "dltensor" in repr(store.reader("a").latest(copy=True).__dlpack__())
    if np.lib.NumpyVersion(np.__version__) < "2.1.0":
        pytest.skip("this numpy does not know DLPack 1.0")
    capsule = snapshot.__dlpack__(max_version=(1, 0))
    del snapshot
    assert pinned(store) == 1
    del capsule
    assert pinned(store) == 0
    with pytest.raises(TypeError):
        store.reader("a").latest().__dlpack__(nonsense=1)  # type: ignore[call-arg]
