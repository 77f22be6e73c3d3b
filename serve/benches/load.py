"""Measures what `ndsharray serve` costs, and prints it as tables in Markdown; `--write` puts them into docs/serve.md.

Usage: python load.py [--quick] [--write] SERVER LOAD

SERVER is the program `ndsharray`, LOAD that of load.rs.
"""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

import screen

ROOT = pathlib.Path(__file__).resolve().parents[2]
START, END = "<!-- figures: written by ci/bench_serve.sh -->\n", "<!-- end of figures -->"
RATE = 30
LAYOUTS = {"gray": "gray, 2.1 MB", "rgb": "RGB, 6.2 MB"}
# What a viewer asks for: all of a frame, or what a page asks for that has room for 960 x 540 pixels.
KINDS: dict[str, dict[str, Any]] = {
    "whole": {"jpeg": "never"},
    "960 × 540": {"jpeg": "never", "wanted": {"room": [960, 540]}},
    "960 × 540, JPEG": {"jpeg": "always", "wanted": {"room": [960, 540]}},
}
# Older is what was made before a pause.
OLD = 1.0
GOAL = 0.98
# Nothing takes so long, in seconds.
WATCHDOG = 120.0


class Bench:
    """A server over a directory, and what load.rs does there."""

    def __init__(self, server: str, load: str, directory: str) -> None:
        self._load, self._directory = load, directory
        # What each writer kept of its rate.
        self.shares: list[float] = []
        environment = {**os.environ, "NDSHARRAY_DIR": directory}
        command = [server, "serve", "--listen", "127.0.0.1:0"]
        self._server = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert self._server.stdout is not None
        line = self._server.stdout.readline()
        found = re.search(r"http://(127\.0\.0\.1:\d+)/", line)
        if not found:
            self.stop()
            sys.exit(f"the server said {line!r}")
        self.address = found[1]

    def stop(self) -> None:
        """Ends the server."""
        self._server.kill()
        self._server.wait()

    @contextlib.contextmanager
    def writing(self, layout: str, seconds: float) -> Iterator[None]:
        """A writer, for so long."""
        command = [self._load, "write", self._directory, layout, layout, str(seconds)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            try:
                assert writer.stdout is not None
                if writer.stdout.readline() != "writing\n":
                    sys.exit("the writer did not begin")
                yield
                figures = json.loads(writer.stdout.read())
                self.shares.append(figures["values"] / figures["wanted"])
            finally:
                writer.kill()

    def watch(self, question: dict[str, Any], count: int, seconds: float) -> dict[str, Any]:
        """So many viewers, for so long."""
        return self._run("watch", self.address, json.dumps(question), str(count), str(seconds), str(self._server.pid))

    def pause(self, question: dict[str, Any], opened: int, seconds: float) -> list[float]:
        """The ages of what a viewer gets after it has read nothing for so long."""
        ages: list[float] = self._run("pause", self.address, json.dumps(question), str(opened), str(seconds))["ages"]
        return ages

    def cpu(self) -> float:
        """The CPU seconds that the server has used."""
        stat = pathlib.Path(f"/proc/{self._server.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")

    def _run(self, *arguments: str) -> Any:
        command = [self._load, *arguments]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=WATCHDOG).stdout)


def ask(layout: str, kind: str) -> dict[str, Any]:
    """The question about a tag, which is called as its layout."""
    return {"ask": "view", "tag": layout, **KINDS[kind]}


def milliseconds(seconds: float) -> str:
    """As text."""
    return f"{1000 * seconds:.{1 if seconds < 0.02 else 0}f} ms"


def ages(found: Sequence[float]) -> list[str]:
    """Median and 95th percentile, as text."""
    ordered = sorted(found)
    if not ordered:
        return ["–", "–"]
    return [milliseconds(ordered[round(share * (len(ordered) - 1))]) for share in (0.5, 0.95)]


def kept(share: float) -> str:
    """The share of its rate that a writer kept, as text."""
    return f"{share:.3f}" if share >= GOAL else f"**{share:.3f}**"


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """In Markdown."""
    return ["| " + " | ".join(cells) + " |" for cells in [head, ["---"] * len(head), *rows]] + [""]


def alone(bench: Bench, seconds: float) -> list[float]:
    """What writers keep of their rate while nobody looks."""
    shares = []
    for layout in LAYOUTS:
        with bench.writing(layout, seconds):
            pass
        shares.append(bench.shares.pop())
    return shares


