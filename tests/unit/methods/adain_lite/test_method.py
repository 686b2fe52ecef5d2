"""AdaIN-lite: what its layers do, and that a code is all that passes from the style to the picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from brushwork import encode_style, load, save_style
from brushwork.errors import UsageError, WeightsError
from brushwork.methods.adain_lite.architecture import FIRST, SECOND, Architecture
from brushwork.methods.adain_lite.colors import color_code
from brushwork.methods.adain_lite.method import AdaINLiteStyleNetwork, LiteStyle, MovedPhotos
from brushwork.methods.adain_lite.network import Generator, LiteNetwork, ModulatedConv, ModulatedNorm, ModulatedWeights
from brushwork.methods.one_pass import OnePass
from brushwork.nn import load_network
from brushwork.nn.statistics import covariance, mean_std
from brushwork.options.methods import AdaINLite
from brushwork.tiling.tiles import Tiling

SMALL = replace(FIRST, rank=2)


@pytest.fixture(scope="module", params=[FIRST, SECOND], ids=["first", "second"])
def sizes(request: pytest.FixtureRequest) -> Architecture:
    found: Architecture = request.param
    return found


@pytest.fixture(scope="module")
def model(sizes: Architecture, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A network as it is before training."""
    torch.manual_seed(0)
    lite = LiteNetwork(sizes)
    lite.coder.unit.fill_(300)
    path = tmp_path_factory.mktemp("model") / "lite.safetensors"
    save_file(lite.state_dict(), path, {"model": "adain-lite", "architecture": sizes.name})
    return str(path)


@pytest.fixture(scope="module")
def method(model: str) -> OnePass[Any]:
    loaded = load(AdaINLite(precision="float32", model=model))
    assert isinstance(loaded, OnePass)
    assert isinstance(loaded.network, AdaINLiteStyleNetwork)
    return loaded


def test_a_kernel_is_what_its_formula_says() -> None:
    conv = ModulatedConv(3, 4, SMALL)
    torch.nn.init.normal_(conv.shape.weight)
    code = torch.randn(FIRST.code)
    a, b, m, c = (conv.shape.weight @ code + conv.shape.bias).split([3, 4, 2, 4])
    shaped = conv.modulate(code)
    for out in range(4):
        for channel in range(3):
            mixed = sum(conv.up[out, k] * m[k] * conv.down[k].view(3, 3, 3)[channel] for k in range(2))
            expected = (1 + b[out]) * (conv.weight[out].view(3, 3, 3)[channel] + mixed) * (1 + a[channel])
            assert torch.allclose(shaped.weight[out, channel], expected, atol=1e-5)
    assert torch.allclose(shaped.bias, conv.bias + c)


def test_what_is_flat_stays_flat_when_it_is_enlarged() -> None:
    conv = ModulatedConv(3, 8, SMALL, enlarges=True)
    for parameter in conv.parameters():
        torch.nn.init.normal_(parameter)
    shaped = conv.modulate(torch.randn(FIRST.code))
    flat = torch.rand(1, 3, 1, 1).expand(1, 3, 6, 6)
    enlarged = F.pixel_shuffle(conv(flat, [shaped], None), 2)
    assert (enlarged - enlarged[:, :, :1, :1]).abs().max() < 1e-4 * enlarged.abs().max()
    uneven = F.pixel_shuffle(conv(torch.rand(1, 3, 6, 6), [shaped], None), 2)
    assert (uneven[..., ::2] - uneven[..., 1::2]).abs().max() > 0.1


def test_a_convolution_repeats_the_border() -> None:
    conv, x = ModulatedConv(3, 4, SMALL, stride=2), torch.rand(1, 3, 10, 14)
    shaped = conv.modulate(torch.zeros(FIRST.code))
    padded = torch.cat([x[:, :, :1], x, x[:, :, -1:]], 2)
    padded = torch.cat([padded[..., :1], padded, padded[..., -1:]], 3)
    assert torch.allclose(conv(x, [shaped], None), F.conv2d(padded, shaped.weight, shaped.bias, 2), atol=1e-6)


def test_normalized_channels_have_the_style_s_moments() -> None:
    x = torch.rand(1, 2, 16, 24) * 5 + 3
    style = ModulatedWeights(torch.tensor([2.0, 0.5]), torch.tensor([7.0, -1.0]))
    result = ModulatedNorm(2, FIRST)(x.to(memory_format=torch.channels_last), [style], None)
    assert torch.allclose(result.mean((2, 3)), style.bias[None], atol=1e-4)
    assert torch.allclose(result.std((2, 3)), style.weight[None], atol=1e-2)


