"""Measures with the networks of their papers, with random weights, against the papers' formulas.

Once, on 2026-11-30, they were also compared with the published code on random weights of every layer: lpips 0.1.4
(AlexNet and VGG-16, relative difference below 2e-7), pytorch-fid 0.3.0 and art-fid 0.0.2 (the same vectors to the bit).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import torch
import torch.nn.functional as F
from samples import write_pairs
from torch import Tensor

from brushwork import read_image
from brushwork.errors import UsageError, WeightsError
from brushwork.evaluation import LPIPS, art_fid, evaluate_pictures, frechet_distance, lpips
from brushwork.evaluation.sets import frechet_of_sets
from brushwork.nn import load_network
from brushwork.nn.measure_networks import load_inception
from brushwork.weights import ARCHITECTURES, MEASURE_NETWORKS, import_file, read

VGG16 = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]  # indices of torchvision's convolutions
TAPPED = [2, 7, 14, 21, 28]  # relu1_2, 2_2, 3_3, 4_3, 5_3


def random_of(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Return tensors that keep the size of what goes through them; variances and weights of channels are positive."""
    generator, made = torch.Generator().manual_seed(0), {}
    for name, shape in shapes.items():
        fan = max(1, int(np.prod(shape[1:])))
        made[name] = (
            torch.randn(shape, generator=generator) * (2 / fan) ** 0.5 if len(shape) > 1 else torch.zeros(shape)
        )
        if name.startswith("lin") or name.endswith(("running_var", "bn.weight")):
            made[name] = torch.rand(shape, generator=generator) + 0.5
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A folder of random weights in the published layouts."""
    folder = tmp_path_factory.mktemp("weights")
    slow = "slow" in request.config.getoption("markexpr").replace("not slow", "")
    for name, shapes in MEASURE_NETWORKS.items():
        if name.startswith("inception") and not slow:
            continue
        tensors = random_of(shapes)
        if name == "alexnet":
            tensors = {f"features.{key}": x for key, x in tensors.items()} | {"classifier.1.weight": torch.zeros(2, 2)}
        elif name.startswith("inception"):
            counts = {f"{key[:-6]}num_batches_tracked": torch.tensor(0) for key in tensors if key.endswith("bn.weight")}
            tensors |= counts | {"fc1.weight" if name.endswith("art") else "fc.weight": torch.zeros(3, 2048)}
        torch.save(tensors, folder / f"{name}.pth")
    named = random_of(ARCHITECTURES["vgg16"].shapes())
    layers = list(dict.fromkeys(key.partition(".")[0] for key in named))
    published = {
        f"features.{VGG16[layers.index(key.partition('.')[0])]}.{key.partition('.')[2]}": x for key, x in named.items()
    }
    torch.save(published, folder / "vgg16.imagenet1k_v1.pth")
    return folder


@pytest.fixture
def weights(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BRUSHWORK_WEIGHTS", str(folder))
    return folder


def pictures(count: int, height: int = 64, width: int = 72) -> Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(1))


def layers_of(network: str, folder: Path, pixels: Tensor) -> list[np.ndarray]:
    """Return the features of a published file, layer by layer, with torch's functions."""
    alex = network == "alex"
    tensors = torch.load(folder / ("alexnet.pth" if alex else "vgg16.imagenet1k_v1.pth"), weights_only=True)
    x = (pixels - torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)) / torch.tensor([0.229, 0.224, 0.225]).view(
        1, 3, 1, 1
    )
    found = []
    for index in (0, 3, 6, 8, 10) if alex else VGG16:
        if alex and index in (3, 6):
            x = F.max_pool2d(x, 3, 2)
        if not alex and index in (5, 10, 17, 24):
            x = F.max_pool2d(x, 2)
        weight, bias = (tensors[f"features.{index}.{kind}"] for kind in ("weight", "bias"))
        stride, padding = ((4, 2) if index == 0 else (1, weight.shape[2] // 2)) if alex else (1, 1)
        x = F.relu(F.conv2d(x, weight, bias, stride, padding))
        if alex or index in TAPPED:
            found.append(x.double().numpy())
    return found


@pytest.mark.parametrize("network", ["alex", "vgg"])
def test_lpips_is_the_formula_of_the_paper(weights: Path, network: str) -> None:
    a, b = pictures(2).split(1)
    linear = torch.load(weights / f"lpips-{network}.pth", weights_only=True)
    expected = 0.0
    for layer, (x, y) in enumerate(zip(*(layers_of(network, weights, p) for p in (a, b)), strict=True)):
        x, y = (f / (np.sqrt(np.square(f).sum(1, keepdims=True)) + 1e-10) for f in (x, y))
        w = linear[f"lin{layer}.model.1.weight"].double().numpy()
        expected += np.square(np.sqrt(w) * (x - y)).sum(1).mean()
    measure = LPIPS(network)
    assert measure(a, b) == pytest.approx(expected, rel=1e-5)
    assert measure(a, a) == 0


def conv(t: dict[str, Tensor], name: str, x: Tensor, stride: int = 1, padding: tuple[int, int] = (0, 0)) -> Tensor:
    x = F.conv2d(x, t[f"{name}.conv.weight"], None, stride, padding)
    mean, variance, weight, bias = (t[f"{name}.bn.{k}"] for k in ("running_mean", "running_var", "weight", "bias"))
    return F.relu(
        (x - mean.view(-1, 1, 1)) / (variance.view(-1, 1, 1) + 1e-3).sqrt() * weight.view(-1, 1, 1)
        + bias.view(-1, 1, 1)
    )


def block(t: dict[str, Tensor], name: str, x: Tensor, pool: str) -> Tensor:
    """Return a block of Inception, by its published names, each padded to its input's size."""

    def chain(*names: str) -> Tensor:
        y = x
        for step in names:
            kernel = t[f"{name}.{step}.conv.weight"].shape[2:]
            y = conv(t, f"{name}.{step}", y, 1, (kernel[0] // 2, kernel[1] // 2))
        return y

    def numbered(prefix: str) -> list[str]:
        return sorted({key.split(".")[1] for key in t if key.startswith(f"{name}.{prefix}_")})

    around = F.max_pool2d(x, 3, 1, 1) if pool == "max" else F.avg_pool2d(x, 3, 1, 1, count_include_pad=pool == "padded")
    pooled = conv(t, f"{name}.branch_pool", around)
    if name.startswith("Mixed_7"):
        threes = [chain("branch3x3_1", f"branch3x3_2{k}") for k in "ab"]
        threes += [chain("branch3x3dbl_1", "branch3x3dbl_2", f"branch3x3dbl_3{k}") for k in "ab"]
        return torch.cat([chain("branch1x1"), *threes, pooled], 1)
    first, second = ("branch5x5", "branch3x3dbl") if name.startswith("Mixed_5") else ("branch7x7", "branch7x7dbl")
    return torch.cat([chain("branch1x1"), chain(*numbered(first)), chain(*numbered(second)), pooled], 1)


def inception(t: dict[str, Tensor], x: Tensor, pool: str, last: str) -> Tensor:
    x = conv(t, "Conv2d_2a_3x3", conv(t, "Conv2d_1a_3x3", x, 2))
    x = F.max_pool2d(conv(t, "Conv2d_2b_3x3", x, 1, (1, 1)), 3, 2)
    x = F.max_pool2d(conv(t, "Conv2d_4a_3x3", conv(t, "Conv2d_3b_1x1", x)), 3, 2)
    for name in ("Mixed_5b", "Mixed_5c", "Mixed_5d"):
        x = block(t, name, x, pool)
    fine = conv(t, "Mixed_6a.branch3x3dbl_2", conv(t, "Mixed_6a.branch3x3dbl_1", x), 1, (1, 1))
    x = torch.cat(
        [conv(t, "Mixed_6a.branch3x3", x, 2), conv(t, "Mixed_6a.branch3x3dbl_3", fine, 2), F.max_pool2d(x, 3, 2)], 1
    )
    for name in ("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"):
        x = block(t, name, x, pool)
    one = conv(t, "Mixed_7a.branch3x3_2", conv(t, "Mixed_7a.branch3x3_1", x), 2)
    two = conv(t, "Mixed_7a.branch7x7x3_1", x)
    two = conv(t, "Mixed_7a.branch7x7x3_3", conv(t, "Mixed_7a.branch7x7x3_2", two, 1, (0, 3)), 1, (3, 0))
    x = torch.cat([one, conv(t, "Mixed_7a.branch7x7x3_4", two, 2), F.max_pool2d(x, 3, 2)], 1)
    return block(t, "Mixed_7c", block(t, "Mixed_7b", x, pool), last).mean((2, 3))


@pytest.mark.slow
def test_artfids_network_is_inception_as_published(weights: Path) -> None:
    pixels = pictures(2, 100, 91)
    tensors = torch.load(weights / "inception-art.pth", weights_only=True)
    with torch.no_grad():
        found, expected = load_inception("inception-art")[0](pixels), inception(tensors, pixels, "padded", "padded")
    assert found.shape == (2, 2048)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_fids_network_pools_as_in_tensorflow(weights: Path) -> None:
    network = load_inception("inception-fid")[0]
    tensors = torch.load(weights / "inception-fid.pth", weights_only=True)
    pixels = pictures(1)
    large = F.interpolate(pixels, (299, 299), mode="bilinear", align_corners=False)
    with torch.no_grad():
        found, expected = network(pixels), inception(tensors, 2 * large - 1, "mean", "max")
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_inception_has_the_published_number_of_parameters() -> None:
    shapes = MEASURE_NETWORKS["inception-fid"]
    assert sum(name.endswith("conv.weight") for name in shapes) == 94
    # Keras' InceptionV3 without its top has 21,802,784, but no scale in its 94 batch normalizations of 17,216 channels.
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == 21_802_784 + 17_216
    assert shapes["Mixed_6b.branch7x7dbl_5.conv.weight"] == (192, 128, 1, 7)
    assert shapes["Mixed_7c.branch_pool.bn.running_var"] == (192,)


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("inception-fid", "inception-art")]


@pytest.mark.parametrize("name", ["alexnet", "lpips-alex", "lpips-vgg", *SLOW])
def test_files_are_recognized_imported_and_read_again(
    folder: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRUSHWORK_HOME", str(tmp_path))
    renamed = tmp_path / "file.pth"
    renamed.write_bytes((folder / f"{name}.pth").read_bytes())
    assert import_file(renamed).name == name
    assert set(read(name).tensors) == set(MEASURE_NETWORKS[name])
    with pytest.raises(WeightsError, match="only for measuring"):
        load_network(name)
    tensors = torch.load(renamed, weights_only=True)
    tensors.pop(
        next(key for key in tensors if key.endswith(("lin0.model.1.weight", "8.bias", "Mixed_6c.branch1x1.bn.bias")))
    )
    torch.save(tensors, renamed)
    with pytest.raises(WeightsError, match="is missing"):
        import_file(renamed)


@pytest.mark.parametrize(
    ("name", "record"), [("lpips", "lpips-alex"), ("fid", "inception-fid"), ("art-fid", "lpips-alex")]
)
def test_without_weights_the_error_says_where_to_get_them(
    name: str, record: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRUSHWORK_HOME", str(tmp_path))
    monkeypatch.delenv("BRUSHWORK_WEIGHTS", raising=False)
    table = write_pairs(tmp_path)
    with pytest.raises(
        WeightsError, match=rf"{record} is not on this machine; run: brushwork weights fetch {record}.*http"
    ):
        evaluate_pictures(table, tmp_path, size=64, published=[name])
    with pytest.raises(UsageError, match="no measure 'clip'"):
        evaluate_pictures(table, tmp_path, size=64, published=["clip"])


def test_small_sets_have_the_distance_of_scipy() -> None:
    a, b = (np.random.default_rng(k).normal(k, 1 + k, size=(6 + k, 20)) for k in range(2))
    mean, other, one, two = a.mean(0), b.mean(0), np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(one @ two + 1e-12 * np.eye(20)).real
    expected = np.square(mean - other).sum() + np.trace(one + two - 2 * root)
    assert frechet_of_sets(a, b) == pytest.approx(expected, rel=1e-5)
    assert frechet_of_sets(a, b) == pytest.approx(frechet_distance(mean, one, other, two), rel=1e-6)


@pytest.mark.slow
def test_art_fid_is_made_of_lpips_and_fid(weights: Path, tmp_path: Path) -> None:
    table = write_pairs(tmp_path)
    found = evaluate_pictures(table, tmp_path, size=128, published=["fid", "art-fid"])
    assert {"fid", "kid", "art_fid", "frechet", "kernel"} == set(found.sets)
    assert found.sets["art_fid"] > 1 + found.mean["lpips"]
    assert art_fid(0.5, 9) == 15
    again = evaluate_pictures(table, tmp_path, size=128, published=["fid", "art-fid"])
    assert again.sets == found.sets
    small = evaluate_pictures(table, tmp_path, size=64, published=["art-fid"])
    assert "ArtFID needs pictures of at least 75 pixels" in small.failed[0]["why"]


def test_lpips_is_measured_where_it_is_asked_for(weights: Path, tmp_path: Path) -> None:
    table = write_pairs(tmp_path)
    found = evaluate_pictures(table, tmp_path, size=64, published=["lpips"])
    photo, picture = (read_image(tmp_path / name, size=64).visible() for name in ("pa.png", "pa__sa.png"))
    assert found.pictures[0]["lpips"] == pytest.approx(lpips(picture, photo), rel=1e-6)
    assert found.settings["published"].keys() == {"lpips"}
    assert "lpips" not in evaluate_pictures(table, tmp_path, size=64).mean