def viewers(bench: Bench, counts: list[int], seconds: float) -> list[str]:
    """Programs that look."""
    rows = []
    for layout, name in LAYOUTS.items():
        for kind in KINDS:
            for count in counts:
                # It begins before the first of them and ends after the last.
                with bench.writing(layout, seconds + 2):
                    figures = bench.watch(ask(layout, kind), count, seconds)
                frames = figures["frames"]
                each = f"{statistics.mean(frames):.1f} ({min(frames):.1f})"
                cpu = [f"{100 * figures[who]:.0f} %" for who in ("server", "viewers")]
                sent = f"{figures['bytes'] / 1e6:,.0f} MB/s"
                rows.append([name, kind, str(count), each, *ages(figures["ages"]), *cpu, sent, kept(bench.shares[-1])])
    head = ["frames", "asked for", "viewers", "each gets a second (least)", "age", "95th percentile", "CPU of the server", "of the viewers", "sent", "writer"]
    return table(head, rows)


def browser(bench: Bench, seconds: float) -> list[str]:
    """A page in a browser."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        return ["No browser was measured: there is no chromium.", ""]
    rows = []
    for layout, name in LAYOUTS.items():
        for kind, state in (("fits the window", ""), ("every element", "&whole=1")):
            with bench.writing(layout, seconds + screen.START + 2):
                with screen.opened(path, f"http://{bench.address}/#tag={layout}{state}") as page:
                    before = bench.cpu()
                    found = screen.measured(page, seconds)
                    cpu = (bench.cpu() - before) / seconds
            drawn, came = ages([drawn for _, drawn in found]), ages([came for came, _ in found])[0]
            rows.append([name, kind, f"{len(found) / seconds:.1f}", *drawn, came, f"{100 * cpu:.0f} %", kept(bench.shares[-1])])
    head = ["frames", "the picture", "drawn a second", "age on the screen", "95th percentile", "age when it came", "CPU of the server", "writer"]
    return table(head, rows)


def pauses(bench: Bench, seconds: float) -> list[str]:
    """Viewers that read nothing for a while."""
    rows = []
    for layout, name in LAYOUTS.items():
        for opened in (1, 8):
            with bench.writing(layout, seconds + 5):
                found = bench.pause(ask(layout, "whole"), opened, seconds)
            old = [age for age in found if age > OLD]
            new = next((age for age in found if age <= OLD), None)
            those = ", ".join(f"{age:.1f} s" for age in old[:3]) + (", …" if len(old) > 3 else "")
            rows.append([name, str(opened), str(len(old)), those or "–", "never" if new is None else milliseconds(new)])
    return table(["frames", "questions open", "old values that came", "their age", "age of the next"], rows)


def machine() -> str:
    """Where and when it was measured."""
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip()
    return f"{name}, {os.cpu_count()} cores, Linux {platform.release()}, load {os.getloadavg()[0]:.1f} when it began; {date}, commit {commit}."


def written(text: str) -> None:
    """Puts the figures into docs/serve.md."""
    path = ROOT / "docs/serve.md"
    before, start, rest = path.read_text().partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        sys.exit(f"{path}: expected {START!r} and {END!r}")
    path.write_text(before + START + "\n" + text + "\n" + END + after)


def main() -> None:
    """Measures, and prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="little of each, to see that it runs")
    parser.add_argument("--write", action="store_true", help="puts the tables into docs/serve.md")
    parser.add_argument("server")
    parser.add_argument("load")
    options = parser.parse_args()
    seconds, pause = (1.0, 2.0) if options.quick else (5.0, 10.0)
    counts = [1, 4] if options.quick else [1, 4, 16]
    lines = [machine(), ""]
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        bench = Bench(options.server, options.load, directory)
        try:
            before = alone(bench, seconds)
            lines += viewers(bench, counts, seconds)
            lines += browser(bench, seconds)
            lines += [f"A viewer that reads nothing for {pause:.0f} seconds, and then all that comes:", "", *pauses(bench, pause)]
            nobody = min(before + alone(bench, seconds))
        finally:
            bench.stop()
    lines.append(f"While nobody looked, writers kept at least {nobody:.3f} of their rate of {RATE} Hz; with viewers, {min(bench.shares):.3f} (the goal is {GOAL}).")
    text = "\n".join(lines) + "\n"
    print(text)
    if options.write:
        written(text)


if __name__ == "__main__":
    main()
