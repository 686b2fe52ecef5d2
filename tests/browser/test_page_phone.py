"""The studio's page on a phone: from the photo to the saved file with a finger, and two fingers on the picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import skimage
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from .conftest import opened

WIDTH, HEIGHT = 390, 844
TARGET = 24  # CSS pixels, of what a finger touches; WCAG 2.2, 2.5.8
SMALL = """size => [...document.querySelectorAll('button, [role=slider], input[type=range], label.button')]
  .filter(it => it.checkVisibility() && !it.closest('.hidden'))
  .map(it => [it.getAttribute('aria-label') || it.textContent, it.getBoundingClientRect()])
  .filter(([, box]) => box.width > 0 && Math.min(box.width, box.height) < size - 0.5)
  .map(([name, box]) => `${name}: ${box.width} x ${box.height}`)"""

Spot = tuple[float, float]  # in the window


@pytest.fixture
def page(browser: Browser, studio: str) -> Iterator[Page]:
    yield from opened(
        browser, studio, viewport={"width": WIDTH, "height": HEIGHT}, has_touch=True, is_mobile=True,
        accept_downloads=True,
    )  # fmt: skip


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "cat.png"
    Image.fromarray(skimage.data.chelsea()[::2, ::2]).save(path)
    return path


class Fingers:
    """Real touches, through the browser's own input."""

    def __init__(self, page: Page) -> None:
        self.devtools = page.context.new_cdp_session(page)

    def send(self, kind: str, *spots: Spot) -> None:
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(spots)]
        self.devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def move(self, *ways: tuple[Spot, Spot], steps: int = 4) -> None:
        """Move fingers from one spot to another each."""
        for count in range(1, len(ways) + 1):
            self.send("touchStart", *(start for start, _ in ways[:count]))
        for step in range(1, steps + 1):
            share = step / steps
            self.send("touchMove", *((a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])) for a, b in ways))
        self.send("touchEnd")


def frame(page: Page) -> tuple[float, float, float, float]:
    """Left, top, width and height of the picture."""
    box = page.locator(".frame").bounding_box()
    assert box is not None
    return box["x"], box["y"], box["width"], box["height"]


def in_sight(page: Page) -> None:
    """The picture is where it can be seen, the page doesn't scroll, and nothing to be touched is tiny."""
    left, top, width, height = frame(page)
    assert left >= 0
    assert left + width <= WIDTH
    assert top >= 0
    assert width > 0.5 * WIDTH
    assert page.evaluate("([x, y]) => Boolean(document.elementFromPoint(x, y).closest('.stage'))", [
        left + width / 2, top + height / 2,
    ])  # fmt: skip
    assert page.evaluate("() => document.documentElement.scrollWidth") == WIDTH
    assert page.evaluate("() => document.documentElement.scrollHeight") <= HEIGHT
    assert page.evaluate(SMALL, TARGET) == []


def done(page: Page) -> None:
    page.locator(".ring.done").wait_for(state="attached")


def opened_photo(page: Page, photo: Path) -> Locator:
    page.locator("#open-photo").set_input_files(photo)
    painted = page.locator('.painted[src^="blob:"]')
    painted.wait_for()
    return painted


def test_from_the_photo_to_the_file(page: Page, photo: Path, tmp_path: Path) -> None:
    painted, fingers = opened_photo(page, photo), Fingers(page)
    in_sight(page)
    page.get_by_role("button", name="The Starry Night").and_(page.locator(".thumbnail")).tap()
    page.get_by_role("button", name="Controls", exact=True).tap()
    page.get_by_role("radio", name="Quick").tap()
    done(page)
    in_sight(page)
    before = painted.get_attribute("src")
    slider = page.get_by_role("slider", name="Strength")
    box = slider.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    fingers.move(((box["x"] + box["width"] - 8, middle), (box["x"] + box["width"] / 2, middle)))
    assert 0.3 < float(slider.input_value()) < 0.7
    expect(painted).not_to_have_attribute("src", str(before))
    done(page)
    in_sight(page)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save", exact=True).tap()
    path = tmp_path / "saved.png"
    waiting.value.save_as(path)
    with Image.open(path) as saved, Image.open(photo) as original:
        assert saved.size == original.size


def test_two_fingers_zoom_about_their_middle_and_move(page: Page, photo: Path) -> None:
    opened_photo(page, photo)
    fingers = Fingers(page)
    left, top, width, height = frame(page)
    x, y = left + 0.3 * width, top + 0.6 * height
    fingers.move(((x - 20, y), (x - 60, y)), ((x + 20, y), (x + 60, y)))
    wider = frame(page)
    assert wider[2] == pytest.approx(3 * width, rel=0.15)
    assert (x - wider[0]) / wider[2] == pytest.approx(0.3, abs=0.03)  # the same spot of the photo is between them
    assert (y - wider[1]) / wider[3] == pytest.approx(0.6, abs=0.03)
    fingers.move(((x - 40, y), (x - 10, y + 20)), ((x + 40, y), (x + 70, y + 20)))
    moved = frame(page)
    assert moved[2] == pytest.approx(wider[2], rel=0.02)
    assert moved[0] - wider[0] == pytest.approx(30, abs=4)
    assert moved[1] - wider[1] == pytest.approx(20, abs=4)
