"""`brushwork train` and what is made with what it writes, as a user sees it."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from brushwork.image import Picture
from brushwork.io import read_size, write_image
from brushwork.runtime.locking import locked
from brushwork.training.loop import Trainer

Run = Callable[..., Any]
SHORT = ["--steps", "2", "--batch", "1", "--side", "64", "--style-size", "64"]
TINY = [*SHORT, "--width", "4", "--blocks", "1"]


@pytest.fixture
def folder(here: Path) -> Path:
    photos = here / "photos"
    photos.mkdir()
    for number in range(3):
        write_image(Picture(torch.rand(1, 3, 80, 96)), photos / f"{number}.png")
    (photos / "broken.jpg").write_bytes(b"\xff\xd8no")
    return photos


def test_a_style_is_trained_and_used(run: Run, folder: Path) -> None:
    outcome = run("train", "johnson", "--style", "wave.jpg", "--photos", folder, "-o", "mine.safetensors", *TINY)
    assert outcome.code == 0, outcome.err
    assert "brushwork stylize photo.jpg --method johnson --style mine.safetensors" in outcome.err
    used = run("stylize", "photo.png", "--method", "johnson", "--style", "mine.safetensors", "-o", "out.png")
    assert used.code == 0, used.err
    assert read_size(Path("out.png")) == (48, 36)
    assert run("styles", "add", "mine.safetensors", "--name", "my-wave").code == 0
    assert run("stylize", "photo.png", "--method", "johnson", "--style", "my-wave", "-o", "again.png").code == 0
    assert Path("again.png").read_bytes()[-100:] == Path("out.png").read_bytes()[-100:]


def test_many_styles_a_row_more_and_a_predictor(run: Run, folder: Path) -> None:
    train = ("train", "conditional-instance-norm", "--photos", folder)
    outcome = run(*train, "--style", "wave.jpg", "--style", "sea.png", "-o", "two.safetensors", *TINY)
    assert outcome.code == 0, outcome.err
    assert {path.name for path in Path("two").iterdir()} == {"wave.safetensors", "sea.safetensors"}
    use = ("stylize", "photo.png", "--method", "conditional-instance-norm", "-o", "out.png", "--model")
    assert run(*use, "two.safetensors", "--style", "two/wave.safetensors:0.3+two/sea.safetensors:0.7").code == 0
    row = run(
        *train, "--learn", "row", "--start", "two.safetensors", "--style", "wave.jpg", "-o", "r.safetensors", *SHORT
    )
    assert row.code == 0, row.err
    assert "--model two.safetensors --style r.safetensors" in row.err
    assert run(*use, "two.safetensors", "--style", "r.safetensors").code == 0
    learn = ("--learn", "predictor", "--start", "two.safetensors", "--style", folder)
    predictor = run(*train, *learn, "-o", "p.safetensors", *SHORT)
    assert predictor.code == 0, predictor.err
    assert run(*use, "p.safetensors", "--style", "wave.jpg").code == 0


def test_networks_for_any_painting(run: Run, folder: Path) -> None:
    (folder / "broken.png").write_bytes(b"no")
    for method, option in (("adain", "--decoder"), ("adain-lite", "--model")):
        train = ("train", method, "--photos", folder, "--steps", "2", "--batch", "1", "--side", "96")
        outcome = run(*train, "--style", folder, "-o", f"{method}.safetensors")
        assert outcome.code == 0, outcome.err
        assert f"{option} {method}.safetensors --style painting.jpg" in outcome.err
        use = ("stylize", "photo.png", "--method", method, option, f"{method}.safetensors", "--style", "wave.jpg")
        assert run(*use, "-o", f"{method}.png").code == 0
        assert run(*train, "--style", folder, "--style", "wave.jpg", "-o", "a.safetensors").code == 2
        assert "is not a folder" in run(*train, "--style", "wave.jpg", "-o", "a.safetensors").err
        assert "multiple of" in run(*train, "--side", "70", "--style", folder, "-o", "a.safetensors").err


def test_a_texture_is_trained_and_made(run: Run, folder: Path) -> None:
    small = ["--channels", "2", "--scales", "3", *SHORT]
    texture = ("train", "texture-nets", "--style", "wave.jpg", "--makes", "textures")
    outcome = run(*texture, "-o", "t.safetensors", *small)
    assert outcome.code == 0, outcome.err
    assert "brushwork synthesize t.safetensors" in outcome.err
    assert run("synthesize", "t.safetensors", "--size", "100x60", "-o", "t.png").code == 0
    assert read_size(Path("t.png")) == (100, 60)
    assert run("synthesize", "t.safetensors", "--size", "big", "-o", "t.png").code == 2
    assert run("train", "texture-nets", "--style", "wave.jpg", "-o", "u.safetensors", *small).code == 2


@pytest.mark.skipif(sys.version_info < (3, 11), reason="TOML is read from Python 3.11 on")
def test_a_recipe_s_options_and_a_log(run: Run, folder: Path) -> None:
    Path("r.toml").write_text("steps = 3\nbatch = 1\nside = 64\nstyle_size = 64\nwidth = 4\nblocks = 1\n")
    common = (
        "train",
        "johnson",
        "--style",
        "wave.jpg",
        "--photos",
        folder,
        "-o",
        "a.safetensors",
        "--recipe",
        "r.toml",
    )
    outcome = run(*common, "--steps", "2", "--log", "log", "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.objects[-1]["step"] == 2
    assert (Path("log") / "losses.csv").exists()
    Path("r.toml").write_text("color = 3\n")
    assert "color is not an option of johnson" in run(*common).err
    Path("r.toml").write_text("no toml")
    assert "r.toml can't be read" in run(*common).err


def test_a_dry_run_says_time_and_memory_and_writes_nothing(run: Run, folder: Path) -> None:
    common = ("train", "johnson", "--style", "wave.jpg", "--photos", folder, "-o", "a.safetensors", *TINY)
    outcome = run(*common, "--dry-run", "--json")
    assert outcome.code == 0, outcome.err
    (said,) = outcome.objects
    assert said["steps"] == 2
    assert said["seconds"] > 0
    assert said["bytes"] > 1e8
    assert not list(Path().glob("a.*"))


def test_mistakes_are_said_in_one_line(run: Run, folder: Path) -> None:
    common = ("train", "johnson", "--photos", folder, *TINY)
    for arguments, words in (
        (("--style", "none.jpg", "-o", "a.safetensors"), "none.jpg"),
        (("--style", "wave.jpg", "-o", "a.png"), "ending in .safetensors"),
        (("--style", "wave.jpg", "-o", "none/a.safetensors"), "doesn't exist; create it"),
        (("--style", "wave.jpg", "--style", "sea.png", "-o", "a.safetensors"), "one style at a time"),
        (("--style", "wave.jpg", "-o", "a.safetensors", "--learn", "row"), "conditional-instance-norm"),
        (("--style", "wave.jpg", "-o", "a.safetensors", "--start", "wave.jpg"), "wave.jpg"),
    ):
        outcome = run(*common, *arguments)
        assert outcome.code in (1, 2)
        assert words in outcome.err
        assert "Traceback" not in outcome.err
    Path("mine.safetensors").write_bytes(b"kept")
    assert (
        "choose another name"
        in run(*common, "--style", "wave.jpg", "--start", "mine.safetensors", "-o", "mine.safetensors").err
    )
    assert "is already trained" in run(*common, "--style", "wave.jpg", "-o", "mine.safetensors", "--resume").err
    assert Path("mine.safetensors").read_bytes() == b"kept"
    Path("a.safetensors.training").write_bytes(b"left")
    assert "--resume" in run(*common, "--style", "wave.jpg", "-o", "a.safetensors").err
    assert "damaged" in run(*common, "--style", "wave.jpg", "-o", "a.safetensors", "--resume").err


RECIPES = sorted((Path(__file__).parents[3] / "recipes").glob("*.toml"))


@pytest.mark.skipif(sys.version_info < (3, 11), reason="TOML is read from Python 3.11 on")
@pytest.mark.skipif(sys.version_info < (3, 11), reason="TOML is read from Python 3.11 on")
def test_a_recipe_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    from brushwork.cli.training import _from_toml

    (tmp_path / "recipe.toml").write_text("steps = 3\n", "utf-8-sig")  # as Windows's editor saves it
    assert _from_toml(tmp_path / "recipe.toml") == {"steps": 3}


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_the_recipes_are_options_of_their_methods(recipe: Path) -> None:
    from brushwork.cli.training import _from_toml
    from brushwork.registry import TRAININGS, settings_from

    method = next(name for name in TRAININGS if f"brushwork train {name} " in recipe.read_text("utf-8"))
    assert settings_from(method, _from_toml(recipe), TRAININGS)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_stopped_it_says_the_command_that_resumes(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = ("train", "johnson", "--style", "wave.jpg", "--photos", folder, "-o", "my wave.safetensors", *TINY)
    step = Trainer._step

    def stopping(self: Trainer) -> dict[str, float]:
        terms = step(self)
        if self.state.step == 1:
            signal.raise_signal(signal.SIGTERM)
        return terms

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_step", stopping)
        outcome = run(*line)
    assert outcome.code == 143
    told, _, command = outcome.err.strip().splitlines()[-1].partition("; resume with: brushwork ")
    assert told == "stopped after step 1 of 2"
    resumed = run(*shlex.split(command))
    assert resumed.code == 0, resumed.err
    assert "resuming from step 1" in resumed.err


def test_a_second_training_of_one_output_is_told_before_it_touches_anything(run: Run, folder: Path) -> None:
    line = ("train", "johnson", "--style", "wave.jpg", "--photos", folder, "-o", "a.safetensors", *TINY)
    Path("log").mkdir()
    Path("log/losses.csv").write_text("step,loss\n10,1.0\n")
    with in_another_thread(Path("a.safetensors.training")):
        outcome = run(*line, "--log", "log")
    assert outcome.code == 1
    assert "another brushwork process is working on a.safetensors" in outcome.err
    assert Path("log/losses.csv").read_text() == "step,loss\n10,1.0\n"


@contextmanager
def in_another_thread(path: Path) -> Iterator[None]:
    """Hold the lock of a path as another process would."""
    with ThreadPoolExecutor(1) as thread:
        lock = locked(path)
        thread.submit(lock.__enter__).result()
        yield
        thread.submit(lock.__exit__, None, None, None).result()
