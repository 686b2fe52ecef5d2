"""AdaIN: against the published modules, and what the paper says of strength, blends and regions."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from brushwork import FeatureExtractor, load
from brushwork.errors import UsageError, WeightsError
from brushwork.methods.adain import AdaINStyle, AdaINStyleNetwork, Decoder, decoder_of
from brushwork.methods.one_pass import OnePass
from brushwork.options.methods import AdaIN
from brushwork.styles.regions import Regions
from brushwork.tiling.tiles import TileInput, run_whole
from brushwork.weights import ARCHITECTURES, import_file


def pictures(height: int = 48, width: int = 64) -> tuple[Tensor, Tensor]:
    """A photo and a painting with forms of several sizes."""
    noise = [F.interpolate(torch.rand(2, 3, height // k, width // k), (height, width)) for k in (1, 4, 16)]
    photo, painting = (sum(noise) / 3).split(1)
    return photo, painting**2


@pytest.fixture(scope="module")
def decoder_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A decoder for vgg19-slim as it is before training, but for pixels in range."""
    torch.manual_seed(0)
    decoder = Decoder(ARCHITECTURES["adain-decoder-slim"])
    tensors = {name.removeprefix("convs."): tensor for name, tensor in decoder.state_dict().items()}
    tensors["conv4_1.weight"] = tensors["conv4_1.weight"] / 100  # features are of hundreds
    tensors["conv1_1.bias"] = torch.full((3,), 0.5)
    path = tmp_path_factory.mktemp("decoder") / "decoder.safetensors"
    save_file(tensors, path, {"record": "adain-decoder-slim"})
    return str(path)


@pytest.fixture(scope="module")
def method(decoder_file: str) -> OnePass[Any]:
    loaded = load(AdaIN(precision="float32", decoder=decoder_file))
    assert isinstance(loaded, OnePass)
    assert isinstance(loaded.network, AdaINStyleNetwork)
    return loaded


def published_encoder() -> nn.Sequential:
    """The first 31 modules of the published encoder, up to relu4_1."""
    modules: list[nn.Module] = [nn.Conv2d(3, 3, 1)]
    channels = 3
    for stage, (count, width) in enumerate(zip((2, 2, 4, 1), (64, 128, 256, 512), strict=True)):
        if stage:
            modules.append(nn.MaxPool2d(2, 2, 0, ceil_mode=True))
        for _ in range(count):
            modules += [nn.ReflectionPad2d(1), nn.Conv2d(channels, width, 3), nn.ReLU()]
            channels = width
    return nn.Sequential(*modules)


def published_decoder() -> nn.Sequential:
    modules: list[nn.Module] = []
    widths = [512, 256, 256, 256, 256, 128, 128, 64, 64, 3]
    for place, (channels, width) in enumerate(pairwise(widths)):
        modules += [nn.ReflectionPad2d(1), nn.Conv2d(channels, width, 3), nn.ReLU()]
        if place in (0, 4, 6):
            modules.append(nn.Upsample(scale_factor=2, mode="nearest"))
    return nn.Sequential(*modules[:-1])


def published(photo: Tensor, painting: Tensor, encoder: nn.Module, decoder: nn.Module, alpha: float) -> Tensor:
    """Eq. 8, 14 of the paper, with the unbiased variance of the published program."""
    with torch.no_grad():
        content, style = encoder(photo), encoder(painting)
        (mean, std), (to_mean, to_std) = (
            (f.mean((2, 3), keepdim=True), (f.var((2, 3), keepdim=True) + 1e-5).sqrt()) for f in (content, style)
        )
        mixed = (content - mean) / std * to_std + to_mean
        return decoder(alpha * mixed + (1 - alpha) * content)


def test_the_published_pair_imports_and_gives_the_published_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRUSHWORK_HOME", str(tmp_path))
    encoder, decoder = published_encoder(), published_decoder()
    for module in (*encoder, *decoder):
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
    with torch.no_grad():
        decoder[-1].weight *= 0.1
        decoder[-1].bias.fill_(0.5)
    torch.save(encoder.state_dict(), tmp_path / "vgg_normalised.pth")
    torch.save(decoder.state_dict(), tmp_path / "decoder.pth")
    assert import_file(tmp_path / "vgg_normalised.pth").name == "vgg19.normalised"
    assert import_file(tmp_path / "decoder.pth").name == "adain-decoder.normalised"
    photo, painting = pictures()
    method = load(AdaIN(network="vgg19.normalised", precision="float32"))
    result = method(photo, method.encode_style(painting, sizes=[64]))
    expected = published(photo, painting, encoder, decoder, 1.0).clamp(0, 1)
    assert expected.std() > 0.02
    assert (result - expected).abs().max() < 1e-3
    assert [part["name"] for part in (method.recipe()["weights"], method.recipe()["decoder"])] == [
        "vgg19.normalised",
        "adain-decoder.normalised",
    ]


