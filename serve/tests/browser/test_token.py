"""A server with a token, and browsers that do not know it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

import numpy as np
import pytest
from conftest import Served, opened
from playwright.sync_api import Browser, expect
from test_live import tells_of_the_connection

expect.set_options(timeout=60_000)

TOKEN, OTHER = "a-token-of-the-tests", "another-token-of-the-tests"


@pytest.fixture
def guarded() -> Iterator[Served]:
    """A server that wants the token."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        server = Served(directory, "--token", TOKEN)
        try:
            yield server
        finally:
            server.stop()


def test_a_browser_is_told_what_to_do(browser: Browser, guarded: Served) -> None:
    guarded.store.writer("cam").write(np.zeros((4, 4), np.uint8))
    address = f"http://127.0.0.1:{guarded.port}/"
    with opened(browser, guarded) as page:
        page.goto(address)
        expect(page.get_by_role("heading")).to_have_text("This server wants a token")
        page.goto(f"{address}?token=wrong-and-long-enough")
        expect(page.get_by_role("heading")).to_have_text("That is not the token of this server")
        assert page.evaluate("document.compatMode") == "CSS1Compat"
        page.goto(f"{address}?token={TOKEN}")
        expect(page.get_by_role("link", name="cam")).to_be_visible()
        assert "token" not in page.url
        page.faults[:] = [fault for fault in page.faults if not tells_of_the_connection(fault)]  # type: ignore[attr-defined]


def test_another_token_while_the_page_is_open(browser: Browser, guarded: Served) -> None:
    guarded.store.writer("cam").write(np.zeros((4, 4), np.uint8))
    with opened(browser, guarded) as page:
        page.goto(f"http://127.0.0.1:{guarded.port}/?token={TOKEN}")
        expect(page.get_by_role("link", name="cam")).to_be_visible()
        guarded.stop()
        guarded.options = ("--token", OTHER)
        guarded.start()
        expect(page.locator("#status")).to_contain_text("does not know the token")
        # Another page of this browser learns it, and this one goes on by itself.
        second = page.context.new_page()
        second.goto(f"http://127.0.0.1:{guarded.port}/?token={OTHER}")
        expect(page.locator("#status")).to_have_text("Connected again")
        page.faults[:] = [fault for fault in page.faults if not tells_of_the_connection(fault)]  # type: ignore[attr-defined]