def test_one_style_everywhere_is_one_style(method: OnePass[Any], sizes: Architecture) -> None:
    """Shares of 1 and of two halves of one style give what no shares do."""
    photo, code = torch.rand(1, 3, 32, 48), torch.randn(sizes.code_length)
    style = method.network.generator.modulate(code)
    alone = method.network.generator(photo, [style])
    halves = method.network.generator(photo, [style, style], torch.full((2, 1, 32, 48), 0.5))
    assert torch.allclose(alone, halves, atol=1e-3)


def test_the_code_is_all_that_is_known_of_a_style(method: OnePass[Any], sizes: Architecture) -> None:
    style = method.encode_style(torch.rand(1, 3, 200, 300), sizes=[4000])
    assert isinstance(style, LiteStyle)
    assert style.code.shape == (sizes.code_length,)
    assert set(method.save_style(style)) == {"code"}


def test_another_scale_is_another_code(model: str) -> None:
    painting = torch.rand(1, 3, 90, 120)
    codes = [
        load(AdaINLite(style_scale=scale, precision="float32", model=model)).encode_style(painting, sizes=[500]).code
        for scale in (0.5, 1.0)
    ]
    assert not torch.allclose(*codes, atol=1e-3)


def test_strength_goes_from_the_photo_to_the_style(method: OnePass[Any], model: str) -> None:
    photo = F.interpolate(torch.rand(1, 3, 6, 8), (48, 64), mode="bilinear")
    style = method.encode_style(torch.rand(1, 3, 48, 64), sizes=[64])
    none, half, full = (
        load(AdaINLite(strength=strength, precision="float32", model=model))(photo, style)
        for strength in (0.0, 0.5, 1.0)
    )
    assert torch.allclose(none, photo, atol=1e-5)
    assert torch.equal(full, method(photo, style))
    assert 0 < (half - photo).abs().mean() < (full - photo).abs().mean()


