"""Pickling of subclasses of ``NdShArray``, which may add attributes to directory and tag."""

import copyreg
from typing import Any


def state_of(instance: Any) -> Any:
    """The attributes that a subclass has added, in the form that ``object.__getstate__`` returns. Python 3.10 has none.

    Examples
    --------
    >>> class Plain: ...
    >>> plain = Plain()
    >>> plain.scale = 2
    >>> state_of(plain)
    {'scale': 2}
    """
    getstate = getattr(instance, "__getstate__", None)
    if getstate is not None:
        return getstate()
    slots = copyreg._slotnames(type(instance))  # type: ignore[attr-defined]
    values = {name: getattr(instance, name) for name in slots if hasattr(instance, name)}
    state = instance.__dict__ or None
    return (state, values) if values else state
