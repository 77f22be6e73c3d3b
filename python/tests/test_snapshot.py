"""A value that was read is not copied, does not change, and may be held for ever. numpy and others can use it directly."""

import copy
import gc
import importlib.util
import os
import pickle
import subprocess
import sys
import warnings
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ndsharray
from ndsharray import NdShArray, Store


def address(array: "np.ndarray[tuple[int, ...], np.dtype[np.generic]]") -> int:
    return int(array.__array_interface__["data"][0])


def base(array: "np.ndarray[tuple[int, ...], np.dtype[np.generic]]") -> object:
    """The base of an array. numpy's annotations allow only arrays as bases, so the type is given here."""
    return array.base


def test_zero_copy(store: Store) -> None:
    store.writer("a").write(np.arange(1000))
    snapshot = store.reader("a").latest()
    first, second = snapshot.array, np.asarray(snapshot)
    assert address(first) == address(second) and np.shares_memory(first, second)
    assert base(first) is snapshot and not first.flags.owndata and not snapshot.is_copy
    assert first.flags.c_contiguous and first.flags.aligned and not first.flags.writeable
    assert address(first) % 4096 == 0, "it is the page of the slot"
    # All readers of the process see the same memory.
    assert address(store.reader("a").latest().array) == address(first)


def test_conversions(store: Store) -> None:
    store.writer("a").write(np.arange(4))
    snapshot = store.reader("a").latest()
    as_float = np.asarray(snapshot, dtype=np.float32)
    assert as_float.dtype == np.float32 and as_float.flags.writeable
    copied = np.array(snapshot)
    assert copied.flags.writeable and not np.shares_memory(copied, snapshot.array)
    assert base(snapshot.__array__(np.int64, copy=False)) is snapshot
    with pytest.raises(ValueError):
        snapshot.__array__(np.float32, copy=False)
    assert (np.sum(snapshot), np.max(snapshot)) == (6, 3)


