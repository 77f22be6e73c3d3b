"""Libraries that take a snapshot, but are too large to install for each run of the tests: numba, JAX, OpenCV and PyTorch.

Run it by hand, where they are installed: it says of each what it got, and whether that is a copy.
"""

import importlib.util
import tempfile
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import ndsharray

FRAME = np.arange(48 * 64 * 3, dtype=np.uint8).reshape(48, 64, 3)


def numba(snapshot: ndsharray.Snapshot) -> str:
    from numba import njit

    @njit  # type: ignore[untyped-decorator]
    def total(array: Any) -> int:
        result = 0
        for value in array.flat:
            result += value
        return result

    assert total(snapshot.array) == snapshot.array.sum()
    assert total.signatures[0][0].mutable is False
    return "compiled for a read-only array, without a copy"


def jax(snapshot: ndsharray.Snapshot) -> str:
    import jax.numpy as jnp

    try:
        array = jnp.from_dlpack(snapshot)
        function = "jax.numpy.from_dlpack"
    except BufferError:
        array = jnp.asarray(snapshot.array)
        function = "jax.numpy.from_dlpack refuses it, jax.numpy.asarray"
    assert (np.asarray(array) == FRAME).all()
    return said(array.unsafe_buffer_pointer() == snapshot.array.ctypes.data, function)


def cv2(snapshot: ndsharray.Snapshot) -> str:
    import cv2

    gray = cv2.cvtColor(snapshot.array, cv2.COLOR_BGR2GRAY)
    assert gray.shape == (48, 64)
    try:
        cv2.circle(snapshot.array, (10, 10), 5, (0, 0, 255))
    except cv2.error as error:
        assert "readonly" in str(error).lower() or "layout" in str(error).lower(), error
    else:
        raise AssertionError("it drew on a read-only array")
    return "reads it without a copy, and refuses to draw on it"


def torch(snapshot: ndsharray.Snapshot) -> str:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tensors have no read-only flag
        try:
            tensor = torch.from_dlpack(snapshot)
            function = "torch.from_dlpack"
        except BufferError:
            tensor = torch.from_numpy(snapshot.array)
            function = "torch.from_dlpack refuses it, torch.from_numpy"
    assert (tensor.numpy() == FRAME).all()
    return said(tensor.data_ptr() == snapshot.array.ctypes.data, function)


def said(is_shared: bool, function: str) -> str:
    return f"{function} {'takes it without a copy' if is_shared else 'copies it'}"


def main() -> None:
    libraries: list[Callable[[ndsharray.Snapshot], str]] = [numba, jax, cv2, torch]
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        store = ndsharray.Store(directory)
        with store.writer("frame") as writer:
            writer.write(FRAME)
            for take in libraries:
                if importlib.util.find_spec(take.__name__) is None:
                    print(f"{take.__name__}: not installed")
                    continue
                version = importlib.import_module(take.__name__).__version__
                print(f"{take.__name__} {version}: {take(store.reader('frame').latest())}")


if __name__ == "__main__":
    main()
