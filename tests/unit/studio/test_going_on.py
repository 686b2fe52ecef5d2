"""The best finish goes on from the good one: a job that starts from what another one has painted."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from studios import picture

from brushwork import read_recipe, rerun
from brushwork.errors import UsageError
from brushwork.runtime.provenance import Recipe
from brushwork.studio.errors import NotFoundError
from brushwork.studio.records import Job, Upload
from brushwork.studio.schemas import Picture
from brushwork.studio.service import Service

Take = Callable[..., Upload]
Do = Callable[..., Job]
GOOD: dict[str, Any] = {"style": "great-wave", "preset": "good", "settings": {"steps": 12}, "size": 64}
BEST: dict[str, Any] = {**GOOD, "preset": "best", "settings": {"steps": 30, "refine_steps": 3}}


def test_best_goes_on_from_good_in_a_third_of_the_steps(service: Service, take: Take, do: Do, tmp_path: Path) -> None:
    photo = take().id
    good = do(Picture(photo=photo, **GOOD))
    best = do(Picture(photo=photo, **BEST, start=good.id))
    assert (best.status, best.message, best.progress["steps"]) == ("done", "", 13)
    start, _, _ = service.result("ada", good.id)
    path, _, _ = service.result("ada", best.id)
    recipe = dict(read_recipe(path) or {})
    assert (recipe["settings"]["steps"], recipe["settings"]["scales"]) == (10, 1)
    assert recipe["init"]["name"] == "photo_great-wave.png"
    assert recipe["init"]["sha256"] == hashlib.sha256(start.read_bytes()).hexdigest()
    assert not (path.parent / "start").exists()
    # From the good picture it is another one than from the photo, and nearer to the good one.
    first, from_photo = (picture(service.result("ada", job.id)[0]) for job in (good, do(Picture(photo=photo, **BEST))))
    assert np.abs(picture(path) - first).mean() < np.abs(from_photo - first).mean()
    # Beside both pictures, its recipe gives the same again.
    shutil.copy(start, tmp_path / "photo_great-wave.png")
    shutil.copy(service.files.upload(photo), tmp_path / "photo.png")
    again, _ = rerun(Recipe(recipe), [tmp_path])
    again.save(tmp_path / "again.png")
    assert np.array_equal(picture(tmp_path / "again.png"), picture(path))


def test_what_was_paused_goes_on_although_its_start_was_deleted(service: Service, take: Take, do: Do) -> None:
    photo = take().id
    good = do(Picture(photo=photo, **GOOD))
    ask = Picture(photo=photo, **{**BEST, "settings": {"steps": 60, "precision": "float32"}}, start=good.id)
    whole = do(ask)
    paused = do(ask, lambda progress: "pause" if progress["step"] == 12 else "")
    service.remove_job("ada", good.id)
    done = do(ask, job=service.resume("ada", paused.id))
    assert (done.status, done.message) == ("done", "")
    first, second = (picture(service.result("ada", job.id)[0]) for job in (whole, done))
    assert np.array_equal(first, second)


def test_without_its_start_it_is_painted_from_the_photo_and_says_so(service: Service, take: Take, do: Do) -> None:
    photo = take().id
    good = do(Picture(photo=photo, **GOOD))
    waiting = service.submit("ada", Picture(photo=photo, **BEST, start=good.id))
    service.remove_job("ada", good.id)
    done = do(None, job=waiting)
    assert (done.status, done.progress["steps"]) == ("done", 33)
    assert "deleted; painted from the photo" in done.message


def test_what_a_waiting_job_goes_on_from_is_not_deleted_to_make_room(service: Service, take: Take, do: Do) -> None:
    photo = take().id
    good, other = (do(Picture(photo=photo, **GOOD)) for _ in range(2))
    service.submit("ada", Picture(photo=photo, **BEST, start=good.id))
    left = {thing.id for thing in service.quota._dispensable("ada")}
    assert other.id in left
    assert not {good.id, photo} & left


def test_a_start_that_makes_no_sense_is_refused(service: Service, take: Take, do: Do) -> None:
    photo = take().id
    good = do(Picture(photo=photo, **GOOD))
    waiting = service.submit("ada", Picture(photo=photo, **GOOD))
    for start, error, words in (
        ("0" * 32, NotFoundError, "no job"), (waiting.id, UsageError, "has painted this photo and is done"),
    ):  # fmt: skip
        with pytest.raises(error, match=words):
            service.submit("ada", Picture(photo=photo, **BEST, start=start))
    with pytest.raises(UsageError, match="has painted this photo"):
        service.submit("ada", Picture(photo=take().id, **BEST, start=good.id))
    with pytest.raises(UsageError, match="can't go on from a picture"):
        service.submit("ada", Picture(photo=photo, style="great-wave", preset="draft", start=good.id))
    with pytest.raises(NotFoundError, match="no job"):
        service.submit("bob", Picture(photo=take(user="bob").id, **BEST, start=good.id))
