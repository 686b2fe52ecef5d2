"""Whatever a person does, in any order, the page ends with a preview of what is set, or says what is missing.

`BRUSHWORK_ORDERS=200 pytest tests/browser/test_previews.py` plays that many random orders in place of a dozen.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import httpx
import pytest
import skimage
from PIL import Image
from playwright.sync_api import Browser, Locator, Page

from .conftest import opened

ORDERS = int(os.environ.get("BRUSHWORK_ORDERS", "12"))
SOON = 30  # seconds within which the page must have settled
STYLES = ("great-wave", "starry-night", "bell-tower")
KEEP = {"no": None, "the photo's colors, the picture's brightness": "luminance"}
MESSAGES = ("Drop a photo", "bad.png: isn't a picture", "Paint regions", "Choose a style")
VISIBLE = """() => [...document.images]
    .filter(image => image.checkVisibility() && image.complete && image.naturalWidth).map(image => image.src)"""


@dataclass
class Expected:
    """What the page was told, and so what it must show."""

    photo: str = ""  # name of a file
    tab: str = "Stylise"
    style: str = "great-wave"
    keep: str | None = None
    settings: dict[str, float] = field(default_factory=dict)
    blend: dict[int, str] = field(default_factory=dict)
    shares: dict[int, float] = field(default_factory=lambda: {1: 1.0, 2: 1.0})

    def message(self) -> str:
        """What is missing for a preview; empty if nothing is."""
        if not self.photo:
            return MESSAGES[0]
        if self.photo == "bad.png":
            return MESSAGES[1]
        if self.tab == "Masks":
            return MESSAGES[2]
        return "" if self.tab == "Stylise" or self.blend else MESSAGES[3]

    def ask(self) -> dict[str, Any]:
        """The same preview, as the HTTP interface is asked for it."""
        if self.tab == "Blend":
            return {"style": "+".join(f"{self.blend[n]}:{self.shares[n]:g}" for n in sorted(self.blend)), "size": 768}
        settings = {name: value for name, value in self.settings.items() if value != 1}
        return {"style": self.style, "settings": settings, "keep_color": self.keep, "size": 768}


class Studio:
    """The page as a person uses it: by the roles and names of what is there."""

    def __init__(self, page: Page, files: dict[str, Path]) -> None:
        self.page, self.files, self.shown = page, files, dict[str, bytes]()

    def drop(self, name: str) -> None:
        self.page.get_by_label("File upload").first.set_input_files(str(self.files[name]))

    def remove(self) -> None:
        self.page.get_by_role("button", name="Remove Image").first.click()

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name, exact=True).click()

    def choose(self, label: str, words: str) -> None:
        box = self._seen(self.page.get_by_role("combobox", name=label, exact=True))
        box.click()
        box.fill(words)
        self.page.get_by_role("option", name=words).first.click()

    def swatch(self, name: str) -> None:
        shelf = self.page.get_by_role("button", name="Look at all styles")
        shelf.click()
        self.page.get_by_role("button").filter(has_text=name).first.click()
        shelf.click()

    def number(self, label: str, value: float) -> None:
        box = self._seen(self.page.get_by_label(f"number input for {label}"))
        box.fill(f"{value:g}")
        box.press("Enter")

    def slide(self, label: str, steps: int) -> None:
        slider = self._seen(self.page.get_by_label(f"range slider for {label}"))
        for _ in range(abs(steps)):
            slider.press("ArrowRight" if steps > 0 else "ArrowLeft")

    def keep(self, words: str) -> None:
        self._seen(self.page.get_by_label(words, exact=True)).check()

    def pictures(self) -> set[bytes]:
        """Files of all pictures that can be seen."""
        for source in set(self.page.evaluate(VISIBLE)) - self.shown.keys():
            self.shown[source] = self.page.request.get(source).body()
        return {self.shown[source] for source in self.page.evaluate(VISIBLE) if source in self.shown}

    def says(self) -> list[str]:
        return [words for words in self._seen(self.page.get_by_role("status")).all_inner_texts() if words.strip()]

    def alarms(self) -> list[str]:
        """What is said, but in the place of no preview: toasts."""
        return [words for words in self.says() if not words.startswith(MESSAGES)]

    def _seen(self, found: Locator) -> Locator:
        return found.locator("visible=true")


class Play:
    """Does things on the page, and to what is expected of it."""

    def __init__(self, studio: Studio, expected: Expected) -> None:
        self.studio, self.expected, self.done = studio, expected, list[str]()

    def act(self, act: str, *values: Any) -> None:
        self.done.append(" ".join(map(str, (act, *values))))
        getattr(self, act)(*values)

    def drop(self, name: str) -> None:
        self.studio.drop(name)
        self.expected.photo = name

    def remove(self) -> None:
        if self.expected.photo:
            self.studio.remove()
            self.expected.photo = ""

    def tab(self, name: str) -> None:
        self.studio.tab(name)
        self.expected.tab = name

    def away(self, name: str) -> None:
        self.studio.tab(name)
        self.studio.tab("Picture")

    def style(self, name: str) -> None:
        self._on("Stylise")
        self.studio.choose("Style", name)
        self.expected.style = name

    def swatch(self, name: str) -> None:
        self._on("Stylise")
        self.studio.swatch(name)
        self.expected.style = name

    def number(self, label: str, value: float) -> None:
        self._on("Stylise")
        self.studio.number(label, value)
        self.expected.settings[OPTIONS[label]] = value

    def slide(self, label: str, steps: int) -> None:
        self._on("Stylise")
        before = self.expected.settings.get(OPTIONS[label], 1.0)
        self.studio.slide(label, steps)
        self.expected.settings[OPTIONS[label]] = round(min(max(before + 0.05 * steps, 0), 1), 2)

    def keep(self, words: str) -> None:
        self._on("Stylise")
        self.studio.keep(words)
        self.expected.keep = KEEP[words]

    def blend(self, number: int, name: str) -> None:
        self._on("Blend")
        self.studio.choose(f"Style {number}", name)
        self.expected.blend[number] = name

    def share(self, number: int, value: float) -> None:
        self._on("Blend")
        self.studio.number(f"Share of style {number}", value)
        self.expected.shares[number] = value

    def _on(self, tab: str) -> None:
        if self.expected.tab != tab:
            self.tab(tab)


OPTIONS = {"Strength": "strength", "Stroke size": "style_scale"}
DROPS = ("first.png", "second.png", "bad.png")


def random_acts(draw: random.Random) -> list[tuple[Any, ...]]:
    """Three to nine things that a person may do, in any order."""
    acts: list[Callable[[], tuple[Any, ...]]] = [
        lambda: ("drop", draw.choice(DROPS)),
        lambda: ("drop", draw.choice(DROPS)),
        lambda: ("remove",),
        lambda: ("remove",),
        lambda: ("style", draw.choice(STYLES)),
        lambda: ("swatch", draw.choice(STYLES)),
        lambda: ("number", "Strength", draw.choice((0.4, 0.7, 1.0))),
        lambda: ("slide", "Strength", draw.choice((-6, -2, 4))),
        lambda: ("number", "Stroke size", draw.choice((0.5, 1.0))),
        lambda: ("keep", draw.choice(list(KEEP))),
        lambda: ("tab", draw.choice(("Stylise", "Blend", "Masks"))),
        lambda: ("away", draw.choice(("Video", "Batch", "My styles", "History"))),
        lambda: ("blend", draw.choice((1, 2)), draw.choice(STYLES)),
        lambda: ("share", draw.choice((1, 2)), draw.choice((0.2, 0.6))),
    ]
    return [draw.choice(acts)() for _ in range(draw.randint(3, 9))]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two small photos, and what is none."""
    folder = tmp_path_factory.mktemp("files")
    for name, source in (("first.png", "chelsea.png"), ("second.png", "coffee.png")):
        with Image.open(Path(skimage.__file__).parent / "data" / source) as photo:
            photo.convert("RGB").resize((150, 100)).save(folder / name)
    (folder / "bad.png").write_text("this is no picture")
    return {name: folder / name for name in DROPS}


