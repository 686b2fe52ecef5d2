"""Tuning a style to its painting."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from brushwork import AdaINLite, Interrupted, Picture, UsageError, add_style, load, tune_style, write_image
from brushwork.api import style_tuning
from brushwork.api.presets import DRAFT
from brushwork.api.style_encoding import encode_style
from brushwork.methods.adain_lite import tuning
from brushwork.styles.tuned import read_tuned


@pytest.fixture(autouse=True)
def painting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A painting in the library, and crops small enough for a test."""
    monkeypatch.setenv("BRUSHWORK_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(style_tuning, "SIDE", 48)
    monkeypatch.setattr(style_tuning, "BATCH", 2)
    monkeypatch.setattr(style_tuning, "HELD", 2)
    stripes = torch.rand(1, 3, 1, 60).expand(1, 3, 40, 60).contiguous()
    write_image(Picture(stripes), tmp_path / "stripes.png")
    return add_style(tmp_path / "stripes.png").path


def test_tuning_comes_closer_and_goes_on_from_where_it_was(painting: Path) -> None:
    shares: list[float] = []
    before = encode_style(load(DRAFT), painting, [64]).code
    first = tune_style("stripes", 6, progress=shares.append)
    assert sum(first.tuned.values()) < sum(first.untuned.values())
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0, abs=0.05)
    tuned = read_tuned(painting)
    assert tuned is not None
    assert set(tuned.values) == {"adain-lite", "adain-lite@0.5", "adain-lite@2"}
    changed = tuned.values["adain-lite"]["code"].float() - before
    assert changed[:384].abs().max() > 0.01
    assert changed[384:].abs().max() < 0.001  # the colors were exact
    again = tune_style("stripes", 0.001)
    assert again.untuned == first.untuned
    assert sum(again.tuned.values()) <= sum(first.tuned.values()) + 1e-6


def test_a_style_never_gets_worse(painting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "RATE", 100.0)
    before = encode_style(load(AdaINLite()), painting, [64]).code
    done = tune_style("stripes", 1)
    assert done.tuned == done.untuned
    assert torch.equal(encode_style(load(AdaINLite()), painting, [64]).code, before)


def test_what_was_found_is_kept_if_it_is_interrupted(painting: Path) -> None:
    def stop(share: float) -> None:
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="keeps what was found; go on with: brushwork styles tune stripes"):
        tune_style("stripes", 4, progress=stop)
    assert read_tuned(painting) is not None


def test_a_canceled_tuning_leaves_the_file_as_it_was(painting: Path) -> None:
    before = painting.read_bytes()

    def cancel(share: float) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        tune_style("stripes", 4, progress=cancel)
    assert painting.read_bytes() == before


def test_photographs_of_a_folder_are_used_and_one_is_held_back(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    write_image(Picture(torch.rand(1, 3, 80, 80)), folder / "a.png")
    with pytest.raises(UsageError, match="two photographs or more"):
        tune_style("stripes", 1, photos=folder)
    write_image(Picture(torch.rand(1, 3, 80, 80)), folder / "b.png")
    assert sum(tune_style("stripes", 0.5, photos=folder).untuned.values()) > 0


@pytest.mark.parametrize(
    ("name", "seconds", "message"),
    [
        ("stripe", 1.0, "unknown style 'stripe'; add a painting first"),
        ("great-wave", 1.0, "'great-wave' can't be tuned, since it is built in"),
        ("stripes", 0.0, "seconds: expected more than 0, got 0"),
    ],
)
def test_what_cannot_be_tuned_is_refused(name: str, seconds: float, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        tune_style(name, seconds)
