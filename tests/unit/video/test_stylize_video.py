from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from skimage import data

from brushwork import AdaINLite, Gatys, Step, load, preset_options
from brushwork.api.presets import FRAME_STEPS
from brushwork.api.style_encoding import encode_style
from brushwork.color import luma
from brushwork.errors import BrushworkError, Interrupted, PictureError, SavedElsewhereError, UsageError
from brushwork.flow import dis_flow
from brushwork.image import Picture
from brushwork.io import read_image, write_image
from brushwork.io.film_formats import open_film
from brushwork.io.films import Frame
from brushwork.io.video_writer import VideoWriter, _failing
from brushwork.methods.one_pass import OnePass
from brushwork.options.methods import FILM_MODEL
from brushwork.training.synthetic_motion import Film, moving_layers
from brushwork.video.metrics import sharpness, warping_errors
from brushwork.video.smoothing import TemporalSmoother, motion_between, with_flow
from brushwork.video.stylize_video import Keyframe, stylize_video, work_folder

SIZE = (160, 112)


@pytest.fixture(scope="module")
def film() -> Film:
    photos = [
        torch.from_numpy(getattr(data, name)().copy()).permute(2, 0, 1)[None] / 255
        for name in ("coffee", "astronaut", "chelsea")
    ]
    return moving_layers(photos, SIZE, 12, seed=5, speed=2)


@pytest.fixture(scope="module")
def method() -> OnePass[Any]:
    found = load(AdaINLite())
    assert isinstance(found, OnePass)
    return found


