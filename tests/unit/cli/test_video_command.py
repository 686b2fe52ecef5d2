from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from brushwork import AdaINLite, FilmOptions, Gatys, UsageError, preset_options
from brushwork.api.presets import FRAME_STEPS
from brushwork.image import Picture
from brushwork.io import read_image, write_image
from brushwork.io.film_formats import open_film
from brushwork.options.methods import FILM_MODEL

if TYPE_CHECKING:
    from conftest import Outcome


@pytest.fixture
def frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    base = F.interpolate(torch.rand(1, 3, 6, 12), (48, 90), mode="bicubic").clamp(0, 1)
    for k in range(30):
        write_image(Picture(base[..., k : k + 60].contiguous()), tmp_path / "in" / f"{k:03d}.png")
    return tmp_path


def test_a_film_is_painted_and_judged(run: Callable[..., Outcome], frames: Path) -> None:
    told = run("video", "in", "--style", "feminine-wave", "-o", "out.mp4", "--json")
    assert told.code == 0
    (facts,) = told.objects
    assert (facts["frames"], facts["size"], facts["output"]) == (30, [60, 48], "out.mp4")
    judged = run("evaluate", "video", "out.mp4", "--original", "in", "--json")
    assert judged.code == 0
    (found,) = judged.objects
    assert found["frames"] == 30
    assert found["e_warp"] > 0
    assert found["sharpness"] > 0
    assert found["original_e_warp"] < found["e_warp_long"]
    assert "e_warp_long" in run("evaluate", "video", "out.mp4", "--original", "in").out
    assert "| flicker |" in run("evaluate", "video", "out.mp4", "--original", "in", "--markdown").out
    rows = run("evaluate", "video", "out.mp4", "--original", "in", "--csv").out.splitlines()
    assert rows[0].startswith("frame,")
    assert len(rows) == 31


def test_a_film_after_painted_frames(run: Callable[..., Outcome], frames: Path) -> None:
    for number in (0, 20):
        painted = 1 - F.avg_pool2d(read_image(frames / "in" / f"{number:03d}.png").pixels, 3, 1, 1)
        write_image(Picture(painted), frames / f"{number}.png")
    told = run("video", "in", "--painted", "0=0.png", "--painted", "20=20.png", "--method", "adain-lite")
    assert told.code == 0
    made = sorted((frames / "in_painted").iterdir())
    assert len(made) == 30
    for number in (0, 20):
        error = read_image(made[number]).pixels - read_image(frames / f"{number}.png").pixels
        assert error.abs().max() <= 1 / 255


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (["--painted", "0=a.png", "--painted", "0=b.png"], "frame 0 is given twice"),
        (["--painted", "first.png"], "such as 0=first.png"),
        (["--painted", "0="], "such as 0=first.png"),
        (["--painted", "0"], "no style to paint it in"),
        (["--painted", "30=in/000.png"], "outside the film, which has 30 frames, 0 to 29"),
        (["--painted", "0=no.png"], "no.png"),
        (["--painted", "0=in/000.png", "--smoothing", 0.5], "no effect on frames after painted ones"),
        ([], "--painted FRAME=FILE"),
    ],
)
def test_painted_frames_that_make_no_sense(
    run: Callable[..., Outcome], frames: Path, line: list[Any], told: str
) -> None:
    refused = run("video", "in", "--method", "adain-lite", *line)
    assert refused.code in (1, 2)
    assert told in " ".join(refused.err.replace("│", " ").split())


def test_the_result_is_named_after_film_and_style(run: Callable[..., Outcome], frames: Path) -> None:
    assert run("video", "in", "--style", "feminine-wave", "--smoothing", 0, "--size", 32).code == 0
    assert len(list((frames / "in_feminine-wave").iterdir())) == 30


def test_an_animated_png_becomes_a_webp(run: Callable[..., Outcome], frames: Path) -> None:
    shown = [Image.new("RGBA", (48, 32), (40 * k, 90, 90, 255)) for k in range(3)]
    shown[0].save(frames / "wave.png", save_all=True, append_images=shown[1:], duration=120)
    assert run("video", "wave.png", "--style", "feminine-wave").code == 0
    assert len(list(open_film(frames / "wave_feminine-wave.webp").frames())) == 3


