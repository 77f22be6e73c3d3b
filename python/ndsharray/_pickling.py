"""What is pickled of a subclass of ``NdShArray`` beside directory and tag."""

import copyreg
from typing import Any


def state_of(instance: Any) -> Any:
    """The attributes that a subclass has put there, as ``object.__getstate__`` gives them from Python 3.11 on.

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
