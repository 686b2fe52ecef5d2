"""Films in the studio: frames, cuts, painted clips, and jobs with keyframes and painted frames."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError
from sample_films import clip as numbered_clip
from studios import picture

from brushwork.errors import UsageError
from brushwork.io.film_formats import open_film
from brushwork.studio import film_frames
from brushwork.studio.errors import NotFoundError
from brushwork.studio.records import Job, Upload
from brushwork.studio.schemas import Clip, Preview, Video
from brushwork.studio.service import Service

Take, Do = Callable[..., Upload], Callable[[Any], Job]
STYLE = {"kind": "video", "style": "great-wave"}


def test_frames_are_shown_side_by_side_and_kept(service: Service, take: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    film = take("film.mp4")
    strip = picture(service.film_strip("ada", film.id, 4, 32))
    assert strip.shape == (32, 4 * 48, 3)
    assert np.abs(strip[:, :48] - strip[:, 96:144]).mean() > 2  # the cat goes by
    monkeypatch.setattr(service, "_quick", lambda *_, **__: pytest.fail("made again"))
    assert picture(service.film_strip("ada", film.id, 4, 32)).shape == strip.shape
    monkeypatch.undo()
    service.remove_upload("ada", film.id)
    assert not list(service.files.strips.glob(f"{film.id}*"))


def test_a_frame_is_the_film_s_own_by_its_number(service: Service, take: Take, samples: Path) -> None:
    film, frames = take("film.mp4"), list(open_film(samples / "film.mp4").frames())
    for number, wanted in ((0, 0), (5, 5), (1000, 7)):
        found = picture(service.film_frame("ada", film.id, number, 0))
        own = frames[wanted].pixels[0].permute(1, 2, 0).numpy() * 255
        assert np.abs(found - own).mean() < 4
    assert picture(service.film_frame("ada", film.id, 0, 48)).shape == (32, 48, 3)
    with pytest.raises(UsageError, match=r"photo\.png is not a video"):
        service.film_frame("ada", take().id, 0, 0)
    with pytest.raises(NotFoundError):
        service.film_frame("bob", film.id, 0, 0)


def test_cuts_are_found(tmp_path: Path) -> None:
    film = numbered_clip(tmp_path / "film.mp4", [40 * number for number in range(6)])
    assert film_frames.cuts(str(film)) == []


def test_a_preview_of_a_film_is_of_one_of_its_frames(service: Service, take: Take) -> None:
    film = take("film.mp4")
    shown = [
        picture(service.preview("ada", Preview(photo=film.id, style="great-wave", frame=frame))) for frame in (0, 7)
    ]
    assert shown[0].shape == (64, 96, 3)
    assert np.abs(shown[0] - shown[1]).mean() > 5


def test_two_seconds_are_painted_with_all_keyframes(service: Service, take: Take, tmp_path: Path) -> None:
    film = take("film.mp4")
    keys = [{"seconds": 0, "style": "great-wave", "strength": 0}, {"seconds": 0.9, "style": "starry-night"}]
    made = tmp_path / "clip.mp4"
    made.write_bytes(service.clip("ada", Clip(**STYLE, film=film.id, keyframes=keys, preset="good")))
    frames = [frame.pixels for frame in open_film(made).frames()]
    plain = [frame.pixels for frame in open_film(service.files.upload(film.id)).frames()]
    assert len(frames) == 8  # of a film of one second
    apart = [float((one - other).abs().mean()) for one, other in zip(frames, plain, strict=True)]
    assert apart[0] < 0.05 < apart[-1]
    made.write_bytes(service.clip("ada", Clip(**STYLE, film=film.id, start=0.5)))
    assert len(list(open_film(made).frames())) == 4
    with pytest.raises(UsageError, match="doesn't paint films"):
        service.clip("ada", Clip(kind="video", style=f"@{take('wave.jpg').id}", film=film.id, method="quilting"))


def test_a_clip_has_fewer_frames_if_they_take_long() -> None:
    assert film_frames._rate(12, 2, lambda: 0.01) == 12
    assert film_frames._rate(12, 2, lambda: 0.5) == 6
    assert film_frames._rate(12, 2, lambda: 60.0) == 4
    assert film_frames._rate(3, 2, lambda: 60.0) == 3


def test_a_film_is_made_with_keyframes_and_painted_frames(
    service: Service, take: Take, do: Do, samples: Path, tmp_path: Path
) -> None:
    film = take("film.mp4")
    keys = [{"seconds": 0, "style": "great-wave"}, {"seconds": 0.5, "style": "starry-night", "strength": 0.5}]
    job = do(Video(**STYLE, film=film.id, keyframes=keys))
    assert job.status == "done", job.message
    assert job.title == "film.mp4 in the style of great-wave, starry-night"

    own = Image.new("RGB", (96, 64), (200, 30, 30))
    own.save(tmp_path / "frame-2.png")
    painted = service.take("ada", _copy(tmp_path / "frame-2.png", service.files.root / ".sent-1"), "frame-2.png")
    job = do(Video(**{**STYLE, "style": f"@{painted.id}"}, film=film.id, painted=[{"frame": 2, "picture": painted.id}]))
    assert job.status == "done", job.message
    frames = [frame.pixels for frame in open_film(service.result("ada", job.id)[0]).frames()]
    assert len(frames) == 8
    red, green, _ = frames[2][0].mean((1, 2)).tolist()
    assert red > 0.7 > 0.2 > green


def _copy(source: Path, target: Path) -> Path:
    target.write_bytes(source.read_bytes())
    return target


def test_what_a_film_is_asked_for_must_fit(service: Service, take: Take) -> None:
    film, photo = take("film.mp4"), take()
    with pytest.raises(UsageError, match=r"photo\.png: expected 96 x 64 pixels like the film's frames, got 160 x 120"):
        service.submit("ada", Video(**STYLE, film=film.id, painted=[{"frame": 0, "picture": photo.id}]))
    with pytest.raises(NotFoundError):
        service.submit("ada", Video(**STYLE, film=film.id, keyframes=[{"seconds": 0, "style": "nobody"}]))
    for wrong in (
        {"keyframes": [{"seconds": 1, "style": "a"}, {"seconds": 1, "style": "b"}]},
        {"keyframes": [{"seconds": -1, "style": "a"}]},
        {"keyframes": [{"seconds": 0, "style": "a", "strength": 2}]},
        {"painted": [{"frame": 1}, {"frame": 1}]},
        {"painted": [{"frame": -1}]},
    ):
        with pytest.raises(ValidationError):
            Video(**STYLE, film=film.id, **wrong)  # type: ignore[arg-type]


def test_a_strip_is_a_jpeg(service: Service, take: Take) -> None:
    with Image.open(io.BytesIO(service.film_strip("ada", take("film.mp4").id, 2, 24))) as opened:
        assert opened.format == "JPEG"
