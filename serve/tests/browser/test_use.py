"""Links, keys, small screens, hostile names, and those who do not see."""

from __future__ import annotations

import pathlib
import subprocess
import tarfile
import time

import numpy as np
import pytest
from conftest import NARROW, ROOT, Served, opened, shown, until
from playwright.sync_api import Browser, Page, expect

expect.set_options(timeout=60_000)

TAGS = ["camera", "colours", "signal", "imu", "rows", "cloud", "path", "stack", "field", "matrix"]


@pytest.fixture
def full(served: Served) -> Served:
    """A server with a tag of each kind."""
    noise = np.random.default_rng(3)
    values = {
        "camera": noise.integers(0, 255, (120, 160), dtype=np.uint8),
        "colours": noise.integers(0, 255, (60, 80, 3), dtype=np.uint8),
        "signal": noise.normal(size=5000),
        "imu": np.array([1.5, -2, 9.81]),
        "rows": np.zeros(30, [("id", "u8"), ("a_rather_long_name_of_a_field", "S40"), ("p", "f4", (3,))]),
        "cloud": noise.normal(size=(300, 3)),
        "path": noise.normal(size=(300, 2)),
        "stack": noise.normal(size=(7, 20, 30)).astype(np.float32),
        "field": (noise.normal(size=(20, 30)) * 1j).astype(np.complex64),
        "matrix": np.eye(4),
    }
    for tag, value in values.items():
        served.store.writer(tag, source="robot-7").write(value, attrs={"unit": "mm", "frame": "base"})
    return served


def test_links_keep_the_view(page: Page, full: Served) -> None:
    page.goto(full.url(tag="camera", map="turbo", range="fixed", low=10, high=90, log=1, zoom=4, x=20, y=30, region="5,6,7,8"))
    shown(page)
    expect(page.get_by_label("Map")).to_have_value("turbo")
    expect(page.get_by_label("Range")).to_have_value("fixed")
    expect(page.get_by_label("Low")).to_have_value("10")
    expect(page.get_by_label("High")).to_have_value("90")
    expect(page.get_by_label("Logarithmic")).to_be_checked()
    expect(page.get_by_label("height", exact=True)).to_have_value("8")
    page.get_by_text("Statistics of the region").wait_for()
    page.get_by_label("Map").select_option("gray")
    page.get_by_label("Range").select_option("percent")
    until(page, "location.hash.includes('map=gray') && location.hash.includes('range=percent')")
    address = page.url
    page.reload()
    shown(page)
    expect(page.get_by_label("Map")).to_have_value("gray")
    expect(page.get_by_label("Range")).to_have_value("percent")
    assert page.url == address
    for part in ("tag=camera", "zoom=4", "x=20", "y=30", "region=5,6,7,8"):
        assert part in address


@pytest.mark.parametrize(
    "state",
    [
        {"tag": "camera", "map": "viridis", "range": "percent", "percent": "2.5", "log": "1", "whole": "1"},
        {"tag": "camera", "map": "turbo", "range": "fixed", "low": "90", "high": "10", "zoom": "2.5", "x": "30", "y": "40", "region": "1,2,3,4"},
        {"tag": "stack", "index": "3", "show": "plot", "span": "5,20", "log": "1"},
        {"tag": "field", "part": "phase", "zoom": "3", "x": "10", "y": "10"},
        {"tag": "colours", "index": "4", "colour": "no"},
        {"tag": "imu", "seconds": "60", "log": "1"},
        {"tag": "rows", "row": "7"},
        {"tag": "camera", "show": "table", "row": "20", "column": "64"},
        {"tag": "cloud", "map": "turbo", "turn": "-20,45", "dot": "5", "zoom": "2", "x": "30", "y": "-10"},
        {"tag": "path", "zoom": "2", "x": "-30", "y": "10"},
    ],
)
def test_links_keep_all_of_a_view(page: Page, full: Served, state: dict[str, str]) -> None:
    page.goto(full.url(**state))
    shown(page)
    # Something else is chosen and chosen back: all is written anew.
    page.keyboard.press("l")
    page.keyboard.press("l")
    if state["tag"] in ("cloud", "path"):
        page.keyboard.press("+")
        page.keyboard.press("-")
    saved = "Object.fromEntries(new URLSearchParams(location.hash.slice(1)))"
    until(page, f"document.querySelector('.stage').offsetHeight > 0 && {saved}.tag !== undefined")
    time.sleep(0.6)
    assert page.evaluate(saved) == state