@pytest.fixture
def folder(film: Film, tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    for number, frame in enumerate(film.frames, 1):
        write_image(Picture(frame), tmp_path / "in" / f"{number:05d}.png")
    return tmp_path / "in"


def frames_in(folder: Path) -> list[torch.Tensor]:
    return [read_image(path).pixels for path in sorted(folder.iterdir())]


def painted(
    method: OnePass[Any], frames: list[torch.Tensor], smoothing: float, style: str = "feminine-wave"
) -> list[torch.Tensor]:
    value = encode_style(method, style, [max(SIZE)])
    steady = TemporalSmoother(method, smoothing)
    seen = with_flow((Frame(frame, k, 1) for k, frame in enumerate(frames)), dis_flow())
    return [steady.paint(one, value) for one in seen]


def test_frames_hold_still_where_the_film_does_and_stay_sharp(film: Film, method: OnePass[Any]) -> None:
    def motion(first: int, second: int) -> tuple[torch.Tensor, torch.Tensor]:
        return film.flow(first, second), film.visible(first, second)

    generator = torch.Generator().manual_seed(0)
    grainy = [(frame + 0.01 * torch.randn(frame.shape, generator=generator)).clamp(0, 1) for frame in film.frames]
    alone, steady = painted(method, grainy, 0), painted(method, grainy, 0.85)
    assert warping_errors(steady, motion) < 0.5 * warping_errors(alone, motion)
    assert warping_errors(steady, motion, 10) < 0.8 * warping_errors(alone, motion, 10)
    assert sum(map(sharpness, steady)) > 0.85 * sum(map(sharpness, alone))


def test_a_still_film_comes_to_rest(film: Film, method: OnePass[Any]) -> None:
    result = painted(method, [film.frames[0]] * 8, 0.85)
    assert (result[-1] - result[-2]).abs().max() < 1e-3
    assert (result[-1] - result[0]).abs().mean() < 0.01  # it doesn't drift


def test_light_that_slowly_goes_takes_along_what_was_painted(film: Film) -> None:
    class Mirror:
        """Paints a frame as it is."""

        def frame(self, pixels: torch.Tensor, value: Any, answer: Any) -> torch.Tensor:
            return pixels

    method: Any = Mirror()
    steady, dimmed = TemporalSmoother(method, 0.97), [film.frames[0] * (1 - 0.02 * k) for k in range(40)]
    seen = with_flow((Frame(frame, k, 1) for k, frame in enumerate(dimmed)), dis_flow())
    result = [steady.paint(one, None) for one in seen]
    assert (result[-1] - dimmed[-1]).mean() < 0.05  # without a look at the film it would be 0.11


def test_smoothing_0_is_frame_by_frame(film: Film, method: OnePass[Any]) -> None:
    value = encode_style(method, "feminine-wave", [max(SIZE)])
    for one, frame in zip(painted(method, film.frames[:3], 0), film.frames, strict=False):
        assert torch.equal(one, method(frame, value))


def test_a_cut_begins_anew(film: Film, method: OnePass[Any]) -> None:
    other = torch.from_numpy(data.rocket().copy()).permute(2, 0, 1)[None, :, : SIZE[1], 200 : 200 + SIZE[0]] / 255
    assert motion_between(film.frames[0], other, dis_flow()).cut
    assert not any(motion_between(*pair, dis_flow()).cut for pair in zip(film.frames, film.frames[1:], strict=False))
    after = painted(method, [*film.frames[:3], other], 0.85)[-1]
    alone = painted(method, [other], 0.85)[0]
    assert (after - alone).abs().max() < 1e-5


def brightness(frames: list[torch.Tensor]) -> list[float]:
    return [float(luma(frame).mean()) for frame in frames]


@pytest.mark.parametrize("style", ["cloister", "great-wave"])
def test_a_film_that_fades_brightens_and_darkens_with_it(style: str, film: Film) -> None:
    method = load(AdaINLite(model=FILM_MODEL))
    assert isinstance(method, OnePass)
    light = [min(1, k / 12, (32 - k) / 12) for k in range(33)]
    shown = brightness(painted(method, [film.frames[0] * share for share in light], 0.97, style))
    assert all(second > first - 0.01 for first, second in pairwise(shown[:18]))
    assert all(second < first + 0.02 for first, second in pairwise(shown[20:]))
    assert max(shown[0], shown[-1]) < shown[18] - 0.1


@pytest.mark.parametrize("light", [0.3, 0.7, 1.5, 2.5])
def test_flicker_ends_when_it_ends_in_the_film(light: float, film: Film) -> None:
    method = load(AdaINLite(model=FILM_MODEL))
    assert isinstance(method, OnePass)
    frames = [film.frames[0] * (0.4 if light > 1 else 1)] * 9
    lit = [*frames[:4], *[(frame * light).clamp(0, 1) for frame in frames[4:6]], *frames[6:]]
    steady, shown = (brightness(painted(method, shot, 0.97, "cloister")) for shot in (frames, lit))
    away = [after - before for before, after in zip(steady, shown, strict=True)]
    if 0.5 < light < 2:
        assert away[4] * (light - 1) > 0
    else:  # so great a change counts as a new scene, which has the painting's colors at once
        assert abs(away[4]) < 0.03
    assert max(map(abs, away[6:])) < 0.03


@pytest.mark.parametrize("smoothing", [0.0, 0.85])
def test_a_stopped_film_goes_on_to_the_same_frames(
    smoothing: float, folder: Path, tmp_path: Path, method: OnePass[Any]
) -> None:
    def stop(step: Step) -> None:
        if step.step == 8:
            raise KeyboardInterrupt

    def make(output: Path, progress: Callable[[Step], None] | None, resume: bool) -> None:
        stylize_video(
            folder, "feminine-wave", output, method=method, smoothing=smoothing, segment=3, progress=progress,
            resume=resume,
        )  # fmt: skip

    make(tmp_path / "whole.mp4", None, False)
    with pytest.raises(Interrupted, match="--resume"):
        make(tmp_path / "parts.mp4", stop, False)
    assert not (tmp_path / "parts.mp4").exists()
    assert len(list(work_folder(tmp_path / "parts.mp4").glob("*.segment"))) == 2
    told: list[int] = []
    make(tmp_path / "parts.mp4", lambda step: told.append(step.step), True)
    assert told[0] == 7
    assert (tmp_path / "parts.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()
    assert not work_folder(tmp_path / "parts.mp4").exists()


@pytest.mark.parametrize("stops", [(2,), (5, 6), (11,)])
def test_optimized_frames_are_kept_one_by_one(stops: tuple[int, ...], folder: Path, tmp_path: Path) -> None:
    slow = load(Gatys(steps=4, precision="float32"))
    for path in sorted(folder.iterdir())[6:]:
        path.unlink()

    def make(output: Path, stop: int, resume: bool) -> list[int]:
        told: list[int] = []

        def progress(step: Step) -> None:
            told.append(step.step)
            if step.step == stop:
                raise KeyboardInterrupt

        stylize_video(
            folder, "feminine-wave", output, method=slow, passes=2, size=64, segment=4, progress=progress,
            resume=resume,
        )  # fmt: skip
        return told

    assert make(tmp_path / "whole.mp4", 0, False) == list(range(1, 13))
    for stop in stops:
        with pytest.raises(Interrupted, match="--resume"):
            make(tmp_path / "parts.mp4", stop, stop != stops[0])
    assert make(tmp_path / "parts.mp4", 0, True) == list(range(stops[-1] + 1, 13))
    assert (tmp_path / "parts.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()
    assert not work_folder(tmp_path / "parts.mp4").exists()


def test_a_preset_instead_of_a_method(folder: Path, tmp_path: Path) -> None:
    for path in sorted(folder.iterdir())[2:]:
        path.unlink()
    done = stylize_video(folder, "feminine-wave", tmp_path / "out.mp4", preset="good", size=64)
    assert (done.recipe["settings"]["steps"], done.recipe["frame_steps"]) == (
        preset_options("good").steps,
        FRAME_STEPS["good"],
    )
    with pytest.raises(UsageError, match="preset and method are both given"):
        stylize_video(folder, "feminine-wave", tmp_path / "out.mp4", "gatys", preset="good")


@pytest.mark.parametrize("method", [AdaINLite(), Gatys(network="vgg19-slim", steps=2)])
def test_transparency_passes_every_method_and_a_stop(method: AdaINLite | Gatys, film: Film, tmp_path: Path) -> None:
    alpha = torch.zeros(1, 1, SIZE[1], SIZE[0])
    alpha[..., :80] = 1
    (tmp_path / "in").mkdir()
    for number, frame in enumerate(film.frames[:4], 1):
        write_image(Picture(frame, alpha), tmp_path / "in" / f"{number}.png")

    def stop(step: Step) -> None:
        if step.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        stylize_video(tmp_path / "in", "cloister", tmp_path / "a.webp", method, size=64, segment=2, progress=stop)
    stylize_video(tmp_path / "in", "cloister", tmp_path / "a.webp", method, size=64, segment=2, resume=True)
    frames = list(open_film(tmp_path / "a.webp").frames())
    assert len(frames) == 4
    for frame in frames:
        assert frame.alpha is not None
        assert frame.alpha[..., :28].min() > 0.99
        assert frame.alpha[..., 36:].max() < 0.01


def test_what_another_job_left_is_refused(folder: Path, tmp_path: Path, method: OnePass[Any]) -> None:
    def stop(step: Step) -> None:
        if step.step == 4:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        stylize_video(folder, "feminine-wave", tmp_path / "a.mp4", method=method, segment=2, progress=stop)
    with pytest.raises(UsageError, match="smoothing"):
        stylize_video(folder, "feminine-wave", tmp_path / "a.mp4", method=method, segment=2, smoothing=0.1, resume=True)
    stylize_video(folder, "feminine-wave", tmp_path / "a.mp4", method=method, segment=2)  # begins anew
    assert (tmp_path / "a.mp4").exists()


def test_styles_pass_into_one_another(folder: Path, tmp_path: Path, method: OnePass[Any]) -> None:
    styles = ["feminine-wave", "bell-tower"]
    keys = [Keyframe(0.08, styles[0]), Keyframe(0.28, styles[1])]
    stylize_video(folder, keys, tmp_path / "both", method=method, smoothing=0)
    for style in styles:
        stylize_video(folder, style, tmp_path / style, method=method, smoothing=0)
    both, first, second = (frames_in(tmp_path / name) for name in ("both", *styles))
    assert all(torch.equal(both[k], first[k]) for k in (0, 1, 2))
    assert all(torch.equal(both[k], second[k]) for k in (7, 8, 11))
    away = [float((both[k] - first[k]).abs().mean()) for k in range(2, 8)]
    assert away == sorted(away)
    assert 0 < away[1] < 0.5 * away[-1]


def test_colors_of_the_film_are_kept(folder: Path, tmp_path: Path, method: OnePass[Any]) -> None:
    stylize_video(folder, "feminine-wave", tmp_path / "out", method=method, keep_color=True)
    for result, original in zip(frames_in(tmp_path / "out"), frames_in(folder), strict=True):
        red_blue = (result[:, 0] - result[:, 2]) - (original[:, 0] - original[:, 2])
        assert red_blue.abs().median() < 0.02


def test_the_size_is_that_of_stills(folder: Path, tmp_path: Path, method: OnePass[Any]) -> None:
    done = stylize_video(folder, "feminine-wave", tmp_path / "out", method=method, size=80)
    assert (done.size, done.frames) == ((80, 56), 12)
    assert done.recipe["smoothing"] == 0.97
    assert frames_in(tmp_path / "out")[0].shape == (1, 3, 56, 80)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"smoothing": 1.0}, "from 0 to 0.99"),
        ({"passes": 2}, "takes 1 pass"),
        ({"style": [Keyframe(1, "feminine-wave"), Keyframe(1, "bell-tower")]}, "same time"),
        ({"output": "out.xyz"}, "videos can be written as"),
        ({"film": "none.mp4"}, "no such file"),
    ],
)
def test_wrong_wishes_are_refused(changed: dict[str, Any], words: str, folder: Path, tmp_path: Path) -> None:
    given = {"film": folder, "style": "feminine-wave", "output": "out.mp4", **changed}
    film, style, output = (given.pop(name) for name in ("film", "style", "output"))
    with pytest.raises((UsageError, PictureError), match=words):
        stylize_video(film, style, tmp_path / output, **given)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]


