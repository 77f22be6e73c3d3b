"""An ephemeral tag goes with its process, in whatever way the process ends, as far as the process is told about its end."""

import multiprocessing
import os
import signal
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import workers_at_exit as workers
from test_process import process

import ndsharray
from ndsharray import Store

# A fork is made in an interpreter of its own: this one may have threads.
METHODS = ["spawn", "forkserver"]
LEAVERS = ["leave_writer", "leave_loan", "leave_daemon_thread", "leave_daemon_loans"]


@pytest.mark.parametrize("leaver", LEAVERS)
@pytest.mark.parametrize("method", METHODS)
def test_children_of_multiprocessing(method: str, leaver: str, store: Store, directory: Path) -> None:
    with process(method, getattr(workers, leaver), store, "a") as child:
        child.join(60)
        assert child.exitcode == 0
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize("method", METHODS)
def test_a_thread_that_works_on_after_the_function(method: str, store: Store, directory: Path) -> None:
    here, there = multiprocessing.Pipe()
    with process(method, workers.leave_thread, store, "a", there):
        assert here.poll(60) and here.recv() == (20, True)
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize("method", METHODS)
def test_process_pools(method: str, store: Store, directory: Path) -> None:
    context: Any = multiprocessing.get_context(method)
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        tags = list(pool.map(partial(workers.leave_writer, store), ["a", "b", "c"]))
        assert store.tags() == tags and store.stat("a").writer_alive
    assert list(directory.iterdir()) == []


FORK = """
import multiprocessing, sys
from functools import partial
from concurrent.futures import ProcessPoolExecutor
import ndsharray
import workers_at_exit as workers

store = ndsharray.Store()
mine = store.writer("mine", ephemeral=True)
context = multiprocessing.get_context("fork")
for leaver in [workers.leave_writer, workers.leave_loan, workers.leave_daemon_thread, workers.leave_daemon_loans]:
    child = context.Process(target=leaver, args=(store, "a"))
    child.start()
    child.join(60)
    assert child.exitcode == 0, child.exitcode
    assert store.tags() == ["mine"], (leaver, store.tags())
here, there = multiprocessing.Pipe()
child = context.Process(target=workers.leave_thread, args=(store, "a", there))
child.start()
assert here.poll(60) and here.recv() == (20, True)
child.join(60)
assert store.tags() == ["mine"]
with ProcessPoolExecutor(2, mp_context=context) as pool:
    tags = list(pool.map(partial(workers.leave_writer, store), ["a", "b", "c"]))
    assert store.tags() == [*tags, "mine"]
assert store.tags() == ["mine"]
mine.write([1])
workers.keep(mine)
print("done")
"""

#: Programs that leave a tag "a" with a value, and say when they have it.
PROGRAMS = {
    "the end": "workers.leave_writer(store, 'a')",
    "an open loan": "workers.leave_loan(store, 'a')",
    "a daemon thread": "workers.leave_daemon_thread(store, 'a')",
    "a daemon thread with loans": "workers.leave_daemon_loans(store, 'a')",
    "a daemon thread that meets the exit": "workers.leave_daemon_loans(store, 'a'); atexit.register(time.sleep, 0.5)",
    "a daemon thread and slow functions at exit": "sys.modules['__main__'].first = lambda: time.sleep(0.5); "
    "workers.leave_daemon_loans(store, 'a'); workers.leave_daemon_thread(store, 'b')",
    "an exception": "workers.leave_writer(store, 'a'); raise SystemExit(0)",
    "a fork by hand": """
workers.leave_writer(store, "a")
pid = os.fork()
if pid == 0:
    workers.leave_writer(store, "b")
    sys.exit(0)
assert os.waitpid(pid, 0)[1] == 0
assert ndsharray.Store().tags() == ["a"], ndsharray.Store().tags()
""",
    "multiprocessing imported before": "import multiprocessing.util; workers.leave_writer(store, 'a')",
    "multiprocessing imported later": "workers.leave_writer(store, 'a'); import multiprocessing.util",
    "a reload": "workers.leave_writer(store, 'a'); import importlib; importlib.reload(ndsharray._ephemeral)",
    "functions at exit that write": """
def last():
    global writer
    assert writer.write([5]) == 2 and not writer.closed
atexit.register(last)
workers.leave_writer(store, "a")
writer = sys.modules["builtins"].ndsharray_kept[0][0]
""",
    "functions at exit that come later": """
def first():
    writer = sys.modules["builtins"].ndsharray_kept[0][0]
    try:
        writer.write([5])
    except ndsharray.ClosedError as error:
        assert "interpreter exits" in str(error) and writer.closed
        writer.close()
    else:
        raise AssertionError("it wrote")
sys.modules["__main__"].first = first
workers.leave_writer(store, "a")
""",
}
PREFIX = """
import atexit, sys, os, time
atexit.register(lambda: getattr(sys.modules["__main__"], "first", int)())
import ndsharray
import workers_at_exit as workers
store = ndsharray.Store()
"""


