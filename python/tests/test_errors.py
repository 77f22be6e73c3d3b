"""Exceptions. Each is an `Error`, and also the built-in exception that fits."""

import errno
import os
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import ndsharray
from ndsharray import Store, _errors


def test_tree() -> None:
    classes = [value for value in vars(_errors).values() if isinstance(value, type)]
    assert len(classes) > 15
    for found in classes:
        assert issubclass(found, ndsharray.Error)
        assert found.__doc__
        assert getattr(ndsharray, found.__name__) is found
        assert found.__name__ in ndsharray.__all__


def test_not_found(store: Store, directory: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        store.reader("nothing")
    error = caught.value
    assert isinstance(error, ndsharray.NotFoundError)
    assert (error.errno, error.filename) == (errno.ENOENT, str(directory / "nothing"))
    assert "nothing" in str(error) and str(error).count(str(directory)) == 1


def test_missing_data_file(store: Store, directory: Path) -> None:
    with store.writer("a") as writer:
        writer.write([1])
        assert writer.data_file is not None
        (directory / writer.data_file).unlink()
    with pytest.raises(FileNotFoundError, match="data file"):
        store.reader("a").latest()


def test_damaged_header(store: Store, directory: Path) -> None:
    store.writer("a").write([1])
    header = bytearray((directory / "a").read_bytes())
    header[0] ^= 0xFF
    (directory / "a").write_bytes(header)
    uses: list[Callable[[], object]] = [lambda: store.reader("a"), lambda: store.stat("a"), lambda: store.writer("a")]
    for use in uses:
        with pytest.raises(ndsharray.FormatError):
            use()


def test_features_of_a_later_version(store: Store, directory: Path) -> None:
    """What this version must know to use a file, or only to write to it, is refused as another version of the format is."""
    store.writer("a").write([1])
    good = (directory / "a").read_bytes()

    def with_feature(offset: int) -> bytes:
        block = bytearray(good[:120])
        block[offset] |= 4
        return bytes(block) + zlib.crc32(block).to_bytes(8, sys.byteorder) + good[128:]

    needed: list[Callable[[], object]] = [lambda: store.reader("a"), lambda: store.stat("a")]
    to_write: list[Callable[[], object]] = [
        lambda: store.writer("a"),
        lambda: store.writer("a", takeover=True),
        lambda: store.remove("a", force=True),
    ]
    (directory / "a").write_bytes(with_feature(40))
    for use in needed + to_write:
        with pytest.raises(ndsharray.FormatError, match="features that this library does not know, 0x4"):
            use()
    assert store.gc().removed == []
    (directory / "a").write_bytes(with_feature(48))
    for use in to_write:
        with pytest.raises(ndsharray.FormatError, match="cannot write to it"):
            use()
    assert store.reader("a").latest().array.tolist() == [1] and store.stat("a").version == 1


def test_writer_exists_names_the_process(store: Store) -> None:
    writer = store.writer("a")
    with pytest.raises(ndsharray.WriterExistsError, match=f"pid {os.getpid()}.*take over"):
        store.writer("a")
    assert not writer.closed
    # The process that has the tag now, not the one that made it.
    writer.close()
    script = "import ndsharray; writer = ndsharray.Store().writer('a'); print(end='.', flush=True); input()"
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin is not None and other.stdout is not None
        try:
            assert other.stdout.read(1) == b"."
            uses: list[Callable[[], object]] = [lambda: store.writer("a"), lambda: store.remove("a")]
            for use in uses:
                with pytest.raises(ndsharray.WriterExistsError, match=f"pid {other.pid}"):
                    use()
            assert store.stat("a").pid == other.pid
        finally:
            other.kill()
    # It has ended.
    assert store.stat("a").pid is None


FULL = """
import errno, sys
import numpy as np, ndsharray
store = ndsharray.Store(sys.argv[1])
writer = store.writer("a")
writer.write(np.arange(1000))
for write in [lambda: writer.write(np.zeros(128 << 20, np.uint8)), lambda: ndsharray.NdShArray("b", np.zeros(128 << 20, np.uint8), "w"),
              lambda: writer.loan(128 << 20, np.uint8).__enter__(), lambda: writer.write(np.zeros((2, 64 << 20), np.uint8).T)]:
    try:
        write()
    except OSError as error:
        assert isinstance(error, ndsharray.NoSpaceError) and isinstance(error, ndsharray.Error)
        assert error.errno == errno.ENOSPC and error.wanted >= 128 << 20 and 0 < error.free < error.total == 64 << 20
        assert all(text in str(error) for text in [sys.argv[1], "--shm-size", str(error.wanted), str(error.free)]), error
    else:
        raise AssertionError("the store was not full")
np.testing.assert_array_equal(store.reader("a").latest(), np.arange(1000))
assert writer.write(np.ones(5)) == 2
"""


STAGES = """
import errno, os, pathlib, sys
import numpy as np, ndsharray
place = pathlib.Path(sys.argv[1])
store = ndsharray.Store(place)
LENGTH = 300_000

class Ballast:
    def __init__(self, left):
        self.path = place / "ballast"
        free = os.statvfs(place).f_bavail * os.statvfs(place).f_frsize
        with self.path.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, free - left)
    def __enter__(self):
        return self
    def __exit__(self, *_):
        self.path.unlink()

def full(use, value):
    files = sorted(os.listdir(place))
    for _ in range(3):
        try:
            use()
        except OSError as error:
            assert isinstance(error, ndsharray.NoSpaceError) and error.errno == errno.ENOSPC, error
            assert error.total == 4 << 20 and error.free < error.wanted, error
        else:
            raise AssertionError("the store was not full")
        assert sorted(os.listdir(place)) == files
        if value is not None:
            np.testing.assert_array_equal(store.reader("a").latest(), np.full(LENGTH, value, np.uint8))

def frame(value, length=LENGTH):
    return np.full(length, value, np.uint8)

def loan(writer, value):
    with writer.loan(LENGTH, np.uint8) as array:
        array[:] = value

with Ballast(4096):
    full(lambda: store.writer("a"), None)
    full(lambda: ndsharray.NdShArray("a", frame(0), "w"), None)
writer = store.writer("a")
with Ballast(4096):
    full(lambda: writer.write(frame(1)), None)
    full(lambda: loan(writer, 1), None)
assert writer.write(frame(1)) == 1
with Ballast(4096):
    full(lambda: writer.write(frame(2)), 1)
    full(lambda: loan(writer, 2), 1)
loan(writer, 2)
held = store.reader("a").latest()
with Ballast(0):
    assert writer.write(frame(3)) == 3
    full(lambda: writer.write(frame(4)), 3)
    full(lambda: writer.write(frame(4, 2 * LENGTH)), 3)
    full(lambda: store.writer("a", takeover=True), 3)
    full(lambda: store.writer("b"), 3)
np.testing.assert_array_equal(held, frame(2))
assert writer.write(frame(4)) == 4
v1 = ndsharray.NdShArray("c", frame(5), "w")
v1.write(frame(5))
v1.write(frame(6))
with Ballast(0):
    v1.write(frame(7))
    try:
        v1.write(frame(8, 2 * LENGTH))
    except OSError as error:
        assert error.errno == errno.ENOSPC
    else:
        raise AssertionError("the store was not full")
    np.testing.assert_array_equal(store.reader("c").latest(), frame(7))
for taken in [store.writer("a", takeover=True)]:
    assert taken.write(frame(9)) == 5
np.testing.assert_array_equal(store.reader("a").latest(), frame(9))
"""


REFUSED = """
import errno, os, pathlib, resource, sys
import numpy as np, ndsharray
place = pathlib.Path(sys.argv[1])
store = ndsharray.Store(place)
writer = store.writer("a")
writer.write(np.zeros(8))
pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])

def refused(use, kind, number):
    try:
        use()
    except OSError as error:
        assert type(error) is kind and error.errno == number, (type(error), error.errno, str(error))
        assert str(place) in error.filename and os.strerror(number) in str(error) or number == errno.EFBIG, str(error)
    else:
        raise AssertionError("it went through")

class Limit:
    def __init__(self, what, value):
        self.what, self.before = what, resource.getrlimit(what)
        resource.setrlimit(what, (value, self.before[1]))
    def __enter__(self):
        return self
    def __exit__(self, *_):
        resource.setrlimit(self.what, self.before)

SIZE = 96 << 20
with Limit(resource.RLIMIT_NOFILE, 0):
    for use in [lambda: store.writer("new"), lambda: writer.write(np.zeros(100_000)), lambda: store.reader("a"), store.tags]:
        refused(use, ndsharray.SystemCallError, errno.EMFILE)
with Limit(resource.RLIMIT_AS, pages * os.sysconf("SC_PAGE_SIZE") + SIZE // 3):
    refused(lambda: writer.loan(SIZE, np.uint8).__enter__(), ndsharray.SystemCallError, errno.ENOMEM)
with Limit(resource.RLIMIT_FSIZE, 4096):
    refused(lambda: store.writer("new"), ndsharray.NoSpaceError, errno.EFBIG)
assert writer.write(np.ones(100_000)) == 2
(place / "gone").mkdir()
gone = ndsharray.Store(place / "gone")
(place / "gone").rmdir()
refused(gone.tags, ndsharray.NotFoundError, errno.ENOENT)
if os.geteuid() == 0:
    (place / "closed" / "store").mkdir(parents=True)
    (place / "open").mkdir()
    for name, mode in [(".", 0o755), ("closed", 0o700), ("open", 0o777)]:
        (place / name).chmod(mode)
    os.seteuid(54321)
    refused(lambda: ndsharray.Store(place / "closed" / "store"), ndsharray.NotPermittedError, errno.EACCES)
    refused(lambda: store.writer("new"), ndsharray.NotWritableError, errno.EACCES)
    own = ndsharray.Store(place / "open")
    own.writer("a").write([1])
    (place / "open" / "a").chmod(0)
    refused(lambda: own.reader("a"), ndsharray.NotPermittedError, errno.EACCES)
    os.seteuid(0)
"""


def test_what_the_kernel_refuses_has_its_errno(directory: Path) -> None:
    """In the class that fits, with the number and the path."""
    command = [sys.executable, "-W", "error", "-c", REFUSED, str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_each_error_of_permissions_is_one() -> None:
    for found in [ndsharray.NotWritableError, ndsharray.NotOwnerError]:
        assert issubclass(found, ndsharray.NotPermittedError) and issubclass(found, PermissionError)


def small(directory: Path, size: str, script: str) -> None:
    """Runs a script over a store of this size, in a mount namespace of its own."""
    if os.getuid() != 0:
        pytest.skip("needs root, to mount a small tmpfs")
    mount = f'mount -t tmpfs -o size={size} none "$1" && exec "$2" -W error -c "$3" "$1"'
    command = ["unshare", "-m", "sh", "-c", mount, "sh", str(directory), sys.executable, script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    if done.returncode != 0 and ("unshare:" in done.stderr or "mount:" in done.stderr):
        pytest.skip(f"a mount namespace cannot be made here: {done.stderr.strip()}")
    # If a signal such as SIGBUS killed the script, the code would be negative.
    assert (done.returncode, done.stderr) == (0, "")


def test_full_store(directory: Path) -> None:
    """The store has 64 MB, as /dev/shm has in a container."""
    small(directory, "64m", FULL)


def test_full_at_every_stage(directory: Path) -> None:
    """The store gets full at each step: header, first value, second and third slot, new data file, takeover.

    With `write`, with a loan, and with `NdShArray`.
    """
    small(directory, "4m", STAGES)


def test_failed_write_leaves_the_last_value(store: Store) -> None:
    writer, reader = store.writer("a"), store.reader("a")
    writer.write(np.arange(3))
    for wrong in [np.array([None]), np.zeros((1,) * 30).reshape((1,) * 30).astype(object)]:
        with pytest.raises(ndsharray.Error):
            writer.write(wrong)
    np.testing.assert_array_equal(reader.latest(), np.arange(3))
    assert writer.version == 1
