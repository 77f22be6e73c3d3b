"""A stored dtype of which numpy makes nothing is an error of the module, whichever call meets it, and names the tag."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from forging import store_dtype

import ndsharray
from ndsharray import NdShArray, Reader, Store, _dtypes

#: Name, descr and size of dtypes that a program in another language may have stored.
REFUSED = {
    "no dtype": ("thing", "nonsense", 16),
    "no Python": ("void128", "[('a', 'f4'", 16),
    "no list of fields": ("void128", "[[]]", 16),
    "code": ("void128", "[__import__('os')]", 16),
    "a field twice": ("void128", "[('a', 'f8'), ('a', 'f8')]", 16),
    "a wrong dict": ("void128", "{'names': 1}", 16),
    "keys that are no names": ("void128", "{1: 2, (3,): 4}", 16),
    "a negative offset": ("void128", "{'names': ['a'], 'formats': ['f4'], 'offsets': [-4]}", 16),
    "a huge offset": ("void128", "{'names': ['a'], 'formats': ['f4'], 'offsets': [1180591620717411303424]}", 16),
    "a huge repeat": ("void128", "[('a', 'f4', (1000000, 1000000))]", 16),
    "a huge repeat in a text": ("void128", "(1000000000,)f4", 16),
    "brackets": ("void128", "(" * 1000, 16),
    "minus signs": ("void128", "[" + "-" * 900 + "1]", 16),
    "deep lists": ("void128", "[('a'," * 150 + "'f4'" + ")]" * 12, 16),
    "a zero byte": ("thing", "S16\0", 16),
    "objects": ("thing", "O", 8),
    "objects in fields": ("void64", "[('a', '|O')]", 8),
    "another size": ("datetime64[ns]", "<M8[ns]", 16),
    "no size": ("void128", "[]", 16),
    "arrays as elements": ("thing", "(2,)f8", 16),
    "texts of any length": ("thing", "T", 16),
    "ml_dtypes has none": ("float99_e9", "<V16", 8),
}


def uses(store: Store, tag: str) -> dict[str, Callable[[], Any]]:
    """All calls that meet the dtype of a value."""
    reader: Callable[[], Reader] = lambda: store.reader(tag)
    return {
        "read": lambda: reader().read(),
        "read out": lambda: reader().read(out=np.zeros(3, "S16")),
        "read copy": lambda: reader().read(copy=True),
        "latest": lambda: reader().latest(),
        "wait": lambda: reader().wait(60),
        "read_next": lambda: reader().read_next(),
        "wait_next": lambda: reader().wait_next(60),
        "every": lambda: list(reader().every(60)),
        "for": lambda: next(iter(reader())),
        "nearest": lambda: reader().nearest(0.0),
        "next": lambda: asyncio.run(awaited(reader())),
        "async every": lambda: asyncio.run(in_turn(reader())),
        "NdShArray": lambda: NdShArray(tag, r_w="r").read(),
    }


async def awaited(reader: Reader) -> Any:
    return await reader.next()


async def in_turn(reader: Reader) -> Any:
    return [snapshot async for snapshot in reader.every(60)]


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str, store: Store) -> None:
    name, descr, itemsize = REFUSED[case]
    store_dtype(store, "odd one", name, descr, itemsize)
    for call, use in uses(store, "odd one").items():
        with pytest.raises(ndsharray.Error, match="odd one") as caught:
            use()
        if isinstance(caught.value, ndsharray.UnsupportedDTypeError):  # else the library has refused it already
            text = str(caught.value)
            assert repr(name) in text and repr(descr)[1:40] in text and len(text) < 1000, (call, text)
            assert "numpy.dtype takes" in text


@pytest.mark.parametrize("case", REFUSED)
def test_stat_shows_all_else(case: str, store: Store) -> None:
    store_dtype(store, "a", *REFUSED[case])
    try:
        stat = store.stat("a")
    except ndsharray.FormatError as error:
        assert str(store.directory) in str(error)
    else:
        assert (stat.dtype, stat.dtype_name, stat.shape) == (None, REFUSED[case][0], (3,))


def test_a_deprecated_type_string_where_warnings_are_errors(store: Store) -> None:
    store_dtype(store, "old", "bytes128", "a16")
    try:
        np.dtype("a16")
    except DeprecationWarning:
        with pytest.raises(ndsharray.UnsupportedDTypeError, match="'old'.*'a16'.*DeprecationWarning"):
            store.reader("old").latest()
    except TypeError:
        with pytest.raises(ndsharray.UnsupportedDTypeError, match="'old'.*'a16'"):
            store.reader("old").latest()
    else:
        assert store.reader("old").latest().dtype == "S16"


@pytest.mark.parametrize("error", [MemoryError, RecursionError, OverflowError, SystemError, UserWarning])
def test_other_errors_of_numpy(error: type[Exception], store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, descr: str) -> Any:
        raise error("no")

    store.writer("a").write(np.zeros(3, "M8[s]"))
    monkeypatch.setattr(_dtypes, "_made", refuse)
    with pytest.raises(ndsharray.UnsupportedDTypeError, match=f"'a'.*<M8.*{error.__name__}: no"):
        store.reader("a").latest()


@pytest.mark.parametrize("error", [KeyboardInterrupt, TimeoutError])
def test_what_a_signal_handler_raises_comes_through(
    error: type[BaseException], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def handler(*_: Any) -> None:
        raise error

    def made(name: str, descr: str) -> Any:
        signal.raise_signal(signal.SIGUSR1)
        return np.dtype(descr)

    store.writer("a").write(np.zeros(3, "M8[s]"))
    reader = store.reader("a")
    before = signal.signal(signal.SIGUSR1, handler)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(_dtypes, "_made", made)
            interrupted: list[Callable[[], object]] = [reader.read_next, reader.read, lambda: store.stat("a")]
            for use in interrupted:
                with pytest.raises(error):
                    use()
    finally:
        signal.signal(signal.SIGUSR1, before)
    snapshot = reader.read_next()
    assert snapshot is not None and (snapshot.version, reader.missed) == (1, 0), "no value is lost"


WITHOUT_ML_DTYPES = """
import sys
sys.modules["ml_dtypes"] = None  # importing it fails
import ndsharray
store = ndsharray.Store()
try:
    store.reader("weights").latest()
