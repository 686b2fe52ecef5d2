"""What a person does on the studio's page, done by a browser on real pictures."""

from __future__ import annotations

import io
import os
import re
import tempfile
import zipfile
from pathlib import Path

import av
import numpy as np
import pytest
import skimage
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect
from studios import PASSWORDS, until

from brushwork import Gatys, preset_options, read_recipe

from .conftest import opened

PICTURES = Path(skimage.__file__).parent / "data"
PHOTO, OTHER, PAINTING = (PICTURES / name for name in ("chelsea.png", "coffee.png", "astronaut.png"))
SHOTS = os.environ.get("BRUSHWORK_SCREENSHOTS", tempfile.gettempdir())  # docs/images, for those of the docs


def drop(page: Page, place: str, *paths: Path) -> None:
    page.locator(f"{place} input[type=file]").first.set_input_files([str(path) for path in paths])


def with_photo(page: Page) -> str:
    """The address of the first preview."""
    drop(page, "#photo", PHOTO)
    return preview_after(page, "")


def preview_after(page: Page, before: str) -> str:
    """The address of the preview, once it is another one."""
    shown = page.locator("#comparison img[src*='/shown/'], #comparison img[src*='/preview']").first
    if before:
        expect(shown).not_to_have_attribute("src", before)
    shown.wait_for()
    return str(shown.get_attribute("src"))


def choose(page: Page, field: Locator, words: str) -> None:
    """From a list that can be searched, by keys alone."""
    box = field.get_by_role("combobox")
    box.click()
    box.fill(words)
    page.get_by_role("option").first.wait_for()
    page.keyboard.press("Enter")


def style_field(page: Page) -> Locator:
    return page.locator("#style")


def job(page: Page) -> Locator:
    """The state of the job that is looked at."""
    return page.locator(".job:visible").first


def ended(page: Page, words: str = "Done") -> None:
    expect(job(page).get_by_role("status")).to_contain_text(words)


def click(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).locator("visible=true").first.click()


def fetched(page: Page, name: str) -> bytes:
    link = job(page).get_by_role("link", name=name, exact=True)
    answer = page.request.get(page.url.rstrip("/") + str(link.get_attribute("href")))
    assert answer.ok
    return answer.body()


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()


def test_a_photo_is_previewed_and_the_preview_follows(page: Page) -> None:
    first = with_photo(page)
    strength = page.get_by_label("number input for Strength").locator("visible=true").first
    strength.fill("0.4")
    strength.press("Enter")
    second = preview_after(page, first)
    choose(page, style_field(page), "starry-night")
    third = preview_after(page, second)
    pictures = [page.request.get(address).body() for address in (first, second, third)]
    sizes = [Image.open(io.BytesIO(content)).size for content in pictures]
    assert sizes == [(451, 300)] * 3
    assert len(set(pictures)) == 3


def test_a_style_is_picked_from_its_swatch_by_keyboard(page: Page) -> None:
    first = with_photo(page)
    page.get_by_role("button", name="Browse all styles").press("Enter")
    page.locator("#swatches img").nth(5).wait_for()
    page.locator("#swatches button").nth(1).press("Enter")
    preview_after(page, first)
    expect(style_field(page).get_by_role("combobox")).not_to_have_value(re.compile("^great-wave"))


def test_a_painting_of_one_s_own_is_taken(page: Page) -> None:
    first = with_photo(page)
    page.get_by_role("button", name="Or your own painting").click()
    drop(page, "#own-painting", PAINTING)
    preview_after(page, first)
    click(page, "Full size")
    ended(page)
    expect(job(page)).to_contain_text("in the style of astronaut.png")


def test_full_size_is_fetched_in_three_formats_with_its_recipe(page: Page, tmp_path: Path) -> None:
    with_photo(page)
    page.get_by_label("Draft (a moment)").check()
    page.get_by_label("Transfer brightness only").locator("visible=true").check()
    click(page, "Full size")
    ended(page)
    assert job(page).locator("img").evaluate("img => img.decode().then(() => img.naturalWidth)") == 451
    for name, form in (("PNG", "PNG"), ("JPEG", "JPEG"), ("TIFF", "TIFF")):
        content = fetched(page, name)
        assert Image.open(io.BytesIO(content)).format == form
        (tmp_path / name).with_suffix(f".{name.lower()}").write_bytes(content)
        recipe = dict(read_recipe(tmp_path / f"{name}.{name.lower()}") or {})
        assert (recipe["method"], recipe["keep_color"]) == ("adain-lite", "luminance")
        assert recipe["content"]["name"] == "chelsea.png"


