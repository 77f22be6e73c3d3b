"""Numbers of numpy that stand where Python's own are meant."""

from typing import Any

import numpy as np


def plain(value: Any) -> "bool | int | float | None":
    """Turns a scalar of numpy into Python's own; None if the value is no number.

    Examples
    --------
    >>> plain(np.uint8(3)), plain(np.float32(0.5)), plain(np.True_), plain("3")
    (3, 0.5, True, None)
    """
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (float, np.floating)):
        return float(value)
    # To numpy a timedelta64 is an integer too.
    if isinstance(value, (int, np.integer)) and not isinstance(value, np.timedelta64):
        return int(value)
    return None
