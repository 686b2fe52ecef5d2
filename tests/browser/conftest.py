"""A studio and a browser for the tests of the page; they are skipped where there is no browser."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from brushwork.studio.users import Users

# A browser that is left alone asks its maker's servers for updates.
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
SLOW = 40_000
expect.set_options(timeout=SLOW)


def chromium() -> str | None:
    """A Chromium that is installed."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")  # while it is there, so is its event loop, in which no other test could run its own
def browser() -> Iterator[Browser]:
    path = chromium()
    if path is None:
        pytest.skip("there is no chromium here; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield found
        found.close()


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a studio of its own."""
    yield from served(tmp_path_factory.mktemp("studio"))


@pytest.fixture
def team(tmp_path: Path) -> Iterator[str]:
    """The address of a studio for those who log in: anna and ben, whose password is "password of" and the name."""
    users = Users(tmp_path / "s" / "users.json")
    for name in ("anna", "ben"):
        users.add(name, f"password of {name}")
    yield from served(tmp_path)


def served(folder: Path) -> Iterator[str]:
    command = [
        sys.executable,
        "-m",
        "brushwork",
        "studio",
        "--no-browser",
        "--port",
        "0",
        "--folder",
        str(folder / "s"),
    ]
    environment = {**os.environ, "BRUSHWORK_HOME": str(folder / "home")}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stderr=log, env=environment)
    try:
        yield _address(folder / "log", process)
    finally:
        process.terminate()
        process.wait(20)


def _address(log: Path, process: subprocess.Popen[bytes]) -> str:
    for _ in range(600):
        for line in log.read_text().splitlines():
            if line.startswith("{") and json.loads(line).get("event") == "the studio is there":
                return str(json.loads(line)["url"])
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    raise AssertionError(log.read_text())


@pytest.fixture
def page(browser: Browser, studio: str) -> Iterator[Page]:
    """The page on a desk; whatever goes wrong in it, or leaves the machine, fails the test."""
    yield from opened(browser, studio, viewport={"width": 1280, "height": 900})


def opened(browser: Browser, studio: str, **options: Any) -> Iterator[Page]:
    context = browser.new_context(**options)
    context.set_default_timeout(SLOW)
    page, wrong = context.new_page(), list[str]()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("response", lambda answer: wrong.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None)
    page.on("request", lambda request: wrong.append(request.url) if _leaves(request.url, studio) else None)
    page.goto(studio)
    page.get_by_role("heading", name="brushwork studio").first.wait_for()
    yield page
    context.close()
    assert wrong == []


def _leaves(url: str, studio: str) -> bool:
    return not url.startswith((studio, "data:", "blob:"))
