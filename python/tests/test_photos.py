"""Real images, in several dtypes, go from one process to another, and are compared bit for bit."""

import multiprocessing
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import workers

with warnings.catch_warnings():
    # These warnings come from scikit-learn's own imports.
    warnings.simplefilter("ignore")
    from sklearn.datasets import load_digits, load_sample_images  # type: ignore[import-untyped]

from ndsharray import NdShArray, Store


def frames() -> Iterator[Any]:
    """The photographs in the forms that cameras, models and logs have, and images of digits."""
    for photo in load_sample_images().images:
        assert photo.shape == (427, 640, 3) and photo.dtype == np.uint8
        yield photo
        yield photo[::2, ::2]
        yield photo[:, ::-1].transpose(2, 0, 1)
        for kind in [np.float16, np.float32, np.float64, np.int16, np.uint64]:
            yield (photo / 255).astype(kind) if np.issubdtype(kind, np.floating) else photo.astype(kind)
        yield np.fft.rfft2(photo[..., 0]).astype(np.complex64)
        yield np.fft.rfft2(photo[..., 0])
        yield photo[..., 1] > 127
        yield photo.view([("red", "u1"), ("green", "u1"), ("blue", "u1")])[..., 0]
    digits = load_digits()
    assert digits.images.shape == (1797, 8, 8)
    yield digits.images
    records = np.zeros(1797, [("image", "u1", (8, 8)), ("label", "i8")])
    records["image"], records["label"] = digits.images, digits.target
    yield records
    yield from digits.images[:50]


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_stream_to_a_process(method: str, store: Store) -> None:
    here, there = multiprocessing.Pipe()
    all_frames = list(frames())
    writer = store.writer("photos")
    context: Any = multiprocessing.get_context(method)
    child = context.Process(target=workers.echo_reader, args=(store.reader("photos"), there, len(all_frames)))
    child.start()
    try:
        for frame in all_frames:
            version = writer.write(frame)
            seen_version, (dtype, shape, data) = here.recv()
            assert seen_version == version
            assert (dtype, shape) == (str(frame.dtype), frame.shape)
            assert data == frame.tobytes()
        child.join(60)
        assert child.exitcode == 0
    finally:
        child.kill()
        child.join()


def test_hundreds_held(store: Store) -> None:
    """Hundreds of arrays are kept in a list, as users do."""
    digits = load_digits().images
    writer, reader = NdShArray("digits", digits[0], "w"), NdShArray("digits", r_w="r")
    held = []
    for digit in digits[:600]:
        writer.write(digit)
        held.append(reader.read()[1])
    np.testing.assert_array_equal(np.stack(held), digits[:600])
    slots = store.stat("digits").slots
    assert slots is not None and slots <= 8
