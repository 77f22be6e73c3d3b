"""A value that is paused stays, and can be looked at closely."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from conftest import Served, until
from playwright.sync_api import Page, expect

expect.set_options(timeout=60_000)

Write = Callable[[str, Callable[[int], Any]], None]


@pytest.fixture
def flows(served: Served) -> Iterator[Write]:
    """Writes values to tags, some twenty a second, until the test ends."""
    end = threading.Event()
    threads = []

    def start(tag: str, make: Callable[[int], Any]) -> None:
        writer = served.store.writer(tag)
        writer.write(make(0))

        def run() -> None:
            number = 0
            while not end.wait(0.05):
                number += 1
                writer.write(make(number))

        threads.append(threading.Thread(target=run))
        threads[-1].start()

    yield start
    end.set()
    for thread in threads:
        thread.join()


def pause(page: Page, kept: str) -> None:
    page.get_by_role("button", name="Pause").click()
    page.locator(".state", has_text=kept).wait_for()


def version(page: Page) -> str:
    about = page.locator(".panel", has_text="About")
    return about.locator("dt", has_text="value").locator("xpath=following-sibling::dd[1]").inner_text()


def test_a_large_picture_is_kept_with_every_element(page: Page, served: Served, flows: Write) -> None:
    # Every element of a value is its number; the columns differ by one, which means of squares hide.
    columns = (np.arange(3000) % 2).astype(np.uint8)
    flows("cam", lambda number: np.tile(columns + number % 200, (2000, 1)))
    page.goto(served.url(tag="cam"))
    page.get_by_text("each pixel is the mean of").wait_for()
    pause(page, "all of it is kept")
    paused = int(version(page).replace(",", ""))
    canvas = page.locator(".picture canvas")
    canvas.focus()
    for _ in range(14):
        page.keyboard.press("+")
    found = []
    for _ in range(4):
        page.keyboard.press("ArrowRight")
        found.append(page.locator(".readout").inner_text())
    numbers = [int(text.split("  ")[1]) for text in found]
    first = (paused - 1) % 200
    assert {numbers[0], numbers[1]} == {first, first + 1} and numbers[:2] == numbers[2:], (found, paused)
    # The writer goes on, and the page does not.
    until(page, f"fetch('/tags').then((one) => one.json()).then((tags) => tags[0].value.version > {paused} + 10)")
    assert page.locator(".readout").inner_text() == found[-1]
    assert int(version(page).replace(",", "")) == paused
    page.keyboard.press("0")
    expect(page.locator(".panel", has_text="Region").locator("dd").nth(3)).to_have_text(str(first + 1))
    page.get_by_role("button", name="Go on").click()
    until(page, f"Number([...document.querySelectorAll('dt')].find((one) => one.textContent === 'value').nextSibling.textContent.replaceAll(',', '')) > {paused}")
    expect(page.locator(".state")).to_be_hidden()


def test_what_is_too_large_is_kept_as_it_is_on_the_screen(page: Page, served: Served) -> None:
    served.store.writer("huge").write(np.zeros((6000, 6000), np.uint8))
    page.goto(served.url(tag="huge"))
    page.get_by_text("each pixel is the mean of").wait_for()
    pause(page, "only what is on the screen is kept, 36.0 MB are too many")
    for _ in range(14):
        page.keyboard.press("+")
    expect(page.get_by_text("each pixel is the mean of")).to_be_visible()


def test_what_needs_more_of_the_value_is_off(page: Page, served: Served, flows: Write) -> None:
    flows("stack", lambda number: np.full((4, 20, 30), number * 1j, np.complex64))
    page.goto(served.url(tag="stack"))
    slider = page.get_by_role("slider", name="Axis 0")
    expect(slider).to_be_enabled()
    pause(page, "all of it is kept")
    for control in (slider, page.get_by_label("Show as"), page.get_by_label("Complex"), page.get_by_label("Every element")):
        expect(control).to_be_disabled()
    page.keyboard.press("v")
    expect(page.locator(".picture canvas")).to_be_visible()
    page.keyboard.press("Space")
    for control in (slider, page.get_by_label("Show as"), page.get_by_label("Complex"), page.get_by_label("Every element")):
        expect(control).to_be_enabled()


def test_a_line_is_kept_with_every_number(page: Page, served: Served, flows: Write) -> None:
    flows("line", lambda number: np.arange(100_000.0) + 1000 * number)
    page.goto(served.url(tag="line"))
    page.get_by_text("least and greatest of each").wait_for()
    pause(page, "all of it is kept")
    page.get_by_label("From").fill("500")
    page.get_by_label("From").press("Enter")
    page.get_by_label("To").fill("599")
    page.get_by_label("To").press("Enter")
    expect(page.get_by_text("least and greatest of each")).to_be_hidden()
    expect(page.locator(".uplot")).to_have_attribute("aria-label", "line: 100 of 100000 numbers along the axis")


def test_a_table_is_kept_with_every_row(page: Page, served: Served, flows: Write) -> None:
    flows("rows", lambda number: np.array([(number, 7)] * 1000, [("number", "<i8"), ("other", "<i4")]))
    page.goto(served.url(tag="rows"))
    page.locator(".grid td").first.wait_for()
    pause(page, "all of it is kept")
    cell = page.locator(".grid td").first
    before = cell.inner_text()
    for _ in range(9):
        page.get_by_role("button", name="Later rows").click()
    expect(page.locator(".grid tbody th").last).to_have_text("999")
    assert cell.inner_text() == before
    expect(page.get_by_role("button", name="Later rows")).to_be_disabled()


def test_short_values_have_a_gap_where_they_were_paused(page: Page, served: Served) -> None:
    writer = served.store.writer("imu")
    writer.write(np.array([1.0, 2.0]))
    page.goto(served.url(tag="imu"))
    entry = page.locator(".numbers .entry b").first
    expect(entry).to_have_text("1")
    pause(page, "all of it is kept")
    writer.write(np.array([5.0, 2.0]))
    writer.write(np.array([9.0, 2.0]))
    expect(entry).to_have_text("1")
    page.keyboard.press("Space")
    expect(entry).to_have_text("9")


def test_the_server_goes_while_a_value_is_paused(page: Page, served: Served) -> None:
    writer = served.store.writer("cam")
    writer.write(np.full((2000, 3000), 7, np.uint8))
    page.goto(served.url(tag="cam"))
    pause(page, "all of it is kept")
    served.stop()
    expect(page.locator("#status")).to_contain_text("Connection lost")
    served.start()
    writer.write(np.full((2000, 3000), 9, np.uint8))
    expect(page.locator("#status")).to_have_text("Connected again")
    mean = page.locator(".panel", has_text="Region").locator("dd").first
    expect(mean).to_have_text("7")
    page.get_by_role("button", name="Go on").click()
    expect(mean).to_have_text("9")
    # The browser itself tells of connections that failed.
    page.faults[:] = [fault for fault in page.faults if "WebSocket connection" not in fault and "Failed to load" not in fault]  # type: ignore[attr-defined]
