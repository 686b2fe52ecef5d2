#!/usr/bin/env python3
"""The page of `export --page` in Chromium: seconds for 512×512, from disk and served with threads, and its size.

    python benchmarks/one_page.py [--styles great-wave starry-night …] [--runs 3] [--side 512]

Needs playwright and a Chromium. From disk and served alternate, so that a busy machine slows both. `first` is the time
from opening the page to the first picture, `picture` that of a picture when the page is ready, the best of all runs
each. Writes a dated JSON to benchmarks/results/.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import os
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, sync_playwright
from report import write
from skimage import data

from brushwork import export_page

STYLES = ["great-wave", "starry-night", "composition-vii", "mondrian", "night-cafe", "the-scream"]
PATIENCE = 120_000  # milliseconds
WATCH = """document.addEventListener("DOMContentLoaded", () => {
  globalThis.pictures = [];
  const save = document.getElementById("save");
  new MutationObserver(() => save.disabled || pictures.push(performance.now())).observe(save, { attributes: true });
  document.getElementById("file").addEventListener("change", () => (globalThis.given = performance.now()));
});"""


class Isolated(http.server.SimpleHTTPRequestHandler):
    """A server with the headers that threads need."""

    def end_headers(self) -> None:
        """Add them."""
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def seconds(browser: Browser, address: str, photo: Path) -> dict[str, float]:
    """Open the page, paint a photo, and once more."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto(address)
    page.set_input_files("#file", photo)
    page.locator("#save:enabled").wait_for()
    first = page.evaluate("pictures[0]")
    count = len(STYLES)
    page.wait_for_timeout(250 * count)  # until the thumbnails are there
    page.set_input_files("#file", photo)
    page.locator("#save:disabled").wait_for(state="attached")
    page.locator("#save:enabled").wait_for()
    picture = page.evaluate("pictures.at(-1) - given")
    threads = int(page.evaluate("document.documentElement.dataset.threads"))
    context.close()
    return {"threads": threads, "first": first / 1000, "picture": picture / 1000}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--styles", nargs="+", default=STYLES)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--side", type=int, default=512)
    args = parser.parse_args()
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        photo = folder / "photo.png"
        Image.fromarray(data.astronaut()).resize((args.side, args.side)).save(photo)
        (single,) = export_page(args.styles, folder / "page.html")
        export_page(args.styles, folder / "served")
        handler = functools.partial(Isolated, directory=str(folder / "served"))
        server = http.server.ThreadingHTTPServer(("localhost", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        places = {"from disk": single.as_uri(), "served": f"http://localhost:{server.server_port}/"}
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        found: dict[str, list[dict[str, float]]] = {place: [] for place in places}
        for _ in range(args.runs):
            for place, address in places.items():
                found[place].append(seconds(browser, address, photo))
                print(place, found[place][-1], flush=True)
        facts: dict[str, Any] = {
            "chromium": browser.version,
            "load average": os.getloadavg(),
            "side": args.side,
            "styles": len(args.styles),
            "megabytes": round(single.stat().st_size / 1e6, 2),
            "seconds": {
                place: {key: round(min(run[key] for run in runs), 2) for key in ("threads", "first", "picture")}
                for place, runs in found.items()
            },
        }
        browser.close()
        server.shutdown()
    print(facts)
    write("one_page", facts)


if __name__ == "__main__":
    main()
