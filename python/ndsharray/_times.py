"""Times as Python code gives them: datetimes and numbers of numpy become plain numbers."""

from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np

from ndsharray import _numbers

_START = datetime(1970, 1, 1, tzinfo=timezone.utc)
#: The units of numpy that have a fixed length.
_ATTOSECONDS = {
    **{"W": 604800 * 10**18, "D": 86400 * 10**18, "h": 3600 * 10**18, "m": 60 * 10**18, "s": 10**18},
    **{"ms": 10**15, "us": 10**12, "ns": 10**9, "ps": 10**6, "fs": 10**3, "as": 1},
}


def plain(argument: str, time: Any) -> "float | int":
    """Turns a time into a float of seconds or an int of nanoseconds. A bool stays as it is.

    Parameters
    ----------
    argument : str
        The name of the argument, for errors.
    time : float, int, datetime.datetime, numpy.datetime64, or a number of numpy

    Raises
    ------
    TypeError
        If it is something else.

    Examples
    --------
    >>> plain("time", datetime(1970, 1, 1, 0, 0, 1, 1, tzinfo=timezone.utc))
    1000001000
    >>> plain("time", np.datetime64("1970-01-02"))
    86400000000000
    >>> plain("time", 0.5)
    0.5
    """
    if isinstance(time, datetime):
        return _nanoseconds(time)
    if isinstance(time, np.datetime64):
        return _nanoseconds_of_numpy(time)
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


def _nanoseconds_of_numpy(time: np.datetime64) -> int:
    """The nanoseconds from 1970 to a time of numpy's, which is in UTC. numpy's own conversions wrap around."""
    if np.isnat(time):
        return -1
    unit, count = np.datetime_data(time.dtype)
    number = int(time.astype(np.int64)) * count
    if unit in "YM":
        if abs(number) > 10**5:
            return -1  # Too far for numpy to count the days.
        unit, number = "D", int(time.astype("datetime64[D]").astype(np.int64))
    return number * _ATTOSECONDS[unit] // 10**9
