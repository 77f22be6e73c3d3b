"""Times as Python code gives them: datetimes and numbers of numpy become plain numbers."""

from datetime import datetime, timedelta, timezone
from typing import Any

from ndsharray import _numbers

_START = datetime(1970, 1, 1, tzinfo=timezone.utc)


def plain(argument: str, time: Any) -> "float | int":
    """Turns a time into a float of seconds or an int of nanoseconds. A bool stays as it is.

    Parameters
    ----------
    argument : str
        The name of the argument, for errors.
    time : float, int, datetime.datetime, or a number of numpy

    Raises
    ------
    TypeError
        If it is something else.

    Examples
    --------
    >>> plain("time", datetime(1970, 1, 1, 0, 0, 1, 1, tzinfo=timezone.utc))
    1000001000
    >>> plain("time", 0.5)
    0.5
    """
    if isinstance(time, datetime):
        return _nanoseconds(time)
    number = _numbers.plain(time)
    if number is not None:
        return number
    kind = type(time).__name__
    raise TypeError(f"{argument} must be a float (seconds), an int (nanoseconds) or a datetime, not {kind}")


def _nanoseconds(time: datetime) -> int:
    """The nanoseconds from 1970 to a time, to the microsecond. A time without a zone is local."""
    if time.utcoffset() is None:
        try:
            # A plain one: a Timestamp of pandas does not take a time without a zone for a local one.
            plain = datetime.combine(time.date(), time.time())
            time = plain.astimezone(timezone.utc)
        except (OverflowError, ValueError, OSError):
            return -1  # In the first or the last year that datetime has.
    return (time - _START) // timedelta(microseconds=1) * 1000
