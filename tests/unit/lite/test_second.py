"""The second architecture without torch gives the pixels of torch."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from brushwork import encode_style, save_style, stylize
from brushwork.api.style_encoding import saved_values
from brushwork.errors import BrushworkError
from brushwork.image import resize
from brushwork.lite.film import SteadyMoments
from brushwork.lite.models import read_model
from brushwork.lite.painting import Painter
from brushwork.lite.pictures import Picture
from brushwork.lite.recoloring import color_code, opponent_colors, recolored, with_products
from brushwork.lite.regions import Regions
from brushwork.lite.styles import style_codes
from brushwork.lite.stylize import paint
from brushwork.lite.tensors import Array
from brushwork.methods import load
from brushwork.methods.adain_lite import colors as by_torch
from brushwork.methods.adain_lite.method import LiteStyle
from brushwork.methods.one_pass import OnePass
from brushwork.options.methods import AdaINLite
from brushwork.options.stylize import StylizeOptions
from brushwork.runtime.tensor_files import write_tensors
from brushwork.styles import built_in
from brushwork.styles.references import resolve_text
from brushwork.styles.regions import Regions as TorchRegions
from brushwork.video.smoothing import TemporalSmoother

CLOSE = 0.1 / 255
FILM_MODELS = {"adain-lite": "adain-lite-film", "adain-lite-3": "adain-lite-3-film"}


@pytest.fixture(scope="module")
def painter(second: str) -> Painter:
    return Painter(model=second)


@pytest.fixture(scope="module")
def method(second: str) -> OnePass:  # type: ignore[type-arg]
    loaded = load(AdaINLite(model=second, precision="float32"))
    assert isinstance(loaded, OnePass)
    return loaded


@pytest.fixture(scope="module")
def codes(painter: Painter) -> list[Array]:
    return [painter.coder.encode(painting) for painting in (photo(200, 150, data.coffee()), 1 - photo(180, 240))]


def photo(width: int, height: int, samples: Array | None = None) -> Array:
    given = data.chelsea() if samples is None else samples
    whole = torch.from_numpy(given.transpose(2, 0, 1).astype(np.float32) / 255)[None]
    return np.ascontiguousarray(resize(whole, (width, height))[0].numpy())


def gray(width: int, height: int) -> Array:
    return np.repeat(photo(width, height).mean(0, keepdims=True), 3, 0)


def painted(painter: Painter, pixels: Array, regions: Regions, **options: object) -> Array:
    result = np.full_like(pixels, np.nan)

    def write(top: int, left: int, part: Array) -> None:
        result[:, top : top + part.shape[1], left : left + part.shape[2]] = part

    given = {"side": 4096, **options}
    painter.paint(Picture(pixels), regions, write, **given)  # type: ignore[arg-type]
    return result


def of_torch(method: OnePass, pixels: Array, codes: list[Array], masks: Array | None = None) -> Array:  # type: ignore[type-arg]
    styles = [method.load_style({"code": torch.from_numpy(code)}) for code in codes]
    style = styles[0] if masks is None else TorchRegions(styles, torch.from_numpy(masks))
    return method(torch.from_numpy(pixels)[None], style)[0].numpy()


@pytest.mark.parametrize("size", [(200, 150), (33, 700), (16, 16)])
def test_codes_of_paintings_are_those_of_torch(painter: Painter, method: OnePass, size: tuple[int, int]) -> None:  # type: ignore[type-arg]
    pixels, mask = photo(*size), photo(*size)[:1]
    for weights in (None, mask):
        given = None if weights is None else torch.from_numpy(weights)[None]
        wanted = method.encode_style(torch.from_numpy(pixels)[None], sizes=[512], mask=given).code.numpy()
        assert wanted.shape == (393,)
        np.testing.assert_allclose(painter.coder.encode(pixels, weights), wanted, atol=2e-4)


@pytest.mark.parametrize(("look", "strength"), [(photo, 0.0), (photo, 0.5), (photo, 1.0), (gray, 1.0)])
def test_one_tile_and_several(
    painter: Painter,
    method: OnePass,  # type: ignore[type-arg]
    codes: list[Array],
    look: Callable[[int, int], Array],
    strength: float,
) -> None:
    pixels, regions = look(171, 100), Regions(codes[:1])
    wanted = of_torch(method.with_strength(strength), pixels, codes[:1])
    for side, room in ((4096, 0), (96, 0), (96, 1 << 30)):
        result = painted(painter, pixels, regions, strength=strength, side=side, room=room)
        assert np.abs(result - wanted).max() < CLOSE
    if strength == 0:
        assert np.abs(wanted - pixels).max() < CLOSE


@pytest.mark.parametrize("strength", [0.5, 1.0])
@pytest.mark.parametrize("count", [1, 2])
def test_regions(
    painter: Painter,
    method: OnePass,  # type: ignore[type-arg]
    codes: list[Array],
    strength: float,
    count: int,
) -> None:
    pixels, masks = photo(161, 100), np.zeros((2, 1, 40, 50), np.float32)
    masks[0, :, :, :20], masks[1, :, :, 15:30] = 1, 0.8
    regions = Regions(codes[:count], masks[:count])
    wanted = of_torch(method.with_strength(strength), pixels, codes[:count], masks[:count])
    whole = painted(painter, pixels, regions, strength=strength)
    assert np.abs(whole - wanted).max() < 1 / 255
    assert np.abs(whole - painted(painter, pixels, regions, strength=strength, side=96)).max() < CLOSE


@pytest.mark.parametrize("contrast", [0.0, 0.02])
def test_pictures_with_hardly_any_contrast(
    painter: Painter,
    method: OnePass,  # type: ignore[type-arg]
    codes: list[Array],
    contrast: float,
) -> None:
    noise = np.random.default_rng(0).standard_normal((3, 60, 70)).astype(np.float32)
    pixels = np.clip(0.4 + contrast * noise, 0, 1)
    assert np.abs(painted(painter, pixels, Regions(codes[:1])) - of_torch(method, pixels, codes[:1])).max() < CLOSE


def test_the_picture_has_the_painting_s_colors(painter: Painter, codes: list[Array]) -> None:
    soft = codes[0].copy()
    soft[-9:] = color_code(np.full(3, 0.5, np.float32), 0.005 * np.eye(3, dtype=np.float32))  # so that none is clipped
    result = painted(painter, photo(192, 128), Regions([soft])).reshape(3, -1)
    np.testing.assert_allclose(result.mean(1), 0.5, atol=1e-3)
    np.testing.assert_allclose(np.cov(result), 0.005 * np.eye(3), atol=5e-4)


def test_the_color_stage_is_that_of_torch() -> None:
    numbers = np.random.default_rng(0)
    pixels, shares = numbers.random((3, 9, 11)).astype(np.float32), np.ones((2, 1, 9, 11), np.float32) / 2
    codes = [color_code(numbers.random(3), np.cov(numbers.random((3, 40))) * scale) for scale in (0.1, 2000)]
    moments = np.repeat(with_products(opponent_colors(pixels)).mean((1, 2))[None], 2, 0)
    wanted = by_torch.recolored(
        by_torch.opponent_colors(torch.from_numpy(pixels)[None]),
        [by_torch.wanted_colors(torch.from_numpy(code)) for code in codes],
        torch.from_numpy(shares),
        None,
    )[0].numpy()
    np.testing.assert_allclose(recolored(opponent_colors(pixels), codes, shares, moments), wanted, atol=1e-4)


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_films_are_as_steady_as_with_torch(
    painter: Painter,
    method: OnePass,  # type: ignore[type-arg]
    codes: list[Array],
    strength: float,
) -> None:
    steady, asked = SteadyMoments(), method.with_strength(strength)
    smoother = TemporalSmoother(asked, 0.97)
    style = method.load_style({"code": torch.from_numpy(codes[0])})
    for k in range(3):
        pixels = np.clip(photo(96, 64) * (1 - 0.1 * k), 0, 1)
        wanted = asked.frame(torch.from_numpy(pixels)[None], style, smoother._answer)[0].numpy()
        result = painted(painter, pixels, Regions(codes[:1]), strength=strength, steady=steady)
        assert np.abs(result - wanted).max() < CLOSE
    assert len(smoother.moments) == (3 if strength == 1 else 6)
    assert smoother.moments[2].mean.shape == (1, 9)


def test_from_files_to_the_picture(painter: Painter, second: str, tmp_path: Path) -> None:
    for name, pixels in (("cat", photo(120, 80)), ("cup", photo(160, 100, data.coffee()))):
        Image.fromarray((pixels.transpose(1, 2, 0) * 255).astype(np.uint8)).save(tmp_path / f"{name}.png")
    settings, style = AdaINLite(model=second, precision="float32"), str(tmp_path / "cup.png")
    wanted = stylize(tmp_path / "cat.png", style, settings, size=0).picture.to_numpy()
    found = paint(tmp_path / "cat.png", resolve_text(style), painter, settings, StylizeOptions(size=0)).samples
    assert np.abs(found.astype(int) - wanted).max() <= 2


def test_saved_styles(painter: Painter, method: OnePass, codes: list[Array], tmp_path: Path) -> None:  # type: ignore[type-arg]
    path = tmp_path / "mine.safetensors"
    save_style(path, method, method.load_style({"code": torch.from_numpy(codes[0])}))
    found, _ = style_codes(painter, resolve_text(str(path)), AdaINLite(), StylizeOptions())
    np.testing.assert_array_equal(found[0], codes[0])
    with pytest.raises(BrushworkError, match="was made with another network"):
        style_codes(painter, resolve_text("great-wave"), AdaINLite(), StylizeOptions())


def test_models_that_are_none(second: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRUSHWORK_HOME", str(tmp_path))
    for name, about, words in (
        ("later", {"model": "adain-lite", "architecture": "3"}, "of architecture 3; update brushwork"),
        ("other", {"model": "microast"}, "holds microast, expected adain-lite"),
        ("lacking", {"model": "adain-lite"}, "made by another version of brushwork"),
    ):
        write_tensors(tmp_path / f"{name}.safetensors", {"x": torch.ones(3)}, about)
        with pytest.raises(BrushworkError, match=words):
            Painter(model=str(tmp_path / f"{name}.safetensors"))
    damaged = {"painter.styled.first.shape.weight": torch.full((208, 128), torch.nan)}
    write_tensors(tmp_path / "nan.safetensors", damaged, {"model": "adain-lite"})
    with pytest.raises(BrushworkError, match="contains NaN"):
        Painter(model=str(tmp_path / "nan.safetensors"))
    with pytest.raises(
        BrushworkError,
        match=r"'mine': expected adain-lite, adain-lite-2, adain-lite-3, adain-lite-3-film, adain-lite-film",
    ):
        Painter(model="mine")
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "mine.safetensors").write_bytes(Path(second).read_bytes())
    assert read_model("mine").architecture.code_length == 393


def test_a_painter_trained_for_other_codes(second: str, painter: Painter, tmp_path: Path) -> None:
    for stills, films in FILM_MODELS.items():
        assert read_model(films).codes == read_model(stills).codes
    assert replace(painter.model, trained_for="0" * 64).codes == "0" * 64


def test_built_in_styles_have_codes_beside_a_later_network(
    second: str,
    painter: Painter,
    method: OnePass,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,  # type: ignore[type-arg]
) -> None:
    given, labels = torch.randn(3, 393), ("adain-lite@0.5", "adain-lite", "adain-lite@2")
    (origin,) = saved_values([(method, LiteStyle(given[0]))]).origins.values()
    origins = {label: origin | {"style_scale": str(0.5 * 2**k)} for k, label in enumerate(labels)}
    tensors = {f"great-wave/{label}/code": code.clone() for label, code in zip(labels, given, strict=True)}
    write_tensors(tmp_path / "adain-lite-9.styles.safetensors", tensors, {"methods": json.dumps(origins)})
    for module in ("brushwork.styles.built_in", "brushwork.lite.styles"):
        monkeypatch.setattr(f"{module}.MODELS", tmp_path, raising=True)
    for file in ("style-colors.json", "style-windows.safetensors", "vgg19-slim.json"):
        (tmp_path / file).symlink_to(built_in.FOLDER.parent / file)
    style = resolve_text("great-wave")
    for scale, expected in ((0.5, given[0]), (1.0, given[1]), (2**0.5, (given[1] + given[2]) / 2)):
        settings = AdaINLite(model=second, style_scale=scale, precision="float32")
        assert torch.allclose(encode_style(load(settings), style, [64]).code, expected, atol=1e-6)
        (code,), _ = style_codes(painter, style, settings, StylizeOptions())
        np.testing.assert_allclose(code, expected, atol=1e-6)
    first = encode_style(load(AdaINLite(precision="float32")), style, [64])
    assert first.code.shape == (128,)