def test_a_link_shows_its_view_of_a_value_that_stays(page: Page, full: Served) -> None:
    page.goto(full.url(tag="signal", span="100,50"))
    expect(page.locator(".uplot")).to_have_attribute("aria-label", "signal: 50 of 5000 numbers along the axis")
    expect(page.get_by_label("From")).to_have_value("100")
    expect(page.get_by_label("To")).to_have_value("149")
    page.goto(full.url(tag="cloud", turn="-20,45", zoom=3))
    shown(page)
    until(page, "location.hash.includes('zoom=3')")


def test_the_list_stays_as_it_was(page: Page, full: Served) -> None:
    page.goto(full.url(find="ca", sort="memory"))
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="camera", exact=True).click()
    shown(page)
    page.get_by_role("link", name="All tags").click()
    expect(page.get_by_role("searchbox")).to_have_value("ca")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    shown(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("searchbox")).to_have_value("ca")


def test_a_link_that_makes_no_sense_shows_the_tag(page: Page, full: Served) -> None:
    page.goto(full.url(tag="camera", map="none", range="x", zoom="big", index="-1,a", region="1", show="film", low="1e999"))
    shown(page)
    expect(page.get_by_label("Map")).to_have_value("gray")
    page.goto(full.url(tag="camera", index="9,9,9,9,9", show="table"))
    page.locator(".grid td").first.wait_for()


def test_everything_by_keyboard(page: Page, full: Served) -> None:
    page.goto(full.url())
    expect(page.locator("tbody tr")).to_have_count(len(TAGS))
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("/")
    page.keyboard.type("ca")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("tbody tr")).to_have_count(len(TAGS))
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="camera", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    shown(page)
    expect(page.get_by_label("Map")).to_have_value("gray")
    page.keyboard.press("m")
    expect(page.get_by_label("Map")).to_have_value("viridis")
    page.keyboard.press("r")
    expect(page.get_by_label("Range")).to_have_value("minmax")
    page.keyboard.press("l")
    expect(page.get_by_label("Logarithmic")).to_be_checked()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Go on")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Space")
    page.keyboard.press("s")
    expect(page.get_by_role("button", name="Select region")).to_have_attribute("aria-pressed", "true")
    canvas = page.locator(".picture canvas")
    for _ in range(40):
        if canvas.evaluate("(node) => node === document.activeElement"):
            break
        page.keyboard.press("Tab")
    expect(canvas).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    until(page, "/\\[\\d+, \\d+\\] {2}\\d+/.test(document.querySelector('.show [aria-live]').textContent)")
    page.keyboard.press("+")
    until(page, "location.hash.includes('zoom=')")
    page.keyboard.press("0")
    until(page, "!location.hash.includes('zoom=')")
    page.keyboard.press("]")
    expect(page.get_by_role("heading", level=1)).to_have_text("cloud")
    page.keyboard.press("Escape")
    expect(page.locator("tbody tr")).to_have_count(len(TAGS))


def test_sliders_by_keyboard(page: Page, full: Served) -> None:
    page.goto(full.url(tag="stack"))
    shown(page)
    # Of a picture that is zoomed, arrows move the part that is seen; a slider has its own.
    page.keyboard.press("+")
    until(page, "location.hash.includes('zoom=')")
    slider = page.get_by_role("slider", name="Axis 0")
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(slider).to_have_value("3")
    page.keyboard.press("End")
    until(page, "location.hash.includes('index=6')")


def test_escape_leaves_a_field_first(page: Page, full: Served) -> None:
    page.goto(full.url(tag="camera"))
    shown(page)
    page.get_by_label("Low").focus()
    page.keyboard.press("Escape")
    expect(page.get_by_label("Low")).not_to_be_focused()
    expect(page.get_by_role("heading", level=1)).to_have_text("camera")
    page.keyboard.press("Escape")
    expect(page.locator("tbody tr")).to_have_count(len(TAGS))


def test_plots_by_keyboard(page: Page, full: Served) -> None:
    page.goto(full.url(tag="signal"))
    shown(page)
    for key, wide in [("+", 2500), ("+", 1250), ("-", 2500)]:
        page.keyboard.press(key)
        expect(page.locator(".uplot")).to_have_attribute("aria-label", f"signal: {wide} of 5000 numbers along the axis")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_label("From")).to_have_value("2500")
    page.keyboard.press("0")
    expect(page.locator(".uplot")).to_have_attribute("aria-label", "signal: 5000 of 5000 numbers along the axis")