def test_arrays_keep_the_value_alive(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    writer.write(np.arange(1000))
    view = reader.latest().array[10:20][::2]
    gc.collect()
    assert store.stat("a").pinned == 1
    for n in range(50):
        writer.write(np.full(1000, n))
    np.testing.assert_array_equal(view, np.arange(10, 20, 2))
    writer.close()
    store.remove("a")
    del reader, writer
    np.testing.assert_array_equal(view, np.arange(10, 20, 2))


def test_pins_go_with_the_array(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    writer.write(np.arange(10))
    array = reader.latest().array
    assert store.stat("a").pinned == 1
    del array
    assert store.stat("a").pinned == 0


def test_snapshots_are_made_by_reading_only(store: Store) -> None:
    """The class is written against the C interface and trusts its objects. So Python code must not be able to make or change one."""
    store.writer("a").write(np.arange(3))
    snapshot = store.reader("a").latest()
    kind: Any = type(snapshot)
    assert kind is ndsharray.Snapshot and (kind.__module__, kind.__qualname__) == ("ndsharray", "Snapshot")
    stranger: Any = store
    attempts: list[Callable[[], object]] = [
        lambda: kind(),
        lambda: kind.__new__(kind),
        lambda: object.__new__(kind),
        lambda: type("Derived", (kind,), {}),
        lambda: copy.copy(snapshot),
        lambda: setattr(kind, "array", None),
        lambda: kind.array.__get__(stranger),
        lambda: kind.__array__(stranger),
        lambda: kind.__repr__(stranger),
    ]
    for attempt in attempts:
        with pytest.raises(TypeError):
            attempt()
    for name in ["array", "version", "anything"]:
        with pytest.raises(AttributeError):
            setattr(snapshot, name, None)
    with pytest.raises(TypeError):
        snapshot.__class__ = type("Other", (), {})


def test_arguments_of_array_conversion(store: Store) -> None:
    store.writer("a").write(np.arange(3))
    snapshot: Any = store.reader("a").latest()
    references = sys.getrefcount(snapshot)
    assert snapshot.__array__(None, copy=None).base is snapshot
    assert snapshot.__array__(dtype="f4", copy=True).dtype == np.float32
    for wrong in [{"copy": "yes"}, {"order": "C"}, {"dtype": "no dtype"}]:
        with pytest.raises(TypeError):
            snapshot.__array__(**wrong)
    with pytest.raises(TypeError):
        snapshot.__array__(None, True)
    assert sys.getrefcount(snapshot) == references


def test_references_end(store: Store) -> None:
    """Snapshots drop their references when they end, and an array drops its snapshot."""
    writer = store.writer("a")
    record = np.dtype([("x", "f8"), ("y", "i4")])
    for array in [np.zeros(3), np.zeros(3, record)]:
        writer.write(array)
        reader = store.reader("a")
        out = np.zeros_like(array)
        dtype = reader.latest().dtype

        def references(out: object = out, dtype: object = dtype) -> tuple[int, ...]:
            return sys.getrefcount(ndsharray.Snapshot), sys.getrefcount(out), sys.getrefcount(dtype)

        before = references()
        snapshots = [reader.latest(out=out) for _ in range(100)] + [reader.latest(), reader.latest(copy=True)]
        arrays = [snapshot.array for snapshot in snapshots]
        held = references()
        assert held[0] == before[0] + 102 and held[1] == before[1] + 200
        del snapshots, arrays
        assert references() == before
        assert store.stat("a").pinned == 0


def test_what_ends_an_exception_leaves_it(store: Store) -> None:
    """Snapshots that end while an exception is on its way leave the exception as it is."""
    store.writer("a").write(np.zeros(3))
    reader = store.reader("a")

    def fail() -> None:
        held = [reader.latest(), reader.latest(copy=True), reader.latest().array]
        raise LookupError(len(held))

    for _ in range(100):
        with pytest.raises(LookupError, match="3"):
            fail()
    assert store.stat("a").pinned == 0


def test_thousands_in_a_list(store: Store) -> None:
    """A process holds three slots of a tag at most. Further values are copies in its own memory, so the store stays small."""
    writer = store.writer("a")
    reader = NdShArray("a", r_w="r")
    held = []
    for n in range(3000):
        writer.write(np.full(500, n))
        status, array = reader.read()
        assert status
        held.append(array)
    assert all((array == n).all() for n, array in enumerate(held))
    assert not any(array.flags.writeable for array in held)
    stat = store.stat("a")
    assert stat.pinned is not None and 1 <= stat.pinned <= 3
    assert stat.slots is not None and stat.slots <= 8
    del held, array
    reader.read()
    gc.collect()
    assert store.stat("a").pinned in (0, 1), "the reader keeps its last array only"


def test_a_process_holds_three_values_whatever_reader_they_are_from(store: Store) -> None:
    writer = store.writer("a")
    held = []
    for n in range(8):
        writer.write(np.full(10, n))
        held.append(store.reader("a").latest())
    assert [snapshot.is_copy for snapshot in held] == [False] * 3 + [True] * 5
    assert [int(snapshot.array[0]) for snapshot in held] == list(range(8))
    assert store.stat("a").pinned == 3
    # The count is that of the tag.
    store.writer("b").write(np.zeros(10))
    assert not store.reader("b").latest().is_copy
    del held[0]
    assert not store.reader("a").latest().is_copy


def test_arrays_outlive_the_reader_as_copies_too(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    kept = []
    for n in range(8):
        writer.write(np.full(10, n))
        snapshot = reader.read()
        assert snapshot is not None
        kept.append(snapshot)
    assert [snapshot.is_copy for snapshot in kept] == [False] * 3 + [True] * 5
    gone = weakref.ref(reader)
    del reader
    assert gone() is None
    assert [int(snapshot.array[0]) for snapshot in kept] == list(range(8))


def test_memoryview(store: Store) -> None:
    store.writer("a").write(np.arange(6, dtype=np.int32).reshape(2, 3))
    array = store.reader("a").latest().array
    view = memoryview(array)  # type: ignore[arg-type,unused-ignore]
    nested: object = view.tolist()
    assert view.readonly and view.shape == (2, 3) and nested == [[0, 1, 2], [3, 4, 5]]
    assert bytes(view) == array.tobytes()


@pytest.mark.skipif(
    tuple(map(int, np.__version__.split(".")[:2])) < (2, 1), reason="numpy before 2.1 has no DLPack of read-only arrays"
)
def test_dlpack(store: Store) -> None:
    store.writer("a").write(np.arange(6, dtype=np.float32))
    array = store.reader("a").latest().array
    same = np.from_dlpack(array)
    assert np.shares_memory(array, same) and not same.flags.writeable
    del array
    np.testing.assert_array_equal(same, np.arange(6))


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")
def test_torch(store: Store) -> None:
    import torch  # type: ignore[import-not-found,unused-ignore]

    store.writer("a").write(np.arange(6, dtype=np.float32))
    snapshot = store.reader("a").latest()
    with pytest.warns(UserWarning, match="not writable"):
        tensor = torch.from_numpy(snapshot.array)
    assert tensor.sum().item() == 15
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert torch.from_numpy(store.reader("a").latest(copy=True).array).sum().item() == 15


def test_snapshots_cannot_be_pickled_but_arrays_can(store: Store) -> None:
    store.writer("a").write(np.arange(6))
    snapshot = store.reader("a").latest()
    with pytest.raises(TypeError, match="cannot be pickled: pickle its array, .* or send the reader"):
        pickle.dumps(snapshot)
    again = pickle.loads(pickle.dumps(snapshot.array))
    np.testing.assert_array_equal(again, np.arange(6))


READ_ONLY = """
import sys
import numpy as np, ndsharray
there, here = sys.argv[1:]
writer = ndsharray.Store(there).writer("a")
writer.write(np.arange(1000))
reader = ndsharray.Store(here).reader("a")
held = []
for n in range(20):
    writer.write(np.full(1000, n))
    snapshot = reader.wait(60)
    assert snapshot.is_copy and not snapshot.array.flags.writeable and snapshot.array.base is snapshot
    held.append(snapshot.array)
assert all((array == n).all() for n, array in enumerate(held))
status, array = reader.read(), held[0]
assert status is None
# A history gives readers that copy the time to read each value.
writer = ndsharray.Store(there).writer("h", history=20)
reader = ndsharray.Store(here).reader("h")
for n in range(20):
    writer.write(np.full(1000, n), attrs={"n": n}, acquired_at=n + 1.0)
assert reader.nearest(7.25, within=0.5).attrs == {"n": 6}
for n, snapshot in enumerate(reader.every(timeout=0)):
    assert snapshot.is_copy and (snapshot.array == n).all() and not snapshot.array.flags.writeable
    assert (snapshot.attrs, snapshot.acquired_at_ns) == ({"n": n}, (n + 1) * 10**9)
assert n == 19 and reader.missed == 0
try:
    ndsharray.Store(here).writer("b")
except PermissionError as error:
    print(type(error).__name__)
"""


def test_read_only_mount_copies(directory: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("needs root, to mount the store read-only")
    (directory / "there").mkdir()
    (directory / "here").mkdir()
    mount = 'mount --bind "$1" "$2" && mount -o remount,bind,ro "$2" && exec "$3" -W error -c "$4" "$1" "$2"'
    paths = [str(directory / "there"), str(directory / "here")]
    command = ["unshare", "-m", "sh", "-c", mount, "sh", *paths, sys.executable, READ_ONLY]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    if done.returncode != 0 and ("unshare" in done.stderr or "mount" in done.stderr):
        pytest.skip(f"a mount namespace cannot be made here: {done.stderr.strip()}")
    assert (done.stdout, done.stderr) == ("NotWritableError\n", "")


def test_readers_without_permission_copy(store: Store) -> None:
    """Readers without write permission get copies, which behave the same."""
    if os.getuid() != 0:
        pytest.skip("needs root, to read as another user")
    with store.writer("a", mode=0o644) as writer:
        writer.write(np.arange(1000), b"user")
        os.chmod(store.directory, 0o755)
        script = (
            "import os, sys\n"
            "import numpy as np, ndsharray\n"
            "os.setgid(65534); os.setuid(65534)\n"
            "reader = ndsharray.Store(sys.argv[1]).reader('a')\n"
            "held = [reader.latest() for _ in range(20)]\n"
            "assert all(s.is_copy and not s.array.flags.writeable and s.user_data == b'user' for s in held)\n"
            "assert all((s.array == np.arange(1000)).all() for s in held)\n"
            "status, array = ndsharray.NdShArray('a', r_w='r').read()\n"
            "assert status and not array.flags.writeable and (array == np.arange(1000)).all()\n"
            "try:\n"
            "    ndsharray.Store(sys.argv[1]).writer('a')\n"
            "except PermissionError as error:\n"
            "    print('owner', error.owner)\n"
        )
        command = [sys.executable, "-W", "error", "-c", script, str(store.directory)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (done.stdout, done.stderr) == ("owner 0\n", "")