def test_the_quality_is_good_until_it_or_a_method_is_chosen(page: Page, tmp_path: Path) -> None:
    first, good = with_photo(page), page.get_by_label("Good (seconds)")
    expect(good).to_be_checked()
    click(page, "Stylize the photo")
    ended(page)
    content = fetched(page, "PNG")
    (tmp_path / "good.png").write_bytes(content)
    recipe = dict(read_recipe(tmp_path / "good.png") or {})
    assert Gatys(**recipe["settings"]) == preset_options("good")
    assert Image.open(io.BytesIO(content)).size == (451, 300)  # not enlarged
    page.get_by_role("button", name="Choose the method yourself").click()
    method = page.get_by_role("combobox", name="Method", exact=True).locator("visible=true")
    method.fill("looser")
    page.get_by_role("option", name="AdaIN: any style, fast, looser").click()
    second = preview_after(page, first)
    expect(good).not_to_be_checked()
    before, chosen = (page.request.get(address).body() for address in (first, second))
    assert before != chosen
    page.get_by_label("Draft (a moment)").check()
    expect(method).to_have_count(0)
    until(lambda: page.request.get(preview_after(page, "")).body() == before)
    expect(page.get_by_label("Draft (a moment)")).to_be_checked()


def test_best_quality_is_watched_paused_gone_on_with_and_stopped(page: Page) -> None:
    with_photo(page)
    page.get_by_label("Best (a minute)").check()
    size = page.get_by_label("number input for Longer side of the result, at most, in pixels")
    size.fill("256")
    size.press("Enter")
    click(page, "Stylize the photo")
    status = job(page).get_by_role("status")
    expect(status).to_contain_text(re.compile(r"step \d+ of 300, about"))
    job(page).locator("img").wait_for()
    expect(job(page).get_by_role("progressbar")).to_be_visible()
    click(page, "Pause")
    expect(status).to_contain_text("Paused")
    click(page, "Resume")
    expect(status).to_contain_text(re.compile("Running, step"))
    click(page, "Stop and keep the result so far")
    ended(page, "Stopped early")
    assert max(Image.open(io.BytesIO(fetched(page, "PNG"))).size) == 256


def test_styles_are_blended_and_all_between_them_shown(page: Page) -> None:
    first = with_photo(page)
    open_tab(page, "Blend")
    choose(page, page.locator("#blend-1"), "great-wave")
    second = preview_after(page, first)
    choose(page, page.locator("#blend-2"), "starry-night")
    third = preview_after(page, second)
    share = page.get_by_label("number input for Weight of style 2")
    share.fill("0.2")
    share.press("Enter")
    preview_after(page, third)
    click(page, "Grid of blends")
    ended(page)
    width, height = Image.open(io.BytesIO(fetched(page, "PNG"))).size
    assert width > 4 * height  # five pictures beside each other


def test_regions_are_painted_and_each_has_its_style(page: Page) -> None:
    first = with_photo(page)
    open_tab(page, "Masks")
    click(page, "Load the photo")
    canvas = page.locator("#editor canvas").first
    canvas.wait_for()
    page.wait_for_timeout(1500)  # the editor draws its background
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.35, box["y"] + box["height"] * 0.4)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.65, box["y"] + box["height"] * 0.6, steps=12)
    page.mouse.up()
    choose(page, page.locator("#region-1"), "starry-night")
    click(page, "Preview regions")
    second = preview_after(page, first)
    photo = np.asarray(Image.open(PHOTO).convert("RGB")).astype(float)
    found = np.asarray(Image.open(io.BytesIO(page.request.get(second).body())).convert("RGB")).astype(float)
    changed = np.abs(found - photo).mean(2)
    assert changed[130:170, 200:250].mean() > 4 * changed[:20].mean()  # painted in the middle, and left at the border
    click(page, "Full size")
    ended(page)


def test_a_clip_is_looked_at_and_painted(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    photo = np.asarray(Image.open(PHOTO).convert("RGB").resize((160, 96)))
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        for number in range(8):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(np.roll(photo, number, 1)))))
        out.mux(stream.encode(None))
    open_tab(page, "Video")
    drop(page, "#film", path)
    page.locator("#film video").wait_for()
    click(page, "Preview three frames")
    page.locator("#frames img").wait_for()
    click(page, "Stylize the video")
    ended(page)
    with av.open(io.BytesIO(fetched(page, "MP4"))) as made:
        assert sum(1 for _ in made.decode(video=0)) == 8
    assert job(page).locator("video").evaluate("video => new Promise(r => { video.onloadeddata = () => r(true); "
                                               "video.load(); })")  # fmt: skip


def test_many_photos_come_back_in_a_zip(page: Page) -> None:
    open_tab(page, "Batch")
    drop(page, "#photos", PHOTO, OTHER)
    page.locator("#photos").get_by_text("coffee").wait_for()
    click(page, "Stylize all photos")
    ended(page)
    names = zipfile.ZipFile(io.BytesIO(fetched(page, "ZIP"))).namelist()
    assert names == ["0001_chelsea.png", "0002_coffee.png"]


