"""The page's wall of what was made, its tray of jobs, series of photos, and textures."""

from __future__ import annotations

import signal
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect
from sample_films import two_scenes
from skimage import data
from studios import PATIENCE, cancel_all, launch, until

from brushwork.studio.client import Studio

from .conftest import until as shown_until

LONG = {"method": "gatys", "settings": {"steps": 100_000, "tolerance": 0}, "size": 64}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    running = launch(tmp_path_factory.mktemp("studio") / "folder")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def client(running: Any) -> Iterator[Studio]:
    with Studio(running.url) as client:
        yield client


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("photos")
    made = {}
    for name, pixels in (("cat", data.chelsea()), ("cup", data.coffee())):
        made[name] = folder / f"{name}.png"
        Image.fromarray(pixels).resize((160, 120)).save(made[name])
    made["bad"] = folder / "bad.png"
    made["bad"].write_bytes(b"no picture")
    made["swatch"] = folder / "swatch.png"
    Image.fromarray(data.astronaut()[:96, :96]).save(made["swatch"])
    return made


@pytest.fixture
def page(browser: Browser, running: Any, client: Studio) -> Iterator[Page]:
    """The page of somebody who comes for the first time; whatever goes wrong in it fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-US", accept_downloads=True)
    context.set_default_timeout(1000 * PATIENCE)
    page, wrong = context.new_page(), list[str]()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(running.url)
    page.get_by_role("button", name="Jobs").wait_for()
    yield page
    context.close()
    cancel_all(client)
    until(lambda: all(job["status"] not in ("waiting", "running") for job in client.jobs()))
    for job in client.jobs():
        client.delete(job["id"])
    assert wrong == []


def paint(client: Studio, photo: Path, style: str = "great-wave", **wishes: Any) -> str:
    """Paint a draft; the job's ID."""
    ask = {"photo": client.send(photo), "style": style, "preset": "draft", "size": 64, **wishes}
    return client.wait(client.submit("picture", **ask)["id"])["id"]


def wall(page: Page) -> Locator:
    """The open wall."""
    page.get_by_role("button", name="History").click()
    return page.get_by_role("dialog", name="History")


def works(opened: Locator) -> Locator:
    return opened.locator(".work:not(.ghost)")


def test_an_empty_wall_says_what_will_be_there(page: Page) -> None:
    opened = wall(page)
    expect(opened.get_by_role("heading", name="Nothing yet")).to_be_visible()
    opened.get_by_role("button", name="Paint something").click()
    expect(opened).to_be_hidden()


def test_the_wall_shows_what_was_made_also_after_a_reload(page: Page, client: Studio, photos: dict[str, Path]) -> None:
    paint(client, photos["cat"])
    paint(client, photos["cup"], "starry-night", settings={"strength": 0.5})
    for _ in range(2):
        opened = wall(page)
        expect(works(opened)).to_have_count(2)
        first = works(opened).first
        expect(first).to_contain_text("cup.png")
        expect(first).to_contain_text("strength 50%")
        until(lambda shown=first: shown.locator("img").evaluate("image => image.naturalWidth > 0"))
        page.reload()
    opened = wall(page)
    opened.get_by_role("textbox", name="Photo or style").fill("great wave")
    expect(works(opened)).to_have_count(1)
    expect(works(opened)).to_contain_text("cat.png")
    opened.get_by_role("button", name="Textures").click()
    expect(opened.get_by_role("heading", name="Nothing like that")).to_be_visible()


def test_doing_it_again_brings_back_photo_and_recipe(page: Page, client: Studio, photos: dict[str, Path]) -> None:
    settings = {"strength": 0.4, "style_scale": 2}
    paint(client, photos["cat"], "starry-night", settings=settings, keep_color="luminance")
    opened = wall(page)
    opened.get_by_role("button", name="Make again").click()
    expect(opened).to_be_hidden()
    expect(page.get_by_role("img", name="The photo cat.png")).to_be_visible()
    expect(page.get_by_role("slider", name="Strength")).to_have_value("0.4")
    expect(page.get_by_role("radio", name="From photo")).to_be_checked()
    expect(page.get_by_role("radio", name="Quick")).to_be_checked()
    kept = page.evaluate("JSON.parse(localStorage.getItem('brushwork.recipe'))")
    assert kept["style"] == [{"style": "starry-night", "weight": 1}]
    assert (kept["strokeSize"], kept["advanced"]) == (2, {})