@pytest.mark.parametrize("given", ["cat.png", "in/*.png"])
def test_what_is_no_film_is_said_in_one_line(given: str, run: Callable[..., Outcome], frames: Path) -> None:
    write_image(Picture(torch.rand(1, 3, 32, 48)), frames / "cat.png")
    told = run("video", given, "--style", "feminine-wave")
    assert told.code != 0
    assert told.err.strip().count("\n") == 0
    assert "folder" in told.err
    assert sorted(path.name for path in frames.iterdir()) == ["cat.png", "in"]


@pytest.mark.parametrize("given", [[], ["--frame-steps", 3, "--steps", 4]])
def test_a_preset_names_settings_and_flags_beside_it_win(
    given: list[object], run: Callable[..., Outcome], frames: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[tuple[object, FilmOptions]] = []

    def stylize_video(film: Path, styles: str, output: Path, settings: Gatys, **more: Any) -> None:
        called.append((settings, more["options"]))
        raise UsageError("enough")

    monkeypatch.setattr("brushwork.video.stylize_video.stylize_video", stylize_video)
    run("video", "in", "--style", "feminine-wave", "--preset", "good", *given)
    run("video", "in", "--style", "feminine-wave", "--preset", "draft")
    run("video", "in", "--style", "feminine-wave")
    steps, frame_steps = (4, 3) if given else (preset_options("good").steps, FRAME_STEPS["good"])
    good = preset_options("good", steps=steps, refine_network="")
    assert called[0] == (good, FilmOptions(frame_steps=frame_steps))
    assert called[1] == called[2] == (AdaINLite(model=FILM_MODEL), FilmOptions())


def test_keyframes_take_times(run: Callable[..., Outcome], frames: Path) -> None:
    line = ["--at", "0s", "feminine-wave", "--at", "0:01", "bell-tower", "-o", "out.gif", "--size", 32]
    assert run("video", "in", *line).code == 0
    assert open_film("out.gif").count == 30


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["in"], "--style STYLE, or at least one --at TIME STYLE"),
        (["in", "--at", "soon", "feminine-wave"], "expected a time"),
        (["in", "--style", "feminine-wave", "-o", "a.xyz"], "videos can be written as"),
        (["in", "--style", "feminine-wave", "-o", "in"], "the input video"),
        (["nothing.mp4", "--style", "feminine-wave"], "no such file"),
        (["in", "--style", "feminine-wave", "--codec", "vp9", "-o", "a.mov"], "support h264"),
        (["in", "--style", "feminine-wave", "--method", "gatys", "--smoothing", "0.5"], "for feed-forward methods"),
        (["in", "--style", "feminine-wave", "--temporal-weight", "5"], "for gatys"),
        (["in", "--style", "feminine-wave", "--preset", "draft", "--frame-steps", "5"], "for gatys"),
        (["in", "--style", "feminine-wave", "--method", "gatys", "--at", "0", "x"], "--style STYLE, or"),
    ],
)
def test_wrong_wishes_are_told_in_one_line(
    line: list[str], words: str, run: Callable[..., Outcome], frames: Path
) -> None:
    told = run("video", *line)
    assert told.code in (1, 2)
    assert words in told.err
    assert len(told.err.strip().splitlines()) == 1


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_killed_film_goes_on_to_the_same_bytes(run: Callable[..., Outcome], frames: Path) -> None:
    for k in range(30, 230):
        (frames / "in" / f"{k:03d}.png").symlink_to(frames / "in" / f"{k % 30:03d}.png")
    # A busy machine may find another precision faster in each process.
    line = ["video", "in", "--style", "feminine-wave", "--precision", "float32", "--json", "-o"]
    assert run(*line, "whole.mp4").code == 0
    process = subprocess.Popen([sys.executable, "-m", "brushwork", *line, "killed.mp4"], cwd=frames)
    while not list(frames.glob("killed.mp4.parts/state*")) and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (frames / "killed.mp4").exists()
    assert run(*line, "killed.mp4", "--resume").code == 0
    assert (frames / "killed.mp4").read_bytes() == (frames / "whole.mp4").read_bytes()
    assert not (frames / "killed.mp4.parts").exists()
