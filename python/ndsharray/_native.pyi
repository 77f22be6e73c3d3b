"""Types of the native half of the module, which is written in Rust.

The docstrings are those of the module, for editors: ``ci/docstrings.py`` copies them from there.
"""

import os
import pathlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Final, SupportsIndex, TypeAlias, final, overload

import numpy as np
import numpy.typing as npt
from typing_extensions import Buffer, CapsuleType, Self, disjoint_base

__all__ = [
    "_Alarm",
    "_Wait",
    "NdShArray",
    "_reopen_v1",
    "Loan",
    "WriterOptions",
    "_restore_options",
    "Every",
    "Reader",
    "_reopen_reader",
    "Recording",
    "Track",
    "Message",
    "Snapshot",
    "Stat",
    "GcReport",
    "Store",
    "wait_any",
    "Writer",
    "__version__",
]

__version__: Final[str]

# Seconds, nanoseconds, or a datetime.
_Time: TypeAlias = float | int | np.floating[Any] | np.integer[Any] | datetime | np.datetime64

@final
class Store:
    """A directory of named arrays.

    Parameters
    ----------
    directory : path, optional
        An existing directory. To be fast it must lie in RAM. The default is the directory that the environment
        variable ``NDSHARRAY_DIR`` names, else ``/dev/shm``.

    Raises
    ------
    NotFoundError
        If there is no such directory.

    Examples
    --------
    >>> import ndsharray
    >>> store = ndsharray.Store()
    >>> with store.writer("pose") as writer:
    ...     version = writer.write([1, 2, 3])
    >>> "pose" in store.tags()
    True
    >>> store.stat("pose").shape
    (3,)
    >>> store.remove("pose")
    """

    def __new__(cls, directory: str | os.PathLike[str] | None = None) -> Self: ...
    @property
    def directory(self) -> pathlib.Path:
        """pathlib.Path: the absolute path of the directory."""
    def writer(
        self,
        tag: str,
        *,
        mode: int | None = None,
        ephemeral: bool = False,
        takeover: bool = False,
        capacity: int = 0,
        history: int = 0,
        source: str = "",
    ) -> Writer:
        """Opens the one writer of a tag. It continues where an earlier writer stopped.

        Parameters
        ----------
        tag : str
            1 to 200 bytes of UTF-8, without ``/`` and control characters, and without a ``.`` at the start.
        mode : int, optional
            The permissions of the files. The default for a new tag is ``0o600``.
        ephemeral : bool
            Whether the tag is removed when the writer is closed, at the latest when the process exits. (A process that a
            signal kills does not exit: `Store.gc` removes the tag then.) If an earlier writer left a value that is to stay,
            opening it as ephemeral raises InvalidArgumentError, unless `takeover` is true.
        takeover : bool
            Whether to replace a living writer of the same user. The next write of that one raises SupersededError.
        capacity : int
            The least number of bytes that each slot has room for. (A slot is the place of one value in the data file.) A
            value can grow to this size without a new file.
        history : int
            How many of the last values stay in place, 0 to 248, the latest among them. A reader that goes through them with
            `Reader.read_next` and stalls while fewer are written loses none, and readers that copy have more time. Each
            takes the memory of a value and a page. The writer never waits: when readers hold so many values that no slot is
            left, or the store is full, fewer stay. All go at a value that is larger than any before (see `capacity`), at a
            takeover, and when somebody removes the files.
        source : str
            Where the values come from, up to 128 bytes, for programs that bring those of another host. `Store.stat` shows
            it. The default stands for a writer of this machine.

        Returns
        -------
        Writer

        Raises
        ------
        WriterExistsError
            If another writer lives and `takeover` is false.
        NotOwnerError, FormatError, InvalidTagError, InvalidArgumentError, NoSpaceError, NotWritableError

        Examples
        --------
        >>> import ndsharray
        >>> store = ndsharray.Store()
        >>> with store.writer("growing", ephemeral=True, capacity=1 << 20) as writer:
        ...     version = writer.write([1, 2])
        ...     "growing" in store.tags()
        True
        >>> "growing" in store.tags()
        False
        """
    def writer_options(
        self,
        tag: str,
        *,
        mode: int | None = None,
        ephemeral: bool = False,
        takeover: bool = False,
        capacity: int = 0,
        history: int = 0,
        source: str = "",
    ) -> WriterOptions:
        """Returns the options of a writer. They can be pickled, and opened in another process. The parameters are those of
        `writer`.

        Examples
        --------
        >>> import ndsharray
        >>> store = ndsharray.Store()
        >>> with store.writer_options("shown", mode=0o640, ephemeral=True).open() as writer:
        ...     writer.tag
        'shown'
        """
    def reader(self, tag: str, *, wait: float | None = 0.0) -> Reader:
        """Opens a reader of a tag.

        Parameters
        ----------
        tag : str
        wait : float, optional
            How many seconds to wait until the tag exists; None waits for ever. A tag exists as soon as its first writer is
            opened; it may not have a value yet. Ctrl-C ends the wait.

        Returns
        -------
        Reader

        Raises
        ------
        NotFoundError
            If the tag does not exist after the wait: no writer was ever opened, or the tag was removed. This is a
            FileNotFoundError too.
        FormatError, InvalidTagError, InvalidArgumentError

        Examples
        --------
        >>> import ndsharray
        >>> store = ndsharray.Store()
        >>> store.reader("nothing")
        Traceback (most recent call last):
            ...
        ndsharray.NotFoundError: no array "nothing": ...
        """
    def tags(self) -> list[str]:
        """Lists the tags of the store, in alphabetical order.

        Returns
        -------
        list of str

        Examples
        --------
        >>> import ndsharray
        >>> store = ndsharray.Store()
        >>> writers = [store.writer(tag, ephemeral=True) for tag in ["second", "first"]]
        >>> [tag for tag in store.tags() if tag in ("first", "second")]
        ['first', 'second']
        """
    def stat(self, tag: str) -> Stat:
        """Returns all there is to know about a tag.

        Returns
        -------
        Stat

        Raises
        ------
        NotFoundError, FormatError, InvalidTagError

        Examples
        --------
        >>> import ndsharray
        >>> store = ndsharray.Store()
        >>> writer = store.writer("row", ephemeral=True)
        >>> version = writer.write([[1.5, 2.5]])
        >>> stat = store.stat("row")
        >>> stat.dtype, stat.shape, stat.nbytes, stat.writer_alive
        (dtype('float64'), (1, 2), 16, True)
        """
    def remove(self, tag: str, *, force: bool = False) -> None:
        """Removes a tag with its value. Arrays that were read before stay as they are.

        Parameters
        ----------
        tag : str
        force : bool
            Whether to remove the tag even if it has a writer (whose next write raises RemovedError), or if its header is
            damaged.

        Raises
        ------
        WriterExistsError, NotOwnerError, NotFoundError, FormatError, InvalidTagError

        Examples
        --------
        >>> import ndsharray
        >>> store = ndsharray.Store()
        >>> writer = store.writer("old")
        >>> store.remove("old")
        Traceback (most recent call last):
            ...
        ndsharray.WriterExistsError: array "old" has a writer already ...
        >>> store.remove("old", force=True)
        """
    def gc(self) -> GcReport:
        """Removes files that killed processes of this user left behind. Files in use stay.

        Returns
        -------
        GcReport

        Examples
        --------
        >>> import ndsharray
        >>> store = ndsharray.Store()
        >>> report = store.gc()
        >>> len(report.removed), report.bytes
        (0, 0)
        """
    def __eq__(self, other: object, /) -> bool: ...
    __hash__: None  # type: ignore[assignment]