def test_a_film_that_can_t_be_joined_where_it_was_asked_for_is_saved_elsewhere(
    folder: Path, tmp_path: Path, method: OnePass[Any]
) -> None:
    (tmp_path / "out").mkdir()
    output = tmp_path / "out" / "a.mp4"

    def block(step: Step) -> None:
        output.mkdir(exist_ok=True)

    with pytest.raises(SavedElsewhereError, match="saved as") as caught:
        stylize_video(folder, "feminine-wave", output, method=method, smoothing=0, progress=block)
    assert caught.value.path == tmp_path / "a.mp4"  # beside the film
    assert len(list(open_film(tmp_path / "a.mp4").frames())) == 12
    output.rmdir()
    told: list[int] = []
    stylize_video(
        folder, "feminine-wave", output, method=method, smoothing=0, resume=True, progress=lambda s: told.append(s.step)
    )
    assert output.read_bytes() == (tmp_path / "a.mp4").read_bytes()
    assert not work_folder(output).exists()


def test_a_film_whose_work_is_deleted_ends_at_once(folder: Path, tmp_path: Path, method: OnePass[Any]) -> None:
    steps: list[int] = []

    def remove(step: Step) -> None:
        steps.append(step.step)
        shutil.rmtree(work_folder(tmp_path / "a.mp4"))

    with pytest.raises(PictureError, match=r"a\.mp4\.parts: this folder with the finished work has been deleted"):
        stylize_video(folder, "feminine-wave", tmp_path / "a.mp4", method=method, smoothing=0, progress=remove)
    assert steps == [1]


