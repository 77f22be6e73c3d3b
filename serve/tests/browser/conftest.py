"""A server over a store of its own, and a page of it in a browser that must ask nobody else and complain of nothing."""

from __future__ import annotations

import contextlib
import itertools
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

import ndsharray

ROOT = pathlib.Path(__file__).parents[3]
WIDE = {"width": 1400, "height": 900}
NARROW = {"width": 390, "height": 844}
# A machine that builds at the same time is slow.
LONGEST = 60_000


class Served:
    """`ndsharray serve` over the arrays of a directory."""

    def __init__(self, directory: str, *options: str) -> None:
        self.store = ndsharray.Store(directory)
        self.options = options
        self.port = 0
        self._pages = itertools.count()
        self._process: subprocess.Popen[str] | None = None
        self.start()

    def start(self) -> None:
        program = os.environ.get("NDSHARRAY", str(ROOT / "target/debug/ndsharray"))
        command = [program, "serve", "--listen", f"127.0.0.1:{self.port}", *self.options]
        environment = {**os.environ, "NDSHARRAY_DIR": str(self.store.directory)}
        self._process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", line)
        assert found, f"the server said {line!r}"
        self.port = int(found[1])

    def stop(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        self._process.terminate()
        self._process.wait(timeout=60)
        self._process.stdout.close()

    def url(self, **state: object) -> str:
        """The address of the page in a state, such as `tag="cam", map="turbo"`."""
        parts = "&".join(f"{key}={quote(str(value))}" for key, value in state.items())
        # Each time another page, so that nothing of the last one is taken for it.
        return f"http://127.0.0.1:{self.port}/?{next(self._pages)}#{parts}"


@pytest.fixture
def served() -> Iterator[Served]:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        server = Served(directory)
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.fail("no chromium: install it, or name it in CHROMIUM")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()


class Watch:
    """What a page did that it should not."""

    def __init__(self, page: Page, port: int) -> None:
        self.faults: list[str] = []
        self._port = port
        page.on("console", lambda message: self._say(message.type in ("error", "warning"), f"console: {message.text}"))
        page.on("pageerror", lambda error: self._say(True, f"error: {error}"))
        page.on("request", lambda request: self._check(request.url))
        page.on("websocket", lambda socket: self._check(socket.url))
        page.on("dialog", self._dialog)

    def _say(self, wrong: bool, text: str) -> None:
        # That the colours are read from the canvas is the tests' doing.
        if wrong and "willReadFrequently" not in text:
            self.faults.append(text)

    def _check(self, url: str) -> None:
        parts = urlsplit(url)
        inside = parts.scheme in ("blob", "data") or parts.netloc == f"127.0.0.1:{self._port}"
        self._say(not inside, f"asked {url}")

    def _dialog(self, dialog: Any) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()


@contextlib.contextmanager
def opened(browser: Browser, served: Served, **options: Any) -> Iterator[Page]:
    """A page that is checked when it is left."""
    with browser.new_context(**{"viewport": WIDE, "device_scale_factor": 1, **options}) as context:
        page = context.new_page()
        page.set_default_timeout(LONGEST)
        watch = Watch(page, served.port)
        page.faults = watch.faults  # type: ignore[attr-defined]
        yield page
        assert watch.faults == []


@pytest.fixture
def page(browser: Browser, served: Served) -> Iterator[Page]:
    with opened(browser, served) as found:
        yield found


def until(page: Page, expression: str) -> None:
    """Waits until an expression is true. Playwright's own way to wait evaluates a text in the page, which the page forbids."""
    end = time.monotonic() + LONGEST / 1000
    while not page.evaluate(expression):
        assert time.monotonic() < end, expression
        time.sleep(0.05)


def shown(page: Page) -> None:
    """Waits until a value is on the screen."""
    page.locator(".show").wait_for()
    until(page, "document.querySelector('[aria-label=Value] :is(canvas, td)') !== null && document.querySelector('.facts dd') !== null")


def element(page: Page, width: int, height: int, x: int, y: int) -> tuple[float, float]:
    """Where on the page an element of a picture is that is seen whole."""
    box = page.locator(".picture canvas").bounding_box()
    assert box is not None
    scale = min(box["width"] / width, box["height"] / height)
    left, top = box["x"] + (box["width"] - width * scale) / 2, box["y"] + (box["height"] - height * scale) / 2
    return left + (x + 0.5) * scale, top + (y + 0.5) * scale


def pixels(page: Page, zoom: float, width: int, height: int) -> Any:
    """The colours of all elements of a picture of this size that is seen from its centre: rows of [red, green, blue, alpha]."""
    return page.evaluate(
        """([zoom, width, height]) => {
            const canvas = document.querySelector(".picture canvas");
            const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            const left = Math.round(canvas.width / 2 - (width / 2) * zoom);
            const top = Math.round(canvas.height / 2 - (height / 2) * zoom);
            const at = (row, column) => {
                const from = 4 * ((top + Math.floor((row + 0.5) * zoom)) * canvas.width + left + Math.floor((column + 0.5) * zoom));
                return [...data.slice(from, from + 4)];
            };
            return Array.from({ length: height }, (_, row) => Array.from({ length: width }, (_, column) => at(row, column)));
        }""",
        [zoom, width, height],
    )