@final
class WriterOptions:
    """How a writer is opened, from `Store.writer_options`. Send it to the process that will write.

    When it is pickled, so are the directory, the tag and the options.

    Examples
    --------
    >>> import pickle, ndsharray
    >>> options = ndsharray.Store().writer_options("sent", capacity=4096, ephemeral=True)
    >>> with pickle.loads(pickle.dumps(options)).open() as writer:
    ...     writer.tag
    'sent'
    """

    @property
    def tag(self) -> str:
        """str: the tag."""
    @property
    def directory(self) -> pathlib.Path:
        """pathlib.Path: the store's directory."""
    def open(self) -> Writer:
        """Opens the writer.

        Returns
        -------
        Writer

        Raises
        ------
        WriterExistsError, NotOwnerError, FormatError, InvalidTagError, InvalidArgumentError, NoSpaceError
            As for `Store.writer`.

        Examples
        --------
        >>> import ndsharray
        >>> store = ndsharray.Store()
        >>> options = store.writer_options("taken", takeover=True, ephemeral=True)
        >>> with options.open() as writer:
        ...     writer.write([1])
        1
        """
    def __eq__(self, other: object, /) -> bool: ...
    __hash__: None  # type: ignore[assignment]

@final
class Writer:
    """The one writer of a tag, from `Store.writer`.

    Each write publishes a new value, of any shape and dtype, in one pass over the data. It never waits for a reader.
    A ``with`` block closes the writer at its end. The value stays in the store, unless the writer was opened as
    ephemeral. A writer belongs to the process that opened it: in a forked child its methods raise ForkedError, and it
    cannot be pickled.

    Examples
    --------
    >>> import numpy as np, ndsharray
    >>> store = ndsharray.Store()
    >>> with store.writer("frame", ephemeral=True) as writer:
    ...     writer.write(np.zeros((2, 3), np.float32))
    ...     writer.write(np.arange(4), b"another layout")
    1
    2
    """

    @property
    def tag(self) -> str:
        """str: the tag."""
    @property
    def directory(self) -> pathlib.Path:
        """pathlib.Path: the store's directory."""
    @property
    def version(self) -> int:
        """int: the version of the last value, also if an earlier writer wrote it; 0 before the first value."""
    @property
    def data_file(self) -> str | None:
        """str or None: the name of the data file; None before the first value."""
    @property
    def closed(self) -> bool:
        """bool: whether the writer was closed."""
    def write(
        self,
        array: npt.ArrayLike,
        user_data: Buffer | None = None,
        *,
        attrs: dict[str, Any] | None = None,
        acquired_at: _Time | None = None,
    ) -> int:
        """Publishes an array. It may have any strides; the value is stored in C order.

        Parameters
        ----------
        array : array_like
            Anything that `numpy.asarray` takes, except masked arrays: a value has no mask. The only copy made of an array
            is the one in the store.
        user_data : bytes, or another buffer
            Up to 2048 bytes that go with the value, such as a frame number. For a bytearray, memoryview or array,
            ``bytes`` of it is sent.
        attrs : dict, instead of `user_data`
            Attributes that go with the value, such as ``{"exposure": 0.01, "gain": 2}``: a dict with str as keys, and with
            dicts, lists, tuples, str, int, float, bool and None as values. They take up to 2048 bytes as JSON text. Numbers
            of numpy count as numbers.
        acquired_at : float, int, datetime.datetime or numpy.datetime64
            When the value was acquired, such as when the shutter opened: Unix time in seconds, as ``time.time()``, if it is
            a float; in nanoseconds, as ``time.time_ns()``, if it is an int; or a datetime, which is local time if it has no
            time zone; or one of numpy, which is in UTC. 0 is as none.

        Returns
        -------
        int
            The version of the value.

        Raises
        ------
        NoSpaceError
            If the store is full. The last value stays readable, as after every error.
        UnsupportedDTypeError
            If the elements are Python objects, or cannot be described.
        InvalidArgumentError
            If `array` is masked, if `user_data` or the text of `attrs` is longer than 2048 bytes, if both are given, if
            `attrs` has something that JSON has not (the error says where it is), or if `acquired_at` is not from 1970 to
            2554.
        WriterEndedError
            If the writer was closed, superseded, removed or forked.
        WriterBusyError
            If the writer has an open loan.

        Examples
        --------
        >>> import numpy as np, ndsharray
        >>> store = ndsharray.Store()
        >>> writer = store.writer("strided", ephemeral=True)
        >>> writer.write(np.zeros((2, 3)).T, b"any strides")
        1
        >>> writer.write(np.zeros(2), attrs={"exposure": 0.01, "gain": 2}, acquired_at=1700000000.25)
        2
        >>> snapshot = store.reader("strided").latest()
        >>> snapshot.attrs, snapshot.acquired_at
        ({'exposure': 0.01, 'gain': 2}, 1700000000.25)
        >>> writer.write(np.array([object()]))
        Traceback (most recent call last):
            ...
        ndsharray.UnsupportedDTypeError: dtype object cannot be shared: ...
        """
    def loan(
        self,
        shape: SupportsIndex | Sequence[SupportsIndex],
        dtype: npt.DTypeLike | None,
        user_data: Buffer | None = None,
        *,
        attrs: dict[str, Any] | None = None,
        acquired_at: _Time | None = None,
    ) -> Loan:
        """Lends the memory of the next value, to be filled in place, without a copy.

        Parameters
        ----------
        shape : int or tuple of int
        dtype : dtype_like
        user_data, attrs, acquired_at
            As for `write`. They can also be set in the block: `Loan.user_data`, `Loan.attrs` and `Loan.acquired_at`.

        Returns
        -------
        Loan
            A context manager that gives the block a writeable array. At first its elements are those of some earlier
            value, or zero. The value is published at the end of the block, unless an exception ends the block. After
            the block the array is read-only.

        Raises
        ------
        InvalidArgumentError
            If the shape is not valid; and as for `write`.
        UnsupportedDTypeError
            If the elements are Python objects, or cannot be described.
        ClosedError
            If the writer is closed. The start of the ``with`` block raises the other errors of `write`.

        Examples
        --------
        >>> import numpy as np, ndsharray
        >>> store = ndsharray.Store()
        >>> writer = store.writer("ramp", ephemeral=True)
        >>> with writer.loan((2, 2), np.uint8) as array:
        ...     array[:] = 7
        >>> store.reader("ramp").latest().array
        array([[7, 7],
               [7, 7]], dtype=uint8)
        """
    def close(self) -> None:
        """Closes the writer. Another one can be opened then. Closing it again does nothing.

        Raises
        ------
        WriterBusyError
            If the writer has an open loan.

        Examples
        --------
        >>> import ndsharray
        >>> store = ndsharray.Store()
        >>> writer = store.writer("closed", ephemeral=True)
        >>> writer.close()
        >>> writer.closed
        True
        """
    def _exit(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None, /
    ) -> None: ...

