"""The studio's page with a camera: a photo is taken, and it is told why none can be."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from .conftest import QUIET, chromium, opened

FAKE = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]  # a green disk that turns

KEEP = """() => {
  window.streams = [];
  const devices = navigator.mediaDevices, open = devices.getUserMedia.bind(devices);
  devices.getUserMedia = wish => open(wish).then(stream => (window.streams.push(stream), stream));
}"""


@pytest.fixture(scope="module")
def with_camera() -> Iterator[Browser]:
    path = chromium()
    if path is None:
        pytest.skip("there is no chromium here; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=[*QUIET, *FAKE])
        yield found
        found.close()


@pytest.fixture
def page(with_camera: Browser, studio: str) -> Iterator[Page]:
    yield from opened(with_camera, studio, viewport={"width": 1280, "height": 800})


def test_a_photo_is_taken_and_painted(page: Page) -> None:
    page.evaluate(KEEP)
    page.locator(".welcome").get_by_role("button", name="Take a photo").click()
    dialog = page.get_by_role("dialog", name="Camera")
    dialog.get_by_role("button", name="Take the photo").click()
    expect(dialog).to_have_count(0)
    page.locator('.painted[src^="blob:"]').wait_for()
    assert "camera" in page.title()
    tracks = page.evaluate("() => window.streams.flatMap(stream => stream.getTracks()).map(track => track.readyState)")
    assert tracks == ["ended"]  # the camera's light is out


def test_without_a_camera_it_is_told(page: Page) -> None:
    page.evaluate(
        "() => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotFoundError')); }"
    )
    page.locator(".welcome").get_by_role("button", name="Take a photo").click()
    expect(page.get_by_role("alert")).to_contain_text("No camera was found")
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    expect(page.get_by_role("heading", name="Paint a photo")).to_be_visible()
