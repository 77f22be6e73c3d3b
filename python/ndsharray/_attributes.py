"""Attributes that were read: JSON text becomes a dict."""

import json
from typing import Any

from ndsharray._errors import FormatError


def parsed(text: bytes) -> dict[str, Any]:
    """Returns the attributes that a text says.

    Raises
    ------
    FormatError
        If it is no JSON object.

    Examples
    --------
    >>> parsed(b'{"exposure":0.01,"roi":[0,0,640,480]}')
    {'exposure': 0.01, 'roi': [0, 0, 640, 480]}
    """
    try:
        attributes = json.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise FormatError(f"the attributes of the value are damaged, they are no JSON: {error}") from None
    if not isinstance(attributes, dict):
        raise FormatError(f"the attributes of the value are damaged: they are {text!r}, which is no JSON object")
    return attributes