def run(script: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-c", script]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


@pytest.mark.parametrize("case", PROGRAMS)
def test_programs(case: str, directory: Path) -> None:
    done = run(PREFIX + PROGRAMS[case])
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
    assert list(directory.iterdir()) == []


def test_forks_of_multiprocessing(directory: Path) -> None:
    done = run(FORK)
    assert (done.stdout, done.stderr, done.returncode) == ("done\n", "", 0)
    assert list(directory.iterdir()) == []


CHILD_READS = """
import multiprocessing, sys
{early}
import ndsharray
store = ndsharray.Store()
def read(event):
    event.wait(60)
    import time; time.sleep(0.5)  # the parent is at its end by now
    assert store.reader("a").latest().array[0] == 1
{late}
context = multiprocessing.get_context("fork")
event = context.Event()
child = context.Process(target=read, args=(event,))
child.start()
writer = store.writer("a", ephemeral=True)
writer.write([1])
sys.kept = [writer]
sys.kept.append(sys.kept)
event.set()
"""


@pytest.mark.parametrize("place", ["early", "late"])
def test_a_parent_keeps_its_tag_until_its_children_have_ended(place: str, directory: Path) -> None:
    places = {"early": "", "late": "", place: "import multiprocessing.util"}
    done = run(CHILD_READS.format(**places))
    assert (done.stderr, done.returncode) == ("", 0)
    assert list(directory.iterdir()) == []


def test_what_is_not_ephemeral_stays(store: Store) -> None:
    script = "import ndsharray, sys; sys.w = w = ndsharray.Store().writer('a'); w.write([1])"
    assert run(script).returncode == 0
    assert store.tags() == ["a"]


SIGTERM = """
import signal, sys
import ndsharray
import workers_at_exit as workers
store = ndsharray.Store()
{recipe}
{work}
print("ready", flush=True)
while True:
    signal.pause()
"""
RECIPE = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))"


def test_the_page_about_services_has_the_recipe() -> None:
    assert RECIPE in (Path(__file__).parents[2] / "docs" / "services.md").read_text()


@pytest.mark.parametrize("work", ["workers.leave_writer(store, 'a')", "workers.leave_daemon_thread(store, 'a')"])
@pytest.mark.parametrize("recipe", [RECIPE, ""], ids=["recipe", "none"])
def test_sigterm(recipe: str, work: str, store: Store, directory: Path) -> None:
    script = SIGTERM.format(recipe=recipe, work=work)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None and child.stdout.readline() == "ready\n"
            child.terminate()
            out, err = child.communicate(timeout=60)
        finally:
            child.kill()
    if recipe:
        assert (out, err, child.returncode) == ("", "", 0)
        assert list(directory.iterdir()) == []
    else:
        # The default action of the signal tells the process nothing. `gc` removes what stays.
        assert child.returncode == -signal.SIGTERM and store.tags() == ["a"]
        assert "a" in store.gc().removed
        assert list(directory.iterdir()) == []


def test_ctrl_c(store: Store, directory: Path) -> None:
    """As a service is stopped that has KillSignal=SIGINT."""
    # Whoever starts the tests may have set SIGINT to be ignored.
    recipe = "signal.signal(signal.SIGINT, signal.default_int_handler)"
    script = SIGTERM.format(recipe=recipe, work="workers.leave_daemon_thread(store, 'a')")
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None and child.stdout.readline() == "ready\n"
            child.send_signal(signal.SIGINT)
            _, err = child.communicate(timeout=60)
        finally:
            child.kill()
    assert child.returncode == -signal.SIGINT and err.strip().endswith("KeyboardInterrupt"), err
    assert list(directory.iterdir()) == []


def test_gc_leaves_a_living_ephemeral_tag(store: Store) -> None:
    with store.writer("a", ephemeral=True) as writer:
        writer.write(np.zeros(3))
        assert store.gc().removed == [] and store.tags() == ["a"]
    assert store.tags() == [] and ndsharray.Store().gc().removed == []
    assert os.listdir(store.directory) == []