def test_variations_are_painted_beside_it(page: Page, client: Studio, photos: dict[str, Path]) -> None:
    paint(client, photos["cat"])
    opened = wall(page)
    opened.get_by_role("button", name="Three variations").click()
    expect(works(opened)).to_have_count(4)
    settings = [job["request"]["settings"] for job in client.jobs()]
    assert len({(one["strength"], one["style_scale"]) for one in settings}) == 4


def test_two_are_compared_side_by_side_and_under_a_handle(page: Page, client: Studio, photos: dict[str, Path]) -> None:
    paint(client, photos["cat"])
    paint(client, photos["cat"], "starry-night")
    opened = wall(page)
    opened.get_by_role("button", name="View: cat.png").first.click()
    handle = opened.get_by_role("slider", name="Line between Before and")
    handle.press("Home")
    expect(handle).to_have_value("0")
    page.get_by_role("button", name="All", exact=True).click()
    for number in range(2):
        opened.get_by_role("button", name="Choose to compare").nth(number).click()
    opened.get_by_role("button", name="Compare", exact=True).click()
    expect(opened.locator(".beside img")).to_have_count(2)
    opened.get_by_role("radio", name="Overlay").check(force=True)
    handle = opened.get_by_role("slider")
    handle.press("ArrowRight")
    expect(handle).to_have_value("0.51")


def test_what_is_deleted_can_come_back_for_some_seconds(page: Page, client: Studio, photos: dict[str, Path]) -> None:
    paint(client, photos["cat"])
    kept = paint(client, photos["cup"])
    opened = wall(page)
    works(opened).first.get_by_role("button", name="Delete").click()
    expect(works(opened)).to_have_count(1)
    opened.get_by_role("button", name="Undo").click()
    expect(works(opened)).to_have_count(2)
    works(opened).nth(1).get_by_role("button", name="Delete").click()
    until(lambda: [job["id"] for job in client.jobs()] == [kept])
    expect(works(opened)).to_have_count(1)


def test_a_long_wall_is_loaded_in_parts(page: Page, client: Studio, photos: dict[str, Path]) -> None:
    photo = client.send(photos["cat"])
    ids = [client.submit("picture", photo=photo, style="great-wave", preset="draft", size=64)["id"] for _ in range(20)]
    for identity in ids:
        client.wait(identity)
    ids = [client.submit("picture", photo=photo, style="great-wave", preset="draft", size=64)["id"] for _ in range(6)]
    for identity in ids:
        client.wait(identity)
    opened = wall(page)
    expect(works(opened).nth(23)).to_be_attached()
    works(opened).nth(23).scroll_into_view_if_needed()
    expect(works(opened)).to_have_count(26)


def test_the_tray_pauses_resumes_and_cancels(page: Page, client: Studio, photos: dict[str, Path]) -> None:
    page.get_by_role("button", name="Jobs").click()
    tray = page.get_by_role("complementary", name="Jobs")
    expect(tray).to_contain_text("Nothing is being painted")
    job = client.submit("picture", photo=client.send(photos["cat"]), style="great-wave", **LONG)["id"]
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # as if the page was looked at again
    tray.get_by_role("button", name="Pause").click()
    expect(tray).to_contain_text("Paused")
    until(lambda: client.job(job)["status"] == "paused")
    tray.get_by_role("button", name="Resume").click()
    expect(tray.get_by_role("progressbar")).to_be_visible()
    until(lambda: client.job(job)["status"] == "running" and client.job(job)["progress"].get("step"))
    expect(page).to_have_title("0% · brushwork studio")
    tray.get_by_role("button", name="Cancel").click()
    expect(tray).to_contain_text("Ended early")
    tray.get_by_role("button", name="Take off the list").click()
    expect(tray).to_contain_text("Nothing is being painted")
    page.keyboard.press("Escape")
    expect(tray).to_be_hidden()