@final
class Loan:
    """The memory of the next value, from `Writer.loan`: a context manager.

    In the block the array can be written to. At the end of the block it is published, unless an exception ends the
    block: then nothing is. The writer cannot be used in the block. Do not write to views of the array after the block:
    the memory belongs to the readers then.

    Examples
    --------
    >>> import numpy as np, ndsharray
    >>> writer = ndsharray.Store().writer("filled", ephemeral=True)
    >>> loan = writer.loan(3, np.int32)
    >>> with loan as array:
    ...     array[:] = [1, 2, 3]
    ...     loan.attrs = {"frame": 1}
    >>> writer.version
    1
    """

    @property
    def user_data(self) -> bytes:
        """bytes: what travels with the value, at most 2048 bytes. If it has attributes, these are their text. Of `user_data` and
        `attrs` the one that is set last counts.
        """
    @user_data.setter
    def user_data(self, user_data: Buffer, /) -> None: ...
    @property
    def attrs(self) -> dict[str, Any] | None:
        """dict or None: the attributes of the value, as for `Writer.write`; None if it has none. Set a whole dict: what is
        changed in the one that you get counts for nothing.
        """
    @attrs.setter
    def attrs(self, attrs: dict[str, Any] | None, /) -> None: ...
    @property
    def acquired_at(self) -> float | None:
        """float or None: when the value was acquired, as Unix time in seconds. It is set as for `Writer.write`: seconds as a
        float, nanoseconds as an int, or a datetime.
        """
    @acquired_at.setter
    def acquired_at(self, time: _Time | None, /) -> None: ...
    def __enter__(self) -> npt.NDArray[Any]: ...
    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None, /
    ) -> None: ...

