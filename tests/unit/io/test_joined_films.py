"""Transport streams joined from pieces."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from sample_films import clip, packets, written

from brushwork.io.film_formats import open_film
from brushwork.io.video_writer import Encoding


def twice(path: Path) -> Path:
    """A transport stream joined from two, whose times begin anew."""
    piece = clip(path.with_name("piece.ts"), [40 * k for k in range(12)], pixels="yuv420p", sound=True)
    path.write_bytes(2 * piece.read_bytes())
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_joined_streams_are_one_film_with_its_sound(suffix: str, tmp_path: Path) -> None:
    source = twice(tmp_path / "a.ts")
    film = open_film(source)
    times = [float(frame.time * film.time_base) for frame in film.frames()]
    assert [after - before for before, after in pairwise(times)] == pytest.approx([0.04] * 23, abs=1e-3)
    assert any("joined from 2 pieces" in note for note in film.notes)
    frames, _ = written(source, tmp_path / f"out{suffix}", encoding=Encoding())
    assert len(frames) == 24
    sounds = [float(time) for time, _ in packets(tmp_path / f"out{suffix}")]
    assert len(sounds) == len(packets(source))
    assert all(before < after for before, after in pairwise(sounds))
    half = len(sounds) // 2
    assert sounds[half] - sounds[0] == pytest.approx(times[12] - times[0], abs=0.03)  # each piece beside its picture
    assert min(sounds[0], times[0]) == pytest.approx(0, abs=0.03)
