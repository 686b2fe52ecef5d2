from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from skimage import data

from brushwork import AdaINLite, Gatys
from brushwork.errors import BrushworkError, UsageError
from brushwork.image import Picture
from brushwork.io import read_image, write_image
from brushwork.io.film_formats import open_film
from brushwork.options.methods import FILM_MODEL
from brushwork.video.keyframes import Keyframe
from brushwork.video.scenes import find_scenes
from brushwork.video.stylize_video import stylize_video, work_folder

METHOD = AdaINLite(model=FILM_MODEL, precision="float32")
NAMES = ("coffee", "astronaut", "rocket", "chelsea", "moon")
LENGTH = 5


class InProcess:
    """An engine without processes that takes the last chunk first."""

    def __init__(self, fails: bool = False) -> None:
        self.fails, self.scenes = fails, list[Any]()

    def run(self, work: Any, chunks: Iterator[list[Any]]) -> Iterator[list[Any]]:
        do = work.start("cpu")
        for chunk in list(chunks)[::-1]:
            self.scenes += chunk
            yield [work.lost(chunk[0], "died")] if self.fails and len(self.scenes) == 2 else do(chunk)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five scenes of five frames, in which a picture moves."""
    folder = tmp_path_factory.mktemp("film") / "in"
    folder.mkdir()
    for scene, name in enumerate(NAMES):
        whole = torch.from_numpy(getattr(data, name)().copy())
        pixels = (whole if whole.ndim == 3 else whole[..., None].expand(-1, -1, 3)).permute(2, 0, 1)[None] / 255
        pixels = pixels * (0.25 if scene % 2 else 1.0)
        for frame in range(LENGTH):
            crop = pixels[:, :, 100 : 100 + 96, 2 * frame + 100 : 2 * frame + 228]
            write_image(Picture(crop), folder / f"{scene * LENGTH + frame + 1:05d}.png")
    return folder


@pytest.fixture(scope="module")
def alone(film: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The film painted without an engine, with 16 bits per channel."""
    folder = tmp_path_factory.mktemp("alone") / "out"
    stylize_video(film, "great-wave", folder / "%05d.png", METHOD, depth=16)
    return folder


def frames(folder: Path) -> list[bytes]:
    return [read_image(path).pixels.numpy().tobytes() for path in sorted(folder.glob("*.png"))]


def test_scenes_are_found_where_smoothing_starts_anew(film: Path) -> None:
    read = open_film(film, max_pixels=10**6)
    assert [scene[:2] for scene in find_scenes(read, read.size)] == [(k, k + LENGTH) for k in range(0, 25, LENGTH)]


def test_frames_are_those_of_one_machine(film: Path, alone: Path, tmp_path: Path) -> None:
    seen = []
    engine = InProcess()
    done = stylize_video(
        film, "great-wave", tmp_path / "out/%05d.png", METHOD, depth=16, engine=engine,
        progress=lambda step: seen.append((step.step, step.preview().shape[1])),
    )  # fmt: skip
    assert (done.frames, len(engine.scenes)) == (25, 5)
    assert seen == [(k, 3) for k in range(5, 30, 5)]
    assert frames(tmp_path / "out") == frames(alone)


def test_keyframes_are_at_their_times(film: Path, tmp_path: Path) -> None:
    keys = [Keyframe(0.0, "great-wave"), Keyframe(0.8, "starry-night")]
    for name, engine in (("a", None), ("b", InProcess())):
        stylize_video(film, keys, tmp_path / name / "%05d.png", METHOD, engine=engine, size=64)
    assert frames(tmp_path / "a") == frames(tmp_path / "b")


def test_what_is_painted_is_not_painted_again(film: Path, alone: Path, tmp_path: Path) -> None:
    out = tmp_path / "out/%05d.png"
    with pytest.raises(BrushworkError, match=r"frames 15 to 19: died"):
        stylize_video(film, "great-wave", out, METHOD, depth=16, engine=InProcess(fails=True))
    assert work_folder(out).is_dir()
    engine = InProcess()
    stylize_video(film, "great-wave", out, METHOD, depth=16, engine=engine, resume=True)
    assert [scene.start for scene in engine.scenes] == [15]
    assert frames(tmp_path / "out") == frames(alone)


def test_only_methods_without_memory_of_other_scenes(film: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="by feed-forward methods, not by gatys"):
        stylize_video(film, "great-wave", tmp_path / "out.mp4", Gatys(steps=1), engine=InProcess())


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["local", "ray"])
def test_from_the_command_line(engine: str, film: Path, alone: Path, tmp_path: Path) -> None:
    line = [sys.executable, "-m", "brushwork", "video", str(film), "--style", "great-wave", "--precision", "float32"]
    line += ["--depth", "16", "-o", str(tmp_path / "out/%05d.png"), "--engine", engine, "--workers", "2"]
    subprocess.run(line, check=True, capture_output=True, timeout=300)
    assert frames(tmp_path / "out") == frames(alone)
