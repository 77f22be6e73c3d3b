"""Shares N-dimensional arrays between processes by name. Readers get the latest value, without a copy, and never torn.

A name is called a tag. A tag has one writer and any number of readers, in any process that can open the store: a
directory, by default ``/dev/shm``. A reader that is slower than the writer misses values, and `Reader.missed` says how many.
A writer that keeps a history lets readers go through its last values in order.

Examples
--------
>>> import numpy as np, ndsharray
>>> store = ndsharray.Store()  # in /dev/shm, or in the directory that NDSHARRAY_DIR names
>>> writer = store.writer("pose", ephemeral=True)  # the tag goes when the writer goes
>>> version = writer.write(np.eye(2))

In any other process:

>>> reader = store.reader("pose")
>>> snapshot = reader.read()
>>> snapshot.array
array([[1., 0.],
       [0., 1.]])
"""

# The native half calls these. They are imported now, not at the first use: a signal handler may come into the middle of that,
# and tools that gather the modules of a program find only what Python code imports.
from collections.abc import Sequence as _Sequence

from ndsharray import _attributes, _dtypes, _ephemeral, _numbers, _pickling, _times
from ndsharray._errors import (
    BusyError,
    ClosedError,
    ContendedError,
    DTypeMismatchError,
    EmptyError,
    Error,
    ForkedError,
    FormatError,
    InvalidArgumentError,
    InvalidTagError,
    NoSpaceError,
    NoTagError,
    NotFoundError,
    NotOwnerError,
    NotPermittedError,
    NotWritableError,
    ReaderClosedError,
    RemovedError,
    SupersededError,
    SystemCallError,
    UnsupportedDTypeError,
    UnsupportedError,
    WriterBusyError,
    WriterEndedError,
    WriterExistsError,
)
from ndsharray._native import (
    Every,
    GcReport,
    Loan,
    Message,
    Reader,
    Recording,
    Snapshot,
    Stat,
    Store,
    Track,
    Writer,
    WriterOptions,
    __version__,
    wait_any,
)
from ndsharray.ndsharray import NdShArray, supported_types

# It has the methods that read a sequence. Values of a recording are not compared, so it has no `index` and `count`.
_Sequence.register(Track)


def _at_the_first_use() -> None:
    """Is never called. The native half imports this module when a coroutine waits, because asyncio takes long to import; tools
    that gather the modules of a program find it here.
    """
    from ndsharray import _aio


__all__ = [
    "BusyError",
    "ClosedError",
    "ContendedError",
    "DTypeMismatchError",
    "EmptyError",
    "Error",
    "Every",
    "ForkedError",
    "FormatError",
    "GcReport",
    "InvalidArgumentError",
    "InvalidTagError",
    "Loan",
    "Message",
    "NdShArray",
    "NoSpaceError",
    "NoTagError",
    "NotFoundError",
    "NotOwnerError",
    "NotPermittedError",
    "NotWritableError",
    "Reader",
    "ReaderClosedError",
    "Recording",
    "RemovedError",
    "Snapshot",
    "Stat",
    "Store",
    "SupersededError",
    "SystemCallError",
    "Track",
    "UnsupportedDTypeError",
    "UnsupportedError",
    "Writer",
    "WriterBusyError",
    "WriterEndedError",
    "WriterExistsError",
    "WriterOptions",
    "__version__",
    "supported_types",
    "wait_any",
]
