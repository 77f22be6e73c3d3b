"""The page follows what happens in the store."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
from conftest import Served, until
from playwright.sync_api import Browser, Page, expect

expect.set_options(timeout=60_000)

WRITER = """
import sys, time, numpy as np, ndsharray
writer = ndsharray.Store(sys.argv[1]).writer("cam")
while True:
    writer.write(np.full((32, 48), int(sys.argv[2]), np.uint8))
    time.sleep(0.02)
"""


def start_writer(served: Served, level: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WRITER, str(served.store.directory), str(level)])


def mean(page: Page) -> object:
    """The row of the statistics that says the mean."""
    return page.locator(".facts").first.locator("dd").first


def test_tags_come_and_go(page: Page, served: Served) -> None:
    page.goto(served.url())
    page.get_by_text("No tags.").wait_for()
    writer = served.store.writer("first", source="camera 7")
    writer.write(np.zeros((3, 4), np.float32), attrs={"unit": "mm"})
    row = page.locator("tr", has_text="first")
    expect(row).to_contain_text("3 × 4 · 48 B")
    for text in ("float32", "camera 7", "unit mm", f"pid {__import__('os').getpid()}"):
        expect(row).to_contain_text(text)
    expect(row).to_have_class("")
    writer.close()
    expect(row).to_contain_text("none")
    expect(row).to_have_class("stopped old")
    served.store.remove("first")
    expect(row).to_have_count(0)


def test_gaps(page: Page, served: Served) -> None:
    served.store.writer("cam").write(np.zeros(3))
    page.goto(served.url())
    cell = page.locator("tr", has_text="cam").locator(".version")
    expect(cell.locator(".main")).to_have_text("1")
    expect(cell.locator(".more")).to_be_hidden()
    for gaps in ("1 gap", "2 gaps"):
        served.store.remove("cam")
        served.store.writer("cam").write(np.zeros(3))
        expect(cell.locator(".more")).to_have_text(gaps)


def test_fifty_tags(page: Page, served: Served) -> None:
    writers = [served.store.writer(f"tag-{number:02}") for number in range(50)]
    for number, writer in enumerate(writers):
        writer.write(np.full((40, 60), number, np.uint8))
    page.goto(served.url())
    expect(page.locator("tbody tr")).to_have_count(50)
    expect(page.locator(".summary")).to_contain_text("50 tags, 50 with a writer")
    names = page.locator("tbody th a").all_inner_texts()
    assert names == sorted(names)
    page.get_by_role("searchbox").fill("tag-3")
    expect(page.locator("tbody tr")).to_have_count(10)
    assert "find=tag-3" in page.url
    for writer in writers:
        writer.write(np.zeros((40, 60), np.uint8))
    expect(page.locator("tr", has_text="tag-39").locator(".version")).to_contain_text("2")
    page.get_by_role("searchbox").fill("nothing")
    page.get_by_text("No tag fits.").wait_for()


def test_the_rate(page: Page, served: Served) -> None:
    process = start_writer(served, 1)
    try:
        page.goto(served.url())
        # 50 a second, less what a busy machine takes.
        until(page, "parseFloat(document.querySelector('td.rate .main')?.textContent) > 1")
    finally:
        process.kill()
        process.wait()


def test_another_layout(page: Page, served: Served) -> None:
    writer = served.store.writer("cam")
    writer.write(np.full((20, 30), 9, np.uint8))
    page.goto(served.url(tag="cam"))
    head = page.locator(".head")
    expect(head).to_contain_text("uint8 · 20 × 30")
    writer.write(np.full((50, 40), 0.5, np.float32))
    expect(head).to_contain_text("float32 · 50 × 40")
    expect(page.locator("canvas[aria-label='cam: 40 by 50 picture']")).to_have_count(1)
    writer.write(np.arange(300.0))
    expect(head).to_contain_text("float64 · 300")
    page.locator(".uplot").wait_for()
    writer.write(np.zeros(5, [("id", "u4"), ("name", "S8")]))
    expect(page.locator(".grid thead")).to_contain_text("name")
    writer.write(np.float64(2.5))
    expect(page.locator(".numbers")).to_contain_text("2.5")
    writer.write(np.zeros((4, 10, 12, 3), np.uint8))
    expect(page.get_by_role("slider", name="Axis 0")).to_have_count(1)
    writer.write(np.zeros((0, 3), np.uint8))
    expect(head).to_contain_text("uint8 · 0 × 3")


def test_a_writer_is_killed_and_another_starts(page: Page, served: Served) -> None:
    process = start_writer(served, 100)
    try:
        page.goto(served.url(tag="cam"))
        expect(mean(page)).to_have_text("100")
    finally:
        process.kill()
        process.wait()
    about = page.locator(".panel", has_text="About")
    expect(about).to_contain_text("writernone")
    expect(mean(page)).to_have_text("100")
    # One sees at a glance that this is old.
    expect(page.locator(".tagpage")).to_have_class("tagpage old")
    expect(page.locator(".state")).to_have_text("no writer")
    process = start_writer(served, 200)
    try:
        expect(mean(page)).to_have_text("200")
        expect(page.locator(".tagpage")).to_have_class("tagpage")
        expect(page.locator(".state")).to_be_hidden()
    finally:
        process.kill()
        process.wait()


def test_a_tag_is_removed_while_it_is_seen(page: Page, served: Served) -> None:
    writer = served.store.writer("cam")
    writer.write(np.full((10, 10), 7, np.uint8))
    page.goto(served.url(tag="cam"))
    expect(mean(page)).to_have_text("7")
    writer.close()
    served.store.remove("cam")
    expect(page.get_by_role("status").filter(has_text="cam")).to_have_count(0)
    page.locator(".notice").wait_for()
    served.store.writer("cam").write(np.full((10, 10), 8, np.uint8))
    expect(mean(page)).to_have_text("8")
    expect(page.locator(".notice")).to_be_hidden()


def test_a_tag_that_is_not_there_yet(page: Page, served: Served) -> None:
    page.goto(served.url(tag="late"))
    page.locator(".notice").wait_for()
    writer = served.store.writer("late")
    writer.write(np.full((10, 10), 3, np.uint8))
    expect(mean(page)).to_have_text("3")


def test_pause(page: Page, served: Served) -> None:
    process = start_writer(served, 100)
    try:
        page.goto(served.url(tag="cam"))
        expect(mean(page)).to_have_text("100")
        page.get_by_role("button", name="Pause").click()
        about = page.locator(".panel", has_text="About")
        expect(page.locator(".live")).to_contain_text("paused")
        time.sleep(0.5)
        before = about.locator("dd").nth(3).inner_text()
        time.sleep(1)
        assert about.locator("dd").nth(3).inner_text() == before
        page.get_by_role("button", name="Go on").click()
        expect(about.locator("dd").nth(3)).not_to_have_text(before)
    finally:
        process.kill()
        process.wait()


def test_the_server_starts_again(page: Page, served: Served) -> None:
    writer = served.store.writer("cam")
    writer.write(np.full((10, 10), 7, np.uint8))
    page.goto(served.url(tag="cam"))
    expect(mean(page)).to_have_text("7")
    served.stop()
    expect(page.locator("#status")).to_contain_text("Connection lost")
    served.start()
    writer.write(np.full((10, 10), 9, np.uint8))
    expect(mean(page)).to_have_text("9")
    expect(page.locator("#status")).to_have_text("Connected again")
    expect(page.locator("#status")).to_be_empty()
    # The browser itself tells of connections that failed.
    page.faults[:] = [fault for fault in page.faults if not tells_of_the_connection(fault)]  # type: ignore[attr-defined]


def test_the_list_is_old_without_the_server(page: Page, served: Served) -> None:
    process = start_writer(served, 1)
    try:
        page.goto(served.url())
        age = "(() => { const text = document.querySelector('td.age .main')?.textContent ?? ''; return text.endsWith(' ms') ? 0 : parseFloat(text); })()"
        row = page.locator("tbody tr")
        until(page, "parseFloat(document.querySelector('td.rate .main')?.textContent) > 1")
        expect(row).to_have_class("")
        served.stop()
        expect(page.locator("#status")).to_have_text("Connection lost: what is shown is old. Trying again.")
        expect(row).to_have_class("old")
        until(page, f"{age} > 4")
        served.start()
        expect(page.locator("#status")).to_have_text("Connected again")
        expect(row).to_have_class("")
        until(page, f"{age} < 2")
    finally:
        process.kill()
        process.wait()
    page.faults[:] = [fault for fault in page.faults if not tells_of_the_connection(fault)]  # type: ignore[attr-defined]


def tells_of_the_connection(fault: str) -> bool:
    """Whether the browser itself says that it does not reach the server, or is not let in."""
    return "WebSocket connection" in fault or "Failed to load resource" in fault


def test_a_writer_that_stops_writing(page: Page, served: Served) -> None:
    writer = served.store.writer("cam")
    end = time.monotonic() + 60

    def write_until(state: str) -> None:
        while not page.evaluate(state):
            writer.write(np.zeros((10, 10), np.uint8))
            time.sleep(0.02)
            assert time.monotonic() < end, state

    page.goto(served.url(tag="cam"))
    write_until("parseFloat(document.querySelector('.live span')?.textContent) > 2")
    expect(page.locator(".state")).to_have_text("late")
    write_until("document.querySelector('.state').hidden")
    page.goto(served.url())
    write_until("parseFloat(document.querySelector('td.rate .main')?.textContent) > 2")
    expect(page.locator("tbody tr")).to_have_class("old")
    expect(page.locator("td.age .more")).to_have_text("late")


def test_two_browsers(page: Page, browser: Browser, served: Served) -> None:
    writer = served.store.writer("cam")
    writer.write(np.full((10, 10), 7, np.uint8))
    with browser.new_context() as context:
        other = context.new_page()
        for one in (page, other):
            one.goto(served.url(tag="cam"))
            expect(mean(one)).to_have_text("7")
        writer.write(np.full((10, 10), 8, np.uint8))
        for one in (page, other):
            expect(mean(one)).to_have_text("8")


def test_short_values_against_time(page: Page, served: Served) -> None:
    writer = served.store.writer("imu")
    page.goto(served.url(tag="imu"))
    for number in range(20):
        writer.write(np.array([number, -number, 0.5]))
        time.sleep(0.05)
    expect(page.locator(".numbers .entry b")).to_have_text(["19", "-19", "0.5"])
    expect(page.locator(".uplot")).to_have_attribute("aria-label", "imu: 3 numbers in the last 30 seconds")


def test_records_as_a_table(page: Page, served: Served) -> None:
    dtype = [("id", "<u8"), ("big", ">i2"), ("at", "<M8[us]"), ("p", "<f4", (2,)), ("name", "<U5"), ("ok", "?"), ("in", [("x", "<f8")])]
    rows = np.zeros(250, dtype)
    rows["id"] = 2**63 + np.arange(250, dtype=np.uint64)
    rows["big"], rows["at"], rows["name"], rows["in"]["x"] = -7, np.datetime64("1966-03-01T12:00:00.250125"), "Größe", np.nan
    served.store.writer("rows").write(rows)
    page.goto(served.url(tag="rows"))
    first = page.locator(".grid tbody tr").first
    expect(first.locator("td")).to_have_text(["9223372036854775808", "-7", "1966-03-01 12:00:00.250125", "[0, 0]", "Größe", "false", "NaN"])
    expect(page.locator(".grid tbody tr")).to_have_count(100)
    page.get_by_role("button", name="Later rows").click()
    expect(first.locator("th")).to_have_text("100")
    page.get_by_role("button", name="Later rows").click()
    expect(page.locator(".grid tbody tr")).to_have_count(50)
    expect(page.get_by_role("button", name="Later rows")).to_be_disabled()


def test_records_in_records_have_a_column_for_each_part(page: Page, served: Served) -> None:
    inner = [("lat", "<f8"), ("lon", "<f8")]
    rows = np.zeros(3, [("head", [("id", "<u4"), ("place", inner)]), ("pair", inner, (2,)), ("note", "S60")])
    rows["head"]["place"]["lon"], rows["note"] = 7.5, b"long " * 12
    served.store.writer("rows").write(rows)
    page.goto(served.url(tag="rows"))
    expect(page.locator(".grid thead th")).to_have_text(["", "head.id", "head.place.lat", "head.place.lon", "pair", "note"])
    first = page.locator(".grid tbody tr").first.locator("td")
    expect(first).to_have_text(["0", "0", "7.5", "[{lat: 0, lon: 0}, {lat: 0, lon: 0}]", "long " * 12])
    # Long texts have several lines, and none is cut off.
    assert first.last.evaluate("(cell) => cell.scrollWidth <= cell.clientWidth && cell.clientHeight > 30")


def test_a_wide_table_has_all_of_its_columns(page: Page, served: Served) -> None:
    served.store.writer("wide").write(np.arange(300.0).reshape(3, 100))
    page.goto(served.url(tag="wide", show="table"))
    for _ in range(3):
        page.get_by_role("button", name="Later columns").click()
    expect(page.locator(".grid thead th").last).to_have_text("99")
    expect(page.locator(".grid td").last).to_have_text("299")
    expect(page.get_by_role("button", name="Later columns")).to_be_disabled()
    until(page, "location.hash.includes('column=96')")


def test_points(page: Page, served: Served) -> None:
    served.store.writer("cloud").write(np.random.default_rng(1).normal(size=(500, 3)).astype(np.float32))
    page.goto(served.url(tag="cloud"))
    canvas = page.locator("canvas[aria-label^='cloud: 500 points']")
    canvas.wait_for()
    inked = "document.querySelector('.points canvas').getContext('2d').getImageData(0, 0, 2000, 2000).data.filter((one, at) => at % 4 === 3 && one > 0).length"
    assert page.evaluate(inked) > 500
    canvas.focus()
    page.keyboard.press("ArrowLeft")
    until(page, "location.hash.includes('turn=-45,30')")


def test_an_array_that_is_damaged_leaves_the_others(page: Page, served: Served) -> None:
    served.store.writer("good").write(np.zeros((4, 40), np.uint8))
    found = next(path for path in served.store.directory.iterdir() if "good" in path.name)
    head = bytearray(max(served.store.directory.iterdir(), key=lambda path: -path.stat().st_size).read_bytes())
    head[8:] = bytes(len(head) - 8)
    (served.store.directory / found.name.replace("good", "bad")).write_bytes(head)
    page.goto(served.url())
    expect(page.locator("tr", has_text="good").locator(".type")).to_contain_text("uint8")
