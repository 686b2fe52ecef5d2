"""Johnson et al.: the network against the published one, styles that are networks, strength, regions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from brushwork import Picture, encode_style, load, rerun, save_style, stylize, write_image
from brushwork.errors import BrushworkError, UsageError, WeightsError
from brushwork.methods.johnson import JohnsonStyleNetwork
from brushwork.methods.one_pass import OnePass
from brushwork.nn.transformation import EPSILON, TransformationNetwork, activation_outliers, folded
from brushwork.options.methods import Johnson
from brushwork.styles.references import read_style
from brushwork.styles.regions import Regions


class PublishedConv(nn.Module):
    """As pytorch/examples has it, in its names."""

    def __init__(self, channels: int, width: int, kernel: int, stride: int = 1, enlarge: int = 1) -> None:
        super().__init__()
        self.conv2d = nn.Conv2d(channels, width, kernel, stride)
        self.margin, self.enlarge = nn.ReflectionPad2d(kernel // 2), enlarge

    def forward(self, x: Tensor) -> Tensor:
        if self.enlarge > 1:
            x = x.repeat_interleave(self.enlarge, 2).repeat_interleave(self.enlarge, 3)
        return self.conv2d(self.margin(x))  # type: ignore[no-any-return]


class PublishedBlock(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = PublishedConv(128, 128, 3), PublishedConv(128, 128, 3)
        self.in1, self.in2 = nn.InstanceNorm2d(128, affine=True), nn.InstanceNorm2d(128, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.in2(self.conv2(self.in1(self.conv1(x)).relu()))  # type: ignore[no-any-return]


class Published(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = PublishedConv(3, 32, 9), PublishedConv(32, 64, 3, 2)
        self.conv3 = PublishedConv(64, 128, 3, 2)
        self.res1, self.res2, self.res3, self.res4, self.res5 = (PublishedBlock() for _ in range(5))
        self.deconv1, self.deconv2 = PublishedConv(128, 64, 3, 1, 2), PublishedConv(64, 32, 3, 1, 2)
        self.deconv3 = PublishedConv(32, 3, 9)
        for place, width in enumerate((32, 64, 128, 64, 32), 1):
            setattr(self, f"in{place}", nn.InstanceNorm2d(width, affine=True))
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.05)

    def forward(self, x: Tensor) -> Tensor:
        for conv, norm in ((self.conv1, self.in1), (self.conv2, self.in2), (self.conv3, self.in3)):
            x = norm(conv(x)).relu()
        for block in (self.res1, self.res2, self.res3, self.res4, self.res5):
            x = block(x)
        for conv, norm in ((self.deconv1, self.in4), (self.deconv2, self.in5)):
            x = norm(conv(x)).relu()
        return self.deconv3(x)  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def published() -> Published:
    torch.manual_seed(0)
    network = Published().eval().requires_grad_(False)
    network.deconv3.conv2d.bias.fill_(127)
    network.deconv3.conv2d.weight *= 50
    return network


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, published: Published) -> Path:
    monkeypatch.chdir(tmp_path)
    write_image(Picture(torch.rand(1, 3, 36, 48)), "photo.png")
    torch.save(published.state_dict(), "candy.pth")
    return tmp_path


def method(strength: float = 1.0) -> OnePass[Any]:
    loaded = load(Johnson(strength=strength, precision="float32"))
    assert isinstance(loaded, OnePass)
    assert isinstance(loaded.network, JohnsonStyleNetwork)
    return loaded


@pytest.mark.parametrize("old", [False, True])
def test_a_published_network_paints_what_it_painted(old: bool, here: Path, published: Published) -> None:
    state = published.state_dict()
    if old:
        state |= {"in1.running_mean": torch.zeros(32), "res3.in2.running_var": torch.ones(128)}
    torch.save(state, "candy.pth")
    photo = torch.rand(1, 3, 64, 48)
    found = method()(photo, encode_style(method(), "candy.pth", [64]))
    expected = (published(photo * 255) / 255).clamp(0, 1)
    assert expected.std() > 0.02
    assert (found - expected).abs().max() < 1e-3


def test_stylize_saves_reruns_and_keeps_the_network(here: Path) -> None:
    result = stylize("photo.png", "candy.pth", Johnson(precision="float32"))
    again, _ = rerun(result.recipe, [here])
    assert torch.equal(again.picture.pixels, result.picture.pixels)
    save_style("mine.safetensors", method(), encode_style(method(), "candy.pth", [48]), title="Candy")
    assert read_style(Path("mine.safetensors")).methods == ["johnson"]
    same = stylize("photo.png", "mine.safetensors", Johnson(precision="float32")).picture.pixels
    assert torch.equal(same, result.picture.pixels)


def test_what_is_no_such_network_is_refused(here: Path) -> None:
    torch.save({"head.weight": torch.rand(3)}, "other.pth")
    with pytest.raises(BrushworkError, match=r"other.pth is not a style; expected a network of fast_neural_style"):
        stylize("photo.png", "other.pth", Johnson())
    torch.save({"conv1.conv2d.weight": torch.rand(32, 3, 9, 9)}, "half.pth")
    with pytest.raises(BrushworkError, match=r"half\.pth"):
        stylize("photo.png", "half.pth", Johnson())
    whole = torch.load("candy.pth")
    for key in ("in3.bias", "res2.conv1.conv2d.weight", "deconv3.conv2d.bias"):
        torch.save({name: t for name, t in whole.items() if name != key}, "gap.pth")
        with pytest.raises(BrushworkError, match=rf"gap\.pth is incomplete: {key} of the network.* is missing; down"):
            stylize("photo.png", "gap.pth", Johnson())
    torch.save({**whole, "in3.bias": whole["in3.bias"] * float("nan")}, "nan.pth")
    with pytest.raises(BrushworkError, match="NaN or infinity"):
        stylize("photo.png", "nan.pth", Johnson())
    Path("junk.pth").write_bytes(b"no")
    with pytest.raises(WeightsError, match=r"junk\.pth"):
        stylize("photo.png", "junk.pth", Johnson())
    with pytest.raises(UsageError, match="trained for one style"):
        stylize("photo.png", "photo.png", Johnson())
    with pytest.raises(UsageError, match="can't blend styles"):
        stylize("photo.png", "candy.pth:1+candy.pth:2", Johnson())


def test_strength_and_regions_mix_pictures(published: Published) -> None:
    photo = torch.rand(1, 3, 48, 64)
    first, second = (method().load_style(TransformationNetwork(8, 2).state_dict()) for _ in range(2))
    whole = method()(photo, first)
    assert torch.allclose(method(0.25)(photo, first), torch.lerp(photo, whole, 0.25), atol=1e-5)
    left = torch.zeros(1, 1, 48, 64)
    left[..., :32] = 1
    alone = method()(photo, Regions([first], left))
    assert torch.allclose(alone[..., :32], whole[..., :32], atol=1e-5)
    assert torch.equal(alone[..., 32:], photo[..., 32:])
    both = method()(photo, Regions([first, second], torch.cat([left, 1 - left])))
    assert torch.allclose(both[..., 32:], method()(photo, second)[..., 32:], atol=1e-5)


def test_a_mix_of_styles_has_the_mix_of_their_scales() -> None:
    network = TransformationNetwork(4, 1, styles=2)
    for parameter in network.norms.parameters():
        nn.init.normal_(parameter)
    x, norm = torch.rand(2, 8, 9, 7) * 4 + 1, network.norms["down2"]
    one, other = (F.instance_norm(x, weight=norm.scale[k], bias=norm.shift[k], eps=EPSILON) for k in (0, 1))  # type: ignore[index]
    mixed = norm(x, network.row([0.3, 0.7])["down2"])
    assert torch.allclose(mixed, 0.3 * one + 0.7 * other, atol=1e-5)
    assert torch.allclose(norm(x, network.row([1.0, 0.0])["down2"]), one, atol=1e-5)
    each = norm(x, network.row([[1.0, 0.0], [0.0, 1.0]])["down2"])  # a style for each picture
    assert torch.allclose(each, torch.stack([one[0], other[1]]), atol=1e-5)


def test_spikes_are_what_stands_out() -> None:
    network = TransformationNetwork(4, 1)
    photo = torch.rand(1, 3, 64, 64)
    with activation_outliers(network) as calm:
        network(photo)
    assert len(calm) == len(network.norms)
    bright = photo.clone()
    bright[..., 20:26, 20:26] = 50
    with activation_outliers(network) as found:
        network(bright)
    assert found[0] > 10 * calm[0] + 0.01
    torch.stack(found).sum().backward()
    assert network.convs["down1"].conv.weight.grad.abs().sum() > 0  # type: ignore[union-attr]
    count = len(found)
    network(photo)  # watched no more
    assert len(found) == count


def test_styles_have_their_regions() -> None:
    network = TransformationNetwork(4, 1, styles=2).eval()
    x, norm = torch.rand(1, 8, 8, 8), network.norms["down2"]
    nn.init.normal_(norm.scale)  # type: ignore[arg-type]
    left = torch.zeros(1, 1, 32, 32)
    left[..., :16] = 1
    shares = torch.cat([left, 1 - left])
    both = norm(x, network.row(torch.eye(2))["down2"], shares)
    one, other = (norm(x, network.row(row)["down2"]) for row in ([1.0, 0.0], [0.0, 1.0]))
    assert torch.allclose(both, torch.cat([one[..., :4], other[..., 4:]], 3), atol=1e-5)


@pytest.mark.parametrize(("channels", "out", "kernel"), [(5, 3, 9), (3, 2, 5), (4, 1, 1)])
def test_a_folded_convolution_is_the_convolution(channels: int, out: int, kernel: int) -> None:
    x, weight, bias = torch.rand(2, channels, 12, 20), torch.randn(out, channels, kernel, kernel), torch.randn(out)
    assert torch.allclose(folded(x, weight, bias), F.conv2d(x, weight, bias), atol=1e-4)


def test_batch_normalization_keeps_its_statistics() -> None:
    network = TransformationNetwork(4, 1, batch=True)
    photos = torch.rand(3, 3, 32, 32)
    network(photos)
    assert network.norms["down1"].running_mean.abs().sum() > 0  # type: ignore[operator, union-attr]
    again = TransformationNetwork.from_tensors(network.state_dict())
    assert torch.allclose(again(photos)[:1], again(photos[:1]), atol=1e-5)  # a picture's is its own once learned


def test_every_parameter_has_a_gradient() -> None:
    network = TransformationNetwork(4, 2, styles=3)
    network(torch.rand(2, 3, 32, 32), [0.2, 0.3, 0.5]).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
