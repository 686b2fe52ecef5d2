"""Blends, regions and faces on the studio's new page, done by a browser on a portrait."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect
from skimage import data

from .conftest import opened, until
from .test_page import done, open_photo, painted, quick, shown_anew, thumbnail, violations

SIDE = 256  # of the portrait in pixels
FACE = (0.43, 0.23)  # of the portrait, as shares of width and height, by eye
Spot = tuple[float, float]
READ = """async (image) => {
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    canvas.getContext("2d").drawImage(image, 0, 0);
    return canvas.toDataURL("image/png").split(",")[1];
}"""
TINTED = """(canvas, [x, y]) =>
    canvas.getContext("2d").getImageData(Math.floor(x * canvas.width), Math.floor(y * canvas.height), 1, 1).data[3]"""


@pytest.fixture(scope="session")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photos") / "portrait.png"
    Image.fromarray(data.astronaut()).resize((SIDE, SIDE)).save(path)
    return path


@pytest.fixture
def page(browser: Browser, studio: str) -> Iterator[Page]:
    yield from opened(browser, studio, viewport={"width": 1440, "height": 900})


def begin(page: Page, portrait: Path, panel: str) -> None:
    """Open the portrait, paint it quickly, and open a panel."""
    open_photo(page, portrait)
    quick(page)
    page.get_by_role("button", name=panel, exact=True).click()


def pixels(page: Page) -> np.ndarray[Any, Any]:
    """The picture that is shown, (H, W, 3) from 0 to 255."""
    content = base64.b64decode(painted(page).evaluate(READ))
    with Image.open(io.BytesIO(content)) as opened:
        return np.asarray(opened.convert("RGB")).astype(float)


def change(before: np.ndarray[Any, Any], after: np.ndarray[Any, Any], spot: Spot, reach: float = 0.04) -> float:
    """The mean change around a place."""
    left, right = (round((spot[0] + by) * SIDE) for by in (-reach, reach))
    top, bottom = (round((spot[1] + by) * SIDE) for by in (-reach, reach))
    return float(np.abs(after - before)[top:bottom, left:right].mean())


def act(page: Page, work: Any) -> None:
    """Do something that paints the picture anew, and wait for it."""
    before = painted(page).get_attribute("src")
    work()
    shown_anew(page, before)
    done(page)


def stroke(page: Page, *spots: Spot) -> None:
    """Draw with the mouse."""
    box = page.locator(".frame").bounding_box()
    assert box is not None
    for number, (x, y) in enumerate(spots):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
        if number == 0:
            page.mouse.down()
    page.mouse.up()


def tint(page: Page, spot: Spot) -> int:
    """How much a place is covered by the tint of what is painted, 0 to 255."""
    return int(page.locator(".mask-layer canvas").evaluate(TINTED, list(spot)))


def until_tinted(page: Page, spot: Spot) -> None:
    until(page, f"spot => ({TINTED})(document.querySelector('.mask-layer canvas'), spot) > 60", list(spot))


def recipe(page: Page) -> dict[str, Any]:
    return dict(json.loads(page.evaluate("localStorage['brushwork.recipe']")))


def choose(page: Page, title: str) -> None:
    """Choose a style, and point elsewhere, so that none is shown only because it is pointed at."""
    thumbnail(page, title).click()
    page.mouse.move(4, 300)
    expect(page.locator(".painted.soft")).to_have_count(0)


def handle(page: Page) -> Locator:
    return page.get_by_role("slider", name="Mix of the styles")


def test_a_blend_is_mixed_by_keys(page: Page, portrait: Path) -> None:
    begin(page, portrait, "Blend")
    alone = pixels(page)
    act(page, lambda: choose(page, "The Starry Night"))
    expect(page.locator(".blend-shares li")).to_have_text(
        ["The Great Wave off Kanagawa50%", "The Starry Night50%"], use_inner_text=False
    )
    even = pixels(page)
    assert np.abs(even - alone).mean() > 3
    handle(page).focus()
    act(page, lambda: page.keyboard.press("Shift+ArrowRight"))
    expect(handle(page)).to_have_attribute("aria-valuetext", "The Great Wave off Kanagawa 30%, The Starry Night 70%")
    assert np.abs(pixels(page) - even).mean() > 1
    act(page, lambda: page.keyboard.press("Control+z"))
    expect(handle(page)).to_have_attribute("aria-valuetext", "The Great Wave off Kanagawa 50%, The Starry Night 50%")
    assert np.array_equal(pixels(page), even)


def test_a_blend_of_four_is_mixed_by_dragging_and_survives_a_reload(page: Page, portrait: Path) -> None:
    begin(page, portrait, "Faces")  # another panel: the button of a thumbnail opens the right one
    act(page, lambda: thumbnail(page, "The Starry Night").press("b"))
    thumbnail(page, "The Scream").hover()
    page.get_by_role("button", name="Add The Scream to the blend").click()
    corner = page.get_by_role("button", name="Free corner").last
    thumbnail(page, "Bathers").drag_to(corner)
    expect(page.locator(".blend-shares li")).to_have_count(4)
    field = page.locator(".blend-field")
    box = field.bounding_box()
    assert box is not None
    act(page, lambda: field.click(position={"x": box["width"] * 0.25, "y": box["height"] * 0.5}))
    weights = [part["weight"] for part in recipe(page)["style"]]
    assert weights == pytest.approx([0.375, 0.125, 0.375, 0.125], abs=0.02)
    page.reload()
    page.get_by_role("button", name="Blend", exact=True).click()
    shares = page.locator(".blend-shares .field-value")
    expect(shares).to_have_text([f"{round(100 * weight)}%" for weight in weights])
    page.get_by_role("button", name="Take The Starry Night out of the blend").click()
    weights = [part["weight"] for part in recipe(page)["style"]]
    assert sum(weights) == pytest.approx(1)
    assert len(weights) == 3


def test_a_painted_region_gets_its_style_and_nothing_else_does(page: Page, portrait: Path) -> None:
    begin(page, portrait, "Regions")
    whole = pixels(page)
    page.get_by_role("button", name="Add a region").click()
    act(page, lambda: choose(page, "The Starry Night"))
    act(page, lambda: stroke(page, (0.15, 0.8), (0.3, 0.8)))
    first = pixels(page)
    inside, outside = (change(whole, first, spot) for spot in ((0.2, 0.8), (0.75, 0.25)))
    assert inside > 10
    assert inside > 4 * outside
    assert tint(page, (0.2, 0.8)) > 100
    act(page, lambda: stroke(page, (0.6, 0.2), (0.8, 0.2)))
    assert change(first, pixels(page), (0.7, 0.2)) > 10
    act(page, lambda: page.keyboard.press("Control+z"))  # a stroke is a step
    assert np.array_equal(pixels(page), first)
    names = recipe(page)["masks"]
    page.reload()
    done(page)
    assert np.array_equal(pixels(page), first)
    page.get_by_role("button", name="Regions", exact=True).click()
    expect(page.locator(".region")).to_have_count(2)
    until_tinted(page, (0.2, 0.8))
    assert recipe(page)["masks"] == names
    page.get_by_role("radio", name="Eraser").check()
    page.get_by_role("radio", name="The Starry Night").check()
    act(page, lambda: stroke(page, (0.2, 0.7), (0.2, 0.9)))
    photo = np.asarray(Image.open(portrait).convert("RGB")).astype(float)
    assert change(photo, pixels(page), (0.2, 0.8), 0.02) < 10  # erased, it is the photo
    page.get_by_role("button", name="Blend", exact=True).click()
    expect(handle(page)).to_have_count(0)  # shares mean nothing where regions decide


def test_a_region_is_selected_by_a_click_filled_inverted_and_cleared(page: Page, portrait: Path) -> None:
    begin(page, portrait, "Regions")
    page.get_by_role("radio", name="Select").check()
    act(page, lambda: stroke(page, (0.62, 0.1)))
    assert tint(page, (0.22, 0.12)) > 60  # the wall on the other side of her head hangs together with it
    assert tint(page, (0.25, 0.85)) == 0  # the suit
    act(page, lambda: page.get_by_role("button", name="Invert").click())
    assert tint(page, (0.62, 0.1)) == 0
    assert tint(page, (0.25, 0.85)) > 100
    act(page, lambda: page.get_by_role("button", name="Fill").click())
    assert tint(page, (0.62, 0.1)) > 100
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_text("The style is everywhere")).to_be_visible()
    assert recipe(page)["masks"] == []


def test_regions_are_painted_by_keys_alone(page: Page, portrait: Path) -> None:
    begin(page, portrait, "Regions")
    page.get_by_role("radio", name="Brush").focus()
    layer = page.get_by_role("application", name="Regions on the picture")
    layer.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("]")
    act(page, lambda: [page.keyboard.press("Shift+ArrowDown") for _ in range(4)])
    assert tint(page, (0.47, 0.55)) > 100
    assert tint(page, (0.8, 0.2)) == 0
    page.get_by_role("radio", name="Eraser").check()
    layer.focus()
    page.keyboard.press("Enter")
    until(page, "() => JSON.parse(localStorage['brushwork.recipe']).masks.length > 0")
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    expect(page.get_by_text("The style is everywhere")).to_be_visible()


def test_regions_are_painted_by_a_finger_and_two_fingers_zoom(browser: Browser, studio: str, portrait: Path) -> None:
    size = {"width": 390, "height": 844}
    visit = opened(browser, studio, viewport=size, has_touch=True, is_mobile=True)
    page = next(visit)
    open_photo(page, portrait)
    page.get_by_role("button", name="Controls", exact=True).tap()
    quick(page)
    page.get_by_role("button", name="Regions", exact=True).tap()
    box = page.locator(".frame").bounding_box()
    assert box is not None
    devtools = page.context.new_cdp_session(page)

    def touch(kind: str, *spots: Spot) -> None:
        points = [
            {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"], "id": number}
            for number, (x, y) in enumerate(spots)
        ]
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def draw() -> None:
        touch("touchStart", (0.2, 0.6))
        for step in range(1, 5):
            touch("touchMove", (0.2 + 0.1 * step, 0.6))
        touch("touchEnd")

    act(page, draw)
    assert tint(page, (0.4, 0.6)) > 100
    masks = recipe(page)["masks"]
    touch("touchStart", (0.4, 0.4))
    touch("touchStart", (0.4, 0.4), (0.6, 0.4))
    touch("touchMove", (0.2, 0.4), (0.8, 0.4))
    touch("touchEnd")
    wider = page.locator(".frame").bounding_box()
    assert wider is not None
    assert wider["width"] > 1.5 * box["width"]
    assert recipe(page)["masks"] == masks
    assert next(visit, None) is None  # closing the page checks that nothing went wrong in it


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_panels_stand_in_nobody_s_way(scheme: str, browser: Browser, studio: str, portrait: Path) -> None:
    from axe_playwright_python.sync_playwright import Axe

    found = list[Any]()
    for page in opened(browser, studio, viewport={"width": 1024, "height": 768}, color_scheme=scheme):
        begin(page, portrait, "Faces")
        page.get_by_text("One face was found.").wait_for()
        page.get_by_role("button", name="Adjust faces").click()
        found += violations(Axe(), page)
        page.get_by_role("button", name="Regions", exact=True).click()
        page.get_by_role("button", name="Add a region").click()
        found += violations(Axe(), page)
        page.get_by_role("button", name="Blend", exact=True).click()
        page.get_by_role("button", name="Mix in the whole picture instead").click()
        found += violations(Axe(), page)
        assert found == []


def test_the_face_is_found_protected_and_corrected(page: Page, portrait: Path) -> None:
    open_photo(page, portrait)
    quick(page)
    first = painted(page).get_attribute("src")
    page.get_by_role("button", name="Faces", exact=True).click()
    expect(page.get_by_text("One face was found.")).to_be_visible()
    outline = page.locator(".face-line").bounding_box()
    frame = page.locator(".frame").bounding_box()
    assert outline is not None
    assert frame is not None
    middle = [
        (outline[at] + outline[size] / 2 - frame[at]) / frame[size] for at, size in (("x", "width"), ("y", "height"))
    ]
    assert middle == pytest.approx(FACE, abs=0.06)
    protection = page.get_by_role("slider", name="Protect faces")
    expect(protection).to_have_value("0.7")  # since it is seen for the first time
    shown_anew(page, first)
    page.get_by_role("button", name="Undo").click()
    expect(painted(page)).to_have_attribute("src", str(first))
    for _ in range(2):
        page.get_by_role("button", name="Faces", exact=True).click()
    expect(page.get_by_text("One face was found.")).to_be_visible()
    expect(protection).to_have_value("0")  # as it was chosen
    plain = pixels(page)
    protection.focus()
    act(page, lambda: page.keyboard.press("End"))
    protected = pixels(page)
    elsewhere = (0.75, 0.75)
    assert change(plain, protected, FACE) > 8
    assert change(plain, protected, elsewhere) < 1
    page.get_by_role("button", name="Adjust faces").click()
    until_tinted(page, FACE)
    act(page, lambda: stroke(page, elsewhere, (0.85, 0.75)))
    corrected = pixels(page)
    assert change(protected, corrected, FACE) < 4
    assert change(protected, corrected, elsewhere) > 4
    act(page, lambda: page.get_by_role("button", name="As found").click())
    assert np.array_equal(pixels(page), protected)
