"""Statistics and what stands under the pointer are those of the elements, also where the picture of them is reduced."""

from __future__ import annotations

import time

import numpy as np
from conftest import Served, element, until
from playwright.sync_api import Page, expect

expect.set_options(timeout=60_000)


def figures(page: Page) -> dict[str, str]:
    """The statistics that the page shows."""
    panel = page.locator(".panel", has_text="Region").locator(".facts")
    return dict(zip(panel.locator("dt").all_inner_texts(), panel.locator("dd").all_inner_texts(), strict=True))


def shows(page: Page, wanted: dict[str, str]) -> None:
    """Waits until the page shows these statistics."""
    until(page, "[...document.querySelectorAll('.panel .facts')].some((list) => "
          + " && ".join(f"(list.innerText + '\\n').includes('{name}\\n{value}\\n')" for name, value in wanted.items()) + ")")


def test_a_region_of_a_reduced_picture(page: Page, served: Served) -> None:
    # Means of squares hide these: half of the elements are 0, the others 200, and one is 255.
    array = np.zeros((3000, 4000), np.uint8)
    array[:, ::2] = 200
    array[1234, 2345] = 255
    served.store.writer("large").write(array)
    page.goto(served.url(tag="large", region="2000,1000,1001,500"))
    page.get_by_text("each pixel is the mean of").wait_for()
    part = array[1000:1500, 2000:3001].astype(float)
    shows(page, {"greatest": "255", "least": "0", "numbers": f"{part.size:,}", "mean": f"{part.mean():.6g}", "deviation": f"{part.std():.6g}"})
    expect(page.locator(".panel", has_text="Statistics of the region").locator("h2 + .small")).to_have_text("[1000:1500, 2000:3001]")
    page.get_by_role("button", name="No region").click()
    shows(page, {"greatest": "255", "numbers": "12,000,000", "mean": f"{array.mean():.6g}"})
    expect(page.get_by_role("heading", name="Statistics of what is seen")).to_be_visible()
    for name, value in [("x", 0), ("y", 0), ("width", 10), ("height", 9)]:
        page.get_by_label(name, exact=True).fill(str(value))
    page.get_by_label("height", exact=True).press("Enter")
    shows(page, {"greatest": "200", "least": "0", "numbers": "90", "mean": "100"})


def test_a_region_follows_the_values(page: Page, served: Served) -> None:
    writer = served.store.writer("large")
    writer.write(np.zeros((2000, 3000), np.uint8))
    page.goto(served.url(tag="large", region="10,20,300,400"))
    shows(page, {"greatest": "0", "numbers": "120,000"})
    array = np.zeros((2000, 3000), np.uint8)
    # One after the other, and many at once of which the last stays.
    for pause, levels in [(1, (50, 60, 70)), (0.02, range(100, 140))]:
        for level in levels:
            array[20, 10] = level
            writer.write(array)
            time.sleep(pause)
        shows(page, {"greatest": str(levels[-1]), "numbers": "120,000"})


def test_whole_numbers_of_64_bits_have_all_their_digits(page: Page, served: Served) -> None:
    small = 2**53 + np.arange(1200, dtype=np.int64).reshape(30, 40)
    large = np.full((2000, 3000), -(2**63), np.int64)
    large[0, 1] = 2**63 - 1
    served.store.writer("small").write(small)
    served.store.writer("large").write(large)
    page.goto(served.url(tag="small"))
    shows(page, {"least": str(small.min()), "greatest": str(small.max())})
    page.goto(served.url(tag="large"))
    shows(page, {"least": str(-(2**63)), "greatest": str(2**63 - 1)})
    page.goto(served.url(tag="small", show="table"))
    expect(page.locator(".grid td").nth(1)).to_have_text(str(2**53 + 1))


def test_what_is_not_a_number_is_counted(page: Page, served: Served) -> None:
    array = np.ones((2000, 3000), np.float32)
    array[0, :7], array[1, :3] = np.nan, np.inf
    served.store.writer("odd").write(array)
    page.goto(served.url(tag="odd"))
    shows(page, {"NaN": "7", "infinite": "3", "numbers": f"{array.size - 10:,}", "mean": "1", "least": "1"})


def test_the_pointer_tells_the_index_in_the_array(page: Page, served: Served) -> None:
    stack = np.arange(2 * 3 * 20 * 30, dtype=np.float32).reshape(2, 3, 20, 30)
    served.store.writer("stack").write(stack)
    page.goto(served.url(tag="stack", index="1,2"))
    page.locator(".picture canvas[aria-label]").wait_for()
    page.mouse.move(*element(page, 30, 20, 17, 5))
    expect(page.locator(".readout")).to_have_text(f"[1, 2, 5, 17]  {stack[1, 2, 5, 17]:.0f}")
    colours = np.arange(20 * 30 * 3, dtype=np.uint16).reshape(20, 30, 3)
    served.store.writer("colours").write(colours, attrs={"encoding": "bgr16"})
    page.goto(served.url(tag="colours"))
    page.locator("canvas[aria-label='colours: 30 by 20 picture']").wait_for()
    page.mouse.move(*element(page, 30, 20, 4, 3))
    blue, green, red = colours[3, 4]
    expect(page.locator(".readout")).to_have_text(f"[3, 4]  R {red}  G {green}  B {blue}")
    large = np.zeros((3000, 4000), np.uint8)
    large[:, ::2] = 100
    served.store.writer("large").write(large)
    page.goto(served.url(tag="large"))
    page.get_by_text("each pixel is the mean of").wait_for()
    page.mouse.move(*element(page, 4000, 3000, 2000, 1500))
    # Zooming by key brings another element under the pointer.
    x = "Number(/, (\\d+)/.exec(document.querySelector('.readout').textContent)[1])"
    before = page.evaluate(x)
    page.mouse.move(*element(page, 4000, 3000, 500, 1500))
    until(page, f"{x} < {before}")
    before = page.evaluate(x)
    page.keyboard.press("+")
    until(page, f"{x} > {before}")
    page.keyboard.press("0")
    # A square is told by its slice, and its number is said to be a mean.
    until(page, r"/^\[\d+:\d+, \d+:\d+\] {2}mean \d+$/.test(document.querySelector('.readout').textContent)")


def test_the_histogram_says_what_it_is_of(page: Page, served: Served) -> None:
    served.store.writer("large").write(np.zeros((3000, 4000), np.uint8))
    page.goto(served.url(tag="large"))
    expect(page.locator(".histogram figcaption")).to_contain_text("Histogram of all of it, of means of")
    page.keyboard.press("1")
    expect(page.locator(".histogram figcaption")).to_have_text("Histogram of what is seen")