@pytest.fixture(scope="module")
def preview(studio: str, files: dict[str, Path]) -> Iterator[Callable[[Expected], bytes]]:
    """Previews by the HTTP interface, each made once."""
    made = dict[str, bytes]()
    with httpx.Client(base_url=studio, timeout=60) as client:
        photos = {}
        for name in DROPS[:2]:
            answer = client.post("/api/uploads", files={"file": (name, files[name].read_bytes())})
            photos[name] = answer.raise_for_status().json()["id"]

        def preview(expected: Expected) -> bytes:
            ask = {"photo": photos[expected.photo], **expected.ask()}
            if str(ask) not in made:
                made[str(ask)] = client.post("/api/previews", json=ask).raise_for_status().content
            return made[str(ask)]

        yield preview


def play(
    page: Page, files: dict[str, Path], preview: Callable[[Expected], bytes], acts: list[tuple[Any, ...]],
    pauses: Callable[[], float],
) -> None:  # fmt: skip
    """Do things one after another, and see that the page ends as it should.

    Args:
        page: Just opened.
        files: What is dropped.
        preview: Gives the preview that is expected.
        acts: Methods of `Play`, and their values.
        pauses: Gives seconds to wait after each.
    """
    planned = Play(Mock(), Expected())
    for act in acts:
        planned.act(*act)
    wanted = b"" if planned.expected.message() else preview(planned.expected)  # before the page asks for its own
    played = Play(Studio(page, files), Expected())
    for act in acts:
        played.act(*act)
        assert played.studio.alarms() == [], played.done
        page.wait_for_timeout(1000 * pauses())
    photos = {path.read_bytes() for path in files.values()}
    settled, end, says, seen = False, time.monotonic() + SOON, list[str](), set[bytes]()
    while not settled and time.monotonic() < end:
        page.wait_for_timeout(50)
        says, seen = played.studio.says(), played.studio.pictures() - photos
        if message := played.expected.message():
            settled = len(says) == 1 and says[0].startswith(message) and not seen
        else:
            settled = not says and len(seen) == 2 and wanted in seen  # the photo before and after
    assert settled, (played.done, played.expected, says, len(seen))
    assert played.studio.alarms() == [], played.done


