"""Signal handlers and finalizers that use a writer or reader in the middle of a call on the same thread."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ndsharray
from ndsharray import Store

HEAD = "import gc, os, signal, sys, threading, time, numpy as np, ndsharray\nstore = ndsharray.Store()\n"

#: Arrays to write. Each write of the first two has a new dtype, which Python code describes: there signal handlers run.
NEW_DTYPES = {"str": 'np.array(["abc"])', "record": 'np.zeros(2, [("x", "f4")])', "number": "np.zeros(2)"}


def run(program: str) -> "subprocess.CompletedProcess[str]":
    # A program that hangs is killed, and the test fails.
    return subprocess.run([sys.executable, "-c", HEAD + program], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("value", NEW_DTYPES)
def test_a_handler_closes_the_writer(store: Store, value: str) -> None:
    done = run(f"""
writer = store.writer("a")
signal.signal(signal.SIGTERM, lambda *_: (writer.close(), sys.exit(7)))
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
while True:
    writer.write({NEW_DTYPES[value]})
""")
    assert (done.returncode, done.stderr) == (7, "")
    assert not store.stat("a").writer_alive


def test_a_handler_uses_everything(store: Store) -> None:
    done = run("""
store.writer("a").write(np.array(["abc"]))
writer, reader = store.writer("a", takeover=True), store.reader("a")
v1, every = ndsharray.NdShArray("a", r_w="r"), reader.every(timeout=0)
calls = busy = 0
def handler(*_):
    global calls, busy
    uses = [lambda: writer.write([1], attrs={"a": np.int8(1)}, acquired_at=np.float32(1)), lambda: reader.missed, reader.read,
            reader.latest, v1.read, reader.read_next, lambda: reader.nearest(0), lambda: next(every, None)]
    for use in uses:
        try:
            use()
        except ndsharray.BusyError:
            busy += 1
    calls += 1
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.01, 0.001)
end = time.monotonic() + 2
while time.monotonic() < end:
    # Each array has another dtype than the one before.
    writer.write(np.array(["abc"]))
    reader.read(), v1.read()
    writer.write(np.zeros(2, [("x", "f4")]))
    reader.latest(), v1.read(), reader.read_next()
signal.setitimer(signal.ITIMER_REAL, 0)
assert calls > 100, calls
print("done", busy)
""")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("done"), done.stdout


@pytest.mark.parametrize("value", ["np.arange(10)[::2]", *NEW_DTYPES.values()])
def test_a_finalizer_writes(store: Store, value: str) -> None:
    # Before Python 3.12 any allocation may start a garbage collection, also in the middle of a call. Then the finalizer
    # gets BusyError, which is not an error of this test.
    done = run(f"""
sys.unraisablehook = lambda event: event.exc_type is ndsharray.BusyError or os._exit(3)
gc.set_threshold(5)
writer = store.writer("a")
class Log:
    def __del__(self):
        writer.write(np.array([0]))
for _ in range(20000):
    log = Log()
    log.me = log
    writer.write({value})
del log
gc.collect()
writer.write(np.array([1]))
""")
    assert (done.returncode, done.stderr) == (0, "")
    assert store.reader("a").latest().array == [1]


def test_a_loan_that_ends_in_a_finalizer_gives_the_writer_back(store: Store) -> None:
    writer = store.writer("a")
    loan = writer.loan(3, np.uint8)
    loan.__enter__()
    with pytest.raises(ndsharray.WriterBusyError):
        writer.write([1])
    with pytest.raises(ndsharray.WriterBusyError):
        writer.close()
    del loan
    assert writer.write([1]) == 1
    writer.close()


def test_the_demo_ends_without_its_parent(store: Store, directory: Path) -> None:
    command = [sys.executable, "-m", "ndsharray", "--dir", str(directory), "demo"]
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert demo.stdout is not None
    for line in demo.stdout:
        # A reader may take longer to start than the writer to write all. It waits until both are there.
        if line.startswith("writer"):
            demo.send_signal(signal.SIGSTOP)
        if line.startswith("slow reader"):
            break
    demo.send_signal(signal.SIGKILL)
    # The readers hold the other end of the pipe, so it closes when they end.
    rest, _ = demo.communicate(timeout=60)
    assert rest.count("the writer ended without the last value") == 2, rest
    store.gc()
    assert list(directory.iterdir()) == []