except ndsharray.UnsupportedDTypeError as error:
    assert "'weights'" in str(error) and "pip install ml_dtypes" in str(error), error
    print(store.stat("weights").dtype, store.stat("weights").dtype_name)
"""


def test_without_ml_dtypes(store: Store) -> None:
    import ml_dtypes

    store.writer("weights").write(np.zeros(3, ml_dtypes.bfloat16))
    done = subprocess.run([sys.executable, "-c", WITHOUT_ML_DTYPES], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("None bfloat16\n", "")


def test_the_next_value_is_read_after_one_that_is_refused(store: Store) -> None:
    store_dtype(store, "a", "thing", "nonsense", history=8)
    reader, in_turn = store.reader("a"), store.reader("a")
    with pytest.raises(ndsharray.UnsupportedDTypeError):
        reader.read()
    for _ in range(2):
        with pytest.raises(ndsharray.UnsupportedDTypeError):
            reader.latest()
    with store.writer("a", history=8) as writer:
        writer.write([2])
        writer.write([3])
    snapshot = reader.read()
    assert snapshot is not None and (snapshot.version, reader.missed) == (3, 2)


def test_a_refused_value_does_not_stop_who_reads_each_in_its_turn(store: Store) -> None:
    store_dtype(store, "a", "thing", "nonsense", history=8, capacity=4096)
    reader = store.reader("a")
    with pytest.raises(ndsharray.UnsupportedDTypeError):
        reader.read_next()
    assert reader.read_next() is None and reader.missed == 1, "it counts as missed"
    with store.writer("a", history=8) as writer:
        writer.write(np.arange(2))
        writer.write(np.arange(3))
    seen = [snapshot.array.tolist() for snapshot in reader.every(timeout=0)]
    assert (seen, reader.missed) == ([[0, 1], [0, 1, 2]], 1)
