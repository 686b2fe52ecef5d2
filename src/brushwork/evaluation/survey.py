"""Asking people: a page that shows two pictures at a time, and scores from their answers."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from brushwork.errors import BrushworkError, UsageError
from brushwork.io import read_image
from brushwork.options.stylize import PICTURE_SUFFIXES
from brushwork.runtime.atomic_files import write_whole

__all__ = ["Answer", "Score", "bradley_terry", "make_survey", "read_answers"]

QUALITY = 90  # of the JPEG files within the page
THUMBNAIL = 160  # longer side of a photo, in pixels
RESAMPLES, LEVEL = 500, 0.95  # of the bootstrap
ROUNDS, CONVERGED = 1000, 1e-9  # of the iteration
PRIOR = 0.1  # wins of each over each that are added, so that one who always wins has a finite score


class Answer(NamedTuple):
    """What somebody answered: `chosen` is one of both, or empty."""

    picture: str
    left: str
    right: str
    chosen: str


class Score(NamedTuple):
    """The strength of a contestant, with a 95 % interval; the difference of two is the logarithm of the odds."""

    name: str
    score: float
    low: float
    high: float
    wins: float
    answers: int


def make_survey(
    folders: Sequence[str | Path], page: str | Path, *, photos: str | Path | None = None, size: int = 768
) -> int:
    """Write a page for comparing the pictures of folders, two at a time, on random sides; return its questions.

    It is one file, needs no server and shows no names of folders. Answers are saved as a CSV file.

    Args:
        folders: Two or more, with pictures of the same names.
        page: An HTML file.
        photos: Folder of the photos, shown small above; PHOTO of PHOTO__PAINTING.png.
        size: Longer side of the pictures within the page, at most, in pixels.

    Raises:
        UsageError: Fewer than two folders, folders of the same name, or no pictures in common.
    """
    paths = [Path(folder) for folder in folders]
    names = [path.resolve().name for path in paths]
    if len(paths) < 2 or len(set(names)) < len(names):
        raise UsageError(f"expected two or more folders of different names, got {', '.join(names) or 'none'}")
    inside = [{file.name: file for file in _pictures(path)} for path in paths]
    common = [name for name in inside[0] if all(name in others for others in inside)]
    if not common:
        raise UsageError(f"no picture has the same name in {', '.join(map(str, paths))}")
    pictures = [
        {
            "name": Path(name).stem,
            "photo": _photo(photos, name),
            "images": [_embedded(files[name], size) for files in inside],
        }
        for name in common
    ]
    template = Path(__file__).with_name("survey.html").read_text(encoding="utf-8")
    survey = json.dumps({"names": names, "pictures": pictures}).replace("</", "<\\/")
    write_whole(Path(page), template.replace("/*SURVEY*/null", survey).encode())
    return len(common) * len(names) * (len(names) - 1) // 2


def _photo(folder: str | Path | None, picture: str) -> str | None:
    stem = picture.partition("__")[0]
    found = [] if folder is None else [file for file in _pictures(Path(folder)) if file.stem == stem]
    return _embedded(found[0], THUMBNAIL) if found else None


def _pictures(folder: Path) -> list[Path]:
    return [file for file in sorted(folder.glob("*")) if file.suffix.lower() in PICTURE_SUFFIXES]


def _embedded(path: Path, size: int) -> str:
    """Return a picture as a data URL."""
    picture = read_image(path)
    if max(picture.size) > size:
        picture = read_image(path, size=size)
    buffer = io.BytesIO()
    picture.to_pil().convert("RGB").save(buffer, "JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def read_answers(paths: Sequence[str | Path]) -> list[Answer]:
    """Read the answers of one or more people.

    Raises:
        UsageError: A file that isn't a table of answers.
    """
    answers = []
    for path in paths:
        try:
            with Path(path).open(encoding="utf-8-sig", newline="") as file:
                rows: list[dict[str, Any]] = list(csv.DictReader(file))
            answers += [Answer(row["picture"], row["left"], row["right"], row["chosen"]) for row in rows]
        except (OSError, UnicodeDecodeError, csv.Error, KeyError) as error:
            raise UsageError(f"{path}: expected a CSV file of answers, with picture, left, right, chosen") from error
    for answer in answers:
        if answer.chosen not in ("", answer.left, answer.right) or answer.left == answer.right:
            raise UsageError(f"an answer about {answer.picture} chooses {answer.chosen!r}, which wasn't shown")
    if not answers:
        raise UsageError("there are no answers in these files")
    return answers


def bradley_terry(answers: Sequence[Answer]) -> list[Score]:
    """Return everybody's score, best first; the mean is 0.

    P(a is chosen over b) = 1 / (1 + exp(b - a)); an answer without a choice is half a win for both. Intervals are by
    the bootstrap over pictures.

    Source: Bradley and Terry 1952, "Rank Analysis of Incomplete Block Designs"; the iteration of Hunter 2004, "MM
        algorithms for generalized Bradley-Terry models", eq. 3.
    """
    names = sorted({side for answer in answers for side in (answer.left, answer.right)})
    pictures = sorted({answer.picture for answer in answers})
    wins = np.zeros((len(pictures), len(names), len(names)))
    for picture, left, right, chosen in answers:
        a, b = names.index(left), names.index(right)
        share = 0.5 if not chosen else float(chosen == left)
        wins[pictures.index(picture), a, b] += share
        wins[pictures.index(picture), b, a] += 1 - share
    random = np.random.default_rng(0)
    draws = [_scores(wins[random.integers(len(pictures), size=len(pictures))].sum(0)) for _ in range(RESAMPLES)]
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    total, scores = wins.sum(0), _scores(wins.sum(0))
    won, lost = total.sum(1), total.sum(0)
    found = [
        Score(name, float(scores[k]), float(low[k]), float(high[k]), float(won[k]), round(won[k] + lost[k]))
        for k, name in enumerate(names)
    ]
    return sorted(found, key=lambda score: -score.score)


def _scores(wins: Any) -> Any:
    """Return the logarithm of each one's strength, of mean 0, from wins (N, N) of each over each."""
    wins = wins + PRIOR * (1 - np.eye(len(wins)))
    strength = np.ones(len(wins))
    for _ in range(ROUNDS):
        games = (wins + wins.T) / (strength[:, None] + strength)
        new = wins.sum(1) / games.sum(1)
        new /= np.exp(np.log(new).mean())
        if np.abs(np.log(new / strength)).max() < CONVERGED:
            return np.log(new)
        strength = new
    raise BrushworkError("the scores don't converge; there are too few answers")
