"""What a person does on the studio's new page, done by a browser on real pictures."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import skimage
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from studios import PATIENCE, launch, until

from brushwork import read_recipe

from .conftest import opened
from .page_steps import done, jobs, open_photo, painted, quick, thumbnail

PICTURES = Path(skimage.__file__).parent / "data"
SOURCE = Path(__file__).parents[2] / "web"
BUILT = Path(__file__).parents[2] / "src" / "brushwork" / "studio" / "page"
SIZE = (120, 90)  # of the photo: small, so that it is painted soon


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _small(tmp_path_factory.mktemp("photos") / "cup.png", "coffee")


def _small(path: Path, name: str) -> Path:
    with Image.open(PICTURES / f"{name}.png") as whole:
        whole.convert("RGB").resize(SIZE).save(path)
    return path


@pytest.fixture
def page(browser: Browser, studio: str) -> Iterator[Page]:
    """The page as somebody sees it who has never been there."""
    yield from opened(browser, studio, viewport={"width": 1440, "height": 900}, color_scheme="dark")


def shown_anew(page: Page, before: str | None) -> str | None:
    """The address of the picture, once it is another one."""
    expect(painted(page)).not_to_have_attribute("src", str(before))
    return painted(page).get_attribute("src")


def test_a_picture_is_saved_after_three_clicks(page: Page, photo: Path, tmp_path: Path) -> None:
    open_photo(page, photo)  # the first
    thumbnail(page, "The Starry Night").click()
    done(page)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save", exact=True).click()
    path = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(path)
    assert path.name == "cup_starry-night.png"
    with Image.open(path) as saved:
        assert saved.size == SIZE
    assert dict(read_recipe(path) or {})["method"] == "gatys"


def test_the_strip_shows_the_photo_in_every_style(page: Page, photo: Path) -> None:
    open_photo(page, photo)
    page.locator(".thumbnail img").nth(87).wait_for(state="attached")
    names = page.locator(".thumbnail-title")
    expect(names).to_have_count(88)
    cut = "titles => titles.filter((one) => one.scrollHeight > one.clientHeight + 1).map((one) => one.innerText)"
    assert names.evaluate_all(cut) == []
    search = page.get_by_label("Search styles")
    search.fill("cezanne")
    expect(page.locator(".thumbnail-artist")).to_have_text(["Paul Cézanne"] * 2)
    search.fill("starry")
    expect(names).to_have_text(["The Starry Night"])
    search.fill("dark")
    expect(names).to_have_count(22)  # a quarter of the library
    search.fill("")
    thumbnail(page, "The Starry Night").press("f")
    page.get_by_role("button", name="Favorites", exact=True).click()
    expect(names).to_have_text(["The Starry Night"])


def test_a_style_that_is_pointed_at_is_shown_and_left_again(page: Page, photo: Path) -> None:
    open_photo(page, photo)
    quick(page)
    before = painted(page).get_attribute("src")
    page.locator(".thumbnail img").nth(87).wait_for(state="attached")
    thumbnail(page, "The Scream").scroll_into_view_if_needed()
    thumbnail(page, "The Scream").hover()
    shown_anew(page, before)
    page.mouse.move(600, 300)
    expect(painted(page)).to_have_attribute("src", str(before))


def test_each_control_paints_anew_and_is_undone(page: Page, photo: Path) -> None:
    open_photo(page, photo)
    quick(page)
    first = painted(page).get_attribute("src")
    strength = page.get_by_role("slider", name="Strength")
    strength.fill("0.4")
    second = shown_anew(page, first)
    page.get_by_role("radio", name="From photo").check()
    shown_anew(page, second)
    page.get_by_role("button", name="Undo").click()
    expect(painted(page)).to_have_attribute("src", str(second))  # it was painted before, and is kept
    page.keyboard.press("Control+z")
    expect(painted(page)).to_have_attribute("src", str(first))
    expect(strength).to_have_value("1")
    page.keyboard.press("Control+Shift+z")
    expect(strength).to_have_value("0.4")
    strength.dblclick()
    expect(strength).to_have_value("1")


def test_advanced_settings_reach_the_picture(page: Page, photo: Path, tmp_path: Path) -> None:
    open_photo(page, photo)
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("button", name="Advanced").click()
    passes = page.get_by_label("Passes over the picture")
    expect(passes).to_have_value("40")  # the preset's
    passes.fill("4")
    page.get_by_role("slider", name="Photo detail").fill("1")
    done(page)
    page.get_by_label("Save options").click()
    page.get_by_role("radio", name="TIFF").check()
    page.keyboard.press("Escape")
    with page.expect_download() as waiting:
        page.keyboard.press("Control+s")
    waiting.value.save_as(tmp_path / "saved.tif")
    settings = dict(read_recipe(tmp_path / "saved.tif") or {})["settings"]
    assert (settings["steps"], settings["content_weight"]) == (4, 4)


def test_a_reload_shows_the_same_again(page: Page, photo: Path) -> None:
    open_photo(page, photo)
    thumbnail(page, "The Scream").click()
    page.get_by_role("slider", name="Strength").fill("0.7")
    done(page)
    before = len(jobs(page))
    page.reload()
    done(page)
    expect(page.get_by_role("slider", name="Strength")).to_have_value("0.7")
    expect(thumbnail(page, "The Scream")).to_have_attribute("aria-pressed", "true")
    assert len(jobs(page)) == before  # it was finished, and is shown again


def test_an_upload_that_a_reload_breaks_off_is_begun_again(page: Page, photo: Path) -> None:
    page.route("**/api/v1/uploads", lambda route: None)  # it never arrives
    page.locator("#open-photo").set_input_files(photo)
    page.locator(".ring.sending").wait_for()
    page.unroute("**/api/v1/uploads")
    page.reload()
    painted(page).wait_for()
    expect(page).to_have_title("cup.png · brushwork studio")


def test_a_change_leaves_only_finished_pictures(page: Page, photo: Path) -> None:
    known = {job["id"] for job in jobs(page)}
    open_photo(page, photo)
    page.get_by_role("radio", name="Best").check()
    page.locator(".ring.developing").wait_for()
    page.wait_for_timeout(1000)
    quick(page)
    until(lambda: {job["status"] for job in jobs(page) if job["id"] not in known} <= {"done"})


def test_a_file_that_is_no_photo_is_named(browser: Browser, studio: str, photo: Path, tmp_path: Path) -> None:
    bad = tmp_path / "holiday.jpg"
    bad.write_bytes(b"no picture")
    context = browser.new_context()  # not of the fixture, which complains of refusals
    try:
        page = context.new_page()
        page.goto(studio)
        open_photo(page, photo)
        quick(page)
        page.locator("#open-photo").set_input_files(bad)
        expect(page.locator(".notice.error")).to_contain_text("holiday.jpg")
        done(page)
        for image in page.locator("img").all():
            assert image.evaluate("image => !image.complete || image.naturalWidth > 0")
    finally:
        context.close()


def test_a_painting_of_one_s_own_is_a_style(page: Page, photo: Path, tmp_path: Path) -> None:
    open_photo(page, photo)
    quick(page)
    before = painted(page).get_attribute("src")
    page.locator("#open-painting").set_input_files(_small(tmp_path / "My Cat.png", "chelsea"))
    shown_anew(page, before)
    own = page.locator(".thumbnail-cell", has_text="My Cat")
    own.locator("img").wait_for()
    expect(own.locator(".thumbnail")).to_have_attribute("aria-pressed", "true")
    own.hover()
    own.get_by_role("button", name="Remove My Cat").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    expect(own).to_have_count(0)


def test_all_is_reached_by_keyboard(page: Page) -> None:
    page.get_by_role("button", name="A cat").focus()
    page.keyboard.press("Enter")
    painted(page).wait_for()
    quick(page)
    before = painted(page).get_attribute("src")
    page.keyboard.press("/")
    page.keyboard.type("klimt")
    expect(page.locator(".thumbnail")).to_have_count(3)
    for _ in range(20):  # clear the search, the moods, add a painting, the first style
        page.keyboard.press("Tab")
        if page.locator(".thumbnail:focus").count():
            break
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    shown_anew(page, before)
    expect(page.locator(".thumbnail").nth(1)).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Before and after")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.slow
def test_a_picture_goes_on_after_the_studio_was_killed(browser: Browser, photo: Path, tmp_path: Path) -> None:
    running = launch(tmp_path / "folder")
    port = running.url.rpartition(":")[2]
    context = browser.new_context(viewport={"width": 1024, "height": 768})
    try:
        page = context.new_page()
        page.goto(running.url)
        open_photo(page, photo)
        page.get_by_role("radio", name="Best").check()
        page.locator(".ring.developing").wait_for()
        begun = until(lambda: [job["id"] for job in jobs(page) if job["status"] == "running"])
        running.process.kill()
        running.process.wait()
        expect(page.locator(".notice")).to_contain_text("can't be reached")
        running = launch(tmp_path / "folder", "--port", port)
        expect(page.locator(".notice")).to_have_count(0)
        until(lambda: [job["id"] for job in jobs(page) if job["status"] == "done"] == begun)  # the same, resumed
    finally:
        context.close()
        running.stop()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_stands_in_the_way_of_people(scheme: str, browser: Browser, studio: str, photo: Path) -> None:
    from axe_playwright_python.sync_playwright import Axe

    for page in opened(browser, studio, viewport={"width": 1024, "height": 768}, color_scheme=scheme):
        found = [("empty", violation) for violation in violations(Axe(), page)]
        open_photo(page, photo)
        quick(page)
        page.get_by_role("button", name="More", exact=True).click()
        page.get_by_label("Before and after").first.click()
        page.get_by_label("Save options").click()
        page.locator(".thumbnail img").nth(87).wait_for(state="attached")
        page.wait_for_timeout(400)  # until what appears has appeared
        found += [("done", violation) for violation in violations(Axe(), page)]
        assert found == []


def violations(axe: Any, page: Page) -> list[tuple[str, list[str]]]:
    found = axe.run(page).response["violations"]
    return [(violation["id"], [node["html"][:160] for node in violation["nodes"]]) for violation in found]


@pytest.mark.parametrize("size", [(1440, 900), (1024, 768), (390, 844)])
def test_the_picture_is_in_sight_and_nothing_covers_it(
    size: tuple[int, int], browser: Browser, studio: str, photo: Path
) -> None:
    for page in opened(browser, studio, viewport={"width": size[0], "height": size[1]}):
        open_photo(page, photo)
        picture = page.locator(".frame").bounding_box()
        assert picture is not None
        assert picture["width"] * picture["height"] > 0.2 * size[0] * size[1]
        for place in (".topbar", ".controls", ".strip"):
            for element in page.locator(place).all():
                box = element.bounding_box()
                if box is not None and element.is_visible():
                    assert not _overlap(picture, box), place


def _overlap(a: Any, b: Any) -> bool:
    return all(
        a[at] < b[at] + b[side] - 1 and b[at] < a[at] + a[side] - 1 for at, side in (("x", "width"), ("y", "height"))
    )


def test_both_languages_have_the_same_texts() -> None:
    english, german = (json.loads((SOURCE / "texts" / f"{name}.json").read_text("utf-8")) for name in ("en", "de"))
    assert list(english) == list(german)
    holes = {name: words.count("{") for name, words in english.items()}
    assert holes == {name: words.count("{") for name, words in german.items()}


def test_the_built_files_are_those_of_the_source(tmp_path: Path) -> None:
    if shutil.which("node") is None:
        pytest.skip("there is no node here")
    if not (SOURCE / "node_modules").exists():
        got = subprocess.run(
            ["npm", "ci", "--no-audit", "--no-fund"], cwd=SOURCE, capture_output=True, timeout=PATIENCE
        )
        if got.returncode:
            pytest.skip("npm ci does not work here")
    subprocess.run([SOURCE / "node_modules" / ".bin" / "tsc"], cwd=SOURCE, check=True)
    subprocess.run(["node", "build.mjs", tmp_path], cwd=SOURCE, check=True)
    for made in (path for path in tmp_path.rglob("*") if path.is_file()):
        assert made.read_bytes() == (BUILT / made.relative_to(tmp_path)).read_bytes(), made.name
    assert len(list(tmp_path.rglob("*"))) == len(list(BUILT.rglob("*")))


def test_the_quick_finish_replaces_a_picture_that_was_developing(page: Page, photo: Path) -> None:
    open_photo(page, photo)
    expect(page.locator(".ring.developing, .ring.done")).to_be_attached()
    done(page)  # at the good finish
    good = painted(page).get_attribute("src")
    page.get_by_role("radio", name="Quick").check()
    shown_anew(page, good)
    done(page)
    draft = painted(page).get_attribute("src")
    page.get_by_role("radio", name="Good").check()
    done(page)
    assert shown_anew(page, draft) == good
