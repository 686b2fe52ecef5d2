"""Styles without torch: names, blends, saved styles, paintings, and files that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from brushwork import Picture, encode_style, load, save_style
from brushwork.api.style_encoding import saved_values
from brushwork.errors import BrushworkError, UsageError
from brushwork.lite.painting import Painter
from brushwork.lite.styles import blended, style_codes
from brushwork.lite.tensors import Array
from brushwork.methods.adain_lite.method import LiteStyle
from brushwork.options.methods import AdaINLite, Gatys
from brushwork.options.stylize import StylizeOptions
from brushwork.runtime.tensor_files import write_tensors
from brushwork.styles.references import resolve_text
from brushwork.styles.tuned import write_tuned


@pytest.fixture(scope="module")
def painter() -> Painter:
    return Painter()


def code(painter: Painter, text: str, scale: float = 1.0) -> Array:
    style = resolve_text(text)
    codes, _ = style_codes(painter, style, AdaINLite(style_scale=scale), StylizeOptions())
    return np.asarray(blended(style, codes, None).codes[0])


@pytest.mark.parametrize("scale", [0.5, 0.8, 1.0, 1.7, 2.0])
@pytest.mark.parametrize("text", ["great-wave", "great-wave:0.7+starry-night:0.2"])
def test_codes_of_names_and_blends_are_those_of_torch(painter: Painter, text: str, scale: float) -> None:
    method = load(AdaINLite(style_scale=scale, precision="float32"))
    np.testing.assert_allclose(code(painter, text, scale), encode_style(method, text, [512]).code, atol=1e-6)


def test_codes_of_painting_files(painter: Painter, tmp_path: Path) -> None:
    path = tmp_path / "painting.png"
    Image.fromarray(data.coffee()).save(path)
    for scale in (0.5, 1.0):
        method = load(AdaINLite(style_scale=scale, precision="float32"))
        wanted = encode_style(method, str(path), [512]).code
        assert np.abs(code(painter, str(path), scale) - wanted.numpy()).mean() < 0.01


def test_a_saved_style(painter: Painter, tmp_path: Path) -> None:
    method = load(AdaINLite(precision="float32"))
    value = method.encode_style(torch.rand(1, 3, 40, 40), sizes=[64])
    save_style(tmp_path / "mine.safetensors", method, value)
    np.testing.assert_allclose(code(painter, str(tmp_path / "mine.safetensors")), value.code, atol=1e-6)
    with pytest.raises(UsageError, match=r"style_scale 1, not 0\.5"):
        code(painter, str(tmp_path / "mine.safetensors"), 0.5)


def test_files_that_are_no_styles(painter: Painter, tmp_path: Path) -> None:
    (tmp_path / "theirs.onnx").write_bytes(b"\x08\x08")
    (tmp_path / "theirs.pth").write_bytes(b"PK")
    (tmp_path / "damaged.safetensors").write_bytes(b"\xff" * 20)
    write_tensors(tmp_path / "other.safetensors", {"x": torch.ones(3)}, {})
    gatys = load(Gatys(network="vgg19-slim"))
    save_style(tmp_path / "gatys.safetensors", gatys, gatys.encode_style(torch.rand(1, 3, 64, 64), sizes=[64]))
    told = {
        "theirs.onnx": "is a network, not a style",
        "theirs.pth": "needs torch",
        "damaged.safetensors": "is damaged, or not a .safetensors file",
        "other.safetensors": "for no method, not for adain-lite",
        "gatys.safetensors": "for gatys, not for adain-lite",
    }
    for name, words in told.items():
        with pytest.raises(BrushworkError, match=words) as refused:
            code(painter, str(tmp_path / name))
        assert name in str(refused.value)


def test_a_style_of_another_network_or_damaged_numbers(painter: Painter, tmp_path: Path) -> None:
    origin = '{"adain-lite": {"weights": "00", "model": "00", "style_scale": "1.0"}}'
    write_tensors(tmp_path / "a.safetensors", {"adain-lite/code": torch.ones(128)}, {"methods": origin})
    with pytest.raises(UsageError, match="made with another network"):
        code(painter, str(tmp_path / "a.safetensors"))
    method = load(AdaINLite(precision="float32"))
    value = method.load_style({"code": torch.full((128,), torch.nan)})
    save_style(tmp_path / "nan.safetensors", method, value)
    with pytest.raises(BrushworkError, match="128 finite numbers"):
        code(painter, str(tmp_path / "nan.safetensors"))


def test_keeping_colors_before_needs_the_painting(painter: Painter) -> None:
    with pytest.raises(UsageError, match="needs the painting itself"):
        style_codes(painter, resolve_text("great-wave"), AdaINLite(), StylizeOptions(), lambda pixels, mask: pixels)


def test_a_fully_transparent_painting_is_refused(painter: Painter, tmp_path: Path) -> None:
    Image.new("RGBA", (40, 40), (0, 0, 0, 0)).save(tmp_path / "nothing.png")
    with pytest.raises(UsageError, match="fully transparent"):
        code(painter, str(tmp_path / "nothing.png"))
    assert Picture(torch.rand(1, 3, 4, 4)).size == (4, 4)


def test_a_tuned_painting(painter: Painter, tmp_path: Path) -> None:
    path = tmp_path / "painting.png"
    Image.fromarray(data.coffee()).save(path)
    plain, scaled = code(painter, str(path)), code(painter, str(path), 0.5)
    method = load(AdaINLite(precision="float32"))
    tuned = LiteStyle(torch.from_numpy(plain + 0.25))
    write_tuned(path, saved_values([(method, tuned)]))
    np.testing.assert_allclose(code(painter, str(path)), tuned.code, atol=1e-6)
    np.testing.assert_allclose(code(painter, str(path), 0.5), scaled, atol=1e-6)  # of which tuning says nothing
    assert np.abs(plain - tuned.code.numpy()).min() > 0.2