@final
class Reader:
    """A reader of a tag, from `Store.reader`. There may be any number of readers, in any process.

    A read needs no system call, and takes as long for a large array as for a small one. A loop over a reader waits for
    the latest value each time; so does ``async for``. A loop over `every` gets each value in its turn. Both `every` and
    `values` make loops that end. A reader may be closed, or used in a ``with`` block, and can be pickled: its directory and
    its tag are, and it is opened anew where it is unpickled.

    Examples
    --------
    >>> import numpy as np, ndsharray
    >>> store = ndsharray.Store()
    >>> writer = store.writer("counts", ephemeral=True)
    >>> reader = store.reader("counts")
    >>> reader.read() is None
    True
    >>> _ = writer.write(np.arange(3))
    >>> reader.read().array
    array([0, 1, 2])
    >>> reader.read() is None  # nothing new
    True
    """

    @property
    def tag(self) -> str:
        """str: the tag."""
    @property
    def directory(self) -> pathlib.Path:
        """pathlib.Path: the store's directory."""
    @property
    def missed(self) -> int:
        """int: how many values this reader missed: they were published between two that it returned. What `latest` returns
        does not count as returned. It stays readable when the reader is closed.
        """
    @property
    def writer_alive(self) -> bool:
        """bool: whether the tag has a writer now. Needs a few system calls."""
    def read(self, *, out: npt.NDArray[Any] | None = None, copy: bool = False) -> Snapshot | None:
        """Returns the latest value if it is newer than the one that this reader returned last, else None. Never waits.

        Parameters
        ----------
        out : numpy.ndarray, optional
            A writeable array of the value's shape and dtype. The elements are copied to it. If it does not fit, the
            value stays unread.
        copy : bool
            Whether to copy the elements to a new, writeable array. Not together with `out`.

        Returns
        -------
        Snapshot or None

        Raises
        ------
        UnsupportedDTypeError
            If numpy cannot make the stored dtype here, such as one of ml_dtypes if that is not installed.
        ndsharray.Error
            If the store's files are damaged, or `out` does not fit.

        Examples
        --------
        >>> import numpy as np, ndsharray
        >>> store = ndsharray.Store()
        >>> with store.writer("zeros", ephemeral=True) as writer:
        ...     version = writer.write(np.zeros(2))
        ...     mine = store.reader("zeros").read(copy=True).array
        >>> mine += 1
        >>> mine
        array([1., 1.])
        """
    def has_changed(self, snapshot: Snapshot) -> bool:
        """Whether the latest value is another one than `snapshot`, or there is none any more.

        This is the cheapest question: a loop that runs much more often than something is written keeps its snapshot, and
        reads again when it has changed.

        Parameters
        ----------
        snapshot : Snapshot
            A value of this tag, from any reader and in any form.

        Returns
        -------
        bool

        Examples
        --------
        >>> import ndsharray
        >>> store = ndsharray.Store()
        >>> writer, reader = store.writer("gains", ephemeral=True), store.reader("gains")
        >>> version = writer.write([1.0, 0.5])
        >>> gains = reader.latest()
        >>> reader.has_changed(gains)
        False
        >>> version = writer.write([1.0, 0.25])
        >>> if reader.has_changed(gains):
        ...     gains = reader.latest()
        >>> gains.array
        array([1.  , 0.25])
        """
    def latest(self, *, out: npt.NDArray[Any] | None = None, copy: bool = False) -> Snapshot:
        """Returns the latest value, also if it was returned before.

        Parameters
        ----------
        out, copy
            As for `read`.

        Returns
        -------
        Snapshot

        Raises
        ------
        EmptyError
            If nothing was ever written.

        Examples
        --------
        >>> import numpy as np, ndsharray
        >>> store = ndsharray.Store()
        >>> writer = store.writer("range", ephemeral=True)
        >>> version = writer.write(np.arange(3))
        >>> reader, mine = store.reader("range"), np.zeros(3, np.int64)
        >>> reader.latest(out=mine).array is mine
        True
        >>> reader.latest().array
        array([0, 1, 2])
        """
    def wait(
        self, timeout: float | None = None, *, out: npt.NDArray[Any] | None = None, copy: bool = False
    ) -> Snapshot | None:
        """Waits for a value that is newer than the one that this reader returned last. Ctrl-C ends the wait.

        Parameters
        ----------
        timeout : float, optional
            In seconds; None waits for ever, 0 or less not at all.
        out, copy
            As for `read`.

        Returns
        -------
        Snapshot or None
            None when the time is over.

        Raises
        ------
        InvalidArgumentError
            If `timeout` is not a number.
        ndsharray.Error
            As for `read`.

        Examples
        --------
        >>> import numpy as np, ndsharray
        >>> store = ndsharray.Store()
        >>> writer, reader = store.writer("ones", ephemeral=True), store.reader("ones")
        >>> reader.wait(timeout=0.01) is None
        True
        >>> version = writer.write(np.ones(2))
        >>> reader.wait(timeout=60).array
        array([1., 1.])
        """
    def read_next(self, *, out: npt.NDArray[Any] | None = None, copy: bool = False) -> Snapshot | None:
        """Returns the oldest value that is still there and newer than the one that this reader returned last, else None.
        Never waits.

        A writer that was opened with ``history=n`` keeps its last values in place. A reader that stalls while fewer than
        `n` are written loses none. `missed` counts those that it lost. The first call returns the oldest value from which
        on none is missing. If the writer keeps no history this is as `read`, but may return the value before the latest.

        Parameters
        ----------
        out, copy
            As for `read`. If `out` does not fit, the value stays the next one.

        Returns
        -------
        Snapshot or None

        Raises
        ------
        ndsharray.Error
            As for `read`.

        Examples
        --------
        >>> import ndsharray
        >>> store = ndsharray.Store()
        >>> writer = store.writer("samples", history=20, ephemeral=True)
        >>> reader = store.reader("samples")
        >>> for sample in range(10):
        ...     _ = writer.write([sample])
        >>> [int(reader.read_next().array[0]) for _ in range(10)]
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
        >>> reader.read_next() is None, reader.missed
        (True, 0)
        """
    def wait_next(
        self, timeout: float | None = None, *, out: npt.NDArray[Any] | None = None, copy: bool = False
    ) -> Snapshot | None:
        """Waits for `read_next` to return a value. Ctrl-C ends the wait.

        Parameters
        ----------
        timeout : float, optional
            In seconds; None waits for ever, 0 or less not at all.
        out, copy
            As for `read`.

        Returns
        -------
        Snapshot or None
            None when the time is over.

        Raises
        ------
        InvalidArgumentError
            If `timeout` is not a number.
        ndsharray.Error
            As for `read`.

        Examples
        --------
        >>> import ndsharray
        >>> store = ndsharray.Store()
        >>> writer = store.writer("pairs", history=8, ephemeral=True)
        >>> reader = store.reader("pairs")
        >>> versions = [writer.write([n]) for n in range(2)]
        >>> reader.wait_next(timeout=60).version, reader.wait_next(timeout=60).version
        (1, 2)
        >>> reader.wait_next(timeout=0.01) is None
        True
        """
    def every(self, timeout: float | None = None, until_writer_gone: bool = False) -> Every:
        """Each value in its turn, in a ``for`` or an ``async for`` loop: what `wait_next` returns, until nothing comes for as
        long as `timeout`.

        Parameters
        ----------
        timeout : float, optional
            In seconds; None waits for ever, 0 or less not at all.
        until_writer_gone : bool
            Whether the loop also ends, after the last value, when the tag has no writer any more: the writer was closed, its
            process died, or the tag was removed. It notices within some 0.1 s. An ephemeral writer takes the values along
            that were not read yet.

        Returns
        -------
        Every

        Raises
        ------
        InvalidArgumentError
            If `timeout` is not a number.

        Examples
        --------
        >>> import ndsharray
        >>> store = ndsharray.Store()
        >>> writer = store.writer("summands", history=8, ephemeral=True)
        >>> reader = store.reader("summands")
        >>> for sample in [1, 2, 3]:
        ...     _ = writer.write([sample])
        >>> sum(int(snapshot.array[0]) for snapshot in reader.every(timeout=0))
        6
        """
    def nearest(
        self, time: _Time, within: float | None = None, *, out: npt.NDArray[Any] | None = None, copy: bool = False
    ) -> Snapshot | None:
        """Returns the value that was acquired nearest to a time, of those that are still there; of two the newer one.

        A value for which the writer gave no time of acquisition counts by when it was written. What `read` and
        `read_next` return is not changed by this, and `missed` neither. It never waits.

        Parameters
        ----------
        time : float, int, datetime.datetime or numpy.datetime64
            Seconds as a float, nanoseconds as an int, or a datetime, as for `Writer.write`.
        within : float, optional
            How far from that time the value may be, in seconds; None for any distance.
        out, copy
            As for `read`.

        Returns
        -------
        Snapshot or None
            None if there is no value, or none that is near enough.

        Raises
        ------
        InvalidArgumentError
            If `time` is not from 1970 to 2554, or `within` is negative or not a number.
        ndsharray.Error
            As for `read`.

        Examples
        --------
        >>> import ndsharray
        >>> store = ndsharray.Store()
        >>> writer = store.writer("frames", history=8, ephemeral=True)
        >>> reader = store.reader("frames")
        >>> for frame in range(5):
        ...     _ = writer.write([frame], acquired_at=1000 + frame * 0.033)
        >>> reader.nearest(1000.07, within=0.01).array
        array([2])
        >>> reader.nearest(2000.0, within=0.01) is None
        True
        """
    async def next(self) -> Snapshot:
        """Waits for the next new value in a coroutine: ``await reader.next()``. The event loop runs on meanwhile. No value is
        lost if the wait is cancelled.

        Raises
        ------
        ndsharray.Error
            As for `read`.

        Examples
        --------
        >>> import asyncio, ndsharray
        >>> store = ndsharray.Store()
        >>> writer = store.writer("news", ephemeral=True)
        >>> version = writer.write([1, 2])
        >>> async def main():
        ...     reader = store.reader("news")
        ...     return (await asyncio.wait_for(reader.next(), timeout=60)).array
        >>> asyncio.run(main())
        array([1, 2])
        """
    def values(self, timeout: float | None = None, until_writer_gone: bool = False) -> Every:
        """The latest values, for a ``for`` or an ``async for`` loop, as `wait` returns them: values that are overtaken by
        newer ones are skipped. The loop ends when no value comes for `timeout`. A loop over the reader itself is the same
        without an end.

        Parameters
        ----------
        timeout, until_writer_gone
            As for `every`.

        Returns
        -------
        Every

        Raises
        ------
        InvalidArgumentError
            If `timeout` is not a number.

        Examples
        --------
        >>> import ndsharray
        >>> store = ndsharray.Store()
        >>> with store.writer("ending") as writer:
        ...     reader = store.reader("ending")
        ...     versions = [writer.write([frame]) for frame in range(3)]
        >>> [snapshot.version for snapshot in reader.values(until_writer_gone=True)]
        [3]
        >>> store.remove("ending")
        """
    def _wait(self, alarm: _Alarm, number: int) -> _Wait: ...
    @property
    def closed(self) -> bool:
        """bool: whether the reader was closed."""
    def close(self) -> None:
        """Closes the reader, which lets go of its memory. Snapshots that it returned stay as they are. What is called
        afterwards raises ReaderClosedError; so does what waits in other threads, or in coroutines. `missed` stays readable.
        Closing it again does nothing.

        Examples
        --------
        >>> import ndsharray
        >>> store = ndsharray.Store()
        >>> writer = store.writer("kept", ephemeral=True)
        >>> version = writer.write([1, 2])
        >>> with store.reader("kept") as reader:
        ...     snapshot = reader.read()
        >>> reader.closed, snapshot.array
        (True, array([1, 2]))
        """
    def __enter__(self) -> Self: ...
    def __exit__(self, *exception: object) -> None: ...
    def __iter__(self) -> Self: ...
    def __next__(self) -> Snapshot: ...
    def __aiter__(self) -> Self: ...
    async def __anext__(self) -> Snapshot: ...

