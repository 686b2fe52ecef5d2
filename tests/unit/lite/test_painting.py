"""Painting without torch gives the pixels of torch: sizes, tiles, strength, regions, flat pictures."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from skimage import data

from brushwork.errors import UsageError
from brushwork.image import fit_size, resize
from brushwork.lite.painting import Painter
from brushwork.lite.pictures import Picture
from brushwork.lite.regions import Regions
from brushwork.lite.tensors import Array
from brushwork.methods import load
from brushwork.methods.one_pass import OnePass
from brushwork.options.methods import AdaINLite
from brushwork.styles import regions as by_torch
from brushwork.tiling.tiles import Tiling

CLOSE = 0.1 / 255


@cache
def painter() -> Painter:
    return Painter()


@cache
def method() -> OnePass:  # type: ignore[type-arg]
    loaded = load(AdaINLite(precision="float32"))
    assert isinstance(loaded, OnePass)
    return loaded


def photo(width: int, height: int) -> Array:
    whole = torch.from_numpy(data.chelsea().transpose(2, 0, 1).astype(np.float32) / 255)[None]
    return resize(whole, (width, height))[0].numpy()


def codes() -> list[Array]:
    paintings = photo(200, 150), 1 - photo(180, 240)
    return [painter().coder.encode(np.ascontiguousarray(painting)) for painting in paintings]


def styles() -> list[object]:
    return [method().load_style({"code": torch.from_numpy(code)}) for code in codes()]


def painted(pixels: Array, regions: Regions, strength: float = 1.0, side: int = 4096, room: int = 0) -> Array:
    result = np.full_like(pixels, np.nan)

    def write(top: int, left: int, part: Array) -> None:
        result[:, top : top + part.shape[1], left : left + part.shape[2]] = part

    painter().paint(Picture(pixels), regions, write, strength=strength, side=side, room=room)
    return result


def of_torch(pixels: Array, style: object, strength: float = 1.0) -> Array:
    return method().with_strength(strength)(torch.from_numpy(pixels)[None], style)[0].numpy()


def test_codes_of_paintings_are_those_of_torch() -> None:
    for size in ((200, 150), (33, 700), (16, 16)):
        pixels, mask = photo(*size), photo(*size)[:1]
        for weights in (None, mask):
            given = None if weights is None else torch.from_numpy(weights)[None]
            wanted = method().encode_style(torch.from_numpy(pixels)[None], sizes=[512], mask=given).code.numpy()
            np.testing.assert_allclose(painter().coder.encode(pixels, weights), wanted, atol=1e-4)


@pytest.mark.parametrize("size", [(61, 8), (83, 67), (383, 255), (512, 512)])
def test_a_picture_of_any_size(size: tuple[int, int]) -> None:
    pixels = photo(*size)
    assert np.abs(painted(pixels, Regions(codes()[:1])) - of_torch(pixels, styles()[0])).max() < CLOSE


@pytest.mark.parametrize("size", [(8, 8), (9, 300), (2048, 40)])
def test_sizes_where_rounding_decides_or_one_side_is_long(size: tuple[int, int]) -> None:
    result = painted(photo(*size), Regions(codes()[:1]))
    assert result.shape == (3, size[1], size[0])
    assert np.isfinite(result).all()


@pytest.mark.slow
def test_2048_pixels_square() -> None:
    pixels = photo(2048, 2048)
    whole = painted(pixels, Regions(codes()[:1]))
    # In one piece, torch's sums of so many numbers lose digits; in tiles they are in float64.
    wanted = method()(torch.from_numpy(pixels)[None], styles()[0], tiling=Tiling(512))[0].numpy()
    assert np.abs(whole - wanted).max() < CLOSE
    assert np.abs(whole - painted(pixels, Regions(codes()[:1]), side=512)).max() < CLOSE


@pytest.mark.parametrize("room", [0, 1 << 30])
def test_tiles_have_the_result_of_the_whole(room: int) -> None:
    pixels, regions = photo(451, 300), Regions(codes()[:1])
    assert np.abs(painted(pixels, regions, side=96, room=room) - painted(pixels, regions)).max() < CLOSE


@pytest.mark.parametrize("strength", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("count", [1, 2])
def test_strength_and_masks(strength: float, count: int) -> None:
    pixels, masks = photo(211, 140), np.zeros((2, 1, 40, 50), np.float32)
    masks[0, :, :, :20], masks[1, :, :, 15:30] = 1, 0.8
    result = painted(pixels, Regions(codes()[:count], masks[:count]), strength)
    wanted = of_torch(pixels, by_torch.Regions(styles()[:count], torch.from_numpy(masks[:count])), strength)
    assert np.abs(result - wanted).max() < 1 / 255
    if strength == 0:
        assert np.abs(result - pixels).max() < CLOSE


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_strength_without_masks(strength: float) -> None:
    pixels = photo(301, 200)
    result = painted(pixels, Regions(codes()[:1]), strength)
    assert np.abs(result - of_torch(pixels, styles()[0], strength)).max() < CLOSE
    assert np.abs(result - painted(pixels, Regions(codes()[:1]), strength, side=80)).max() < CLOSE


@pytest.mark.parametrize("contrast", [0.0, 0.02])
def test_pictures_with_hardly_any_contrast(contrast: float) -> None:
    noise = np.random.default_rng(0).standard_normal((3, 60, 70)).astype(np.float32)
    pixels = np.clip(0.4 + contrast * noise, 0, 1)
    assert np.abs(painted(pixels, Regions(codes()[:1])) - of_torch(pixels, styles()[0])).max() < CLOSE


@pytest.mark.parametrize("model", ["adain-lite-film", "adain-lite-3-film"])
def test_the_networks_for_films(model: str) -> None:
    other, films = Painter(model=model), load(AdaINLite(model=model, precision="float32"))
    pixels, result = photo(96, 64), np.empty((3, 64, 96), np.float32)
    code = other.coder.encode(photo(180, 240))
    other.paint(Picture(pixels), Regions([code]), lambda top, left, part: np.copyto(result, part), side=512)
    wanted = films(torch.from_numpy(pixels)[None], films.load_style({"code": torch.from_numpy(code)}))
    assert np.abs(result - wanted[0].numpy()).max() < CLOSE


def test_more_styles_side_by_side_than_there_are_graphs_for() -> None:
    masks = np.full((5, 1, 4, 4), 0.2, np.float32)
    with pytest.raises(UsageError, match=r"more than 4 styles side by side.* needs torch"):
        painted(photo(64, 48), Regions(codes()[:1] * 5, masks))


def test_empty_masks_are_refused() -> None:
    with pytest.raises(UsageError, match="all masks are empty"):
        Regions(codes()[:1], np.zeros((1, 1, 4, 4), np.float32))


def test_sizes_fit_as_in_the_full_package() -> None:
    from brushwork.lite.pictures import fit_size as own

    for size in ((4000, 3000), (1, 9), (333, 77)):
        assert own(size, 100) == fit_size(size, 100)
