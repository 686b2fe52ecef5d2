"""The picture at its true pixels: tiles of large photos and of results that were saved at full size."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from .conftest import opened, until
from .test_page import done, jobs, open_photo, painted, quick

WIDTH, HEIGHT = 6400, 4200  # 27 megapixels: shown in tiles rather than as a whole


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo with a pattern of single pixels, which only its true size shows."""
    path = tmp_path_factory.mktemp("photos") / "large.png"
    pixels = np.full((HEIGHT, WIDTH), 128, np.uint8)
    pixels[::2, ::2] = 255
    pixels[1::2, 1::2] = 0
    Image.fromarray(pixels).save(path, compress_level=1)
    return path


@pytest.fixture
def page(browser: Browser, studio: str) -> Iterator[Page]:
    yield from opened(browser, studio, viewport={"width": 1440, "height": 900}, color_scheme="dark")


def test_a_large_photo_is_panned_at_its_true_pixels(page: Page, large: Path, tmp_path: Path) -> None:
    open_photo(page, large)
    quick(page)
    tiles = page.locator(".tiles img")
    expect(tiles).to_have_count(0)  # the picture at screen size is enough
    page.keyboard.press("1")
    expect(page.locator(".zoom-value")).to_have_text("100%")
    expect(page.locator(".enlarged")).to_contain_text("enlarged")  # of the painting, there are no more pixels
    expect(tiles).to_have_count(0)
    page.evaluate("document.activeElement.blur()")  # Space would press what has the focus
    page.keyboard.down(" ")  # the photo itself
    tiles.first.wait_for()
    until(page, "[...document.querySelectorAll('.tiles img')].every((tile) => tile.complete)")
    box = tiles.first.bounding_box()
    assert box is not None
    assert (round(box["width"]), round(box["height"])) == (512, 512)
    page.screenshot(path=tmp_path / "pixels.png", clip={"x": 300, "y": 200, "width": 200, "height": 200})
    seen = np.asarray(Image.open(tmp_path / "pixels.png").convert("L")).astype(int)
    assert np.abs(np.diff(seen, axis=1)).mean() > 60  # neighbors differ: nothing was scaled
    page.keyboard.up(" ")
    page.keyboard.press("c")
    for _ in range(6):
        page.mouse.move(300, 400)
        page.mouse.down()
        page.mouse.move(900, 500, steps=3)
        page.mouse.up()
    page.wait_for_timeout(300)
    assert 0 < tiles.count() <= 96


def test_a_result_saved_at_full_size_is_seen_pixel_by_pixel(page: Page, large: Path, tmp_path: Path) -> None:
    small = tmp_path / "photo.png"
    Image.open(large).crop((0, 0, 1500, 1000)).save(small)
    open_photo(page, small)
    quick(page)
    page.keyboard.press("1")
    expect(page.locator(".enlarged")).to_contain_text("enlarged")
    with page.expect_download():
        page.get_by_role("button", name="Save", exact=True).click()
    page.locator(".tiles img").first.wait_for()
    expect(page.locator(".enlarged")).to_be_empty()
    assert "/jobs/" in str(page.locator(".tiles img").first.get_attribute("src"))


def test_best_goes_on_from_what_good_has_painted(page: Page, large: Path, tmp_path: Path) -> None:
    small = tmp_path / "photo.png"
    Image.open(large).crop((0, 0, 100, 80)).save(small)
    open_photo(page, small)
    page.get_by_role("radio", name="Best").check()  # while good develops, or is done
    done(page)
    expect(painted(page)).to_be_visible()
    best, good = jobs(page)[:2]
    assert (best["request"]["preset"], good["request"]["preset"]) == ("best", "good")  # type: ignore[index]
    assert best["request"]["start"] == good["id"]  # type: ignore[index]
