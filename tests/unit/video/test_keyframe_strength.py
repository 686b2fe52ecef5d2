"""Keyframes that give a strength, painted by one network and by an optimizer."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from sample_films import clip

from brushwork import load, stylize_video
from brushwork.errors import UsageError
from brushwork.io.film_formats import open_film
from brushwork.options.methods import FILM_MODEL, AdaINLite, Gatys, Quilting
from brushwork.video.keyframes import NEARLY_ALL, Keyframe, StyleAtStrength, Styles, at_strength

SIZE = (64, 48)
TIMES = [0, 200, 400, 600, 800, 1000]


def test_a_strength_is_interpolated_like_a_style() -> None:
    method = load(AdaINLite(model=FILM_MODEL))
    keys = [Keyframe(0, "great-wave", 0.0), Keyframe(1, "great-wave", 1.0)]
    styles = Styles(method, keys, SIZE, 1 << 20)
    found = [styles.at(seconds) for seconds in (0.0, 0.25, 0.5, 2.0)]
    assert all(isinstance(value, StyleAtStrength) for value in found)
    assert [value.strength for value in found] == pytest.approx([0, 0.156, 0.5, NEARLY_ALL], abs=1e-3)
    assert styles.records()[0][2] == 0.0
    painter, _ = at_strength(method, found[2])
    assert painter.settings.strength == pytest.approx(0.5, abs=1e-3)
    assert method.settings.strength == 1


def test_without_a_strength_nothing_changes() -> None:
    method = load(AdaINLite(model=FILM_MODEL))
    styles = Styles(method, [Keyframe(0, "great-wave"), Keyframe(1, "starry-night")], SIZE, 1 << 20)
    assert not isinstance(styles.at(0.5), StyleAtStrength)
    assert [len(record) for record in styles.records()] == [2, 2]
    assert [styles.change(seconds) for seconds in (-0.1, 0.0, 0.9, 1.0, 2.0)] == [0, 1, 1, 0, 0]


def test_a_strength_out_of_range_is_refused_and_so_is_a_method_without_one() -> None:
    with pytest.raises(UsageError, match="expected a strength from 0 to 1, got 2"):
        Keyframe(0, "great-wave", 2.0)
    with pytest.raises(UsageError, match="has no strength"):
        Styles(load(Quilting()), [Keyframe(0, "great-wave", 0.5)], SIZE, 1 << 20)


@pytest.mark.parametrize("method", [AdaINLite(model=FILM_MODEL), Gatys(steps=2)], ids=["one pass", "gatys"])
def test_a_film_fades_from_itself_to_the_painting(method: AdaINLite | Gatys, tmp_path: Path) -> None:
    film = clip(tmp_path / "film.mp4", TIMES)
    keys = [Keyframe(0.0, "great-wave", 0.0), Keyframe(1.0, "great-wave", 1.0)]
    stylize_video(film, keys, tmp_path / "painted", method, frame_steps=2 if isinstance(method, Gatys) else None)
    pairs = zip(open_film(film).frames(), open_film(tmp_path / "painted").frames(), strict=True)
    apart = [float((before.pixels - after.pixels).abs().mean()) for before, after in pairs]
    assert apart[0] < 0.02
    assert apart[-1] > 3 * apart[0]


def test_frames_at_times_are_those_of_reading_all(tmp_path: Path) -> None:
    film = open_film(clip(tmp_path / "film.mp4", [40 * number for number in range(8)] + [5000, 5040]))
    every = list(film.frames())
    times = [float((frame.time - every[0].time) * film.time_base) for frame in every]
    found = list(film.at([time + 0.01 for time in times]))  # type: ignore[attr-defined]
    assert [frame.time for frame in found] == [frame.time - every[0].time for frame in every]
    assert all(torch.equal(one.pixels, other.pixels) for one, other in zip(every, found, strict=True))
    (last,) = film.at([100.0])  # type: ignore[attr-defined]
    assert torch.equal(last.pixels, every[-1].pixels)
