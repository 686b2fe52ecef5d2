"""Whatever a person does, in any order, the page ends with a preview of what is set, or says what is missing.

`BRUSHWORK_ORDERS=200 pytest tests/browser/test_previews.py -m "slow or not slow"` plays so many random orders instead
of a dozen, of which only the first two are not slow.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import httpx
import pytest
import skimage
from PIL import Image
from playwright.sync_api import Locator, Page
from studios import PATIENCE

Act = tuple[Any, ...]  # a method of Play, and its values
ORDERS = int(os.environ.get("BRUSHWORK_ORDERS", "12"))
SLOW = pytest.mark.slow
PER_VISIT = 2  # orders that follow one another on a page
STYLES = ("great-wave", "starry-night", "bell-tower")
KEEP = {"No": None, "Transfer brightness only": "luminance"}
MESSAGES = ("Drop a photo", "bad.png: is not in a supported format", "Paint regions", "Choose a style")
VISIBLE = """() => [...document.images]
    .filter(image => image.checkVisibility() && image.complete && image.naturalWidth).map(image => image.src)"""


@dataclass
class Expected:
    """What the page was told, and so what it must show."""

    photo: str = ""  # name of a file
    tab: str = "Stylize"
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
        return "" if self.tab == "Stylize" or self.blend else MESSAGES[3]

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
        shelf = self.page.get_by_role("button", name="Browse all styles")
        shelf.click()
        self.page.get_by_role("button").filter(has_text=name).first.click()
        shelf.click()

    def own(self, name: str) -> None:
        self.page.get_by_role("button", name="Or your own painting").click()
        self.page.get_by_label("File upload").nth(1).set_input_files(str(self.files[name]))

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

    def toasts(self) -> list[str]:
        """What is said elsewhere than in the place of a preview."""
        return [words for words in self.says() if not words.startswith(MESSAGES)]

    def _seen(self, found: Locator) -> Locator:
        return found.locator("visible=true")


class Play:
    """Does things on the page, and to what is expected of it.

    Args:
        studio: The page.
        expected: What it was told until now.
        preview: Gives the preview that is expected.
    """

    def __init__(self, studio: Studio, expected: Expected, preview: Callable[[Expected], bytes]) -> None:
        self.studio, self.expected, self.preview, self.done = studio, expected, preview, list[str]()

    def acts(self, acts: list[Act], pause: Callable[[], float]) -> None:
        """Do things one after another, each followed by a pause in seconds; the page must end as it should."""
        planned = Play(Mock(), deepcopy(self.expected), self.preview)
        for act, *values in acts:
            getattr(planned, act)(*values)
        # Made before the page asks for its own, which it would replace.
        wanted = b"" if planned.expected.message() else self.preview(planned.expected)
        for act, *values in acts:
            self.done.append(" ".join(map(str, (act, *values))))
            getattr(self, act)(*values)
            assert self.studio.toasts() == [], self.done
            self.studio.page.wait_for_timeout(1000 * pause())
        end = time.monotonic() + PATIENCE
        while not self._settled(wanted):
            assert time.monotonic() < end, (self.done, self.expected, self.studio.says())
            self.studio.page.wait_for_timeout(50)

    def _settled(self, wanted: bytes) -> bool:
        photos = {path.read_bytes() for path in self.studio.files.values()}
        says, seen = self.studio.says(), self.studio.pictures() - photos
        if message := self.expected.message():
            return len(says) == 1 and says[0].startswith(message) and not seen
        return not says and len(seen) == 2 and wanted in seen  # the photo before and after

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
        self._on("Stylize")
        self.studio.choose("Style", name)
        self.expected.style = name

    def swatch(self, name: str) -> None:
        self._on("Stylize")
        self.studio.swatch(name)
        self.expected.style = name

    def own(self, name: str) -> None:
        self._on("Stylize")
        self.studio.own(name)

    def number(self, label: str, value: float) -> None:
        self._on("Stylize")
        self.studio.number(label, value)
        self.expected.settings[OPTIONS[label]] = value

    def slide(self, label: str, steps: int) -> None:
        self._on("Stylize")
        before = self.expected.settings.get(OPTIONS[label], 1.0)
        self.studio.slide(label, steps)
        self.expected.settings[OPTIONS[label]] = round(min(max(before + 0.05 * steps, 0), 1), 2)

    def keep(self, words: str) -> None:
        self._on("Stylize")
        self.studio.keep(words)
        self.expected.keep = KEEP[words]

    def blend(self, number: int, name: str) -> None:
        self._on("Blend")
        self.studio.choose(f"Style {number}", name)
        self.expected.blend[number] = name

    def share(self, number: int, value: float) -> None:
        self._on("Blend")
        self.studio.number(f"Weight of style {number}", value)
        self.expected.shares[number] = value

    def _on(self, tab: str) -> None:
        if self.expected.tab != tab:
            self.tab(tab)


OPTIONS = {"Strength": "strength", "Stroke size": "style_scale"}
DROPS = ("first.png", "second.png", "bad.png")


def random_acts(draw: random.Random) -> list[Act]:
    """Three to nine things that a person may do, in any order."""
    acts: list[Callable[[], Act]] = [
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
        lambda: ("tab", draw.choice(("Stylize", "Blend", "Masks"))),
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
    with httpx.Client(base_url=studio, timeout=PATIENCE) as client:
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


@pytest.fixture
def play(page: Page, files: dict[str, Path], preview: Callable[[Expected], bytes]) -> Play:
    """A page that was just opened."""
    return Play(Studio(page, files), Expected(), preview)


@pytest.mark.parametrize(
    "acts",
    [
        [("number", "Strength", 0.4), ("drop", "first.png")],
        [("swatch", "starry-night"), ("drop", "first.png")],
        [("drop", "bad.png"), ("remove",), ("drop", "first.png")],
        [("drop", "bad.png"), ("drop", "first.png")],
        [("drop", "first.png"), ("remove",), ("drop", "second.png"), ("slide", "Strength", -3)],
        [("drop", "first.png"), ("remove",), ("number", "Strength", 0.4), ("drop", "bad.png")],
        [("drop", "first.png"), ("blend", 1, "bell-tower"), ("tab", "Masks"), ("tab", "Stylize")],
        [("drop", "first.png"), ("own", "second.png"), ("swatch", "bell-tower")],  # the last choice counts
    ],
    ids=lambda acts: ", ".join(" ".join(map(str, act)) for act in acts),
)
def test_a_preview_or_a_message_follows(acts: list[Act], play: Play) -> None:
    play.acts(acts, lambda: 0.3)


@pytest.mark.parametrize("visit_number", [0, *(pytest.param(n, marks=SLOW) for n in range(1, ORDERS // PER_VISIT))])
def test_every_order_ends_in_a_preview_or_a_message(visit_number: int, play: Play) -> None:
    draw = random.Random(visit_number)
    for _ in range(PER_VISIT):
        play.acts(random_acts(draw), lambda: draw.choice((0, 0, 0.05, 0.4)))
