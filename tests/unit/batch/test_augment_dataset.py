from __future__ import annotations

import shutil
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from brushwork import AdaIN, AdaINLite, augment_dataset, read_recipe, rerun, stylize
from brushwork.batch.run import BatchStep
from brushwork.errors import Interrupted, UsageError
from brushwork.image import Picture
from brushwork.io import write_image

LITE = AdaINLite(precision="float32")
STYLES = ["great-wave", "starry-night", "the-scream"]


def results(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.png")}


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    for number in range(4):
        file = tmp_path / f"dataset/{('cat', 'dog')[number % 2]}/{number}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        write_image(Picture(torch.rand(1, 3, 24, 32)), file)
    return tmp_path / "dataset"


def test_classes_and_names_are_kept_and_styles_differ(dataset: Path, tmp_path: Path, engine: Any) -> None:
    done = augment_dataset(dataset, tmp_path / "out", LITE, styles=STYLES, runner=engine)
    assert (done.done, done.failed) == (4, 0)
    found = results(tmp_path / "out")
    assert set(found) == {f"{('cat', 'dog')[number % 2]}/{number}.png" for number in range(4)}
    chosen = {task.picture: STYLES[task.style] for task in engine.tasks if task != "measure"}
    assert len(set(chosen.values())) > 1
    alone = stylize(dataset / "cat/0.jpg", chosen[str(dataset / "cat/0.jpg")], LITE)
    alone.save(tmp_path / "alone.png")
    assert found["cat/0.png"] == (tmp_path / "alone.png").read_bytes()


def test_any_order_resume_and_place_give_the_same_bytes(dataset: Path, tmp_path: Path, engine: Any) -> None:
    run = partial(augment_dataset, method=LITE, styles=STYLES, strength=(0.5, 1.0), per_image=2, runner=engine)
    run(dataset, tmp_path / "out")
    whole = results(tmp_path / "out")
    assert {"cat/0_1.png", "cat/0_2.png"} < set(whole)
    assert len(whole) == 8
    strengths = [task.strength for task in engine.tasks if task != "measure"]
    assert min(strengths) >= 0.5
    assert len(set(strengths)) == 8

    def stop(step: BatchStep) -> None:
        if step.done == 5:
            raise KeyboardInterrupt

    with zipfile.ZipFile(tmp_path / "elsewhere.zip", "w") as archive:
        for file in sorted(dataset.rglob("*.jpg"), reverse=True):
            archive.write(file, str(file.relative_to(dataset)))
    with pytest.raises(Interrupted):
        run(tmp_path / "elsewhere.zip", tmp_path / "again", progress=stop)
    painted = run(tmp_path / "elsewhere.zip", tmp_path / "again", resume=True).painted
    assert 0 < painted <= 3  # what was recorded while it stopped isn't painted again
    assert results(tmp_path / "again") == whole
    # More results of each leave the others as they are.
    assert run(dataset, tmp_path / "out", per_image=3, resume=True).painted == 4
    assert whole.items() < results(tmp_path / "out").items()
    # Another seed draws others.
    assert run(dataset, tmp_path / "seed", seed=1).done == 8
    assert results(tmp_path / "seed") != whole


def test_a_folder_of_paintings_wherever_it_is_and_adain(dataset: Path, tmp_path: Path, engine: Any) -> None:
    for number in range(3):
        (tmp_path / "art").mkdir(exist_ok=True)
        write_image(Picture(torch.rand(1, 3, 40, 40)), tmp_path / f"art/p+{number}.png")
    shutil.copytree(tmp_path / "art", tmp_path / "moved")
    method = AdaIN(precision="float32")
    for folder in ("art", "moved"):
        augment_dataset(dataset / "cat", tmp_path / f"in {folder}", method, styles=tmp_path / folder, runner=engine)
    assert results(tmp_path / "in art") == results(tmp_path / "in moved")
    recipe = read_recipe(tmp_path / "in art/0.png")
    assert recipe is not None
    assert (recipe["method"], recipe["settings"]["strength"]) == ("adain", 1.0)


def test_styles_drawn_from_the_gaussian(
    dataset: Path, tmp_path: Path, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("brushwork.batch.augment_dataset.DRAWN", 5)
    run = partial(augment_dataset, dataset / "cat", method=LITE, styles="gaussian", strength=0.8, runner=engine)
    run(tmp_path / "out")
    run(tmp_path / "again")
    assert results(tmp_path / "out") == results(tmp_path / "again")
    recipe = read_recipe(tmp_path / "out/0.png")
    assert recipe is not None
    again, notes = rerun(recipe, [dataset / "cat", tmp_path / "out/.brushwork/gaussian-0"])
    assert notes == []
    again.save(tmp_path / "rerun.png")
    assert (tmp_path / "rerun.png").read_bytes() == (tmp_path / "out/0.png").read_bytes()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"method": "gatys"}, "expected adain or adain-lite"),
        ({"method": "adain", "styles": "gaussian"}, "gaussian needs the method adain-lite"),
        ({"styles": "gaussian", "output": "memory://out"}, "use a folder of this machine"),
        ({"styles": []}, "at least one style"),
        ({"pictures": []}, "at least one picture"),
        ({"styles": "nothing-like-it"}, "neither a file nor a style"),
        ({"styles": "."}, "no pictures there"),
        ({"strength": (1.0, 0.5)}, "strength: expected a number, or the lowest and the highest"),
        ({"strength": 1.5}, "strength: expected a number from 0 to 1"),
        ({"per_image": 0}, "per_image: expected"),
        ({"output": "dataset"}, "is the folder of the photos"),
        ({"nothing": 0}, "nothing is not an option"),
    ],
)
def test_wrong_arguments_are_told(
    change: dict[str, Any], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments: dict[str, Any] = {"pictures": "dataset", "styles": "great-wave", "output": "out", "method": LITE}
    with pytest.raises(UsageError, match=words):
        augment_dataset(**{**arguments, **change})
