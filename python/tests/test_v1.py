"""NdShArray does what the documentation of ndsharray 1 says."""

import inspect
import os
import pickle
import re
import stat
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ndsharray
import ndsharray.ndsharray
from ndsharray import NdShArray

ORIGINAL = "int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 complex64 complex128 bool"


def test_names_of_the_module() -> None:
    assert [kind.__name__ for kind in ndsharray.supported_types[:14]] == ORIGINAL.split()
    assert ndsharray.supported_types[13] is bool
    assert ndsharray.ndsharray.NdShArray is NdShArray
    assert ndsharray.ndsharray.supported_types is ndsharray.supported_types
    assert ndsharray.__version__ == "2.0.0"
    assert list(inspect.signature(NdShArray).parameters) == ["name", "array", "r_w"]


@pytest.mark.parametrize("access", [None, "", "rw", "x", "a"])
def test_access_must_be_r_or_w(access: str | None) -> None:
    with pytest.raises(ValueError, match="'r' or 'w' must be specified"):
        NdShArray("tag", np.zeros(2), access)


@pytest.mark.parametrize("read, write", ["rw", "RW"])
def test_access_is_lower_case(read: str, write: str) -> None:
    writer, reader = NdShArray("tag", np.zeros(2), write), NdShArray("tag", r_w=read)
    assert (writer.access, reader.access, writer.name, reader.name) == ("w", "r", "tag", "tag")


def test_properties_are_read_only() -> None:
    writer: Any = NdShArray("tag", np.zeros(2), "w")
    for name in ["name", "access", "is_valid", "ndarray_mmap_name", "read_time_ms"]:
        with pytest.raises(AttributeError):
            setattr(writer, name, "x")


@pytest.mark.parametrize("kind", ndsharray.supported_types[:14])
def test_every_original_type(kind: type) -> None:
    array: Any = (np.arange(24).reshape(2, 3, 4) % 2).astype(kind)
    writer, reader = NdShArray("tag", array, "w"), NdShArray("tag", r_w="r")
    status, seen = reader.read()
    assert status and seen.dtype == array.dtype and seen.tobytes() == array.tobytes()
    # Other strides, no axes, no elements, and a read-only array.
    locked = array.copy()
    locked.flags.writeable = False
    for other in [array.T, array[::-1, ::2], array[..., 1:3], array[0, 0, 0:1].reshape(()), array[:0], locked]:
        assert writer.write(other) is None  # type: ignore[func-returns-value]
        status, seen = reader.read()
        assert status and seen.shape == other.shape and seen.tobytes() == other.tobytes()
        assert seen.flags.c_contiguous


def test_first_read_is_new_and_then_the_same_object() -> None:
    writer = NdShArray("tag", np.arange(5), "w")
    reader = NdShArray("tag", r_w="r")
    assert reader.read_time_ms == 0.0
    status, array = reader.read()
    time = reader.read_time_ms
    assert status is True and time > 0.0
    for _ in range(3):
        status, same = reader.read()
        assert status is False and same is array
    assert reader.read_time_ms == time, "kept between reads"
    writer.write(np.arange(5) + 1)
    status, other = reader.read()
    assert status and other is not array
    np.testing.assert_array_equal(array, np.arange(5))
    np.testing.assert_array_equal(other, np.arange(5) + 1)


def test_results_that_are_held_stay_as_they_are() -> None:
    writer, reader = NdShArray("tag", np.arange(5), "w"), NdShArray("tag", r_w="r")
    held = []
    for n in range(10):
        writer.write(np.full(5, n))
        # This result is dropped at once; those below are held.
        assert reader.read()[0]
        writer.write(np.full(5, n + 100))
        held += [reader.read(), reader.read()]
        assert held[-2][0] is True and held[-1] == (False, held[-2][1])
    assert [int(array[0]) for _, array in held[::2]] == list(range(100, 110))
    assert all(array is same for (_, array), (_, same) in zip(held[::2], held[1::2], strict=True))


def test_the_end_of_an_array_may_read() -> None:
    """The end of an array may run code, such as the callback of a weak reference, and that code may read. This once hung."""
    writer, reader = NdShArray("tag", np.zeros(3), "w"), NdShArray("tag", r_w="r")
    seen: list[bool] = []
    references = []
    for n in range(5):
        writer.write(np.full(3, n))
        references.append(weakref.ref(reader.read()[1], lambda _: seen.append(reader.read()[0])))
    assert seen == [False] * 4


def test_arrays_end_with_the_reader(store: ndsharray.Store) -> None:
    writer, reader = NdShArray("tag", np.zeros(3), "w"), NdShArray("tag", r_w="r")
    for _ in range(3):
        writer.write(np.zeros(3))
        array = weakref.ref(reader.read()[1])
        assert array() is not None and store.stat("tag").pinned == 1
    del reader
    assert array() is None and store.stat("tag").pinned == 0


def test_what_is_read_is_read_only() -> None:
    NdShArray("tag", np.arange(5), "w")
    _, array = NdShArray("tag", r_w="r").read()
    assert not array.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1
    with pytest.raises(ValueError, match="WRITEABLE"):
        array.flags.writeable = True


def test_errors_of_write() -> None:
    writer = NdShArray("tag", np.arange(5), "w")
    reader = NdShArray("tag", r_w="r")
    for wrong in [[1, 2], 3, None, "x"]:
        with pytest.raises(TypeError):
            writer.write(wrong)  # type: ignore[arg-type]
    with pytest.raises(NotImplementedError):
        writer.write(np.array([object()]))
    with pytest.raises(TypeError, match="opened for reading"):
        reader.write(np.arange(5))
    with pytest.raises(TypeError):
        NdShArray("tag", [1, 2], "w")  # type: ignore[arg-type]
    with pytest.raises(NotImplementedError):
        NdShArray("tag", np.array([object()]), "w")
    writer.write(np.arange(3))  # the errors did no harm to the writer
    assert reader.read()[1].shape == (3,)