def test_a_painting_is_in_the_library_after_it_was_added(page: Page) -> None:
    open_tab(page, "My styles")
    drop(page, "#painting", PAINTING)
    page.locator("#painting img").wait_for()
    page.get_by_label("Name (letters, digits, hyphens)").fill("eileen")
    click(page, "Add to my styles")
    page.get_by_text("eileen was added to your library").wait_for()
    page.locator("#own-styles figure", has_text="eileen").wait_for()
    open_tab(page, "Picture")
    first = with_photo(page)
    choose(page, style_field(page), "eileen")
    preview_after(page, first)
    open_tab(page, "My styles")
    click(page, "Remove")
    page.get_by_text("You haven't added any styles yet.").wait_for()


def test_history_does_it_again_varies_it_and_forgets_it(page: Page) -> None:
    with_photo(page)
    choose(page, style_field(page), "bell-tower")
    click(page, "Full size")
    ended(page)
    open_tab(page, "History")
    expect(page.locator("#chosen-job").get_by_role("combobox")).to_have_value(re.compile("Done: chelsea.png"))
    newest = page.locator("#history img").first  # the gallery draws only as many as it has room for
    done = re.compile(re.search("job=[0-9a-f]{32}", str(newest.get_attribute("src")))[0])
    click(page, "Run again")
    expect(newest).not_to_have_attribute("src", done)
    ended(page)
    click(page, "Edit settings")
    page.get_by_role("tab", name="Picture", exact=True, selected=True).wait_for()
    expect(style_field(page).get_by_role("combobox")).to_have_value(re.compile("^bell-tower"))
    expect(page.get_by_label("Good (seconds)")).to_be_checked()
    open_tab(page, "History")
    expect(newest).to_have_attribute("src", re.compile("at=done"))
    # What is deleted while it is fetched isn't found.
    page.wait_for_function("[...document.querySelectorAll('#history img')].every(picture => picture.complete)")
    click(page, "Delete")
    expect(newest).to_have_attribute("src", done)


def test_a_wrong_file_is_refused_in_a_line(page: Page, tmp_path: Path) -> None:
    false = tmp_path / "false.png"
    false.write_text("<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>")
    open_tab(page, "Batch")
    drop(page, "#photos", false)
    page.locator("#photos").get_by_text("false").wait_for()
    click(page, "Stylize all photos")
    expect(page.get_by_test_id("toast-text").first).to_contain_text("false.png: ")
    open_tab(page, "History")
    page.wait_for_timeout(500)
    expect(page.locator("#chosen-job").get_by_role("combobox")).not_to_have_value(re.compile("false"))


def test_who_logs_in_sees_their_own(browser: Browser, team: str) -> None:
    addresses = []
    for name in ("ada", "bob"):
        for page in opened(browser, team, viewport={"width": 1280, "height": 900}):
            assert page.url == f"{team}/login"
            page.get_by_label("Name").fill(name)
            page.get_by_label("Password").fill(PASSWORDS[name])
            page.get_by_label("Password").press("Enter")
            page.get_by_role("tab", name="Picture").wait_for()
            with_photo(page)
            click(page, "Full size")
            ended(page)
            open_tab(page, "History")
            expect(page.locator("#history img")).to_have_count(1)
            addresses.append(str(job(page).get_by_role("link", name="PNG").get_attribute("href")))
            assert [page.request.get(team + address).status for address in addresses] == [404, 200][-len(addresses) :]
            click(page, "Log out")
            page.wait_for_url(f"{team}/login")


def test_it_fits_a_phone(browser: Browser, studio: str) -> None:
    for page in opened(browser, studio, viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True):
        with_photo(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.screenshot(path=_shot("phone"), type="jpeg", quality=85)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_stands_in_the_way_of_people(scheme: str, browser: Browser, studio: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    for page in opened(browser, studio, viewport={"width": 1280, "height": 900}, color_scheme=scheme):
        with_photo(page)
        page.wait_for_timeout(500)
        page.screenshot(path=_shot(scheme), type="jpeg", quality=85)
        found = []
        for tab in ("Picture", "Blend", "Masks", "Video", "Batch", "My styles", "History"):
            open_tab(page, tab)
            page.wait_for_timeout(300)
            found += [
                (tab, violation["id"], violation["impact"], [node["html"][:160] for node in violation["nodes"]])
                for violation in Axe().run(page).response["violations"]
                if violation["impact"] in ("serious", "critical")
            ]
            if tab == "Masks":
                open_tab(page, "Stylize")
        assert found == []


def _shot(name: str) -> Path:
    return Path(SHOTS) / f"studio-{name}.jpg"
