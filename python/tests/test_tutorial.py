"""The steps of docs/tutorial.md run as they are written: its programs as files, its commands in a shell, its two hosts as networks of their own.

A block of commands begins with a comment: where it is run, and whether it goes on until Ctrl-C. Such a block is started, gets its Ctrl-C at the
end of the test, and must end with 0.
"""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "tutorial.md").read_text()
PROGRAM = ROOT / "target" / "debug" / "ndsharray"
MIRROR = ROOT / "mirror" / "target" / "debug" / "ndsharray-mirror"
WATCHDOG = 120
SECTIONS = {
    part.split("\n")[0]: re.findall(r"^```(sh|python)\n# (.*?)\n(.*?)^```", part, re.DOTALL | re.MULTILINE)
    for part in PAGE.split("\n## ")[1:]
}
CAMERA = "A camera"


class Terminal:
    """Runs the blocks of one section after the other, of one host in one place."""

    def __init__(self, files: Path, environment: dict[str, str], port: int) -> None:
        self.files, self.environment, self.port = files, environment, port
        self.going: list[tuple[str, subprocess.Popen[str]]] = []
        #: Puts a command where a host is, by the name of the host.
        self.places: dict[str, list[str]] = {}

    def start(self, head: str, commands: str) -> "subprocess.Popen[str]":
        commands = commands.replace("127.0.0.1:8080", f"127.0.0.1:{self.port}")
        commands = commands.replace("ndsharray serve", f"ndsharray serve --listen 127.0.0.1:{self.port}")
        host = next((host for host in self.places if f"on the {host}" in head), "")
        environment = {**self.environment, **({"NDSHARRAY_DIR": str(self.files / host)} if host else {})}
        # The last command takes the place of the shell, so that it gets the signal. `-e`: each command must end with 0.
        *before, last = commands.strip().split("\n")
        # `cd`: a command that enters a host is at the root of its files.
        script = "\n".join([f"cd {shlex.quote(str(self.files))}", *before, f"exec {last}" if "until Ctrl-C" in head else last])
        return subprocess.Popen(
            [*self.places.get(host, []), "bash", "-ec", script],
            cwd=self.files, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            # Whoever starts the tests may have set SIGINT to be ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip

    def run(self, section: str, is_ready: Callable[[], bool] = lambda: True) -> str:
        """Everything of a section, and what its commands that ended have printed. `is_ready` is waited for after each that goes on."""
        blocks = SECTIONS[section]
        assert blocks
        said = ""
        for kind, head, text in blocks:
            if kind == "python":
                (self.files / head).write_text(text)
        for kind, head, text in blocks:
            if kind == "sh" and "until Ctrl-C" in head:
                process = self.start(head, text)
                self.going.append((text, process))
                wait_until(lambda process=process: process.poll() is not None or is_ready())  # type: ignore[misc]
                assert process.poll() is None, f"{text} ended: {process.communicate()[0]}"
            elif kind == "sh":
                process = self.start(head, text)
                try:
                    printed, _ = process.communicate(timeout=WATCHDOG)
                finally:
                    process.kill()
                assert process.returncode == 0, f"{text}{printed}"
                said += printed
        return said

    def end(self) -> None:
        """Ctrl-C, for the last that was started first."""
        failed = []
        for text, process in reversed(self.going):
            process.send_signal(signal.SIGINT)
            try:
                printed, _ = process.communicate(timeout=WATCHDOG)
            finally:
                process.kill()
            if process.returncode != 0:
                failed.append(f"{text} ended with {process.returncode}: {printed}")
        assert not failed, failed


def wait_until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + WATCHDOG
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def terminal(tmp_path: Path, directory: Path) -> Iterator[Terminal]:
    if not PROGRAM.exists():
        pytest.skip("the command line is not built: cargo build --package ndsharray-cli")
    path = os.pathsep.join([str(PROGRAM.parent), str(MIRROR.parent), str(tmp_path / "bin"), os.environ["PATH"]])
    # `python` is the one that runs the tests.
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (tmp_path / "bin" / "python").chmod(0o755)
    terminal = Terminal(tmp_path, {**os.environ, "PATH": path}, free_port())
    try:
        yield terminal
        terminal.end()
    finally:
        for _, process in terminal.going:
            process.kill()


def start_camera(terminal: Terminal, directory: Path) -> str:
    return terminal.run(CAMERA, lambda: (directory / "camera").exists())


def test_a_camera_and_three_consumers(terminal: Terminal, directory: Path) -> None:
    listed = start_camera(terminal, directory)
    assert re.search(r"^camera +uint8 +240,320,3 ", listed, re.MULTILINE), listed
    said = terminal.run("Three consumers")
    assert len(re.findall(r"^\d+ \d+\.\d+$", said, re.MULTILINE)) == 31, said
    missed = re.search(r"^6 frames, missed (\d+)$", said, re.MULTILINE)
    assert missed and int(missed[1]) > 0, said
    assert re.search(r"^91 frames, missed 0$", said, re.MULTILINE), said


def test_record_it(terminal: Terminal, directory: Path) -> None:
    start_camera(terminal, directory)
    said = terminal.run("Record it")
    assert re.search(r"camera: \d+ values, 0 missed", said), said
    frames = re.search(r"^(\d+) \(240, 320, 3\) ", said, re.MULTILINE)
    assert frames and int(frames[1]) > 60, said
    assert re.search(r" values played, ", said), said


def test_see_it_in_a_browser(terminal: Terminal, directory: Path) -> None:
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    start_camera(terminal, directory)

    def answers() -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", terminal.port)) == 0

    said = terminal.run("See it in a browser", answers)
    assert '"tag": "camera"' in said or '"tag":"camera"' in said, said
    assert said.rstrip().endswith("(240, 320, 3)"), said
    assert (terminal.files / "frame.png").read_bytes().startswith(b"\x89PNG")


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[dict[str, list[str]]]:
    """Two hosts, `robot` and `desk`: a network and a name each, with a link between them; and what puts a command there."""
    if os.geteuid() != 0:
        pytest.skip("two networks need root")
    for program in ["hostname", "ip", "nsenter", "unshare"]:
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")
    if not MIRROR.exists():
        pytest.skip("the mirror is not built: cd mirror && cargo build")
    if subprocess.run(["unshare", "--net", "--uts", "--mount", "true"], capture_output=True).returncode != 0:
        pytest.skip("no permission for a network of its own")
    names = tmp_path / "hosts"
    names.write_text("127.0.0.1 localhost\n10.77.0.1 robot\n10.77.0.2 desk\n")
    # A network is there until the process that holds it has gone; its input ends with this process.
    hold = f"ip link set lo up && hostname \"$1\" && mount --bind '{names}' /etc/hosts && echo ready && exec cat"
    held = {
        name: subprocess.Popen(
            ["unshare", "--net", "--uts", "--mount", "sh", "-ec", hold, "sh", name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for name in ["robot", "desk"]
    }
    try:
        for holder in held.values():
            assert holder.stdout and holder.stdout.readline() == "ready\n"
        robot, desk = held["robot"].pid, held["desk"].pid
        places = {name: ["nsenter", "-t", str(holder.pid), "--net", "--uts", "--mount", "--"] for name, holder in held.items()}
        subprocess.run(f"ip link add link0 netns {robot} type veth peer name link0 netns {desk}".split(), check=True)
        for name, address in [("robot", "10.77.0.1/24"), ("desk", "10.77.0.2/24")]:
            subprocess.run([*places[name], *f"ip address add {address} dev link0".split()], check=True)
            subprocess.run([*places[name], *"ip link set link0 up".split()], check=True)
        yield places
    finally:
        for holder in held.values():
            holder.kill()
            holder.communicate()


def test_a_second_host(terminal: Terminal, directory: Path, hosts: dict[str, list[str]]) -> None:
    # The robot has the store of the camera; the desk has one of its own, in memory too.
    (terminal.files / "robot").symlink_to(directory)
    (directory / ".desk").mkdir()
    (terminal.files / "desk").symlink_to(directory / ".desk")
    try:
        start_camera(terminal, directory)
        terminal.places = hosts
        said = terminal.run("A second host")
        assert len(re.findall(r"^\d+ \(240, 320, 3\)$", said, re.MULTILINE)) == 91, said
        assert re.search(r"robot\.camera +robot", said), said
    finally:
        for _, process in terminal.going:
            process.send_signal(signal.SIGINT)
        for _, process in terminal.going:
            process.wait(WATCHDOG)
        shutil.rmtree(directory / ".desk")


def test_each_step_of_the_tutorial_is_run() -> None:
    """A block that has no head, or a section that nobody runs, is found here."""
    run = {CAMERA, "Three consumers", "Record it", "See it in a browser", "A second host"}
    assert {title for title, blocks in SECTIONS.items() if blocks} == run
    assert sum(len(blocks) for blocks in SECTIONS.values()) == len(re.findall(r"^```(?:sh|python)$", PAGE, re.MULTILINE))
