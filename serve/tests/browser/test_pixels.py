"""The colours on the screen are those of the numbers."""

from __future__ import annotations

import io
from typing import Any

import matplotlib
import numpy as np
import pytest
from conftest import Served, opened, pixels, shown, until
from matplotlib.colors import LogNorm, Normalize
from PIL import Image
from playwright.sync_api import Browser, Page, expect

ZOOM = 3


def colours(page: Page, served: Served, array: np.ndarray, **state: Any) -> np.ndarray:
    """What the page makes of an array, which a tag has from now on."""
    height, width = array.shape[:2]
    served.store.writer("seen").write(array, attrs=state.pop("attrs", None))
    page.goto(served.url(tag="seen", zoom=ZOOM, x=width / 2, y=height / 2, whole=1, show="image", **state))
    page.locator(".picture canvas[aria-label]").wait_for()
    return np.array(pixels(page, ZOOM, width, height))


def expected(name: str, norm: Normalize, array: np.ndarray) -> np.ndarray:
    return np.round(255 * matplotlib.colormaps[name](norm(array)))


def assert_alike(found: np.ndarray, wanted: np.ndarray) -> None:
    assert np.abs(found - wanted).max() <= 1, np.argwhere(np.abs(found - wanted) > 1)[:5]


def middles(low: float, high: float) -> np.ndarray:
    """A number in the middle of what each of the 256 colours stands for."""
    return (low + (high - low) * (np.arange(256) + 0.5) / 256).reshape(8, 32)


MAPS = ["gray", "viridis", "turbo"]


@pytest.mark.parametrize("name", MAPS)
def test_bytes_over_their_full_range(page: Page, served: Served, name: str) -> None:
    array = np.arange(256, dtype=np.uint8).reshape(8, 32)
    assert_alike(colours(page, served, array, map=name), expected(name, Normalize(0, 255), array))


@pytest.mark.parametrize("name", MAPS)
def test_floats_over_a_fixed_range(page: Page, served: Served, name: str) -> None:
    array = middles(-2, 6)
    array[0, 0], array[7, 31] = -100, 100
    found = colours(page, served, array, map=name, range="fixed", low=-2, high=6)
    assert_alike(found, expected(name, Normalize(-2, 6, clip=True), array))


def test_floats_from_the_least_to_the_greatest(page: Page, served: Served) -> None:
    array = middles(10, 20).astype(np.float32)
    array[0, 0], array[7, 31] = 10, 20
    assert_alike(colours(page, served, array, range="minmax"), expected("viridis", Normalize(10, 20), array))


def test_percentiles_leave_outliers_out(page: Page, served: Served) -> None:
    array = np.linspace(0, 1, 1000).reshape(20, 50)
    array[0, 0], array[19, 49] = -1e6, 1e6
    low, high = np.percentile(array, [5, 95], method="nearest")
    found = colours(page, served, array, range="percent", percent=5)
    # Which of two colours a number at their border gets is for the last digit to say.
    near = [expected("viridis", Normalize(low, high, clip=True), array + shift) for shift in (-1e-3, 0, 1e-3)]
    assert (np.min([np.abs(found - one).max(axis=-1) for one in near], axis=0) <= 1).all()


def test_logarithms(page: Page, served: Served) -> None:
    array = np.exp(middles(np.log(1), np.log(1e6)))
    array[0, 0] = 0
    found = colours(page, served, array, range="fixed", low=1, high=1e6, log=1)
    assert_alike(found, expected("viridis", LogNorm(1, 1e6, clip=True), np.maximum(array, 1)))


@pytest.mark.parametrize("dtype", ["uint16", "int16", "int32", "uint64", "int64", "float16", ">u2", ">f4"])
def test_other_types(page: Page, served: Served, dtype: str) -> None:
    array = (100 + 8 * np.arange(256).reshape(8, 32)).astype(dtype)
    found = colours(page, served, array, map="turbo", range="fixed", low=96, high=96 + 8 * 256)
    assert_alike(found, expected("turbo", Normalize(96, 96 + 8 * 256), array.astype(float)))


def test_what_is_not_a_number_has_no_colour(page: Page, served: Served) -> None:
    array = np.linspace(0, 1, 64).reshape(8, 8)
    array[1, 2], array[3, 4], array[5, 6] = np.nan, np.inf, -np.inf
    found = colours(page, served, array, map="viridis", range="minmax")
    assert found[1, 2].tolist() == [0, 0, 0, 0]
    assert_alike(found[3, 4], np.array([253, 231, 37, 255]))
    assert_alike(found[5, 6], np.array([68, 1, 84, 255]))
    assert (np.delete(found[..., 3].ravel(), 10) == 255).all()
    assert "1 NaN, 2 infinite" in page.locator(".histogram").inner_text()


