#!/usr/bin/env python3
"""How soon the studio's page shows what one asks it for, in a browser.

    python benchmarks/studio_page.py [--times 10]

Each time, somebody who has never been there opens the page and gives it one of scikit-image's photographs, larger than
the page shows it. Told are medians and the slowest, in seconds: from the photo to its draft; from the photo until its
thumbnails in all styles are there; from a moved slider to the new draft; from a style that is clicked to its draft, and
on to the picture in the preset good; on the timeline of a film of five seconds, from a click to the draft of the frame
there, and from the button until two painted seconds play. Everything is waited for as it is seen: until the picture has
been decoded. Writes a dated JSON to benchmarks/results/. Needs chromium and playwright.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Any

import av
import httpx
import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from report import write
from skimage import data
from studio import PHOTOS, photo, studio, until

SENT = 2000  # longer side of what is sent, in pixels, at most
WINDOW = {"width": 1440, "height": 900}
PATIENCE = 600_000.0  # milliseconds
STYLE = "The Starry Night"
SETTLED = 1.0  # seconds before a slider is moved
FILM, RATE, FRAMES = (640, 360), 24, 120  # a film's size, frames per second, and frames
PLACES = (0.3, 0.7, 0.5)  # of the timeline that are clicked


def visit(browser: Browser, url: str, path: Path, seconds: dict[str, list[float]]) -> None:
    """What somebody does on the page, from opening it to a finished picture."""
    context = browser.new_context(viewport=WINDOW)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(f"{url}/")
    page.get_by_role("heading").first.wait_for()
    began = time.perf_counter()
    page.locator("#open-photo").set_input_files(path)
    shown(page, "")
    seconds["photo to draft"].append(time.perf_counter() - began)
    page.locator('.thumbnails[aria-busy="false"]').wait_for()
    seconds["photo to all thumbnails"].append(time.perf_counter() - began)
    count = page.locator(".thumbnail img").count()
    if count != page.locator(".thumbnail").count():
        raise SystemExit(f"only {count} thumbnails are there")
    page.get_by_role("radio", name="Quick").check()
    page.locator(".ring.done").wait_for(state="attached")
    time.sleep(SETTLED)
    before, began = source(page), time.perf_counter()
    page.get_by_role("slider", name="Strength").fill("0.6")
    shown(page, before)
    seconds["slider to draft"].append(time.perf_counter() - began)
    page.get_by_role("radio", name="Good").check()
    page.get_by_role("button", name=STYLE).and_(page.locator(".thumbnail")).click()
    began = time.perf_counter()
    page.locator(".ring.developing").wait_for()
    page.locator(".ring.done").wait_for(state="attached")
    seconds["style to good"].append(time.perf_counter() - began)
    context.close()


def film_visit(browser: Browser, url: str, path: Path, seconds: dict[str, list[float]]) -> None:
    """What somebody does with a film: look at three places, and play two seconds."""
    context = browser.new_context(viewport=WINDOW)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(f"{url}/")
    page.locator("#open-photo").set_input_files(path)
    page.locator(".track-frames").wait_for()
    page.locator(".painted").wait_for()
    box = page.locator(".track").bounding_box() or {}
    for place in PLACES:
        time.sleep(SETTLED)
        before, began = source(page), time.perf_counter()
        page.mouse.click(box["x"] + place * box["width"], box["y"] + box["height"] / 2)
        shown(page, before)
        seconds["playhead to draft"].append(time.perf_counter() - began)
    began = time.perf_counter()
    page.get_by_role("button", name="Play 2 seconds").click()
    playing = page.locator("video")
    playing.wait_for()
    while not playing.evaluate("video => video.currentTime > 0"):
        time.sleep(0.02)
    seconds["playhead to two seconds playing"].append(time.perf_counter() - began)
    context.close()


def write_film(path: Path) -> None:
    """A camera that moves over a photograph."""
    photograph = np.asarray(Image.fromarray(data.astronaut()).resize((960, 960)))
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = *FILM, "yuv420p"
        for k in range(FRAMES):
            left, top = 2 * k, 4 * k
            frame = np.ascontiguousarray(photograph[top : top + FILM[1], left : left + FILM[0]])
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        out.mux(stream.encode(None))


def source(page: Page) -> str:
    return page.locator(".painted").get_attribute("src") or ""


def shown(page: Page, before: str) -> None:
    """Wait until another picture is seen."""
    picture = page.locator(f'.painted:not([src="{before}"])')
    picture.wait_for()
    picture.evaluate("image => image.decode().catch(() => {})")


def measured(folder: Path, times: int) -> dict[str, Any]:
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    seconds: dict[str, list[float]] = defaultdict(list)
    with (
        studio(folder, "--no-browser") as (url, _),
        sync_playwright() as playwright,
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        until(lambda: client.get("/ready").is_success, 120)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for number in range(times + 1):
            name = PHOTOS[number % len(PHOTOS)]
            path = folder / f"{name}.jpg"
            path.write_bytes(photo(name, SENT))
            # The first visit only warms up: the worker of jobs loads its network with its first one.
            visit(browser, url, path, seconds if number else defaultdict(list))
        write_film(folder / "film.mp4")
        for number in range(times + 1):
            film_visit(browser, url, folder / "film.mp4", seconds if number else defaultdict(list))
        browser.close()
    found = {name: {"median s": round(median(s), 2), "slowest s": round(max(s), 2)} for name, s in seconds.items()}
    return {"times": times, "window": WINDOW, "load average before": round(os.getloadavg()[2], 1), "seconds": found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=10)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        facts = measured(Path(name), args.times)
    print(json.dumps(facts, indent=1))
    write("studio-page", facts)


if __name__ == "__main__":
    main()
