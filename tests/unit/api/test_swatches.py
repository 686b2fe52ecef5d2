"""Swatches: nothing but the style, the same each time; a sheet names every style."""

from __future__ import annotations

import pytest
import torch

from brushwork.api.swatches import GAP, LABEL, sheet, swatch
from brushwork.errors import UsageError
from brushwork.image import Picture
from brushwork.options.methods import AdaIN


def test_a_swatch_is_of_its_style_and_the_same_each_time() -> None:
    bright, dark = Picture(torch.rand(1, 3, 64, 64) * 0.2 + 0.8), Picture(torch.rand(1, 3, 64, 64) * 0.2)
    first = swatch(bright, size=64)
    assert first.size == (64, 64)
    assert torch.equal(first.pixels, swatch(bright, size=64).pixels)
    assert first.pixels.mean() > swatch(dark, size=64).pixels.mean() + 0.1


def test_another_method_paints_it_too() -> None:
    painting = Picture(torch.rand(1, 3, 64, 64))
    assert not torch.equal(swatch(painting, size=64).pixels, swatch(painting, AdaIN(), size=64).pixels)


def test_a_sheet_has_a_cell_with_a_name_for_each_style() -> None:
    names, calls = ["feminine-wave", "april-evening", "memories-of-the-caucasus"], []
    result = sheet(names, size=48, progress=calls.append)
    width, height = 48 + 2 * GAP, 48 + LABEL + GAP
    assert result.size == (2 * width, 2 * height)
    assert len(calls) == 3
    label = result.pixels[:, :, GAP + 48 : height, GAP : GAP + 48]
    assert label.min() < 0.5 < label.max()
    empty = result.pixels[:, :, height:, width:]
    assert empty.min() == 1


def test_a_sheet_of_a_photo_shows_its_middle() -> None:
    wide = torch.zeros(1, 3, 48, 96)
    wide[..., 24:72] = 1
    result = sheet(["april-evening"], photo=Picture(wide), size=48)
    same = sheet(["april-evening"], photo=Picture(torch.ones(1, 3, 48, 48)), size=48)
    assert torch.equal(result.pixels, same.pixels)


def test_a_sheet_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="at least one style"):
        sheet([])


def test_unknown_styles_are_refused() -> None:
    with pytest.raises(UsageError, match="neither a file nor a style"):
        swatch("nothere")