@pytest.mark.parametrize(
    "acts",
    [
        [("number", "Strength", 0.4), ("drop", "first.png")],
        [("swatch", "starry-night"), ("drop", "first.png")],
        [("drop", "bad.png"), ("remove",), ("drop", "first.png")],
        [("drop", "bad.png"), ("drop", "first.png")],
        [("drop", "first.png"), ("remove",), ("drop", "second.png"), ("slide", "Strength", -3)],
        [("drop", "first.png"), ("remove",), ("number", "Strength", 0.4), ("drop", "bad.png")],
        [("drop", "first.png"), ("blend", 1, "bell-tower"), ("tab", "Masks"), ("tab", "Stylise")],
    ],
    ids=lambda acts: ", ".join(" ".join(map(str, act)) for act in acts),
)
@pytest.mark.parametrize("pause", [0, 0.8])
def test_a_preview_follows(
    acts: list[tuple[Any, ...]], pause: float, browser: Browser, studio: str, files: dict[str, Path],
    preview: Callable[[Expected], bytes],
) -> None:  # fmt: skip
    for page in opened(browser, studio, viewport={"width": 1280, "height": 1000}):
        play(page, files, preview, acts, lambda: pause)


@pytest.mark.parametrize("seed", range(ORDERS))
def test_every_order_ends_in_a_preview_or_a_message(
    seed: int, browser: Browser, studio: str, files: dict[str, Path], preview: Callable[[Expected], bytes]
) -> None:
    draw = random.Random(seed)
    for page in opened(browser, studio, viewport={"width": 1280, "height": 1000}):
        play(page, files, preview, random_acts(draw), lambda: draw.choice((0, 0, 0.05, 0.4)))
