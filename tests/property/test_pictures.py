"""Any picture, of any size, survives a PNG."""

import tempfile
from pathlib import Path

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from brushwork.image import Picture, fit_size
from brushwork.io import read_image, read_size, write_image

sides = st.integers(1, 40)


@settings(max_examples=40, deadline=None)
@given(width=sides, height=sides, depth=st.sampled_from([8, 16]), alpha=st.booleans(), seed=st.integers(0, 2**32 - 1))
def test_png_gives_back_what_it_got(width: int, height: int, depth: int, alpha: bool, seed: int) -> None:
    levels = np.random.default_rng(seed).integers(0, 2**depth, (4, height, width))
    planes = torch.from_numpy(levels.astype(np.float32) / np.float32(2**depth - 1))[None]
    picture = Picture(planes[:, :3], planes[:, 3:] if alpha else None, depth=depth)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "a.png"
        write_image(picture, path, depth=depth)
        back = read_image(path)
        assert read_size(path) == back.size == (width, height)
    assert torch.equal(back.pixels, picture.pixels)
    assert back.depth == depth
    assert (back.alpha is None) == (picture.alpha is None)
    if back.alpha is not None and picture.alpha is not None:
        assert torch.equal(back.alpha, picture.alpha)


@settings(max_examples=40, deadline=None)
@given(width=sides, height=sides, longer=st.integers(1, 90))
def test_reading_at_a_size_gives_that_size(width: int, height: int, longer: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "a.png"
        write_image(Picture(torch.rand(1, 3, height, width)), path)
        picture = read_image(path, size=longer)
    assert picture.size == fit_size((width, height), longer)
    assert max(picture.size) == longer
    assert picture.pixels.min() >= 0
    assert picture.pixels.max() <= 1
