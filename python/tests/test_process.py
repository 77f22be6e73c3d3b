"""Readers, writers and arrays in several processes, which are spawned, forked, or from a fork server, and may be killed."""

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import workers

import ndsharray
from ndsharray import NdShArray, Store

# `test_fork` forks in an interpreter of its own, because this one may have threads.
METHODS = ["spawn", "forkserver"]


@contextmanager
def process(method: str, target: Any, *arguments: Any) -> Iterator[Any]:
    """Runs a process during the block. It must end by itself then. If the test fails, it is killed."""
    child: Any = multiprocessing.get_context(method).Process(target=target, args=arguments)  # type: ignore[attr-defined]
    child.start()
    try:
        yield child
        child.join(60)
        assert child.exitcode is not None, "it hangs"
    finally:
        if child.is_alive():
            child.kill()
            child.join()
    child.close()


@pytest.mark.parametrize("method", METHODS)
def test_readers_pickle_into_processes(method: str, store: Store) -> None:
    here, there = multiprocessing.Pipe()
    writer = store.writer("a")
    with process(method, workers.echo_reader, store.reader("a"), there, 3):
        for n in range(3):
            array = np.arange(10 + n, dtype=np.float32)
            version = writer.write(array)
            assert here.recv() == (version, workers.digest(array))
    v1 = NdShArray("b", np.ones((2, 3)), "w")
    with process(method, workers.echo_v1, NdShArray("b", r_w="r"), there):
        assert here.recv() == (True, workers.digest(np.ones((2, 3))))
    del v1


@pytest.mark.parametrize("method", METHODS)
def test_writer_options_pickle_into_processes(method: str, store: Store) -> None:
    store.writer("a").close()
    reader = store.reader("a")
    options = store.writer_options("a", mode=0o640, history=3, source="robot")
    assert pickle.loads(pickle.dumps(options)) == options
    assert pickle.loads(pickle.dumps(store)) == store
    seen = []
    with process(method, workers.write_ramp, options, 50):
        for snapshot in reader:
            assert (snapshot.array == int(snapshot.user_data)).all()
            seen.append(snapshot.version)
            if snapshot.user_data == b"49":
                break
    assert seen == sorted(set(seen)) and seen[-1] == 50
    assert len(seen) + reader.missed == 50 - (seen[0] - 1)
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(store.writer("b"))


def test_killed_writers(store: Store) -> None:
    """Wherever a writer is killed, readers get whole values, and another writer can continue."""
    here, there = multiprocessing.Pipe()
    options = store.writer_options("a")
    last = 0
    for _ in range(3):
        with process("spawn", workers.write_for_ever, options, there) as child:
            assert here.recv() == child.pid
            reader = store.reader("a")
            assert reader.writer_alive
            for _ in range(100):
                snapshot = reader.wait(60)
                assert snapshot is not None and snapshot.array.min() == snapshot.array.max()
                assert snapshot.version > last
                last = snapshot.version
            child.kill()
        assert not reader.writer_alive
        array = reader.latest().array
        assert array.min() == array.max()
    with options.open() as writer:
        assert writer.write([1]) > last
    store.gc()
    assert len(os.listdir(store.directory)) == 2


def test_killed_readers_cost_nothing_for_long(store: Store) -> None:
    here, there = multiprocessing.Pipe()
    with store.writer("a") as writer:
        writer.write(np.zeros(1000))
        with process("spawn", workers.read_for_ever, store.reader("a"), there) as child:
            while not here.poll(0):
                writer.write(np.full(1000, writer.version))
            child.kill()
        for n in range(100):
            writer.write(np.full(1000, n))
    with store.writer("a") as writer:
        writer.write(np.ones(1000))
        left = store.stat("a")
        # A process holds three values in place, and may be killed while it copies a fourth.
        assert left.pinned is not None and 1 <= left.pinned <= 4, "a new writer goes on in the same data file"
        # The writer never needed more than those, the latest value and the next one.
        assert left.slots is not None and left.slots <= 6
        writer.write(np.ones(1 << 20))  # the next data file has no pins
        assert store.stat("a").pinned == 0


