"""Asking people: the page's content, and scores that recover a planted ordering."""

import json
import random
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from brushwork import Picture, write_image
from brushwork.errors import UsageError
from brushwork.evaluation.survey import Answer, bradley_terry, make_survey, read_answers

STRENGTHS = {"good": 1.0, "draft": 0.0, "other": -1.0}


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Two folders with three pictures in common, and one of the photos."""
    found = []
    for folder, names in (("a", "pqr"), ("b", "pqrx"), ("photos", "p")):
        (tmp_path / folder).mkdir()
        for name in names:
            stem = name if folder == "photos" else f"{name}__s"
            write_image(Picture(torch.rand(1, 3, 40, 60)), tmp_path / folder / f"{stem}.png")
        found.append(tmp_path / folder)
    return found


def test_page_holds_everything_and_no_names_in_sight(folders: list[Path]) -> None:
    a, b, photos = folders
    page = photos.parent / "survey.html"
    assert make_survey([a, b], page, photos=photos) == 3
    text = page.read_text()
    survey = json.loads(re.search(r"const survey = (\{.*\});", text)[1])
    assert [picture["name"] for picture in survey["pictures"]] == ["p__s", "q__s", "r__s"]
    assert [bool(picture["photo"]) for picture in survey["pictures"]] == [True, False, False]
    assert all(image.startswith("data:image/jpeg;base64,") for p in survey["pictures"] for image in p["images"])
    assert "http" not in text.replace("http-equiv", "")  # it loads nothing


def test_folders_must_have_something_in_common(folders: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="two or more folders"):
        make_survey(folders[:1], tmp_path / "x.html")
    with pytest.raises(UsageError, match="no picture has the same name"):
        make_survey([folders[0], folders[2]], tmp_path / "x.html")
    assert not (tmp_path / "x.html").exists()


def planted(count: int) -> list[Answer]:
    """Return answers drawn from `STRENGTHS`."""
    drawn, names, answers = random.Random(0), list(STRENGTHS), []
    for k in range(count):
        left, right = drawn.sample(names, 2)
        chance = 1 / (1 + np.exp(STRENGTHS[right] - STRENGTHS[left]))
        answers.append(Answer(f"picture {k % 20}", left, right, left if drawn.random() < chance else right))
    return answers


def test_scores_recover_a_planted_ordering() -> None:
    scores = bradley_terry(planted(2000))
    assert [score.name for score in scores] == ["good", "draft", "other"]
    for score in scores:
        assert score.score == pytest.approx(STRENGTHS[score.name], abs=0.15)
        assert score.low < STRENGTHS[score.name] < score.high
    assert sum(score.answers for score in scores) == 4000


def test_somebody_who_always_wins_has_a_finite_score() -> None:
    scores = bradley_terry([Answer(str(k), "a", "b", "a") for k in range(10)])
    assert scores[0].name == "a"
    assert 1 < scores[0].score < 10
    (tie, _) = bradley_terry([Answer("x", "a", "b", "")])
    assert tie.score == pytest.approx(0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "expected a CSV file of answers"),
        ("picture,left,right,chosen\nx,a,b,c\n", "which wasn't shown"),
        ("picture,left,right,chosen\n", "no answers"),
    ],
)
def test_bad_answers(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "answers.csv").write_text(text)
    with pytest.raises(UsageError, match=message):
        read_answers([tmp_path / "answers.csv"])
