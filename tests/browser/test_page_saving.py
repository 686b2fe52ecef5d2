"""The studio's page: saving goes first, and what else becomes of the picture that develops meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import skimage
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from studios import until

from .conftest import opened
from .page_steps import done, jobs, open_photo, quick, thumbnail


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "cup.png"
    Image.fromarray(skimage.data.coffee()).resize((120, 90)).save(path)
    return path


@pytest.fixture
def page(browser: Browser, studio: str) -> Iterator[Page]:
    yield from opened(browser, studio, viewport={"width": 1440, "height": 900})


def begin_slowly(page: Page, photo: Path, kind: str) -> tuple[set[str], str]:
    """Choose how to save, and let a picture develop for a while; jobs that were there before, and the one that runs."""
    known = {job["id"] for job in jobs(page)}
    open_photo(page, photo)
    page.get_by_label("Save options").click()
    page.get_by_role("radio", name=kind).check()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("button", name="Advanced").click()
    page.get_by_label("Passes over the picture").fill("100")

    def running() -> list[str]:
        slow = [job for job in jobs(page) if job["id"] not in known and job["request"]["settings"].get("steps") == 100]
        return [job["id"] for job in slow if job["status"] == "running"]

    return known, str(until(running)[0])


def new_jobs(page: Page, known: set[str]) -> dict[str, str]:
    """The status of each job that was not there before."""
    return {job["id"]: job["status"] for job in jobs(page) if job["id"] not in known}


def test_what_is_saved_goes_first_and_what_develops_goes_on(page: Page, photo: Path) -> None:
    known, developing = begin_slowly(page, photo, "TIFF")
    with page.expect_download():
        page.get_by_role("button", name="Save", exact=True).click()
        until(lambda: new_jobs(page, known).get(developing) == "paused")
        expect(page.locator(".ring")).to_contain_text("Queued")
        until(lambda: "running" in new_jobs(page, known).values())
    assert new_jobs(page, known)[developing] != "done"
    done(page)
    assert new_jobs(page, known)[developing] == "done"  # the same, from where it was
    assert set(new_jobs(page, known).values()) == {"done"}


def test_what_is_saved_waits_while_it_is_paused(page: Page, photo: Path) -> None:
    begin_slowly(page, photo, "TIFF")
    page.get_by_role("button", name="Jobs").click()
    tray = page.get_by_role("complementary", name="Jobs")
    with page.expect_download():
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.locator(".save.busy")).to_have_text("Queued")
        tray.get_by_role("button", name="Pause").click()
        expect(tray).to_contain_text("Paused")
        page.wait_for_timeout(500)
        expect(page.locator(".notice.error")).to_have_count(0)
        tray.get_by_role("button", name="Resume").click()
    expect(page.locator(".notice")).to_contain_text("Saved cup")


def test_the_picture_that_develops_is_saved_itself_whatever_is_chosen_meanwhile(page: Page, photo: Path) -> None:
    known, developing = begin_slowly(page, photo, "PNG")
    with page.expect_download():
        page.get_by_role("button", name="Save", exact=True).click()
        thumbnail(page, "The Scream").click()
        quick(page)
    assert new_jobs(page, known)[developing] == "done"
    steps = [job["request"]["settings"].get("steps") for job in jobs(page) if job["id"] not in known]
    assert steps.count(100) == 1


def test_a_page_that_is_left_takes_its_job_along_but_not_what_is_saved(page: Page, studio: str, photo: Path) -> None:
    known, developing = begin_slowly(page, photo, "TIFF")
    page.get_by_role("button", name="Save", exact=True).click()
    until(lambda: new_jobs(page, known).get(developing) == "paused")
    page.goto("about:blank")
    answer = page.request

    def left() -> dict[str, str]:
        items = answer.get(f"{studio}/api/v1/jobs?limit=200").json()["items"]
        return {job["id"]: job["status"] for job in items if job["id"] not in known}

    until(lambda: developing not in left())
    until(lambda: set(left().values()) == {"done"})
    assert list(left().values()) == ["done"]  # what is saved