def test_codes_have_a_gradient_to_every_parameter(sizes: Architecture) -> None:
    lite, encoder = LiteNetwork(sizes), load_network("vgg19-slim").network
    lite.coder.unit.fill_(300)
    painting = torch.rand(1, 3, 32, 32)
    features = encoder(painting, sizes.layer_names)
    code = lite.coder(lite.coder.moments(painting, features))[0]
    lite.painter(torch.rand(1, 3, 32, 32), [lite.painter.modulate(code)]).square().sum().backward()
    missing = [name for name, p in lite.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert not missing


@pytest.mark.parametrize("masked", [False, True])
def test_the_coder_is_told_means_deviations_and_covariances(masked: bool) -> None:
    coder = LiteNetwork().coder
    coder.unit.copy_(torch.tensor([1.0, 2.0, 3.0, 4.0]))
    pixels, mask = torch.rand(1, 3, 16, 16), (torch.rand(1, 1, 16, 16) if masked else None)
    features = {layer: torch.rand(1, width, 16, 16) * 5 for layer, width in FIRST.layers}
    rows, columns = torch.triu_indices(16, 16)
    expected = [mean_std(pixels, mask)[0], covariance(pixels, mask)[:, [0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]] * 10]
    for unit, (layer, directions) in zip((1, 2, 3, 4), coder.directions.items(), strict=True):
        spread = directions @ covariance(features[layer] / unit, mask) @ directions.T
        expected += [*mean_std(features[layer] / unit, mask), spread[:, rows, columns]]
    assert torch.allclose(
        coder.statistics(coder.moments(pixels, features, mask)), torch.cat(expected, 1), atol=1e-3, rtol=1e-3
    )


def test_a_painting_unlike_any_gives_no_wild_code(method: OnePass[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    typical = method.encode_style(torch.rand(1, 3, 64, 64), sizes=[64]).code.abs().max()
    coder = method.network.coder
    monkeypatch.setitem(coder._buffers, "std", torch.full_like(coder.std, 1e-2))
    for shade in (0.0, 0.5, 1.0):
        assert method.encode_style(torch.full((1, 3, 64, 64), shade), sizes=[64]).code.abs().max() < 20 * typical


def test_the_second_architecture_gives_the_painting_s_colors() -> None:
    torch.manual_seed(0)
    painter = LiteNetwork(SECOND).painter
    mean, mixing = torch.tensor([[0.6, 0.4, 0.3]]), torch.randn(1, 3, 3) * 0.1
    wanted = mixing @ mixing.mT + 0.002 * torch.eye(3)
    code = torch.cat([torch.randn(SECOND.code), color_code(mean, wanted)[0]])
    photo = F.interpolate(torch.rand(1, 3, 6, 8), (96, 128), mode="bilinear")
    with torch.inference_mode():
        picture = painter(photo, [painter.modulate(code)])
    assert torch.allclose(picture.mean((2, 3)), mean, atol=1e-4)
    assert torch.allclose(covariance(picture), wanted, atol=1e-4)


def test_tiles_are_the_whole_picture(method: OnePass[Any]) -> None:
    """The second architecture's colors are measured over the whole picture, too."""
    photo = F.interpolate(torch.rand(1, 3, 12, 18), (96, 144), mode="bicubic").clamp(0, 1)
    style = method.encode_style(torch.rand(1, 3, 48, 64), sizes=[144])
    tiled = method(photo, style, tiling=Tiling(64))
    assert (tiled - method(photo, style)).abs().max() < 1e-3


def test_a_later_architecture_is_refused(tmp_path: Path) -> None:
    save_file({"a": torch.rand(3)}, tmp_path / "m.safetensors", {"model": "adain-lite", "architecture": "3"})
    with pytest.raises(WeightsError, match="is an AdaIN-lite of architecture 3; update brushwork to use it"):
        load(AdaINLite(model=str(tmp_path / "m.safetensors")))


def test_another_network_is_refused(method: OnePass[Any]) -> None:
    with pytest.raises(UsageError, match="only works with the feature network vgg19-slim"):
        load(AdaINLite(), network=method.network.encoder)


@pytest.mark.parametrize(
    ("tensors", "metadata", "words"),
    [
        ({"a": torch.rand(3)}, {}, "no brushwork model, expected adain-lite"),
        ({"a": torch.rand(3)}, {"model": "johnson"}, "holds johnson, expected adain-lite"),
        ({"a": torch.rand(3)}, {"model": "adain-lite"}, "is damaged, or was made by another version of brushwork"),
        ({"a": torch.tensor([float("nan")])}, {"model": "adain-lite"}, "NaN or infinity"),
    ],
)
def test_other_files_are_refused(
    tensors: dict[str, Tensor], metadata: dict[str, str], words: str, tmp_path: Path
) -> None:
    save_file(tensors, tmp_path / "model.safetensors", metadata)
    with pytest.raises(WeightsError, match=words) as caught:
        load(AdaINLite(model=str(tmp_path / "model.safetensors")))
    assert "\n" not in str(caught.value)


def test_a_damaged_model_is_told_by_its_record(model: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    path.write_bytes(Path(model).read_bytes())
    path.with_suffix(".json").write_text('{"sha256": "0123"}')
    with pytest.raises(WeightsError, match=r"is damaged: .* expected 0123; download it again"):
        load(AdaINLite(model=str(path)))


def test_a_model_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(WeightsError, match=r"unknown model 'nothere': expected"):
        load(AdaINLite(model="nothere"))


@pytest.mark.parametrize("covered", [True, False])
def test_pictures_that_move_as_their_photos_do_have_no_temporal_loss(covered: bool) -> None:
    torch.manual_seed(0)
    smooth = F.interpolate(torch.rand(3, 3, 6, 6), (96, 96), mode="bicubic").clamp(0, 1)
    film = MovedPhotos(smooth, covered=covered)
    assert film.before.shape == film.after.shape == smooth.shape
    assert 0.5 < film.visible.mean() < 1
    still = float((film.after - film.before).square().mean())
    moved = float(film.apart(film.before, film.after))
    assert moved < 0.3 * still  # what is left is grain
    assert float(film.apart(film.before, film.after + 0.5)) > 0.2


@pytest.mark.parametrize("model", [("adain-lite", "adain-lite-film"), ("adain-lite-3", "adain-lite-3-film")])
def test_a_painter_that_learned_alone_takes_the_codes_of_before(model: tuple[str, str], tmp_path: Path) -> None:
    embedded, film = (load(AdaINLite(model=name)) for name in model)
    painting = torch.rand(1, 3, 96, 96)
    codes = [method.encode_style(painting, sizes=[96]).code for method in (embedded, film)]
    assert torch.equal(*codes)
    photo = torch.rand(1, 3, 64, 64)
    values = [encode_style(method, "great-wave", [64]) for method in (embedded, film)]
    pictures = [method(photo, value) for method, value in zip((embedded, film), values, strict=True)]
    assert 0 < (pictures[0] - pictures[1]).abs().mean() < 0.2
    save_style(tmp_path / "mine.safetensors", film, values[1])
    assert torch.equal(encode_style(embedded, tmp_path / "mine.safetensors", [64]).code, values[1].code)


def test_tiles_share_the_kernels_of_their_style(method: OnePass[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    given = Generator.modulate

    def modulate(self: Generator, *args: Any) -> Any:
        made.append(given(self, *args))
        return made[-1]

    monkeypatch.setattr(Generator, "modulate", modulate)
    photo, style = torch.rand(1, 3, 256, 384), LiteStyle(0.1 * torch.randn_like(method.network.neutral_style().code))
    half = method.with_strength(0.5)
    made.clear()
    tiled = method(photo, style, tiling=Tiling(128))
    assert len(made) == 1
    half(photo, style, tiling=Tiling(128))
    assert len(made) == 1 + 2  # the style halfway to the photo's, and the photo's own
    assert (tiled - method(photo, style)).abs().max() < 1e-3