def test_reader_before_any_writer(directory: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        NdShArray("tag", r_w="r")
    assert caught.value.filename == str(directory / "tag")
    assert list(directory.iterdir()) == []


def test_header_without_a_value(store: ndsharray.Store) -> None:
    with store.writer("tag"):
        array = np.ones(3)
        reader = NdShArray("tag", array, "r")
        assert not reader.is_valid
        status, same = reader.read()
        assert status is False and same is array and reader.read_time_ms == 0.0
        empty = NdShArray("tag", r_w="r").read()[1]
        assert empty.shape == (0,) and empty.dtype == np.uint8


def test_validity() -> None:
    assert NdShArray("tag", np.zeros(1), "w").is_valid
    assert NdShArray("tag", r_w="r").is_valid


def test_writer_without_an_array_publishes_the_default() -> None:
    NdShArray("tag", r_w="w")
    status, array = NdShArray("tag", r_w="r").read()
    assert status and array.shape == (0,) and array.dtype == np.uint8


def test_data_file_name() -> None:
    writer, reader = NdShArray("tag", np.zeros(100), "w"), NdShArray("tag", r_w="r")
    name = writer.ndarray_mmap_name
    assert re.fullmatch("tag_[0-9a-f]{32}", name) and reader.ndarray_mmap_name == name
    writer.write(np.ones(100))
    assert writer.ndarray_mmap_name == name
    writer.write(np.ones((10, 10)))
    assert writer.ndarray_mmap_name != name
    assert reader.ndarray_mmap_name == writer.ndarray_mmap_name


def test_opening_again_takes_over() -> None:
    old = NdShArray("tag", np.zeros(3), "w")
    reader = NdShArray("tag", r_w="r")
    assert reader.read()[0]
    new = NdShArray("tag", np.ones(3), "w")
    status, array = reader.read()
    assert status and array[0] == 1.0
    with pytest.raises(ndsharray.SupersededError):
        old.write(np.zeros(3))
    del old
    new.write(np.full(3, 2.0))
    assert reader.read()[1][0] == 2.0


def test_value_outlives_the_writer() -> None:
    writer = NdShArray("tag", np.arange(3), "w")
    del writer
    np.testing.assert_array_equal(NdShArray("tag", r_w="r").read()[1], np.arange(3))


def test_old_header_is_refused(directory: Path) -> None:
    old = b"tag_" + b"0123456789abcdef" * 2
    (directory / "tag").write_bytes(old)
    for access in "rw":
        with pytest.raises(ndsharray.FormatError, match="is not an array"):
            NdShArray("tag", np.zeros(2), access)
    assert (directory / "tag").read_bytes() == old


@pytest.mark.parametrize("mode, expected", [(None, 0o600), ("640", 0o640), ("0o666", 0o666)])
def test_permissions(directory: Path, mode: str | None, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if mode is not None:
        monkeypatch.setenv("NDSHARRAY_MODE", mode)
    NdShArray("tag", np.zeros(2), "w")
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {expected}


def test_wrong_permissions_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in ["rw", "9", "0o777", "0"]:
        monkeypatch.setenv("NDSHARRAY_MODE", wrong)
        with pytest.raises(ValueError, match="mode|MODE"):
            NdShArray("tag", np.zeros(2), "w")


@pytest.mark.parametrize("tag", ["größe 日本", "a" * 200, "with space", "a_b-c.d"])
def test_tags(tag: str, directory: Path) -> None:
    NdShArray(tag, np.arange(2), "w")
    assert NdShArray(tag, r_w="r").read()[0]
    assert (directory / tag).exists()


@pytest.mark.parametrize("tag", ["", "../x", "a/b", ".hidden", "a\0b", "a" * 201, "a_" + "0" * 32])
def test_wrong_tags(tag: str) -> None:
    with pytest.raises(ValueError):
        NdShArray(tag, np.arange(2), "w")


class Camera(NdShArray):
    """A subclass with a constructor of its own, as users of ndsharray 1 have."""

    def __init__(self, number: int) -> None:
        super().__init__(f"camera{number}", np.zeros((2, 2)), r_w="w")
        self.number = number


def test_subclass() -> None:
    camera = Camera(3)
    camera.write(np.ones((2, 2)))
    assert camera.number == 3
    assert NdShArray("camera3", r_w="r").read()[1][0, 0] == 1.0


def test_forgotten_constructor_is_said() -> None:
    with pytest.raises(RuntimeError, match="__init__"):
        NdShArray.__new__(NdShArray).read()


def test_layout_changes_leave_no_files(directory: Path) -> None:
    writer = NdShArray("tag", np.zeros(1), "w")
    for n in range(200):
        writer.write(np.zeros(n % 50))
    assert len(os.listdir(directory)) == 2


def test_readers_pickle(store: ndsharray.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = NdShArray("tag", np.arange(3), "w")
    reader = NdShArray("tag", r_w="r")
    # The directory is pickled too, so the environment of the other process does not matter.
    monkeypatch.setenv("NDSHARRAY_DIR", "/nonexistent")
    again: NdShArray = pickle.loads(pickle.dumps(reader))
    assert (again.name, again.access) == ("tag", "r")
    np.testing.assert_array_equal(again.read()[1], np.arange(3))
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(writer)
