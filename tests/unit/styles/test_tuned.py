"""A painting's PNG that carries what tuning found for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from brushwork import AdaINLite, Picture, load, read_image, stylize, write_image
from brushwork.api.style_encoding import encode_style, saved_values
from brushwork.errors import BrushworkError
from brushwork.methods.adain_lite.method import LiteStyle
from brushwork.styles.tuned import read_tuned, write_tuned

LITE = AdaINLite(precision="float32")


@pytest.fixture
def painting(tmp_path: Path) -> Path:
    write_image(Picture(torch.rand(1, 3, 40, 60)), tmp_path / "wave.png")
    return tmp_path / "wave.png"


def tune(path: Path, settings: AdaINLite = LITE) -> LiteStyle:
    """Put another code into a painting's file; the code."""
    method = load(settings)
    code = LiteStyle(encode_style(method, path, [64]).code + 0.5)
    write_tuned(path, saved_values([(method, code)]))
    return code


def test_the_code_is_used_and_the_pixels_stay(painting: Path) -> None:
    before, untuned = np.asarray(Image.open(painting)), encode_style(load(LITE), painting, [64])
    assert read_tuned(painting) is None
    code = tune(painting)
    assert np.array_equal(np.asarray(Image.open(painting)), before)
    assert torch.equal(read_image(painting).pixels[0, 0], torch.tensor(before[..., 0]) / 255)
    assert torch.equal(encode_style(load(LITE), painting, [64]).code, code.code)
    assert not torch.equal(code.code, untuned.code)
    photo = Picture(torch.rand(1, 3, 32, 48))
    results = [stylize(photo, style, LITE).picture.pixels for style in (painting, read_image(painting))]
    assert (results[0] - results[1]).abs().max() > 0.01


def test_a_second_tuning_takes_the_place_of_the_first(painting: Path) -> None:
    sizes = []
    for _ in range(3):
        code = tune(painting)
        sizes.append(painting.stat().st_size)
        assert torch.equal(encode_style(load(LITE), painting, [64]).code, code.code)
    assert len(set(sizes)) == 1


def test_other_settings_see_the_painting_itself(painting: Path) -> None:
    other = AdaINLite(style_scale=2, precision="float32")
    expected = encode_style(load(other), painting, [64])
    tune(painting)
    assert torch.equal(encode_style(load(other), painting, [64]).code, expected.code)
    photo = Picture(torch.rand(1, 3, 32, 48))
    colors = {"keep_color": "histogram", "keep_color_when": "before"}
    tuned, plain = (stylize(photo, style, LITE, **colors).picture for style in (painting, read_image(painting)))
    assert torch.equal(tuned.pixels, plain.pixels)


def test_a_program_that_changes_the_pixels_drops_it(painting: Path) -> None:
    tune(painting)
    Image.open(painting).rotate(90).save(painting)
    assert read_tuned(painting) is None


def test_what_is_damaged_is_told_and_a_cut_file_is_left_alone(painting: Path) -> None:
    tune(painting)
    content = painting.read_bytes()
    at = content.index(b"bwST") + 12
    painting.write_bytes(content[:at] + b"\xff" * 40 + content[at + 40 :])
    with pytest.raises(BrushworkError, match=r"wave\.png: its tuning is damaged .*; tune the style again"):
        encode_style(load(LITE), painting, [64])
    painting.write_bytes(content[:200])
    with pytest.raises(BrushworkError, match="not a complete PNG"):
        write_tuned(painting, saved_values([(load(LITE), LiteStyle(torch.zeros(128)))]))
    assert painting.read_bytes() == content[:200]
    assert read_tuned(painting.with_suffix(".jpg")) is None
