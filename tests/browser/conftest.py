"""A studio and a browser for the tests of the page; they are skipped where there is no browser."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response, expect, sync_playwright
from studios import PATIENCE, launch

# A browser that is left alone asks its maker's servers for updates.
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
expect.set_options(timeout=1000 * PATIENCE)


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


@pytest.fixture(scope="session")  # it takes longer to start than most tests take
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a studio of its own."""
    running = launch(tmp_path_factory.mktemp("studio") / "folder")
    yield running.url
    running.stop()


@pytest.fixture
def team(tmp_path: Path) -> Iterator[str]:
    """The address of a studio for those who log in: ada and bob."""
    running = launch(tmp_path / "folder", users=("ada", "bob"))
    yield running.url
    running.stop()


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A desk for all visits: what the page is made of is fetched once."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    context.set_default_timeout(1000 * PATIENCE)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, studio: str) -> Iterator[Page]:
    """The page, just opened; whatever goes wrong in it, or leaves the machine, fails the test."""
    yield from visited(context, studio)


def opened(browser: Browser, studio: str, **options: Any) -> Iterator[Page]:
    context = browser.new_context(**options)
    context.set_default_timeout(1000 * PATIENCE)
    try:
        yield from visited(context, studio)
    finally:
        context.close()


def visited(context: BrowserContext, studio: str) -> Iterator[Page]:
    """The page in a tab of its own; whatever goes wrong in it, or leaves the machine, fails the test."""
    page, wrong = context.new_page(), list[str]()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    # That the studio is busy, 503, is no mistake: the page asks again.
    page.on("console", lambda message: wrong.append(message.text) if _is_error(message) else None)
    page.on("response", lambda answer: wrong.append(f"{answer.status} {answer.url}") if _is_refusal(answer) else None)
    page.on("request", lambda request: wrong.append(request.url) if _leaves(request.url, studio) else None)
    page.goto(studio)
    page.get_by_role("heading", name="Paint a photo").wait_for()
    yield page
    page.close()
    assert wrong == []


def until(page: Page, condition: str, argument: object = None) -> None:
    """Wait until a JavaScript expression, or a function of an argument, is true.

    Playwright's own `wait_for_function` evaluates text within the page when it has to look twice, which the page's
    content security policy forbids.
    """
    limit = time.monotonic() + PATIENCE
    while not page.evaluate(condition, argument):
        assert time.monotonic() < limit, f"not within {PATIENCE} s: {condition}"
        page.wait_for_timeout(50)


def _is_error(message: ConsoleMessage) -> bool:
    return message.type == "error" and "503 (Service Unavailable)" not in message.text


def _is_refusal(answer: Response) -> bool:
    return answer.status >= 400 and answer.status != 503


def _leaves(url: str, studio: str) -> bool:
    return not url.startswith((studio, "data:", "blob:"))
