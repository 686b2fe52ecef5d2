"""Steps that several tests of the studio's page take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect


def open_photo(page: Page, path: Path) -> None:
    page.locator("#open-photo").set_input_files(path)
    painted(page).wait_for()


def painted(page: Page) -> Locator:
    return page.locator(".painted")


def done(page: Page) -> None:
    expect(page.locator(".ring.done")).to_be_attached()


def quick(page: Page) -> None:
    """Choose the quick finish, so that nothing develops."""
    page.get_by_role("radio", name="Quick").check()
    done(page)


def thumbnail(page: Page, title: str) -> Locator:
    return page.get_by_role("button", name=title).and_(page.locator(".thumbnail"))


def jobs(page: Page) -> list[dict[str, Any]]:
    answer = page.request.get("/".join(page.url.split("/")[:3]) + "/api/v1/jobs?limit=200")
    return list(answer.json()["items"])