FORK = """
import multiprocessing, os, sys
import numpy as np
import ndsharray, workers

store = ndsharray.Store()
writer = store.writer("a")
writer.write(np.arange(1000))
reader = store.reader("a")
array = reader.latest().array
v1 = ndsharray.NdShArray("c", np.zeros(2), "w")
here, there = multiprocessing.Pipe()
context = multiprocessing.get_context("fork")
child = context.Process(target=workers.use_inherited, args=(writer, reader, array, there))
child.start()
for n in range(100):
    writer.write(np.full(1000, n))
    v1.write(np.full(2, n))
assert here.recv() == ("refused", True, workers.digest(np.full(1000, 99)))
child.join()
assert child.exitcode == 0
np.testing.assert_array_equal(array, np.arange(1000))
assert store.stat("a").pinned == 1
writer.close()
store.writer("a").close()  # the child did not keep the lock

# A fork while another thread is in the middle of a write. The child inherits the lock of that writer in the held state.
import threading, time
other = store.writer("b")
old = ndsharray.NdShArray("d", np.zeros(2), "w")
frame = np.zeros(200 << 20, np.uint8)
def write():
    for _ in range(3):
        other.write(frame)
        old.write(frame)
thread = threading.Thread(target=write)
thread.start()
refused = 0
while thread.is_alive():
    pid = os.fork()
    if pid == 0:
        for use in [lambda: other.write(np.zeros(2)), lambda: old.write(np.zeros(2))]:
            try:
                use()
            except ndsharray.ForkedError:
                continue
            os._exit(1)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    refused += 1
    time.sleep(0.01)
thread.join()
assert refused > 0
del frame, other, old
store.remove("b"), store.remove("d")

# A fork by hand. The child drops what it inherited, and opens a writer of its own.
pid = os.fork()
if pid == 0:
    try:
        del writer
        np.testing.assert_array_equal(array, np.arange(1000))
        try:
            v1.write(np.ones(2))
        except ndsharray.ForkedError as error:
            assert "'c'" in str(error) or '"c"' in str(error)
        else:
            raise AssertionError("a forked writer wrote")
        del array
        with store.writer("child") as own:
            own.write([1])
        # A new one under the same name belongs to the child.
        mine = ndsharray.NdShArray("c", np.full(2, 7.0), "w")
        mine.write(np.full(2, 8.0))
    except BaseException as error:
        print("child:", repr(error), flush=True)
        os._exit(1)
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
np.testing.assert_array_equal(array, np.arange(1000))
assert store.stat("a").pinned == 1, "the child gave back its own pin only"
assert ndsharray.NdShArray("c", r_w="r").read()[1][0] == 8.0
assert "child" in store.tags()
print("done")
"""


def test_fork() -> None:
    # It forks with threads on purpose. Python 3.12 and later warn about that.
    command = [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-c", FORK]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("done\n", "", 0)


SHUTDOWN = """
import asyncio, sys, threading
import numpy as np
import ndsharray
store = ndsharray.Store()
writer = store.writer("a", ephemeral=True)
writer.write(np.arange(1000))
reader = store.reader("a")
iterator, every = iter(reader), reader.every()
held = [reader.latest() for _ in range(5)] + [s.array for s in [reader.latest()]]
loan = writer.loan(3, np.uint8)
array = loan.__enter__()
v1 = ndsharray.NdShArray("b", np.zeros(2), "w")
v1.itself = v1
sys.keep = [reader, writer, held, loan, array, v1]
class Late:
    def __del__(self):
        assert held[0].array[3] == 3
late = Late()
threading.Thread(target=lambda: store.reader("b").wait(0.3)).start()
if {daemon}:
    threading.Thread(target=reader.wait, args=(3600,), daemon=True).start()
    threading.Thread(target=lambda: list(every), daemon=True).start()
    reader.read()
print("end", flush=True)
"""


@pytest.mark.parametrize("daemon", [False, True])
def test_interpreter_shutdown(daemon: bool) -> None:
    command = [sys.executable, "-W", "error", "-X", "dev", "-c", SHUTDOWN.format(daemon=daemon)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("end\n", "", 0)


def test_interrupted_writer_process(store: Store) -> None:
    """By default SIGTERM kills a process at once. The next writer can continue."""
    here, there = multiprocessing.Pipe()
    with process("spawn", workers.write_for_ever, store.writer_options("a"), there) as child:
        os.kill(here.recv(), signal.SIGTERM)
        child.join(60)
        assert child.exitcode == -signal.SIGTERM
    with store.writer("a") as writer:
        assert writer.write([1]) > 1


def test_two_processes_cannot_write(store: Store) -> None:
    with store.writer("a"):
        script = "import ndsharray\ntry: ndsharray.Store().writer('a')\nexcept ndsharray.WriterExistsError: print('exists')"
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
        assert (done.stdout, done.stderr) == ("exists\n", "")
    assert isinstance(store.writer("a"), ndsharray.Writer)