def test_zoom_and_pan_by_touch(browser: Browser, full: Served) -> None:
    with opened(browser, full, viewport=NARROW, has_touch=True) as page:
        for tag in ("camera", "cloud", "path"):
            page.goto(full.url(tag=tag))
            shown(page)
            box = page.locator(".picture canvas").bounding_box()
            assert box is not None
            x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
            fingers = page.context.new_cdp_session(page)

            def touch(kind: str, *points: tuple[float, float]) -> None:
                fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": a, "y": b, "id": at} for at, (a, b) in enumerate(points)]})  # noqa: B023

            touch("touchStart", (x - 20, y), (x + 20, y))
            for step in range(1, 9):
                touch("touchMove", (x - 20 - 5 * step, y), (x + 20 + 5 * step, y))
            touch("touchEnd")
            until(page, "Number(/zoom=([\\d.]+)/.exec(location.hash)?.[1]) > 1.5")
            if tag == "cloud":
                continue
            before = page.url
            touch("touchStart", (x, y))
            for step in range(1, 9):
                touch("touchMove", (x + 5 * step, y + 3 * step))
            touch("touchEnd")
            until(page, f"location.href !== {before!r}")
        # A picture that is seen whole lets the page scroll.
        page.goto(full.url(tag="camera"))
        shown(page)
        assert page.locator(".picture canvas").evaluate("(node) => getComputedStyle(node).touchAction") == "pan-y"


def test_a_region_is_dragged(page: Page, full: Served) -> None:
    page.goto(full.url(tag="camera", zoom=4, x=80, y=60))
    shown(page)
    page.get_by_role("button", name="Select region").click()
    box = page.locator(".picture canvas").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x + 2, y + 2)
    page.mouse.down()
    page.mouse.move(x + 38, y + 18, steps=3)
    page.mouse.up()
    until(page, "/region=80,60,10,5/.test(location.hash)")
    value = full.store.reader("camera").latest().array[60:65, 80:90]
    facts = page.locator(".facts").first
    expect(facts.locator("dd").nth(4)).to_have_text("50")
    assert abs(float(facts.locator("dd").first.inner_text()) - value.mean()) < 1e-3
    assert abs(float(facts.locator("dd").nth(1).inner_text()) - value.std()) < 1e-3


def test_zoom_and_pan_by_mouse(page: Page, full: Served) -> None:
    page.goto(full.url(tag="camera"))
    shown(page)
    box = page.locator(".picture canvas").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2 + 2, box["y"] + box["height"] / 2 + 2
    page.mouse.move(x, y)
    page.locator(".readout", has_text="[60, 80]").wait_for()
    page.mouse.wheel(0, -500)
    until(page, "location.hash.includes('zoom=')")
    page.mouse.down()
    page.mouse.move(x - 60, y - 30, steps=4)
    page.mouse.up()
    until(page, "Number(/x=([\\d.]+)/.exec(location.hash.replace(/.*zoom/, ''))[1]) > 82")
    page.mouse.dblclick(x, y)
    until(page, "!location.hash.includes('zoom=')")


def test_other_ways_to_show(page: Page, full: Served) -> None:
    page.goto(full.url(tag="camera"))
    shown(page)
    show = page.get_by_label("Show as")
    show.select_option("table")
    expect(page.locator(".grid tbody tr")).to_have_count(100)
    expect(page.locator(".grid td").first).to_have_text(str(full.store.reader("camera").latest().array[0, 0]))
    show.select_option("plot")
    page.locator(".uplot").wait_for()
    page.get_by_role("slider", name="Axis 0").fill("100")
    until(page, "location.hash.includes('index=100')")
    show.select_option("image")
    page.locator(".picture canvas").wait_for()
    page.goto(full.url(tag="colours"))
    shown(page)
    page.get_by_label("Last axis").select_option("no")
    expect(page.get_by_role("slider", name="Axis 0")).to_have_count(1)


def test_logarithmic_plots(page: Page, full: Served) -> None:
    full.store.writer("negative").write(-np.arange(100.0))
    for tag in ("signal", "imu", "negative"):
        page.goto(full.url(tag=tag, log=1))
        page.locator(".uplot").wait_for()
        expect(page.get_by_label("Logarithmic")).to_be_checked()
        page.keyboard.press("l")
        expect(page.get_by_label("Logarithmic")).not_to_be_checked()


@pytest.mark.parametrize("width", [390, 320])
def test_a_narrow_screen(browser: Browser, full: Served, width: int) -> None:
    with opened(browser, full, viewport={**NARROW, "width": width}, has_touch=True) as page:
        for tag in ["", *TAGS]:
            page.goto(full.url(tag=tag) if tag else full.url())
            if tag:
                shown(page)
            else:
                expect(page.locator("tbody tr")).to_have_count(len(TAGS))
            found = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
            assert found[0] <= found[1], tag
            assert cut(page) == [], tag


@pytest.mark.parametrize("width", [800, 1060, 1400])
def test_nothing_is_cut_off(browser: Browser, full: Served, width: int) -> None:
    with opened(browser, full, viewport={"width": width, "height": 800}) as page:
        for tag in ["", *TAGS]:
            page.goto(full.url(tag=tag) if tag else full.url())
            if tag:
                shown(page)
            else:
                expect(page.locator("tbody tr")).to_have_count(len(TAGS))
                # A name of a few letters has one line.
                assert page.get_by_role("link", name="colours", exact=True).evaluate("(link) => link.getClientRects().length") == 1
            assert cut(page) == [], tag


