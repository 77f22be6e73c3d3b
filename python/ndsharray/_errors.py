"""Exceptions: ``Error`` is the root; each subclass is also the built-in exception that one would expect."""


class Error(Exception):
    """Everything that an operation on a store can fail with."""


class InvalidTagError(Error, ValueError):
    """The tag cannot be the name of an array."""


class InvalidArgumentError(Error, ValueError):
    """A shape, an option, user data or the length of an array is not one that can be."""


class FormatError(Error, ValueError):
    """A file is no file of ours, of another version, or damaged; it was not changed."""


class UnsupportedDTypeError(Error, NotImplementedError):
    """Arrays of this dtype cannot be stored."""


class DTypeMismatchError(Error, TypeError):
    """The elements have another dtype than was asked for."""


class EmptyError(Error, LookupError):
    """Nothing was ever written under this tag."""


class WriterExistsError(Error, RuntimeError):
    """Another writer has this tag."""


class BusyError(Error, RuntimeError):
    """The object is in the middle of a call on this very thread, into which a signal handler or finalizer came."""


class WriterBusyError(BusyError):
    """The writer has an open loan."""


class WriterEndedError(Error, RuntimeError):
    """The writer is at its end: open another one."""


class ClosedError(WriterEndedError, ValueError):
    """The writer was closed."""


class SupersededError(WriterEndedError):
    """Another writer took the tag over."""


class RemovedError(WriterEndedError):
    """The tag was removed from the store."""


class ForkedError(WriterEndedError):
    """The writer was inherited through a fork, and belongs to the parent process."""


class SystemCallError(Error, OSError):
    """The operating system refused an operation; with ``errno`` and ``filename``."""

    def __str__(self) -> str:
        # The text names the path where it matters; OSError's own would add it once more.
        return str(self.strerror)


class NotFoundError(SystemCallError, FileNotFoundError):
    """There is no array of this tag, or no such directory."""


class NotWritableError(SystemCallError, PermissionError):
    """Files cannot be made or changed in the store."""


class NotOwnerError(SystemCallError, PermissionError):
    """The array belongs to another user, who alone may write or remove it.

    Attributes
    ----------
    owner : int
        The user id of the owner.
    """

    owner: int


class NoSpaceError(SystemCallError):
    """The store is full; nothing was written, and the last value stays readable. ``errno`` is ``ENOSPC``.

    Attributes
    ----------
    wanted, free, total : int
        Bytes that were wanted, that are free, and that the store has in all.
    """

    wanted: int
    free: int
    total: int


class ContendedError(SystemCallError, TimeoutError):
    """The writer was faster than this reader each time that it tried to copy a value."""


class UnsupportedError(SystemCallError):
    """The filesystem, or the kernel, lacks an operation that the store needs."""


# Tracebacks name them as users import them.
for _class in [value for value in vars().values() if isinstance(value, type)]:
    _class.__module__ = "ndsharray"
