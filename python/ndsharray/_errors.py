"""Exceptions. ``Error`` is the root of all. Each subclass is also the built-in exception that fits, such as ``ValueError``."""


class Error(Exception):
    """The base class of all errors of a store, a tag or a value."""


class InvalidTagError(Error, ValueError):
    """The tag cannot be the name of an array."""


class InvalidArgumentError(Error, ValueError):
    """A shape, an option, user data or the length of an array is not valid."""


class FormatError(Error, ValueError):
    """A file does not belong to ndsharray, has another version of the format or features of a later one, or is damaged.

    It was not changed.
    """


class UnsupportedDTypeError(Error, NotImplementedError):
    """Arrays of this dtype cannot be stored, or no dtype can be made here of what is stored."""


class DTypeMismatchError(Error, TypeError):
    """The elements have another dtype than the caller asked for."""


class NoTagError(Error, KeyError):
    """The recording has no such tag."""

    def __str__(self) -> str:
        # KeyError would show the message as a literal, in quotes.
        return str(self.args[0])


class EmptyError(Error, LookupError):
    """Nothing was ever written under this tag."""


class WriterExistsError(Error, RuntimeError):
    """Another writer has this tag. The message names its process, if that has said who it is."""


class BusyError(Error, RuntimeError):
    """A signal handler or finalizer used an object that is in the middle of a call on the same thread."""


class WriterBusyError(BusyError):
    """The writer has an open loan."""


class WriterEndedError(Error, RuntimeError):
    """The writer cannot write any more. Open another one."""


class ClosedError(WriterEndedError, ValueError):
    """The writer was closed."""


class ReaderClosedError(Error, ValueError):
    """The reader, or the recording, was closed."""


class SupersededError(WriterEndedError):
    """Another writer has taken over the tag."""


class RemovedError(WriterEndedError):
    """The tag was removed from the store."""


class ForkedError(WriterEndedError):
    """The writer belongs to the parent process; this process inherited it through a fork."""


class SystemCallError(Error, OSError):
    """The operating system refused an operation. ``errno`` and ``filename`` say more."""

    def __str__(self) -> str:
        # The message names the path already. OSError would add it a second time.
        return str(self.strerror)


class NotFoundError(SystemCallError, FileNotFoundError):
    """There is no array with this tag, no such directory, or no data file of the array any more."""


class NotPermittedError(SystemCallError, PermissionError):
    """This process may not do that, such as read a file. Each error of permissions is one."""


class NotWritableError(NotPermittedError):
    """This process may not create or change files in the store."""


class NotOwnerError(NotPermittedError):
    """The array belongs to another user. Only that user may write or remove it.

    Attributes
    ----------
    owner : int
        The user id of the owner.
    """

    owner: int


class NoSpaceError(SystemCallError):
    """The store is full. Nothing was written, and the last value stays readable.

    ``errno`` is ``ENOSPC``, ``EDQUOT`` if a quota is used up, or ``EFBIG`` if a file may not be so large (``ulimit -f``).

    Attributes
    ----------
    wanted, free, total : int
        How many bytes were wanted, how many are free, and how many the store has in all.
    """

    wanted: int
    free: int
    total: int


class ContendedError(SystemCallError, TimeoutError):
    """The writer replaced the value each time that this reader tried to copy it."""


class UnsupportedError(SystemCallError):
    """The file system or the kernel does not have an operation that the store needs."""


#: All classes by their names. A reload of the module goes on with those of its first run: the ones in `except` clauses.
_classes: "dict[str, type[Error]]" = globals().get("_classes") or {
    name: value for name, value in globals().items() if isinstance(value, type) and issubclass(value, Error)
}
globals().update(_classes)
for _class in _classes.values():
    _class.__module__ = "ndsharray"  # so that tracebacks show the names that users import
