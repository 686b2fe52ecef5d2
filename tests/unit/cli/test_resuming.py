"""What was killed or stopped goes on; what is complete is skipped; pictures and an animation of the way."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from brushwork import read_image, read_recipe
from brushwork.cli import shutdown
from brushwork.errors import PictureError
from brushwork.image import Picture
from brushwork.io import write_image
from brushwork.methods.gatys.method import GatysMethod
from brushwork.runtime.progress import Step

Run = Callable[..., Any]
JOB = (
    "stylize",
    "photo.png",
    "--style",
    "wave.jpg",
    "-o",
    "out.png",
    "--method",
    "gatys",
    "--precision",
    "float32",
    "--scales",
    "1",
    "--steps",
)
KEPT = ("--checkpoint-every", "2", "--resume")
POSIX = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


def at_step(number: int, act: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let something happen after a step of the next job."""
    call = GatysMethod.__call__

    def wrapped(self: GatysMethod, *arguments: Any, progress: Callable[[Step], None], **options: Any) -> torch.Tensor:
        def watched(step: Step) -> None:
            progress(step)
            if step.step == number:
                act()

        return call(self, *arguments, progress=watched, **options)

    monkeypatch.setattr(GatysMethod, "__call__", wrapped)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name not in ("photo.png", "wave.jpg", "sea.png"))


