"""Work that can't be written where it was asked for is kept, and the command says where."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from brushwork import Picture, read_image
from brushwork.api import synthesize as synthesis
from brushwork.methods.gatys.method import GatysMethod
from brushwork.runtime.locking import locked
from brushwork.runtime.progress import Step

Run = Callable[..., Any]
GATYS = ("--method", "gatys", "--precision", "float32", "--scales", 1, "--steps", 3)


def at_second_step(act: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let something happen after the second step of each job."""
    call = GatysMethod.__call__

    def wrapped(self: GatysMethod, *arguments: Any, progress: Callable[[Step], None], **options: Any) -> torch.Tensor:
        def watched(step: Step) -> None:
            progress(step)
            if step.step == 2:
                act()

        return call(self, *arguments, progress=watched, **options)

    monkeypatch.setattr(GatysMethod, "__call__", wrapped)


@pytest.fixture
def out(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is removed during each job."""
    (here / "out").mkdir()
    at_second_step(lambda: shutil.rmtree(here / "out", ignore_errors=True), monkeypatch)
    return here / "out"


def test_a_folder_removed_meanwhile(run: Run, here: Path, out: Path) -> None:
    outcome = run("stylize", "photo.png", "--style", "wave.jpg", "-o", "out/a.png", *GATYS)
    assert outcome.code == 1
    assert outcome.err.endswith(f"saved as {here}/a.png instead\n")
    assert read_image(here / "a.png").size == (48, 36)
    out.mkdir()
    outcome = run("stylize", "photo.png", "--style", "wave.jpg", "-o", "out/a.png", *GATYS, "--json")
    assert outcome.objects[-1]["saved"] == str(here / "a-1.png")
    assert (here / "a-1.png").read_bytes()[-99:] == (here / "a.png").read_bytes()[-99:]


def test_each_of_a_batch(run: Run, here: Path, out: Path) -> None:
    batch = ("stylize", "photo.png", "sea.png", "--style", "wave.jpg", "-o", "out/", *GATYS)
    outcome = run(*batch, "--json")
    first, *_, last = outcome.objects
    assert outcome.code == 1
    assert first["saved"] == str(here / "photo_wave.png")
    assert last["error"] == "2 of 2 failed"
    assert read_image(here / "photo_wave.png").size == (48, 36)
    # The folder is missing before the work on the second begins: nothing is done that would have to be kept.
    assert not (here / "sea_wave.png").exists()


def test_stopped_the_best_so_far_is_kept_too(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop() -> None:
        (here / "out").rmdir()
        signal.raise_signal(signal.SIGINT)

    (here / "out").mkdir()
    at_second_step(stop, monkeypatch)
    outcome = run("stylize", "photo.png", "--style", "wave.jpg", "-o", "out/a.png", *GATYS)
    assert outcome.code == 130
    assert outcome.err.splitlines()[-1].startswith(
        f"stopped early; out/a.png: directory {here}/out doesn't exist; create it"
    )
    assert outcome.err.endswith(f"saved as {here}/a.png instead\n")
    assert (here / "a.png").exists()


def test_an_animation_is_kept_though_its_place_and_that_of_the_picture_are_gone(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "out").mkdir()
    for module in ("brushwork.io", "brushwork.api.stylize"):
        monkeypatch.setattr(f"{module}.write_image", _removing("brushwork.io.write_image", here / "out"))
    line = ("stylize", "photo.png", "--style", "wave.jpg", "-o", "out/a.png", "--animation", "way.gif", *GATYS)
    outcome = run(*line)
    assert outcome.code == 1
    assert read_image(here / "a.png").size == (48, 36)
    with Image.open(here / "way.gif") as animation:
        assert animation.size == (48, 36)
    assert not (here / "way.gif.frames").exists()


def _removing(name: str, folder: Path) -> Callable[..., None]:
    """The function, before which a folder is removed as soon as something is written into it."""
    module, _, function = name.rpartition(".")
    write = getattr(__import__(module, fromlist=[function]), function)

    def wrapped(picture: Picture, path: Path, **options: Any) -> None:
        if Path(path).resolve().parent == folder:
            shutil.rmtree(folder, ignore_errors=True)
        write(picture, path, **options)

    return wrapped


@pytest.mark.parametrize("verb", ["interpolate", "synthesize", "rerun"])
def test_other_verbs(verb: str, run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "out").mkdir()
    (here / "in").mkdir()
    run("stylize", "photo.png", "--style", "feminine-wave", "-o", "in/made.png")
    lines = {
        "interpolate": ("photo.png", "--style", "feminine-wave", "--style", "great-wave", "--count", 2, "--size", 32),
        "synthesize": ("in/net.safetensors", "--size", "20x10"),
        "rerun": ("in/made.png", "--in", here),
    }
    monkeypatch.setattr(synthesis, "synthesize", lambda *_, **__: Picture(torch.rand(1, 3, 10, 20)))
    for module in ("brushwork.io", "brushwork.api.stylize"):
        monkeypatch.setattr(f"{module}.write_image", _removing("brushwork.io.write_image", here / "out"))
    outcome = run(verb, *lines[verb], "-o", "out/a.png")
    kept = here / "a.png" if verb == "interpolate" else here / "in" / "a.png"
    assert outcome.code == 1
    assert f"saved as {kept} instead" in outcome.err
    assert read_image(kept).size


def test_a_second_job_with_one_checkpoint_is_told(run: Run, here: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    lock = locked(here / "a.png.checkpoint")
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lock.__enter__).result()
        outcome = run("stylize", "photo.png", "--style", "wave.jpg", "-o", here / "a.png", *GATYS, "--resume")
        thread.submit(lock.__exit__, None, None, None).result()
    assert outcome.code == 1
    assert "another brushwork process is working on" in outcome.err
    assert not (here / "a.png").exists()