def test_what_a_crash_interrupts_is_resumed_from_the_tray(
    browser: Browser, photos: dict[str, Path], tmp_path: Path
) -> None:
    first = launch(tmp_path / "folder")
    with Studio(first.url) as client:
        made = paint(client, photos["cup"])
        job = client.submit("picture", photo=client.send(photos["cat"]), style="great-wave", **LONG)["id"]
        until(lambda: client.job(job)["progress"].get("step"))
    first.stop(signal.SIGKILL)
    second = launch(tmp_path / "folder")
    page = browser.new_page()
    page.goto(second.url)
    page.get_by_role("button", name="Jobs").click()
    tray = page.get_by_role("complementary", name="Jobs")
    expect(tray).to_contain_text("Interrupted")
    tray.get_by_role("button", name="Resume").click()
    with Studio(second.url) as client:
        until(lambda: client.job(job)["status"] == "running")
        assert client.job(made)["result"]
    page.keyboard.press("Escape")
    expect(works(wall(page))).to_have_count(1)
    page.close()
    second.stop()


def test_a_series_leaves_out_what_is_no_photo_and_ends_in_a_zip(
    page: Page, client: Studio, photos: dict[str, Path]
) -> None:
    page.get_by_label("Open photo").last.set_input_files([str(photos[name]) for name in ("cat", "bad", "cup")])
    sheet = page.get_by_role("dialog", name="Create")
    expect(sheet.get_by_role("alert")).to_contain_text("bad.png was left out: it isn't in a supported format")
    expect(sheet.locator(".series-photo")).to_have_count(2)
    search = sheet.get_by_role("textbox", name="Search styles")
    search.fill("klimt")
    expect(sheet.locator(".style-choice")).to_have_count(3)
    search.fill("scream")
    sheet.get_by_role("button", name="The Scream").click()
    sheet.get_by_role("radio", name="Quick").check(force=True)
    sheet.get_by_role("button", name="Paint 2 photos").click()
    expect(sheet).to_contain_text("The series is done")
    expect(sheet.locator(".series-photo.finished")).to_have_count(2)
    with page.expect_download() as download:
        sheet.get_by_role("link", name="Download ZIP of PNGs").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.namelist() == ["0001_cat.png", "0002_cup.png"]
    page.reload()
    opened = wall(page)
    card = works(opened).first
    expect(card).to_contain_text("cat.png and 1 more")
    expect(card).to_contain_text("Series of 2")
    expect(card).to_contain_text("The Scream")
    opened.get_by_role("textbox", name="Photo or style").fill("cup")  # the second
    card.get_by_role("button", name="View").click()
    pictures = opened.get_by_role("list", name="Pictures of the series")
    expect(pictures.get_by_role("listitem")).to_have_text(["cat.png", "cup.png"])
    seen = "images => images.every((image) => image.naturalWidth > 0)"
    until(lambda: pictures.locator("img").evaluate_all(seen))
    pictures.get_by_role("button", name="View: cup.png").click()
    expect(opened.get_by_role("slider", name="Line between Before and The Scream")).to_be_visible()
    opened.get_by_role("button", name="All", exact=True).click()
    expect(pictures).to_be_visible()
    opened.get_by_role("button", name="All", exact=True).click()
    expect(works(opened)).to_have_count(1)


def test_a_film_names_all_the_styles_of_its_keyframes(page: Page, client: Studio, tmp_path: Path) -> None:
    film = client.send(two_scenes(tmp_path / "square.mp4", 4, size=(64, 48)))
    names = ("starry-night", "great-wave", "the-scream", "starry-night", "night-cafe")
    titles = ["The Starry Night", "The Great Wave off Kanagawa", "The Scream", "The Night Café"]
    keys = [{"seconds": at / 10, "style": style} for at, style in enumerate(names)]
    job = client.submit("video", film=film, style="great-wave", preset="draft", size=48, keyframes=keys[::-1])["id"]
    client.wait(job)
    card = works(wall(page)).first
    expect(card.locator(".work-style")).to_have_text(f"{', '.join(titles[:2])} and 2 more")
    expect(card.locator(".work-style")).to_have_attribute("title", ", ".join(titles))
    expect(card.get_by_role("button", name=f"View: square.mp4, {', '.join(titles)}")).to_be_visible()