def test_stopped_and_resumed_it_has_the_same_bytes(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(*JOB, 6, "--json").code == 0
    whole = (here / "out.png").read_bytes()
    with monkeypatch.context() as patch:
        at_step(5, lambda: signal.raise_signal(signal.SIGTERM), patch)
        outcome = run(*JOB, 6, "--checkpoint-every", 2)
    assert outcome.code == 143
    assert "the best picture so far is in out.png; use --resume to continue" in outcome.err
    assert "stopped_early" in (read_recipe("out.png") or {})
    assert (here / "out.png.checkpoint").exists()
    outcome = run(*JOB, 6, "--resume", "--json")
    assert outcome.code == 0
    assert outcome.objects[0]["resumed_after"] == 4
    assert outcome.objects[0]["steps"] == 6
    assert (here / "out.png").read_bytes() == whole
    assert names(here) == ["out.png"]


def test_resume_says_what_it_does_and_skips_what_is_complete(run: Run, here: Path) -> None:
    assert "no checkpoint out.png.checkpoint; starting from the beginning" in run(*JOB, 2, "--resume").err
    made = (here / "out.png").stat().st_mtime_ns
    outcome = run(*JOB, 2, "--resume")
    assert "out.png is complete: skipped" in outcome.err
    assert run(*JOB, 2, "--resume", "--json").objects[0]["skipped"] is True
    assert (here / "out.png").stat().st_mtime_ns == made
    # Another job under the same name is made, and so is one that would be written otherwise.
    assert "skipped" not in run(*JOB, 3, "--resume").err
    assert "skipped" not in run(*JOB, 3, "--resume", "--depth", 16).err
    write_image(Picture(torch.rand(1, 3, 36, 48)), "out.png")
    assert "skipped" not in run(*JOB, 3, "--resume").err


def test_a_batch_goes_on_where_it_was_stopped(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = (
        "stylize",
        "photo.png",
        "sea.png",
        "--style",
        "wave.jpg",
        "--method",
        "gatys",
        "--steps",
        3,
        "--scales",
        1,
        "--resume",
    )
    with monkeypatch.context() as patch:
        at_step(3, lambda: signal.raise_signal(signal.SIGINT), patch)  # the last: its picture is still written
        outcome = run(*batch)
    assert outcome.code == 130
    assert "stopped after 1 of 2" in outcome.err
    assert names(here) == ["photo_wave.png"]
    assert "stopped_early" not in (read_recipe("photo_wave.png") or {})
    first, second = run(*batch, "--json").objects
    assert first["skipped"] is True
    assert second["output"] == "sea_wave.png"


def test_another_job_s_checkpoint_and_a_damaged_one_are_refused(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        at_step(3, lambda: signal.raise_signal(signal.SIGINT), patch)
        run(*JOB, 6, "--json", *KEPT)
    kept = (here / "out.png.checkpoint").read_bytes()
    outcome = run(*JOB, 6, *KEPT, "--style-weight", 7)
    assert outcome.code == 2
    assert "belongs to a different job (settings.style_weight 50.0, not 7.0)" in outcome.err
    assert (here / "out.png.checkpoint").read_bytes() == kept
    (here / "out.png.checkpoint").write_bytes(kept[:-5])
    outcome = run(*JOB, 6, *KEPT)
    assert outcome.code == 1
    assert "out.png.checkpoint is damaged" in outcome.err
    assert run(*JOB, 6, "--checkpoint-every", 2, "--json").code == 0  # anew
    assert names(here) == ["out.png"]


def test_checkpoints_that_can_not_be_written_do_not_stop_the_work(run: Run, here: Path) -> None:
    (here / "out.png.checkpoint").mkdir()
    outcome = run(*JOB, 5, "--checkpoint-every", 2)
    assert outcome.err.count("checkpoint not saved: out.png.checkpoint: can't be written") == 1
    assert read_image("out.png").size == (48, 36)


def test_a_second_signal_does_not_lose_the_file(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = write_image

    def interrupted(picture: Picture, path: Path, **options: Any) -> None:
        signal.raise_signal(signal.SIGTERM)
        write(picture, path, **options)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("brushwork.api.stylize.write_image", interrupted)
    at_step(2, lambda: signal.raise_signal(signal.SIGINT), monkeypatch)
    outcome = run(*JOB, 6)
    assert outcome.code == 130
    assert "the best picture so far is in out.png" in outcome.err
    assert shutdown.asked()
    assert read_image("out.png").size == (48, 36)


def test_early_end_is_told(run: Run, here: Path) -> None:
    outcome = run(*JOB, 60, "--tolerance", 1, "--json")
    assert outcome.objects[0]["settled"] is True
    assert outcome.objects[0]["steps"] == 21
    assert "settled" not in run(*JOB, 3, "--json").objects[0]


def test_pictures_of_the_way(run: Run, here: Path) -> None:
    alpha = torch.ones(1, 1, 36, 48)
    alpha[..., :9] = 0
    write_image(Picture(torch.rand(1, 3, 36, 48), alpha), "photo.png")
    assert run(*JOB, 7, "--save-every", 3, "--scales", 2, "--keep-color", "luminance", "--json").code == 0
    assert names(here) == ["out.png", "out_00003.png", "out_00006.png"]
    result, third = read_image("out.png"), read_image("out_00003.png")
    assert third.size == (48, 36)
    assert third.alpha is not None
    assert torch.equal(third.alpha, result.alpha)  # type: ignore[arg-type]
    assert not torch.equal(third.pixels, result.pixels)


@pytest.mark.parametrize("suffix", ["webp", "gif"])
def test_animation(suffix: str, run: Run, here: Path) -> None:
    smooth = torch.nn.functional.interpolate(torch.rand(1, 3, 3, 4), (36, 48), mode="bilinear")
    write_image(Picture(smooth), "photo.png")  # WebP keeps no noise
    outcome = run(*JOB, 5, "--save-every", 2, "--animation", f"way.{suffix}", "--json")
    assert outcome.objects[0]["animation"] == f"way.{suffix}"
    with Image.open(f"way.{suffix}") as image:
        assert image.size == (48, 36)
        durations = []
        for number in range(image.n_frames):  # type: ignore[attr-defined]
            image.seek(number)
            image.load()
            durations.append(image.info["duration"])
        assert sum(durations) == 2300  # steps 1, 2, 4 and the result; WebP makes one of two that are the same
        assert durations[-1] >= 2000
        last = torch.tensor(list(image.convert("RGB").tobytes())).float().view(36, 48, 3)
    made = read_image("out.png").pixels[0].permute(1, 2, 0) * 255
    assert (last - made).abs().mean() < 12
    assert names(here) == ["out.png", "out_00002.png", "out_00004.png", f"way.{suffix}"]


def test_a_resumed_animation_has_the_same_bytes(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = (*JOB, 6, "--animation", "way.webp", "--json", *KEPT)
    run(*job)
    whole = (here / "way.webp").read_bytes()
    (here / "out.png").unlink()
    (here / "way.webp").unlink()
    with monkeypatch.context() as patch:
        at_step(5, lambda: signal.raise_signal(signal.SIGINT), patch)
        run(*job)
    assert names(here) == ["out.png", "out.png.checkpoint", "way.webp.frames"]
    run(*job)
    assert (here / "way.webp").read_bytes() == whole
    assert names(here) == ["out.png", "way.webp"]
    (here / "way.webp").unlink()  # a complete picture whose animation is missing is not complete
    run(*job)
    assert (here / "way.webp").read_bytes() == whole


def test_stopped_without_a_checkpoint_the_animation_is_written_too(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_step(3, lambda: signal.raise_signal(signal.SIGINT), monkeypatch)
    assert run(*JOB, 6, "--animation", "way.webp", "--json").code == 130
    assert names(here) == ["out.png", "way.webp"]


def test_pictures_that_can_not_be_written_cost_nothing(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = write_image

    def full(picture: Picture, path: Path, **options: Any) -> None:
        if "_0000" in path.name:
            raise PictureError(f"{path}: no space left on device")
        write(picture, path, **options)

    monkeypatch.setattr("brushwork.io.write_image", full)
    outcome = run(*JOB, 4, "--save-every", 1)
    assert outcome.code == 0
    assert outcome.err.count("intermediate results are no longer saved: out_00001.png: no space left") == 1


@pytest.mark.parametrize(
    ("options", "words", "code"),
    [
        (["--animation", "way.mp4"], ".webp or .gif", 2),
        (["--animation", "nofolder/way.gif"], "nofolder", 1),
        (["--animation", "sea.gif", "--init", "sea.gif"], "one of the inputs or results", 2),
        (["--animation", "out.gif", "-o", "out.gif"], "one of the inputs or results", 2),
        (["--animation", "p.gif", "--preview", "p.gif"], "one of the inputs or results", 2),
        (["--animation", "way.gif", "sea.gif"], "--animation works with a single result, got 2", 2),
        (["--save-every", "1", "out_00001.png", "-o", "new/"], "", 0),
        (["--save-every", "1", "--style", "out_00001.png", "-o", "out.png"], "could overwrite out_00001.png", 2),
        (["--save-every", "0"], "--save-every", 2),
        (["--checkpoint-every", "0"], "--checkpoint-every", 2),
    ],
)
def test_what_would_hit_something_else_is_refused(
    options: list[str], words: str, code: int, run: Run, here: Path
) -> None:
    for name in ("sea.gif", "out_00001.png"):
        write_image(Picture(torch.rand(1, 3, 36, 48)), name)
    style = [] if "--style" in options else ["--style", "wave.jpg"]
    outcome = run("stylize", "photo.png", *style, "--method", "gatys", "--steps", 1, "--scales", 1, *options)
    assert outcome.code == code, outcome.err
    assert words in outcome.err


def start(steps: int, *options: object, cwd: Path) -> subprocess.Popen[str]:
    words = (*JOB, steps, *options)
    line = [sys.executable, "-m", "brushwork", *map(str, words)]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd)


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    while not path.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


@POSIX
def test_killed_it_goes_on_to_the_same_bytes(run: Run, here: Path) -> None:
    assert run(*JOB, 30, "--json").code == 0
    whole = (here / "out.png").read_bytes()
    (here / "out.png").unlink()
    process = start(30, "--checkpoint-every", 1, "--json", cwd=here)
    wait_for(here / "out.png.checkpoint", process)
    time.sleep(random.uniform(0, 0.05))
    process.kill()
    process.communicate()
    assert not (here / "out.png").exists()
    outcome = run(*JOB, 30, "--resume", "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.objects[0]["resumed_after"] >= 1
    assert (here / "out.png").read_bytes() == whole
    assert names(here) == ["out.png"]


@POSIX
def test_terminated_amid_checkpoints_and_pictures_it_leaves_whole_files_only(here: Path) -> None:
    process = start(100_000, "--checkpoint-every", 1, "--save-every", 1, "--animation", "way.gif", "--json", cwd=here)
    wait_for(here / "out.png.checkpoint", process)
    time.sleep(random.uniform(0, 0.5))
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 143, err
    assert "the best picture so far is in out.png; use --resume to continue from the last checkpoint" in out
    found = names(here)
    assert {"out.png", "out.png.checkpoint", "way.gif.frames"} <= set(found)
    assert not [name for name in found if name.startswith(".")]
    pictures = [*here.glob("out*.png"), *(here / "way.gif.frames").iterdir()]
    assert len(pictures) >= 3
    assert all(read_image(path).size == (48, 36) for path in pictures)
