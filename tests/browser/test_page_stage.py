"""The picture on the stage: how it develops over its draft, and how the keyboard reaches it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, FileChooser, Page, expect

from .conftest import opened, until
from .page_steps import done, open_photo
from .test_page_masks import portrait, quick  # noqa: F401  (a fixture)

DRAFT_UNTIL = 0.3  # share of the work, as in develop.ts
WATCH = """() => {
    window.shown = [];
    const look = () => {
        const picture = document.querySelector(".painted");
        if (!picture || window.shown.at(-1)?.src === picture.src) return;
        const ring = document.querySelector(".ring-share"), around = 2 * Math.PI * 9;
        const share = ring ? 1 - ring.getAttribute("stroke-dashoffset") / around : 1;
        const { src, dataset: { quality } } = picture;
        window.shown.push({ src, quality, share, fades: picture.classList.contains("finer") });
    };
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
}"""
RING = """() => {
    const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
    return outlineStyle !== "none" && parseFloat(outlineWidth) >= 3;
}"""


@pytest.fixture
def page(browser: Browser, studio: str) -> Iterator[Page]:
    yield from opened(browser, studio, viewport={"width": 1440, "height": 900})


def focused(page: Page, selector: str) -> bool:
    return bool(page.evaluate("selector => document.activeElement.matches(selector)", selector))


def tab_to(page: Page, selector: str, most: int = 40) -> None:
    for _ in range(most):
        page.keyboard.press("Tab")
        if focused(page, selector):
            return
    pytest.fail(f"Tab doesn't reach {selector}")


def test_the_draft_stays_until_the_picture_has_strokes(page: Page, portrait: Path) -> None:  # noqa: F811
    page.evaluate(WATCH)
    open_photo(page, portrait)
    done(page)
    shown: list[dict[str, Any]] = page.evaluate("window.shown")
    kinds = [one["quality"] for one in shown]
    finer = kinds.index("good")
    assert "draft" in kinds[:finer]
    assert set(kinds[finer:]) == {"good"}  # never back to the draft
    assert all(one["share"] >= DRAFT_UNTIL for one in shown[finer:])
    assert shown[finer]["fades"]
    until(page, "() => !document.querySelector('.painted.finer')")  # it fades once


def test_tab_reaches_the_main_button_and_the_picture_has_the_focus_afterwards(
    page: Page,
    portrait: Path,  # noqa: F811
) -> None:
    choosers = list[FileChooser]()
    page.on("filechooser", lambda chooser: choosers.append(chooser))
    tab_to(page, ".welcome .button.primary")
    assert page.evaluate(RING)
    page.keyboard.press("Enter")
    for _ in range(600):
        page.wait_for_timeout(50)
        if choosers:
            break
    choosers[0].set_files(portrait)
    page.locator(".painted").wait_for()
    until(page, "() => document.activeElement.matches('.frame')")
    assert page.evaluate(RING)
    quick(page)
    before = page.locator(".frame").bounding_box()
    page.locator(".frame").focus()
    page.keyboard.press("+")
    page.keyboard.press("ArrowLeft")
    after = page.locator(".frame").bounding_box()
    assert before is not None
    assert after is not None
    assert after["width"] > before["width"]
    page.keyboard.press("0")


def test_the_layer_of_a_brush_takes_the_place_of_the_picture_for_the_keyboard(
    page: Page,
    portrait: Path,  # noqa: F811
) -> None:
    open_photo(page, portrait)
    quick(page)
    page.get_by_role("button", name="Regions", exact=True).click()
    page.locator(".topbar .open").focus()
    tab_to(page, ".mask-layer, .frame")
    assert focused(page, ".mask-layer")
    assert page.evaluate(RING)
    page.get_by_role("button", name="Regions", exact=True).click()
    page.locator(".topbar .open").focus()
    tab_to(page, ".mask-layer, .frame")
    assert focused(page, ".frame")


def test_undo_names_what_it_undoes(page: Page, portrait: Path) -> None:  # noqa: F811
    open_photo(page, portrait)
    quick(page)
    page.get_by_role("slider", name="Strength").fill("0.5")
    undo = page.get_by_role("button", name="Undo", exact=True)
    expect(undo).to_have_attribute("title", "Undo: strength (Control+Z)")
    undo.click()
    expect(undo).to_have_attribute("title", "Undo: quality (Control+Z)")
