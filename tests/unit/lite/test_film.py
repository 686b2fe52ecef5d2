"""Videos without torch."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
import torch
from sample_films import clip

from brushwork.errors import BrushworkError, PictureError, UsageError
from brushwork.lite.film import SteadyMoments, paint_film
from brushwork.lite.passes import Moments
from brushwork.options.methods import AdaINLite
from brushwork.tiling.tiles import StatisticsRequest
from brushwork.video.smoothing import TemporalSmoother

FILM = AdaINLite(model="adain-lite-film")


def painted(film: Path, target: Path, **changes: object) -> list[str]:
    lines: list[str] = []
    options = {"size": None, "quality": None, "provider": "cpu", **changes}
    paint_film(film, "great-wave", target, FILM, say=lines.append, **options)  # type: ignore[arg-type]
    return lines


def test_frames_times_and_sound(tmp_path: Path) -> None:
    film = clip(tmp_path / "film.mp4", sound=True)
    lines = painted(film, tmp_path / "out.mp4")
    assert "needs torch" in lines[0]
    assert lines[-1].endswith("6 frames of 64×48")
    with av.open(str(tmp_path / "out.mp4")) as out, av.open(str(film)) as source:
        assert len(out.streams.audio) == 1
        times = [[float(frame.time) for frame in one.decode(video=0)] for one in (out, source)]
    np.testing.assert_allclose(times[0], times[1], atol=0.002)


def test_moments_are_smoothed_as_with_torch() -> None:
    steady, numbers = SteadyMoments(), np.random.default_rng(0)
    smoother = TemporalSmoother(object(), 0.97)  # type: ignore[arg-type]
    for k in range(4):
        features = numbers.random((1, 5, 6, 7)).astype(np.float32) + (0.02 * k if k < 3 else 4.0)
        flat = features.reshape(5, -1)
        own = steady(0, Moments(flat.mean(1)[None], flat.var(1)[None]))
        wanted = smoother._answer(0, StatisticsRequest(torch.from_numpy(features)))
        np.testing.assert_allclose(own.mean, wanted.mean.numpy(), atol=1e-5)
        np.testing.assert_allclose(own.variance, wanted.variance.numpy(), rtol=1e-4)


def test_refusals(tmp_path: Path) -> None:
    film = clip(tmp_path / "film.mp4", [0, 40])
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(UsageError, match="needs torch"):
        painted(film, tmp_path / "out.webm")
    with pytest.raises(UsageError, match="is the input video"):
        painted(film, film)
    with pytest.raises(UsageError, match="quality from 1 to 100"):
        painted(film, tmp_path / "out.mp4", quality=0)
    for name in ("text.mp4", "none.mp4"):
        with pytest.raises(PictureError, match=name):
            painted(tmp_path / name, tmp_path / "out.mp4")
    _turn(film)
    with pytest.raises(UsageError, match="stored turned"):
        painted(film, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def _turn(film: Path) -> None:
    """Write a right angle into the matrix of the track's header."""
    matrices = [
        b"".join((65536 * value).to_bytes(4, "big", signed=True) for value in values)
        for values in ((1, 0, 0, 0, 1, 0), (0, 1, 0, -1, 0, 0))
    ]
    content = film.read_bytes()
    at = content.index(matrices[0], content.index(b"tkhd"))
    film.write_bytes(content[:at] + matrices[1] + content[at + len(matrices[1]) :])


def test_without_pyav(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(BrushworkError, match=r"pip install 'brushwork-lite\[video\]'"):
        painted(tmp_path / "film.mp4", tmp_path / "out.mp4")
