"""What a person does with a film on the studio's page, done by a browser on a film of three seconds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect
from sample_films import two_scenes
from studios import PATIENCE

from brushwork.io.film_formats import open_film

from .conftest import until

SIZE, FRAMES = (96, 64), 24  # eight a second


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return two_scenes(tmp_path_factory.mktemp("films") / "square.mp4", FRAMES, size=SIZE)


def visit(browser: Browser, studio: str, **options: Any) -> Iterator[Page]:
    """The page; a studio that is busy is asked again, and nothing else may go wrong."""
    context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark", **options})
    context.set_default_timeout(1000 * PATIENCE)
    page, wrong = context.new_page(), list[str]()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "response",
        lambda answer: (
            wrong.append(f"{answer.status} {answer.url}")
            if answer.status >= 400 and answer.status not in (409, 429, 503)
            else None
        ),
    )
    try:
        page.goto(studio)
        yield page
    finally:
        context.close()
    assert wrong == []


@pytest.fixture
def page(browser: Browser, studio: str) -> Iterator[Page]:
    yield from visit(browser, studio)


def open_film_in(page: Page, path: Path) -> None:
    page.locator("#open-photo").set_input_files(path)
    page.locator(".track-frames").wait_for()
    page.locator(".painted").wait_for()


def playhead(page: Page) -> Locator:
    return page.get_by_role("slider", name="Playhead")


def at(page: Page, share: float) -> tuple[float, float]:
    """A point of the track."""
    box = page.locator(".track").bounding_box()
    assert box is not None
    return box["x"] + share * box["width"], box["y"] + box["height"] / 2


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=5)
    page.mouse.up()


def choose(page: Page, title: str) -> None:
    page.get_by_role("button", name=title).and_(page.locator(".thumbnail")).click()


def keyframes(page: Page) -> Locator:
    return page.get_by_role("slider", name="Style change: ")


def test_a_film_is_scrubbed_and_shown_again_after_a_reload(page: Page, film: Path) -> None:
    open_film_in(page, film)
    expect(page.locator(".timeline-time")).to_have_text("0:00.00 / 0:03.00")
    expect(page.locator(".cut")).to_have_count(1)
    first = page.locator(".picture").first.get_attribute("src")
    playhead(page).press("PageUp")
    expect(playhead(page)).to_have_attribute("aria-valuetext", "0:01.00")
    expect(page.locator(".picture").first).not_to_have_attribute("src", str(first))
    page.locator(".painted").wait_for()
    drag(page, at(page, 0.1), at(page, 1))
    expect(playhead(page)).to_have_attribute("aria-valuenow", str(FRAMES - 1))
    page.mouse.click(*at(page, 0))
    page.keyboard.press("ArrowRight")
    expect(playhead(page)).to_have_attribute("aria-valuenow", "1")
    page.reload()
    page.locator(".track-frames").wait_for()
    page.locator(".painted").wait_for()


def test_two_seconds_are_played_with_the_keyframes_that_were_dragged(page: Page, film: Path) -> None:
    open_film_in(page, film)
    page.keyboard.press("k")
    expect(keyframes(page)).to_have_count(1)
    page.mouse.click(*at(page, 0.6))
    choose(page, "The Starry Night")  # makes another keyframe here
    expect(keyframes(page)).to_have_count(2)
    page.get_by_label("Strength").fill("0.5")
    expect(page.get_by_role("slider", name="Style change: The Starry Night, 50%")).to_be_visible()
    second = keyframes(page).nth(1)
    box = second.bounding_box()
    assert box is not None
    drag(page, (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2), at(page, 0.9))
    expect(second).to_have_attribute("aria-valuenow", "21")
    second.press("ArrowLeft")
    expect(second).to_have_attribute("aria-valuenow", "20")
    page.mouse.click(*at(page, 0.3))
    page.locator(".painted").wait_for()
    with page.expect_request("**/previews/clip") as asked:
        page.get_by_role("button", name="Play 2 seconds").click()
    keys = json.loads(asked.value.post_data or "")["keyframes"]
    assert [(key["seconds"], key["style"], key["strength"]) for key in keys] == [
        (0, "great-wave", 1), (2.5, "starry-night", 0.5),
    ]  # fmt: skip
    page.locator("video").wait_for()
    until(page, "() => document.querySelector('video').currentTime > 0.1")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("video")).to_have_count(0)
    second.press("Delete")
    expect(keyframes(page)).to_have_count(1)
    page.get_by_role("button", name="Undo").click()
    expect(keyframes(page)).to_have_count(2)


def test_a_painted_frame_is_a_card_and_the_film_is_made_after_it(page: Page, film: Path, tmp_path: Path) -> None:
    Image.new("RGB", SIZE, (220, 20, 20)).save(tmp_path / "frame-5.png")
    Image.new("RGB", (40, 40)).save(tmp_path / "small.png")
    open_film_in(page, film)
    page.get_by_role("radio", name="Quick").check()
    page.locator("#open-painted-frame").set_input_files(tmp_path / "small.png")
    expect(page.locator(".notice")).to_contain_text("96 × 64, not 40 × 40")
    page.locator("#open-painted-frame").set_input_files(tmp_path / "frame-5.png")
    card = page.locator(".film-card")
    expect(card.locator(".film-time")).to_have_text("0:00.63")
    page.mouse.click(*at(page, 0.53))
    page.get_by_role("button", name="Paint this frame").click()
    expect(card).to_have_count(2)
    page.get_by_role("button", name="Remove the painted frame at 0:01.50").click()
    expect(card).to_have_count(1)
    page.get_by_role("button", name="Make film").click()
    page.get_by_role("button", name="Play film").click()
    until(page, "() => document.querySelector('video')?.currentTime > 0.1")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Save film").click()
    waiting.value.save_as(tmp_path / "made.mp4")
    frames = list(open_film(tmp_path / "made.mp4").frames())
    assert len(frames) == FRAMES
    red, green, _ = frames[5].pixels[0].mean((1, 2)).tolist()
    assert red > 0.7 > 0.2 > green


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_film_is_in_sight_and_nothing_stands_in_the_way(
    scheme: str, browser: Browser, studio: str, film: Path
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    for page in visit(browser, studio, color_scheme=scheme):
        open_film_in(page, film)
        page.keyboard.press("k")
        page.get_by_role("button", name="Paint this frame").click()
        expect(page.locator(".cut")).to_have_count(1)
        for width, height in ((1440, 900), (1024, 768), (390, 844)):
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(400)
            assert page.locator(".timeline .chip").last.bounding_box()["x"] < width - 40  # type: ignore[index]
            picture, track = (page.locator(name).bounding_box() for name in (".frame", ".timeline"))
            assert picture is not None
            assert track is not None
            assert picture["y"] + picture["height"] <= track["y"] + 1
            assert picture["width"] * picture["height"] > 0.15 * width * height
            found = Axe().run(page).response["violations"]
            assert [(one["id"], [node["html"][:160] for node in one["nodes"]]) for one in found] == []


def test_a_film_is_scrubbed_by_touch(browser: Browser, studio: str, film: Path) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    for page in visit(browser, studio, **phone):
        open_film_in(page, film)
        page.touchscreen.tap(*at(page, 0.5))
        expect(playhead(page)).to_have_attribute("aria-valuenow", "12")
        page.get_by_role("button", name="Change style here").tap()
        expect(keyframes(page)).to_have_count(1)