def test_nothing_but_nan(page: Page, served: Served) -> None:
    assert (colours(page, served, np.full((8, 8), np.nan)) == 0).all()


@pytest.mark.parametrize(
    ("encoding", "dtype", "order"),
    [("rgb8", "uint8", [0, 1, 2]), ("bgr8", "uint8", [2, 1, 0]), ("bgra8", "uint8", [2, 1, 0, 3]), ("rgb16", "uint16", [0, 1, 2])],
)
def test_colours(page: Page, served: Served, encoding: str, dtype: str, order: list[int]) -> None:
    picture = np.random.default_rng(7).integers(0, 256, (6, 9, len(order)), dtype=np.uint8)
    stored = picture[..., order].astype(dtype) * (257 if dtype == "uint16" else 1)
    found = colours(page, served, stored, attrs={"encoding": encoding})
    assert_alike(found[..., :3], picture[..., :3])
    assert (found[..., 3] == 255).all()


def png(page: Page, served: Served, **look: Any) -> np.ndarray:
    """The picture that the server makes of the value: rows of [red, green, blue, alpha]."""
    query = "&".join(f"{key}={value}" for key, value in look.items())
    answer = page.request.get(f"http://127.0.0.1:{served.port}/tag/seen/latest.png?{query}")
    assert answer.ok, answer.text()
    return np.asarray(Image.open(io.BytesIO(answer.body())).convert("RGBA"))


def odd(dtype: str) -> np.ndarray:
    """Numbers that fall on the borders of colours and between them, beyond the range, and none."""
    array = np.linspace(-0.25, 1.25, 32 * 60).reshape(32, 60).astype(dtype)
    array[3, :57] = np.arange(57) / 256
    array[4, :33] = np.arange(33) / 32
    array[5, 5:9] = np.nan, np.inf, -np.inf, 0.5
    return array


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_png_and_page_are_one(page: Page, served: Served, name: str, dtype: str) -> None:
    for low, high in [(0, 1), (-0.3, 0.7), (1, 0), (0.5, 0.5)]:
        found = colours(page, served, odd(dtype), map=name, range="fixed", low=low, high=high)
        wanted = png(page, served, map=name, min=low, max=high)
        assert (found == wanted).all(), (low, high, np.argwhere(found != wanted)[:5])
        assert wanted[5, 5, 3] == 0


WIDE = {
    "bool": np.arange(600).reshape(20, 30) % 3 == 0,
    "uint8": np.arange(600).reshape(20, 30).astype(np.uint8),
    "uint16": (37 * np.arange(600)).reshape(20, 30).astype(np.uint16),
    "int16": (37 * np.arange(600) - 9000).reshape(20, 30).astype(np.int16),
    "uint32": (7_000_000 * np.arange(600)).reshape(20, 30).astype(np.uint32),
    "int64": 2**60 + np.arange(600).reshape(20, 30),
    "float16": np.linspace(-9, 9, 600).reshape(20, 30).astype(np.float16),
    "huge": 1.7e308 * np.linspace(-1, 1, 600).reshape(20, 30),
    "constant": np.full((20, 30), 2.5),
    "nothing": np.full((20, 30), np.nan),
    "infinite": np.where(np.arange(600).reshape(20, 30) % 2, np.inf, -np.inf),
    "rgb8": np.arange(1800).reshape(20, 30, 3).astype(np.uint8),
    "rgba8": np.arange(2400).reshape(20, 30, 4).astype(np.uint8),
    "rgb16": (31 * np.arange(1800)).reshape(20, 30, 3).astype(np.uint16),
    "rgb-float": np.where(np.arange(1800).reshape(20, 30, 3) % 97 == 0, np.nan, np.linspace(0, 1, 1800).reshape(20, 30, 3)),
}


@pytest.mark.parametrize("kind", WIDE)
def test_png_and_page_are_one_without_settings(page: Page, served: Served, kind: str) -> None:
    found, wanted = colours(page, served, WIDE[kind]), png(page, served)
    assert (found == wanted).all(), np.argwhere(found != wanted)[:5]


