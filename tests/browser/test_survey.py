"""The page of compare: twenty answers, by mouse and keys, become scores with the planted ordering."""

from __future__ import annotations

from pathlib import Path

import torch
from playwright.sync_api import Browser

from brushwork import Picture, write_image
from brushwork.evaluation.survey import bradley_terry, make_survey, read_answers

# The brighter picture is liked better: what its image says is read from the page, which doesn't tell the folder.
BRIGHTER = """() => ["left", "right"].map(side => {
    const image = document.getElementById(side).firstElementChild, canvas = document.createElement("canvas");
    canvas.width = canvas.height = 1;
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0, 1, 1);
    return context.getImageData(0, 0, 1, 1).data[0];
})"""


def test_twenty_answers_give_the_planted_order(browser: Browser, tmp_path: Path) -> None:
    folders = {"bright": 0.9, "middle": 0.5, "dark": 0.1}
    for name, value in folders.items():
        (tmp_path / name).mkdir()
        for k in range(7):
            write_image(Picture(torch.full((1, 3, 24, 32), value)), tmp_path / name / f"{k}__s.png")
    assert make_survey([tmp_path / name for name in folders], tmp_path / "survey.html") == 21
    page = browser.new_page(accept_downloads=True)
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto((tmp_path / "survey.html").as_uri())
    page.wait_for_function("document.getElementById('left').firstElementChild.complete")
    for number in range(20):
        page.wait_for_function("[...document.querySelectorAll('main img')].every(i => i.complete && i.naturalWidth)")
        left, right = page.evaluate(BRIGHTER)
        chosen = "left" if left > right else "right"
        if number % 2:
            page.locator(f"#{chosen}").click()
        else:
            page.keyboard.press(f"Arrow{chosen.capitalize()}")
    assert page.locator("#count").inner_text() == "20 of 21"
    page.keyboard.press("Backspace")
    assert page.locator("#count").inner_text() == "19 of 21"
    page.keyboard.press("ArrowDown")
    with page.expect_download() as download:
        page.locator("#save").click()
    download.value.save_as(tmp_path / "answers.csv")
    answers = read_answers([tmp_path / "answers.csv"])
    assert len(answers) == 20
    assert [score.name for score in bradley_terry(answers)] == list(folders)
    assert all(url.startswith(("file:", "data:", "blob:")) for url in requests)
    page.close()
