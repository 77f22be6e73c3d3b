"""A new store for each test, the programs in it, and what they use of memory and threads. NDSHARRAY and NDSHARRAY_MIRROR name the programs."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import pytest

WATCHDOG = 60


def until(what, so, seconds=WATCHDOG):
    """Waits until so; fails if that takes far too long."""
    end = time.monotonic() + seconds
    while True:
        found = so()
        if found:
            return found
        assert time.monotonic() < end, f"waited for nothing: {what}"
        time.sleep(0.05)


class Place:
    """Stores, and programs that are ended with the test."""

    def __init__(self):
        self.root = tempfile.mkdtemp(dir="/dev/shm")
        self.running = []

    def store(self, name="store"):
        path = os.path.join(self.root, name)
        os.makedirs(path, exist_ok=True)
        return path

    def ndsharray(self, store, *args, stdin=b""):
        """Runs a command to its end; what it printed."""
        command = [os.environ["NDSHARRAY"], "--dir", store, *args]
        done = subprocess.run(command, input=stdin, capture_output=True, timeout=WATCHDOG, check=False)
        assert done.returncode == 0, (args, done.stderr)
        return done.stdout

    def tags(self, store):
        """What is in a store, by tag, without the status of mirrors."""
        listed = json.loads(self.ndsharray(store, "ls", "--json"))
        listed = listed["tags"] if isinstance(listed, dict) else listed
        return {entry["tag"]: entry for entry in listed if not entry["tag"].startswith("ndsharray-mirror-")}

    def start(self, program, *args, store, **more):
        errors = open(os.path.join(self.root, f"errors-{len(self.running)}"), "w+b")
        process = subprocess.Popen(
            [program, "--dir", store, *args], stderr=errors, stdout=errors, **more
        )
        process.errors = errors
        self.running.append(process)
        return process

    def mirror(self, store, *args):
        return self.start(os.environ["NDSHARRAY_MIRROR"], *args, store=store)

    def writer(self, store, tag, *args, hz=50, length=8):
        """Writes the bytes of a count, all day."""
        pipe = self.start(
            os.environ["NDSHARRAY"], "pipe", tag, "--dtype", "u1", "--shape", str(length), "--ephemeral", *args,
            store=store, stdin=subprocess.PIPE,
        )
        feed = (
            "import sys, time\ncount = 0\nwhile True:\n"
            f"    count += 1\n    sys.stdout.buffer.write(count.to_bytes(8, 'little').ljust({length}, b'.'))\n"
            f"    sys.stdout.buffer.flush()\n    time.sleep({1 / hz})"
        )
        feeder = subprocess.Popen(["python3", "-c", feed], stdout=pipe.stdin, stderr=subprocess.DEVNULL)
        pipe.stdin.close()
        self.running.append(feeder)
        return feeder

    def status(self, store):
        """The status of the mirror of a store, once it has one."""

        def look():
            text = subprocess.run(
                [os.environ["NDSHARRAY_MIRROR"], "--dir", store, "status", "--json"], capture_output=True, timeout=WATCHDOG
            ).stdout
            return json.loads(text.splitlines()[0]) if text.strip() else None

        return until("a status", look)

    def taken(self, store):
        return {tag["tag"]: tag for tag in self.status(store)["taken"]["tags"]}

    def said(self, process):
        process.errors.seek(0)
        return process.errors.read().decode()

    def end(self):
        for process in self.running:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait()
        shutil.rmtree(self.root, ignore_errors=True)


@pytest.fixture
def place():
    place = Place()
    yield place
    place.end()


def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def used(process):
    """The most memory that a process ever had, in MiB, and its threads now."""
    with open(f"/proc/{process.pid}/status") as status:
        fields = dict(line.split(":", 1) for line in status)
    return int(fields["VmHWM"].split()[0]) / 1024, int(fields["Threads"])


def cpu(process):
    """Seconds of CPU that a process used."""
    with open(f"/proc/{process.pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Progress:
    """Whether a tag's values go on coming."""

    def __init__(self, place, store, tag):
        self.place, self.store, self.tag = place, store, tag

    def count(self):
        try:
            return int.from_bytes(self.place.ndsharray(self.store, "cat", self.tag)[:8], "little")
        except AssertionError:
            return 0

    def goes_on(self):
        first = until(f"{self.tag} comes", self.count)
        until(f"{self.tag} goes on", lambda: self.count() > first + 3)
