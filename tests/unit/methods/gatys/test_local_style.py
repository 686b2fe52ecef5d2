"""Local style in Gatys' method."""

from dataclasses import replace

import torch
from torch import Tensor

from brushwork import Gatys, load
from brushwork.losses.local import CELLS, style_windows
from brushwork.methods.gatys.method import GatysMethod
from brushwork.methods.gatys.style import GatysStyle

SETTINGS = Gatys(steps=20, precision="float32", init="recolored", local_weight=4.0)
SIZE = 96


def method(settings: Gatys = SETTINGS) -> GatysMethod:
    found = load(settings)
    assert isinstance(found, GatysMethod)
    return found


def painting(seed: int = 0) -> Tensor:
    """Return a picture of coarse noise."""
    noise = torch.rand(1, 3, 24, 24, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(noise, (SIZE, SIZE), mode="bicubic").clamp(0, 1)


def photo() -> Tensor:
    """Return stripes below a flat sky."""
    pixels = torch.full((1, 3, SIZE, SIZE), 0.8)
    pixels[:, :, SIZE // 2 :, ::8] = 0.1
    return pixels


def worst_windows(made: Tensor, style: GatysStyle, gatys: GatysMethod) -> float:
    """Return the mean distance of the worst quarter of windows from the style's nearest."""
    features = gatys.network(made, ["relu3_1"])["relu3_1"]
    windows, known = style_windows(features, max(features.shape[2:]) / CELLS), style.nearest_windows(SIZE)
    assert known is not None
    norms = windows.norm(dim=1)[:, None] * known.norm(dim=1)
    distances = (torch.cdist(windows, known).square() / norms).min(1).values.sort().values
    return float(distances[-len(distances) // 4 :].mean())


def test_the_sky_is_painted_too() -> None:
    longer = replace(SETTINGS, steps=60)  # after a few steps, rounding decides, which differs between processors
    gatys, without = method(longer), method(replace(longer, local_weight=0.0))
    style = gatys.encode_style(painting(), sizes=gatys.sizes(SIZE, SIZE))
    local, usual = (worst_windows(m(photo(), style), style, gatys) for m in (gatys, without))
    assert local < 0.9 * usual


def test_windows_are_saved_with_the_style() -> None:
    gatys = method()
    style = gatys.encode_style(painting(), sizes=[SIZE])
    loaded = gatys.load_style(gatys.save_style(style))
    torch.testing.assert_close(loaded.windows[SIZE], style.windows[SIZE], rtol=1e-2, atol=1e-2)  # bfloat16
    assert loaded.targets.keys() == style.targets.keys()


def test_style_without_windows_has_no_local_term() -> None:
    gatys = method()
    style = replace(gatys.encode_style(painting(), sizes=gatys.sizes(SIZE, SIZE)), windows={})
    assert style.nearest_windows(SIZE) is None
    assert torch.equal(gatys(photo(), style), method(replace(SETTINGS, local_weight=0.0))(photo(), style))


def test_blend_and_scale_take_windows_along() -> None:
    gatys = method()
    one, other = (gatys.encode_style(painting(seed), sizes=[SIZE]) for seed in (0, 1))
    blended = gatys.blend([one, other], [1.0, 0.0])
    torch.testing.assert_close(blended.windows[SIZE], one.windows[SIZE])
    assert gatys.blend([one, replace(other, windows={})], [1, 1]).windows == {}
    assert one.rescaled(0.5).windows.keys() == {2 * SIZE}


def test_windows_keep_their_size_in_the_picture_at_any_style_scale() -> None:
    style = method(replace(SETTINGS, style_scale=2.0)).encode_style(painting(), sizes=[SIZE])
    assert len(style.windows[SIZE]) > 3 * len(method().encode_style(painting(), sizes=[SIZE]).windows[SIZE])


def test_named_styles_have_windows() -> None:
    from brushwork import encode_style

    style = encode_style(method(), "great-wave", [SIZE])
    assert style.nearest_windows(SIZE).shape == (32, 128)


def test_strength_moves_windows_toward_the_photo() -> None:
    made = {}
    for strength in (0.25, 1.0):
        gatys = method(replace(SETTINGS, strength=strength))
        style = gatys.encode_style(painting(), sizes=gatys.sizes(SIZE, SIZE))
        made[strength] = float((gatys(photo(), style) - photo()).square().mean())
    assert made[0.25] < made[1.0]