def test_a_full_disk_amid_a_film_says_what_is_kept(
    folder: Path, tmp_path: Path, method: OnePass[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    write = VideoWriter.write

    def full(self: VideoWriter, frame: Frame) -> None:
        if self._number == 2:
            with _failing(self.path):
                raise OSError(errno.ENOSPC, "No space left on device")
        write(self, frame)

    monkeypatch.setattr(VideoWriter, "write", full)
    with pytest.raises(PictureError, match=r"a\.mp4: can't be written: the disk is full; finished work is kept in .*"):
        stylize_video(folder, "feminine-wave", tmp_path / "a.mp4", method=method, smoothing=0, segment=3)
    assert len(list(work_folder(tmp_path / "a.mp4").glob("*.segment"))) == 2


@pytest.mark.parametrize(("name", "kind"), [("a.mp4", "steady"), ("frames", "steady"), ("a.mp4", "gatys")])
def test_a_film_that_can_t_fit_is_told_before_the_work(
    name: str, kind: str, folder: Path, tmp_path: Path, method: OnePass[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = 12 * SIZE[0] * SIZE[1] * {"steady": 0.02 if name == "a.mp4" else 0.5, "gatys": 24}[kind]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=int(needed) - 10))
    settings: dict[str, Any] = {"method": method if kind == "steady" else Gatys(steps=1)}
    with pytest.raises(PictureError, match=rf"{name}: the disk has .* left, but at least"):
        stylize_video(folder, "feminine-wave", tmp_path / name, **settings)
    assert not work_folder(tmp_path / name).exists()


def test_a_second_film_of_one_name_is_told_at_once_and_harms_nothing(
    folder: Path, tmp_path: Path, method: OnePass[Any]
) -> None:
    def second(step: Step) -> None:
        for resume in (True, False) if step.step == 7 else ():
            with ThreadPoolExecutor(1) as other, pytest.raises(BrushworkError, match=r"working on .*a\.mp4"):
                other.submit(
                    stylize_video, folder, "feminine-wave", tmp_path / "a.mp4", method=method, resume=resume
                ).result()

    done = stylize_video(folder, "feminine-wave", tmp_path / "a.mp4", method=method, smoothing=0, progress=second)
    assert done.frames == 12
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "in"]


def test_a_key_frame_beyond_the_end_is_refused_or_noted(
    folder: Path, tmp_path: Path, method: OnePass[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [Keyframe(0, "feminine-wave"), Keyframe(9, "bell-tower")]
    with pytest.raises(UsageError, match="the keyframe at 9 s is beyond the end"):
        stylize_video(folder, keys, tmp_path / "a.mp4", method=method)

    def without_a_length(*arguments: Any, **options: Any) -> Any:
        film = open_film(*arguments, **options)
        monkeypatch.setattr(film, "count", 0)
        return film

    monkeypatch.setattr("brushwork.video.stylize_video.open_film", without_a_length)
    notes = stylize_video(folder, keys, tmp_path / "a.mp4", method=method, smoothing=0).notes
    assert any("the keyframe at 9 s is beyond the end of the video, which lasts 0.48 s" in note for note in notes)