def cut(page: Page) -> list[str]:
    """Texts that do not fit where they stand, and buttons beyond the edge."""
    return page.evaluate(
        """() => [...document.querySelectorAll("button, a, h1, h2, dt, dd, .field > span, .main, .muted, output, .ends span, select")]
            .filter((node) => node.offsetParent && !node.closest(".grid, .skip, .unseen"))
            .filter((node) => node.scrollWidth > node.clientWidth + 1 && getComputedStyle(node).display !== "inline"
                || node.getBoundingClientRect().right > innerWidth + 1)
            .map((node) => `${node.tagName} ${node.className} ${node.textContent}`)"""
    )


HOSTILE = "<img src=x onerror=alert(1)>"


def test_hostile_names_are_text(page: Page, served: Served) -> None:
    record = np.zeros(3, [(HOSTILE, "u1"), ("__proto__", "S30")])
    record["__proto__"] = HOSTILE.encode()
    served.store.writer(HOSTILE, source="<script>alert(2)</script>").write(
        record, attrs={HOSTILE: "<svg onload=alert(3)>", "__proto__": "x", "encoding": HOSTILE, "turned": "a\u202eb\u0000"}
    )
    page.goto(served.url())
    row = page.locator("tbody tr")
    expect(row.locator("a")).to_have_text(HOSTILE)
    expect(row).to_contain_text("<svg onload=alert(3)>")
    expect(row).to_contain_text("<script>alert(2)</script>")
    page.get_by_role("link", name=HOSTILE).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    expect(page.locator(".grid thead")).to_contain_text(HOSTILE)
    expect(page.locator(".grid td").nth(1)).to_have_text(HOSTILE)
    expect(page.locator(".panel", has_text="Attributes")).to_contain_text("a\\u{202e}b\\u{0}")
    with page.expect_download() as download:
        page.get_by_role("link", name="latest.npy").click()
    assert np.load(download.value.path())[HOSTILE].tolist() == [0, 0, 0]
    page.goto(served.url(tag='"><script>alert(4)</script>', find=HOSTILE))
    page.locator(".notice").wait_for()
    assert page.locator("main :is(script, svg, iframe), img[src=x]").count() == 0


def test_the_theme(browser: Browser, full: Served) -> None:
    back = "getComputedStyle(document.documentElement).backgroundColor"
    with opened(browser, full, color_scheme="dark") as page:
        page.goto(full.url())
        assert page.evaluate(back) == "rgb(20, 23, 26)"
        button = page.get_by_role("button", name="Theme")
        button.click()
        expect(button).to_have_text("Theme: light")
        assert page.evaluate(back) == "rgb(246, 247, 248)"
        page.reload()
        expect(button).to_have_text("Theme: light")
        assert page.evaluate(back) == "rgb(246, 247, 248)"


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe-core, which finds what people with a screen reader or few colours stumble over."""
    folder = ROOT / "target/axe-core"
    script = folder / "package/axe.min.js"
    if not script.exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "pack", "--silent", "axe-core@4.14.1"], cwd=folder, check=True, timeout=300)
        with tarfile.open(next(folder.glob("axe-core-*.tgz"))) as packed:
            packed.extractall(folder, filter="data")
    return pathlib.Path(script).read_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Browser, full: Served, axe: str, scheme: str) -> None:
    with opened(browser, full, color_scheme=scheme) as page:
        for tag in ["", *TAGS]:
            page.goto(full.url(tag=tag) if tag else full.url())
            if tag:
                shown(page)
            else:
                expect(page.locator("tbody tr")).to_have_count(len(TAGS))
            page.evaluate(axe)
            found = page.evaluate("axe.run(document)")["violations"]
            serious = [(one["id"], [node["html"] for node in one["nodes"]]) for one in found if one["impact"] in ("serious", "critical")]
            assert serious == [], tag
        page.keyboard.press("Space")
        page.locator(".state", has_text="paused").wait_for()
        page.evaluate(axe)
        found = page.evaluate("axe.run(document)")["violations"]
        serious = [(one["id"], [node["html"] for node in one["nodes"]]) for one in found if one["impact"] in ("serious", "critical")]
        assert serious == []
        page.keyboard.press("?")
        page.evaluate(axe)
        found = page.evaluate("axe.run(document)")["violations"]
        serious = [(one["id"], [node["html"] for node in one["nodes"]]) for one in found if one["impact"] in ("serious", "critical")]
        assert serious == []