@final
class Every:
    """An iterator over the values of a tag: over each value from `Reader.every`, over the latest ones from `Reader.values`. It
    is an asynchronous iterator too.

    It ends when no value comes for its timeout, or, if `until_writer_gone` is true, when the writer has gone. The reader can
    be used further: another `Reader.every` of it continues after the last value. A wait that is interrupted or cancelled
    loses no value. When it is pickled, so are the reader and how it ends.

    Examples
    --------
    >>> import asyncio, ndsharray
    >>> store = ndsharray.Store()
    >>> writer = store.writer("numbers", history=8, ephemeral=True)
    >>> reader = store.reader("numbers")
    >>> for n in range(3):
    ...     _ = writer.write([n])
    >>> async def main():
    ...     return [int(snapshot.array[0]) async for snapshot in reader.every(timeout=0.01)]
    >>> asyncio.run(main())
    [0, 1, 2]
    """

    def __iter__(self) -> Self: ...
    def __next__(self) -> Snapshot: ...
    def __aiter__(self) -> Self: ...
    async def __anext__(self) -> Snapshot: ...
    @property
    def _ended(self) -> bool: ...
    def _end(self) -> None: ...
    def _read(self) -> Snapshot | None: ...

@final
class _Alarm:
    def __new__(cls) -> Self: ...
    def fileno(self) -> int: ...
    def take(self) -> list[int]: ...

@final
class _Wait:
    @property
    def ready(self) -> bool: ...
    def close(self) -> None: ...