def test_a_truncated_or_strange_decoder_is_refused(tmp_path: Path) -> None:
    tensors = published_decoder().state_dict()
    torch.save({name: t for name, t in tensors.items() if not name.startswith("28")}, tmp_path / "short.pth")
    with pytest.raises(WeightsError, match=r"conv1_1\.weight is missing"):
        load(AdaIN(decoder=str(tmp_path / "short.pth")))
    with pytest.raises(UsageError, match="which is not a decoder"):
        load(AdaIN(decoder="vgg19-slim"))
    torch.save(tensors, tmp_path / "decoder.pth")
    with pytest.raises(UsageError, match="512 channels"):
        load(AdaIN(decoder=str(tmp_path / "decoder.pth")))


def test_strength_goes_from_the_photo_to_the_style(method: OnePass[Any], decoder_file: str) -> None:
    photo, painting = pictures()
    style = method.encode_style(painting, sizes=[64])
    none, half, full = (
        load(AdaIN(strength=strength, precision="float32", decoder=decoder_file))(photo, style)
        for strength in (0.0, 0.5, 1.0)
    )
    assert torch.allclose(none, photo, atol=1e-5)
    assert torch.equal(full, method(photo, style))
    assert 0 < (half - photo).abs().mean() < (full - photo).abs().mean()


def test_strength_is_the_papers(method: OnePass[Any]) -> None:
    """Between the photo's own style and the painting's lies what eq. 14 puts between the features."""
    photo, painting = pictures()
    style, own = (method.encode_style(image, sizes=[64]) for image in (painting, photo))
    features = method.network.network(photo, ["relu4_1"])["relu4_1"]
    styled = method.network.decoder(torch.lerp(features, method.network.mixed(features, [style], None), 0.3))
    assert torch.allclose(
        run_whole(method.network.generate(TileInput(lambda: photo), [method.blend([style, own], [0.3, 0.7])], None)),
        styled,
        atol=1e-4,
    )


def test_blends_are_the_papers(method: OnePass[Any]) -> None:
    """Eq. 15: the decoder gets the weighted sum of the feature maps that each style alone would give."""
    photo, painting = pictures()
    styles = [method.encode_style(image, sizes=[64]) for image in (painting, painting.flip(1))]
    features = method.network.network(photo, ["relu4_1"])["relu4_1"]
    summed = sum(w * method.network.mixed(features, [s], None) for w, s in zip((0.3, 0.7), styles, strict=True))
    blended = method(photo, method.blend(styles, [3, 7]))
    assert torch.allclose(blended, method.network.decoder(summed).clamp(0, 1), atol=1e-4)


def test_each_region_has_its_style(method: OnePass[Any]) -> None:
    photo, painting = pictures(48, 192)
    first, second = (method.encode_style(image, sizes=[192]) for image in (painting, 1 - painting))
    everywhere, nowhere = torch.ones(1, 1, 8, 8), torch.zeros(1, 1, 8, 8)
    run_whole = method(photo, first)
    assert torch.allclose(
        method(photo, Regions([first, second], torch.cat([everywhere, nowhere]))), run_whole, atol=1e-4
    )
    left = torch.zeros(1, 1, 48, 192)
    left[..., :64] = 1
    result = method(photo, Regions([first], left))
    assert torch.allclose(result[..., 128:], photo[..., 128:], atol=1e-4)
    assert (result[..., :48] - photo[..., :48]).abs().mean() > 0.01
    both = method(photo, Regions([first, second], torch.cat([left, 1 - left])))
    assert torch.allclose(both[..., :24], result[..., :24], atol=1e-4)
    assert (both[..., 128:] - result[..., 128:]).abs().mean() > 0.01


def test_a_region_of_one_pixel_changes_what_is_near(method: OnePass[Any]) -> None:
    photo, painting = pictures(64, 192)
    mask = torch.zeros(1, 1, 64, 192)
    mask[..., 32, 8] = 1
    result = method(photo, Regions([method.encode_style(painting, sizes=[192])], mask))
    assert result.isfinite().all()
    assert torch.allclose(result[..., 128:], photo[..., 128:], atol=1e-4)


def test_an_encoder_without_a_decoder_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no decoder for vgg19.caffe, only for vgg19-slim"):
        decoder_of("vgg19.caffe")


def test_an_encoder_given_in_python_takes_the_place_of_the_settings(method: OnePass[Any], decoder_file: str) -> None:
    photo, painting = pictures()
    given = load(AdaIN(network="nothere", decoder=decoder_file, precision="float32"), network=method.network.network)
    assert given.recipe()["weights"] is None
    assert len(given.recipe()["given"]) == 64
    results = [m(photo, m.encode_style(painting, sizes=[64])) for m in (given, method)]
    assert torch.equal(*results)
    coarse = FeatureExtractor(nn.Sequential(nn.Conv2d(3, 192, 1, stride=16)), {"relu4_1": "0"})
    with pytest.raises(UsageError, match="relu4_1 at 1/8 of the size, got 1 of 16 positions"):
        load(AdaIN(decoder=decoder_file), network=coarse)
    with pytest.raises(UsageError, match="needs the decoder"):
        load(AdaIN(), network=method.network.network)


def test_the_style_is_a_mean_and_a_deviation_per_channel(method: OnePass[Any]) -> None:
    style = method.encode_style(pictures()[1], sizes=[64])
    assert isinstance(style, AdaINStyle)
    assert style.mean.shape == style.std.shape == (192,)
    assert (style.std > 0).all()