def test_a_film_is_played_opened_with_its_style_changes_and_made_again(
    page: Page, running: Any, client: Studio, tmp_path: Path
) -> None:
    film = client.send(two_scenes(tmp_path / "square.mp4", 8, size=(64, 48)))
    keys = [("great-wave", 0, 0.8), ("great-wave", 0.375, 0.8), ("starry-night", 0.5, 0.5)]
    changes = [{"seconds": at, "style": style, "strength": strength} for style, at, strength in keys]
    ask = {"film": film, "style": "great-wave", "preset": "draft", "size": 48, "smoothing": 0.5, "keyframes": changes}
    client.wait(client.submit("video", **ask)["id"])
    opened = wall(page)
    works(opened).first.get_by_role("button", name="View").click()
    expect(opened.locator("video")).to_be_visible()
    shown_until(page, "() => document.querySelector('video').currentTime > 0.1")
    opened.get_by_role("button", name="All", exact=True).click()
    opened.get_by_role("button", name="Make again").click()
    expect(opened).to_contain_text("Added to jobs")
    until(lambda: [job["status"] for job in client.jobs()] == ["done", "done"])
    expect(works(opened)).to_have_count(2)
    works(opened).first.get_by_role("button", name="Open").click()
    expect(opened).to_be_hidden()
    marks = page.get_by_role("slider", name="Style change: ")
    expect(marks).to_have_count(2)
    expect(marks.nth(1)).to_have_attribute("aria-label", "Style change: The Starry Night, 50%")
    expect(page.locator(".film-row").nth(1)).to_contain_text("at a cut")
    expect(page.get_by_label("Film size")).to_have_value("48")
    expect(page.get_by_role("slider", name="Strength")).to_have_value("0.8")
    page.get_by_role("button", name="Play film").wait_for()
    httpx.delete(f"{running.url}/api/v1/uploads/{film}").raise_for_status()
    opened = wall(page)
    works(opened).first.get_by_role("button", name="Open").click()
    expect(opened.get_by_role("alert")).to_contain_text("has been deleted")


def test_a_texture_is_made_and_shown_tiled(page: Page, client: Studio, photos: dict[str, Path]) -> None:
    page.get_by_role("button", name="Create").click()
    sheet = page.get_by_role("dialog", name="Create")
    sheet.get_by_role("button", name="A texture").click()
    sheet.get_by_label("Choose a swatch").set_input_files(str(photos["swatch"]))
    sheet.get_by_role("spinbutton", name="Width").fill("128")
    sheet.get_by_role("spinbutton", name="Height").fill("96")
    sheet.get_by_role("button", name="Make the texture").click()
    shown = sheet.get_by_role("img", name="The texture")
    expect(shown).to_be_visible()
    assert "50%" in shown.evaluate("element => element.style.backgroundSize")
    sheet.get_by_role("radio", name="One tile").check(force=True)
    assert "100%" in shown.evaluate("element => element.style.backgroundSize")
    with page.expect_download() as download:
        sheet.get_by_role("link", name="Download PNG").click()
    with Image.open(download.value.path()) as made:
        assert made.size == (128, 96)
    page.keyboard.press("Escape")
    opened = wall(page)
    expect(works(opened)).to_contain_text("128 × 96 · Seamless")
    opened.get_by_role("button", name="Make again").click()
    expect(sheet.get_by_role("spinbutton", name="Width")).to_have_value("128")


def test_the_wall_is_used_by_keys_alone(page: Page, client: Studio, photos: dict[str, Path]) -> None:
    paint(client, photos["cat"])
    page.get_by_role("button", name="History").focus()
    page.keyboard.press("Enter")
    opened = page.get_by_role("dialog", name="History")
    expect(works(opened)).to_have_count(1)
    for _ in range(30):
        page.keyboard.press("Tab")
        if (
            page.evaluate("document.activeElement.getAttribute('aria-label')")
            == "View: cat.png, The Great Wave off Kanagawa"
        ):
            break
    page.keyboard.press("Enter")
    expect(opened.get_by_role("button", name="All", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="History")).to_be_focused()