@final
class Snapshot:
    """A value that was read. It is whole, and it does not change while it is held.

    Its array lies in the store and is read-only. The value stays in the store as long as the array is held, also
    after the reader, the writer and the tag are gone. A process that holds three values of a tag gets copies from
    then on, as objects of this class too. A snapshot that was read with `copy=True` or `out=` has a writeable array
    of its own instead.

    Functions of numpy and ``from_dlpack`` of other libraries take a snapshot as it is, and so does ``memoryview``, if the
    elements are numbers. What they return keeps the value in the store, too.

    Examples
    --------
    >>> import numpy as np, ndsharray
    >>> store = ndsharray.Store()
    >>> with store.writer("matrix", ephemeral=True) as writer:
    ...     _ = writer.write(np.eye(2), b"frame 1")
    ...     snapshot = store.reader("matrix").latest()
    >>> snapshot.version, snapshot.shape, snapshot.dtype, snapshot.user_data
    (1, (2, 2), dtype('float64'), b'frame 1')
    >>> np.asarray(snapshot)
    array([[1., 0.],
           [0., 1.]])
    >>> snapshot.array.flags.writeable
    False
    """

    @property
    def array(self) -> npt.NDArray[Any]:
        """numpy.ndarray: the elements; read-only and not copied, unless read with ``copy=True`` or ``out=``."""
    @property
    def version(self) -> int:
        """int: the number of the value: 1 for the first one of the tag, and one more at each write."""
    @property
    def written_at(self) -> float:
        """float: when the value was published, as Unix time: in seconds since 1970, as ``time.time()``. It is the time on
        the writer's clock, which somebody may set; `age` does not depend on that.
        """
    @property
    def written_at_ns(self) -> int:
        """int: the same in nanoseconds, as ``time.time_ns()``."""
    @property
    def acquired_at(self) -> float | None:
        """float or None: when the value was acquired, such as when the shutter opened, as Unix time in seconds. None if
        the writer did not say.
        """
    @property
    def acquired_at_ns(self) -> int | None:
        """int or None: the same in nanoseconds, which is exact."""
    @property
    def age(self) -> float:
        """float: how long ago the value was published, in seconds; never negative."""
    @property
    def user_data(self) -> bytes:
        """bytes: what the writer sent with the value, at most 2048 bytes. If these are attributes, their JSON text."""
    @property
    def attrs(self) -> dict[str, Any] | None:
        """dict or None: the attributes that the writer sent with the value; None if it sent none. Each
        access makes a new dict.
        """
    @property
    def shape(self) -> tuple[int, ...]:
        """tuple of int: the length of each axis."""
    @property
    def dtype(self) -> np.dtype[Any]:
        """numpy.dtype: the type of the elements."""
    @property
    def is_copy(self) -> bool:
        """bool: whether the elements are in this process's own memory, not in the store."""
    def __array__(self, dtype: npt.DTypeLike | None = None, *, copy: bool | None = None) -> npt.NDArray[Any]:
        """Returns the array to numpy's functions. Another dtype or ``copy=True`` makes a copy."""
    def __dlpack__(
        self,
        *,
        stream: None = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> CapsuleType:
        """Returns the array to other libraries, as a DLPack capsule. The value stays in the store as long as the capsule's consumer
        holds it. The arguments are those of ``numpy.ndarray.__dlpack__``.

        Raises
        ------
        BufferError
            If the array is read-only, and the consumer does not know DLPack 1.0 (`max_version`), which can say so. Read with
            ``copy=True`` then.
        """
    def __dlpack_device__(self) -> tuple[int, int]:
        """Returns DLPack's name for the main memory: ``(1, 0)``."""
    def __buffer__(self, flags: int, /) -> memoryview: ...

@final
class Recording:
    """A recording: an MCAP file with every value of some tags, which ``ndsharray record`` makes. ``recording[tag]`` is the sequence
    of a tag's values.

    Opening maps the file and reads its index. Values are read when they are asked for, and without a copy if the file is not
    compressed. A file without an index is read up to the last whole chunk that it has when it is opened: it is still being
    recorded, or it was cut, because the recorder was killed or the disk was full. `left_out` lists what is damaged.
    ``len``, ``in`` and loops are about the tags, as those of a dict are about its keys. A recording may be closed, or used in a
    ``with`` block. It can be pickled: only its path is, and unpickling opens the file again.

    Parameters
    ----------
    path : path
        The file. Do not write to it, or cut it, while it is open.

    Raises
    ------
    NotFoundError, NotPermittedError, SystemCallError
        If the file cannot be opened.
    FormatError
        If it is no recording. Of a file that is damaged, what is left can be read.

    Examples
    --------
    >>> import ndsharray
    >>> with ndsharray.Recording("run.mcap") as recording:
    ...     track = recording["cam"]
    ...     "cam" in recording, recording.complete
    (True, True)
    >>> len(track), track[0].array.shape, track[0].array.dtype, track[0].attrs["exposure"]
    (10, (48, 64), dtype('uint8'), 0.01)
    """

    def __new__(cls, path: str | os.PathLike[str]) -> Self: ...
    @property
    def path(self) -> pathlib.Path:
        """pathlib.Path: the file."""
    @property
    def complete(self) -> bool:
        """bool: whether the file was finished. If not, it was cut, or its recorder still runs."""
    @property
    def start(self) -> float | None:
        """float or None: when the first value was written, over all tags, as Unix time in seconds; None if there is no value."""
    @property
    def end(self) -> float | None:
        """float or None: when the last value was written, over all tags, as Unix time in seconds; None if there is no value."""
    @property
    def metadata(self) -> dict[str, dict[str, str]]:
        """dict of str to dict of str to str: the metadata records of the file, by their names."""
    @property
    def missed(self) -> dict[str, int]:
        """dict of str to int: how many values of each tag the recorder missed. Empty if the recording does not say it, as one that was
        cut.
        """
    @property
    def left_out(self) -> list[str]:
        """list of str: what was left out when the file was opened, because it is damaged, each with its place; at most a thousand.
        Damaged values of a complete file are not among these: reading one raises FormatError.
        """
    @property
    def closed(self) -> bool:
        """bool: whether the recording was closed."""
    def tags(self) -> list[str]:
        """Lists the tags, in alphabetical order.

        Returns
        -------
        list of str

        Examples
        --------
        >>> import ndsharray
        >>> with ndsharray.Recording("run.mcap") as recording:
        ...     [tag for tag in recording.tags() if tag.startswith("cam")]
        ['cam', 'cam.16', 'cam.bgr', 'cam.bgra', 'cam.rgb', 'cam.rgba']
        """
    def close(self) -> None:
        """Closes the recording. Tracks, messages and arrays from it can still be used, and the file stays mapped as long as one of
        them is held. Later uses of the recording raise ReaderClosedError. Closing it again does nothing.

        Examples
        --------
        >>> import ndsharray
        >>> recording = ndsharray.Recording("run.mcap")
        >>> last = recording["pose"][-1]
        >>> recording.close()
        >>> recording.closed, last.array.shape
        (True, (3,))
        """
    def __enter__(self) -> Self: ...
    def __exit__(self, *exception: object) -> None: ...
    def __len__(self) -> int: ...
    def __contains__(self, tag: object, /) -> bool: ...
    def __iter__(self) -> Iterator[str]: ...
    def __getitem__(self, tag: str, /) -> Track: ...

@final
class Track(Sequence[Message]):
    """The values of a tag in a recording, in the order in which they were written: a sequence of `Message`, from
    ``recording[tag]``.

    It reads a value only when it is asked for. ``track[3]`` is one value, and ``track[10:20]`` a track of ten, without a copy.
    It can be used after the recording was closed.

    Examples
    --------
    >>> import ndsharray
    >>> track = ndsharray.Recording("run.mcap")["cam"]
    >>> len(track), track[0].array.shape, track[-1].version - track[0].version
    (10, (48, 64), 9)
    >>> track[2:8:2]
    <ndsharray.Track of "cam": 3 values>
    >>> [int(message.array[0, 0]) for message in track[2:8:2]]
    [3, 5, 7]

    This line makes an array of xarray, with times: ``xarray.DataArray(track.stack(), dims=("time", "y", "x"),
    coords={"time": track.times})``.
    """

    @property
    def tag(self) -> str:
        """str: the tag."""
    @property
    def times(self) -> npt.NDArray[np.datetime64]:
        """numpy.ndarray of datetime64[ns]: when each value was written, in UTC, as pandas and xarray take times. NaT for a time after
        2262.
        """
    @property
    def acquired_times(self) -> npt.NDArray[np.datetime64]:
        """numpy.ndarray of datetime64[ns]: when each value was acquired, or else written, in UTC. The index of the file does not have
        these times: the first use reads the head of each value, and decompresses a compressed file.
        """
    @property
    def written_at(self) -> npt.NDArray[np.float64]:
        """numpy.ndarray of float64: when each value was written, as Unix time in seconds, as `Message.written_at`."""
    @property
    def acquired_at(self) -> npt.NDArray[np.float64]:
        """numpy.ndarray of float64: the same as `acquired_times`, as Unix time in seconds."""
    def nearest(self, time: _Time, within: float | None = None) -> Message | None:
        """Returns the value that was written nearest to a time; of two that are as near, the one that was written earlier.

        Parameters
        ----------
        time : float, int, datetime.datetime or numpy.datetime64
            Unix time in seconds if it is a float, in nanoseconds if it is an int; or a datetime, which is local time if it has no
            time zone; or one of numpy, which is in UTC, such as those of `times`.
        within : float, optional
            How far away the value may be, in seconds; None for any distance.

        Returns
        -------
        Message or None
            None if there is no value, or none that is near enough.

        Raises
        ------
        InvalidArgumentError
            If `time` is not from 1970 to 2554, or `within` is negative or not a number.
        FormatError
            If the value is damaged.

        Examples
        --------
        >>> import ndsharray
        >>> track = ndsharray.Recording("run.mcap")["cam"]
        >>> track.nearest(track.times[4]).array[0, 0]
        np.uint8(5)
        >>> track.nearest(0.0, within=1.0) is None
        True
        """
    def stack(self, *, out: npt.NDArray[Any] | None = None) -> npt.NDArray[Any]:
        """Copies all values into one array. Its first axis is the number of the value; those of a value follow.

        Parameters
        ----------
        out : numpy.ndarray, optional
            A writeable array of the shape ``(len(track), *shape)`` and the dtype of the values, into which they are copied.

        Returns
        -------
        numpy.ndarray
            `out`, or a new array.

        Raises
        ------
        InvalidArgumentError
            If the values do not all have the same shape and dtype, there are none, or `out` does not fit.
        DTypeMismatchError
            If `out` has another dtype.
        FormatError
            If a value is damaged.

        Examples
        --------
        >>> import ndsharray
        >>> recording = ndsharray.Recording("run.mcap")
        >>> recording["cam"][:5].stack().shape
        (5, 48, 64)
        >>> recording["cloud"].stack()
        Traceback (most recent call last):
            ...
        ndsharray.InvalidArgumentError: the values of "cloud" cannot be stacked: number 1 is float32 [102, 3], ...
        """
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: SupportsIndex, /) -> Message: ...
    @overload
    def __getitem__(self, index: slice, /) -> Self: ...
    def __iter__(self) -> Iterator[Message]: ...