def test_what_is_not_positive_has_the_first_colour_of_a_logarithm(page: Page, served: Served) -> None:
    array = np.geomspace(1e-3, 1e3, 256).reshape(8, 32)
    array[2, :4] = 0, -1, -1e9, np.nan
    found = colours(page, served, array, map="gray", range="minmax", log=1)
    assert found[0, 0].tolist() == [0, 0, 0, 255] and found[7, 31].tolist() == [255] * 4
    assert found[2, :4].tolist() == [[0, 0, 0, 255]] * 3 + [[0] * 4]
    assert abs(int(found[4, 0, 0]) - 128) <= 1
    expect(page.locator(".histogram")).to_contain_text("Logarithmic: what is 0 or less has the first colour")
    expect(page.get_by_label("Low")).to_have_value("0.001")


def test_percentiles_that_make_no_sense(page: Page, served: Served) -> None:
    array = np.linspace(0, 1, 1000).reshape(20, 50)
    for percent, low in [(-5, 0), (80, 0.49)]:
        colours(page, served, array, range="percent", percent=percent)
        until(page, f"Math.abs(Number(document.querySelector('.ends span').textContent) - {low}) < 0.01")


def test_complex_numbers(page: Page, served: Served) -> None:
    array = (np.linspace(0, 5, 256) * np.exp(1j * np.linspace(-3.1, 3.1, 256))).reshape(8, 32)
    for part, of in [("magnitude", np.abs), ("phase", np.angle), ("real", np.real), ("imaginary", np.imag)]:
        found = colours(page, served, array, part=part, range="fixed", low=-5, high=5)
        near = [expected("viridis", Normalize(-5, 5), of(array) + shift) for shift in (-1e-6, 1e-6)]
        assert (np.min([np.abs(found - one).max(axis=-1) for one in near], axis=0) <= 1).all(), part


def test_a_stack_has_a_slider(page: Page, served: Served) -> None:
    stack = np.arange(5, dtype=np.uint8)[:, None, None] * 50 + np.zeros((5, 6, 7), np.uint8)
    served.store.writer("stack").write(stack)
    page.goto(served.url(tag="stack", zoom=ZOOM, x=3.5, y=3, whole=1, index=3))
    shown(page)
    page.locator(".picture canvas[aria-label]").wait_for()
    assert (np.array(pixels(page, ZOOM, 7, 6))[..., 0] == 150).all()
    page.get_by_role("slider", name="Axis 0").fill("4")
    page.get_by_text("4 of 0–4").wait_for()
    until(page, "[...document.querySelectorAll('.facts dd')].some((one) => one.textContent === '200')")
    assert (np.array(pixels(page, ZOOM, 7, 6))[..., 0] == 200).all()


def test_a_large_picture_is_reduced_until_it_is_looked_at_closely(page: Page, served: Served) -> None:
    array = np.zeros((3000, 4000), np.uint8)
    array[1500, 2000] = 255
    served.store.writer("large").write(array)
    page.goto(served.url(tag="large"))
    page.get_by_text("each pixel is the mean of").wait_for()
    canvas = page.locator(".picture canvas")
    canvas.focus()
    for _ in range(14):
        page.keyboard.press("+")
    page.get_by_text("each pixel is the mean of").wait_for(state="hidden")
    page.keyboard.press("ArrowRight")
    page.locator(".readout", has_text="[1500, 2001]").wait_for()
    page.keyboard.press("ArrowLeft")
    assert page.locator(".readout").inner_text() == "[1500, 2000]  255"


def test_screens_with_two_pixels_for_one(browser: Browser, served: Served) -> None:
    array = np.arange(256, dtype=np.uint8).reshape(8, 32)
    served.store.writer("seen").write(array)
    with opened(browser, served, device_scale_factor=2) as page:
        page.goto(served.url(tag="seen", zoom=ZOOM, x=16, y=4, map="turbo"))
        page.locator(".picture canvas[aria-label]").wait_for()
        assert_alike(np.array(pixels(page, 2 * ZOOM, 32, 8)), expected("turbo", Normalize(0, 255), array))


def test_small_pictures_in_the_list(page: Page, served: Served) -> None:
    served.store.writer("colours").write(np.full((60, 96, 3), [20, 120, 220], np.uint8), attrs={"encoding": "bgr8"})
    served.store.writer("gray").write(np.full((60, 96), 90, np.uint8))
    page.goto(served.url())
    middle = "[...document.querySelectorAll('.thumb')].map((one) => [...one.getContext('2d').getImageData(48, 30, 1, 1).data])"
    until(page, f"{middle}.length === 2 && {middle}.every((one) => one[3] === 255)")
    # They come as JPEG, which is near enough.
    assert np.abs(np.array(page.evaluate(middle)) - [[220, 120, 20, 255], [90, 90, 90, 255]]).max() <= 8
