"""The names of ndsharray 1: ``from ndsharray.ndsharray import NdShArray, supported_types`` works as before."""

from typing import Any

import numpy as np

from ndsharray._native import NdShArray

__all__ = ["NdShArray", "supported_types"]

#: The types that can be shared: first those of ndsharray 1, in the order that they had there, then later ones.
supported_types: list[type[Any]] = [
    np.int8,
    np.int16,
    np.int32,
    np.int64,
    np.uint8,
    np.uint16,
    np.uint32,
    np.uint64,
    np.float16,
    np.float32,
    np.float64,
    np.complex64,
    np.complex128,
    bool,
    # Since 2.0: times, bytes and strings of fixed width, and records.
    np.datetime64,
    np.timedelta64,
    np.bytes_,
    np.str_,
    np.void,
]

try:
    from ml_dtypes import bfloat16
except ImportError:
    pass
else:
    supported_types.append(bfloat16)