@final
class Message:
    """A value of a recording, from a `Track`. It has what a `Snapshot` has, except its age.

    Its array is read-only. It lies in the mapped file, unless the file is compressed. The file stays open as long as the
    message or its array is held, even after the recording was closed.

    Examples
    --------
    >>> import numpy as np, ndsharray
    >>> message = ndsharray.Recording("run.mcap")["pose"][0]
    >>> message.shape, message.dtype, message.attrs
    ((3,), dtype('float64'), None)
    >>> np.asarray(message).flags.writeable
    False
    """

    @property
    def array(self) -> npt.NDArray[Any]:
        """numpy.ndarray: the elements; read-only, and not copied if the file is not compressed."""
    @property
    def version(self) -> int:
        """int: the number of the value in its store: 1 for the first one of the tag, and one more at each write."""
    @property
    def written_at(self) -> float:
        """float: when the value was written to its store, as Unix time: in seconds since 1970."""
    @property
    def written_at_ns(self) -> int:
        """int: the same in nanoseconds, which is exact."""
    @property
    def acquired_at(self) -> float | None:
        """float or None: when the value was acquired, as Unix time in seconds. None if the writer did not say."""
    @property
    def acquired_at_ns(self) -> int | None:
        """int or None: the same in nanoseconds, which is exact."""
    @property
    def source_written_at(self) -> float | None:
        """float or None: when the value was written where it comes from, as Unix time in seconds, if it was brought
        from another store. None if not.
        """
    @property
    def source_written_at_ns(self) -> int | None:
        """int or None: the same in nanoseconds, which is exact."""
    @property
    def user_data(self) -> bytes:
        """bytes: what the writer sent with the value. If these are attributes, their JSON text."""
    @property
    def attrs(self) -> dict[str, Any] | None:
        """dict or None: the attributes that the writer sent with the value; None if it sent none. Each
        access makes a new dict.
        """
    @property
    def shape(self) -> tuple[int, ...]:
        """tuple of int: the length of each axis."""
    @property
    def dtype(self) -> np.dtype[Any]:
        """numpy.dtype: the type of the elements."""
    def __array__(self, dtype: npt.DTypeLike | None = None, *, copy: bool | None = None) -> npt.NDArray[Any]:
        """Returns the array to numpy's functions. Another dtype or ``copy=True`` makes a copy."""
    def __dlpack__(
        self,
        *,
        stream: None = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> CapsuleType:
        """Returns the array to other libraries, as a DLPack capsule. The file stays open as long as the capsule's consumer holds
        it. The arguments are those of ``numpy.ndarray.__dlpack__``.

        Raises
        ------
        BufferError
            If the consumer does not know DLPack 1.0 (`max_version`), which can say that an array is read-only. Pass it a copy
            then: ``message.array.copy()``.
        """
    def __dlpack_device__(self) -> tuple[int, int]:
        """Returns DLPack's name for the main memory: ``(1, 0)``."""
    def __buffer__(self, flags: int, /) -> memoryview: ...

@final
class Stat:
    """What `Store.stat` says about a tag.

    Examples
    --------
    >>> import numpy as np, ndsharray
    >>> store = ndsharray.Store()
    >>> writer = store.writer("zeroed", ephemeral=True)
    >>> version = writer.write(np.zeros((2, 3)))
    >>> stat = store.stat("zeroed")
    >>> stat.shape, stat.dtype_name, stat.nbytes, stat.version, stat.writer_alive
    ((2, 3), 'float64', 48, 1, True)
    """

    @property
    def tag(self) -> str:
        """str: the tag."""
    @property
    def writer_alive(self) -> bool:
        """bool: whether the tag has a writer now."""
    @property
    def pid(self) -> int | None:
        """int or None: the id of the process that writes the tag now, as that process sees itself: in another container the
        number may stand for another process. None if there is no writer.
        """
    @property
    def uid(self) -> int:
        """int: the user id of the owner."""
    @property
    def mode(self) -> int:
        """int: the permissions of the files."""
    @property
    def ephemeral(self) -> bool:
        """bool: whether the tag is removed when its writer is closed."""
    @property
    def source(self) -> str:
        """str: where the values come from, as the writer said with ``source=``; empty if they come from a writer of this machine."""
    @property
    def bytes(self) -> int:
        """int: how many bytes the tag's files take in the store."""
    @property
    def version(self) -> int:
        """int: the number of the current value; 0 if there is none."""
    @property
    def shape(self) -> tuple[int, ...] | None:
        """tuple of int or None: the shape of the value. None if there is no value."""
    @property
    def dtype(self) -> np.dtype[Any] | None:
        """numpy.dtype or None: the dtype of the value. None also if numpy cannot make the stored dtype here, such as one of
        ml_dtypes if that is not installed. `Reader.latest` raises an error that says why.
        """
    @property
    def dtype_name(self) -> str | None:
        """str or None: the name of the dtype."""
    @property
    def nbytes(self) -> int | None:
        """int or None: how many bytes the value has."""
    @property
    def age(self) -> float | None:
        """float or None: seconds since the value was published."""
    @property
    def acquired_at(self) -> float | None:
        """float or None: when the value was acquired, as Unix time in seconds, if the writer said so."""
    @property
    def source_written_at(self) -> float | None:
        """float or None: when the value was written where it comes from, as Unix time in seconds, if it was brought from another
        store.
        """
    @property
    def attrs(self) -> dict[str, Any] | None:
        """dict or None: the attributes of the value; None if it has none, or if values come faster than they can be looked at."""
    @property
    def data_file(self) -> str | None:
        """str or None: the name of the data file."""
    @property
    def slots(self) -> int | None:
        """int or None: how many values the data file has room for."""
    @property
    def pinned(self) -> int | None:
        """int or None: how many of these are held by readers."""
    @property
    def capacity(self) -> int | None:
        """int or None: how many bytes there is room for in each."""

@final
class GcReport:
    """What `Store.gc` did.

    Examples
    --------
    >>> import ndsharray
    >>> report = ndsharray.Store().gc()
    >>> report.removed, report.bytes
    ([], 0)
    """

    @property
    def removed(self) -> list[str]:
        """list of str: the names of the files that were removed."""
    @property
    def bytes(self) -> int:
        """int: how many bytes they took in the store."""

@disjoint_base
class NdShArray:
    """Shares numpy arrays between processes. This is the class of ndsharray 1.

    Parameters
    ----------
    name : str
        The tag, which is the same for the readers and the writer.
    array : numpy.ndarray, optional
        A writer publishes it at once. A reader returns it as long as there is nothing to read. The default is an
        empty array of uint8.
    r_w : str
        ``'r'`` or ``'w'``, upper or lower case.

    Raises
    ------
    ValueError
        If `r_w` is something else.
    FileNotFoundError
        If there is nothing to read under that name.
    TypeError, NotImplementedError
        If `array` is not an array, or its dtype cannot be shared.

    Notes
    -----
    Opening for writing replaces another writer of the same user. The store is the directory that the environment
    variable ``NDSHARRAY_DIR`` names, else ``/dev/shm``. New files have the permissions ``0600``, or those that
    ``NDSHARRAY_MODE`` gives as octal digits.

    Examples
    --------
    >>> import numpy as np, ndsharray
    >>> writer = ndsharray.NdShArray("my_tag", np.arange(3), r_w="w")
    >>> reader = ndsharray.NdShArray("my_tag", r_w="r")
    >>> reader.read()
    (True, array([0, 1, 2]))
    >>> writer.write(np.ones((2, 2)))
    >>> reader.read()
    (True, array([[1., 1.],
           [1., 1.]]))
    >>> reader.read()[0]
    False
    >>> del writer
    >>> ndsharray.Store().remove("my_tag")  # else the value stays in the store
    """

    def __init__(
        self, name: str, array: npt.NDArray[Any] | None = None, r_w: str | None = None
    ) -> None: ...
    @property
    def name(self) -> str:
        """str: the tag."""
    @property
    def access(self) -> str:
        """str: ``'r'`` or ``'w'``."""
    @property
    def is_valid(self) -> bool:
        """bool: whether there is a value under the name."""
    @property
    def ndarray_mmap_name(self) -> str:
        """str: the name of the file that the present value is in: the tag, ``_`` and 32 hexadecimal digits."""
    @property
    def read_time_ms(self) -> float:
        """float: how old the value was when `read` returned it, in milliseconds; 0.0 before the first value."""
    def write(self, array: npt.NDArray[Any]) -> None:
        """Publishes an array, of any shape, any strides and any supported dtype.

        Parameters
        ----------
        array : numpy.ndarray

        Raises
        ------
        TypeError
            If `array` is not an array, or this object was opened for reading.
        NotImplementedError
            If its dtype cannot be shared.
        OSError
            With errno ``ENOSPC`` if the store is full.

        Examples
        --------
        >>> import numpy as np, ndsharray
        >>> writer = ndsharray.NdShArray("table", r_w="w")
        >>> writer.write(np.arange(6).reshape(2, 3))
        >>> del writer
        >>> ndsharray.Store().remove("table")  # else the value stays in the store
        """
    def read(self) -> tuple[bool, npt.NDArray[Any]]:
        """Returns the latest value, without a copy. Never waits.

        Returns
        -------
        status : bool
            Whether the value is new.
        array : numpy.ndarray
            Read-only. It does not change while it is held. If nothing is new, it is the same object as last time.

        Examples
        --------
        >>> import numpy as np, ndsharray
        >>> writer = ndsharray.NdShArray("vector", np.arange(3), "w")
        >>> reader = ndsharray.NdShArray("vector", r_w="r")
        >>> status, array = reader.read()
        >>> status, array
        (True, array([0, 1, 2]))
        >>> status, same = reader.read()
        >>> status, same is array
        (False, True)
        >>> del writer
        >>> ndsharray.Store().remove("vector")
        """

def wait_any(readers: Sequence[Reader], timeout: float | None = None) -> Reader | None:
    """Waits until one of several readers has a new value, and returns that reader. Its `read` then returns the value, or
    its `read_next` the oldest of them.

    Parameters
    ----------
    readers : sequence of Reader
    timeout : float, optional
        In seconds; None waits for ever, 0 or less not at all.

    Returns
    -------
    Reader or None
        None when the time is over. Other readers of the sequence may have a new value too.

    Raises
    ------
    InvalidArgumentError
        If there are no readers, or `timeout` is not a number.
    ndsharray.Error
        If the store's files are damaged.

    Examples
    --------
    >>> import numpy as np, ndsharray
    >>> store = ndsharray.Store()
    >>> left, right = [store.writer(tag, ephemeral=True) for tag in ["left", "right"]]
    >>> readers = [store.reader("left"), store.reader("right")]
    >>> version = right.write(np.ones(1))
    >>> ndsharray.wait_any(readers, timeout=1.0).tag
    'right'
    """
def _reopen_reader(directory: pathlib.Path, tag: str) -> Reader: ...
def _reopen_v1(class_: type[NdShArray], directory: pathlib.Path, name: str) -> NdShArray: ...
def _restore_options(
    directory: pathlib.Path, tag: str, settings: dict[str, Any]
) -> WriterOptions: ...
