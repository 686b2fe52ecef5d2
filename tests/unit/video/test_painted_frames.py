from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from skimage import data

from brushwork import AdaINLite, Step
from brushwork.errors import Interrupted, PictureError, UsageError
from brushwork.image import Picture, resize
from brushwork.io import read_image, write_image
from brushwork.training.synthetic_motion import Film, moving_layers
from brushwork.video.painted_frames import crossed
from brushwork.video.strokes import Carried
from brushwork.video.stylize_video import stylize_video, work_folder

SIZE = (64, 48)
DRAFT = AdaINLite()


def photo(name: str) -> torch.Tensor:
    return torch.from_numpy(getattr(data, name)().copy()).permute(2, 0, 1)[None] / 255


@pytest.fixture(scope="module")
def film() -> Film:
    return moving_layers([photo(name) for name in ("coffee", "astronaut", "chelsea")], SIZE, 8, seed=5, speed=1)


@pytest.fixture
def place(film: Film, tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    for number, frame in enumerate(film.frames):
        write_image(Picture(frame), tmp_path / "in" / f"{number:05d}.png")
    for number, name in ((0, "first.png"), (6, "other.png")):
        write_image(Picture(paint(film.frames[number])), tmp_path / name)
    return tmp_path


def paint(frame: torch.Tensor) -> torch.Tensor:
    """A painting whose strokes are known: other colors, and hatching."""
    lines = (torch.arange(frame.shape[3]) + torch.arange(frame.shape[2])[:, None]) % 6 < 2
    return (frame.flip(1) * 0.8 + 0.2 * lines).clamp(0, 1)


def frames_in(folder: Path) -> list[torch.Tensor]:
    return [read_image(path).pixels for path in sorted(folder.iterdir())]


def made(place: Path, name: str = "out", **keywords: Any) -> list[torch.Tensor]:
    stylize_video(place / "in", None, place / name, DRAFT, **keywords)
    return frames_in(place / name)


def test_painted_frames_come_back_and_their_strokes_are_in_all_others(place: Path, film: Film) -> None:
    frames = made(place, painted={0: place / "first.png", 6: place / "other.png"})
    for number, name in ((0, "first.png"), (6, "other.png")):
        assert (frames[number] - read_image(place / name).pixels).abs().max() <= 1 / 255
    assert len(frames) == len(film.frames)
    for number in range(1, 8):  # what moves with the film looks as if it had been painted, not like the film
        assert (frames[number] - paint(film.frames[number])).abs().mean() < 0.15  # hatching moves along, too
        assert (frames[number] - film.frames[number]).abs().mean() > 0.15


def test_strokes_move_with_what_they_are_on(place: Path, film: Film) -> None:
    frames = made(place, painted={0: place / "first.png"})
    from brushwork.video.metrics import sharpness, warping_error

    for number in range(7):
        flow, visible = film.flow(number, number + 1), film.visible(number, number + 1)
        assert warping_error(frames[number], frames[number + 1], flow, visible) < 0.01
        assert sharpness(frames[number]) > 0.85 * sharpness(frames[0])


def test_a_frame_is_painted_by_the_method_where_there_is_no_picture(place: Path) -> None:
    stylize_video(place / "in", "great-wave", place / "all", DRAFT, smoothing=0)
    stylize_video(place / "in", "great-wave", place / "out", DRAFT, painted={0: None})
    first, alone = frames_in(place / "out")[0], frames_in(place / "all")[0]
    assert (first - alone).abs().max() <= 1.01 / 255


@pytest.mark.parametrize("stop", [3, 9])
def test_a_film_goes_on_where_it_stopped(place: Path, stop: int) -> None:
    painted = {6: place / "other.png"}  # all others before it are carried backward
    whole = made(place, painted=painted, segment=2)

    def interrupt(step: Step) -> None:
        if step.step == stop:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="--resume"):
        made(place, "again", painted=painted, segment=2, progress=interrupt)
    assert work_folder(place / "again").exists()
    parts = made(place, "again", painted=painted, segment=2, resume=True)
    assert all(torch.equal(first, second) for first, second in zip(whole, parts, strict=True))


def test_another_scene_is_painted_in_the_style_of_the_painted_frame(place: Path) -> None:
    bright = resize(photo("rocket"), SIZE)
    for number in range(8, 11):
        write_image(Picture((bright * 0.2 + 0.8).clamp(0, 1)), place / "in" / f"{number:05d}.png")
    done = stylize_video(place / "in", None, place / "out", DRAFT, painted={0: place / "first.png"})
    assert any("from frame 8 on has no painted frame" in note for note in done.notes)
    frames = frames_in(place / "out")
    assert (frames[9] - frames[8]).abs().mean() < 0.02


def test_frames_between_change_over_without_losing_contrast() -> None:
    generator = torch.Generator().manual_seed(0)
    one, two = (Carried(torch.rand(1, 3, 48, 64, generator=generator), torch.zeros(1, 1, 48, 64)) for _ in range(2))
    assert torch.allclose(crossed(one, two, 0.01), one.painted, atol=1e-6)
    assert torch.allclose(crossed(one, two, 0.99), two.painted, atol=1e-6)
    assert crossed(one, two, 0.5).std() > 0.9 * one.painted.std()
    doubtful = Carried(one.painted, torch.ones_like(one.doubt))
    assert (crossed(doubtful, two, 0.4) - two.painted).abs().mean() < (
        crossed(one, two, 0.4) - two.painted
    ).abs().mean()


def test_the_recipe_has_the_hashes_of_painted_files(place: Path) -> None:
    done = stylize_video(place / "in", None, place / "out", DRAFT, painted={0: place / "first.png"})
    (entry,) = done.recipe["painted"]
    assert (entry["frame"], entry["picture"]["name"]) == (0, "first.png")
    assert len(entry["picture"]["sha256"]) == 64


def test_bad_painted_frames_are_refused_in_one_line(place: Path, film: Film) -> None:
    write_image(Picture(resize(film.frames[0], (32, 24))), place / "small.png")
    (place / "broken.png").write_bytes(b"not a picture")
    cases: list[tuple[dict[Any, Any], type[Exception], str]] = [
        ({0: place / "small.png"}, UsageError, r"small.png: expected 64×48 pixels like the film's frames, got 32×24"),
        ({8: place / "first.png"}, UsageError, "frame 8 is outside the film, which has 8 frames, 0 to 7"),
        ({-1: place / "first.png"}, UsageError, "from 0, got -1"),
        ({"0": place / "first.png"}, UsageError, "numbers of frames"),
        ({0: place / "broken.png"}, PictureError, "broken.png"),
        ({0: place / "missing.png"}, PictureError, "missing.png"),
        ({0: 7}, UsageError, "painted"),
        ({0: None}, UsageError, "no style"),
        ({}, UsageError, "expected a style, or painted frames"),
    ]
    for painted, kind, told in cases:
        with pytest.raises(kind, match=told) as error:
            stylize_video(place / "in", None, place / "out", DRAFT, painted=painted)
        assert "\n" not in str(error.value)
        shutil.rmtree(work_folder(place / "out"), ignore_errors=True)
