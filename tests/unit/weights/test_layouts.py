from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from weights_samples import NORMALISED, TORCHVISION, published

from brushwork.errors import WeightsError
from brushwork.weights.layouts import ARCHITECTURES, recognize


def zeros(architecture: str, depth: int | None = None) -> dict[str, Tensor]:
    return {name: torch.zeros(shape) for name, shape in ARCHITECTURES[architecture].shapes(depth).items()}


@pytest.mark.parametrize("architecture", ["vgg16", "vgg19"])
@pytest.mark.parametrize("prefix", ["features.", "module.features.", ""])
def test_torchvision_is_told_apart_and_renamed(architecture: str, prefix: str) -> None:
    depth = len(ARCHITECTURES[architecture].layers()) - 3
    tensors = zeros(architecture, depth)
    tensors["conv4_1.bias"] += 3
    classifier = {"classifier.0.weight": torch.zeros(2, 2), "module.classifier.0.bias": torch.zeros(2)}
    found = recognize({**published(tensors, TORCHVISION[architecture], prefix), **classifier})
    assert found.layout == "torchvision"
    assert found.architectures == (architecture,)
    assert list(found.tensors) == list(tensors)
    assert all(torch.equal(found.tensors[name], tensors[name]) for name in tensors)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_named_tensors_tell_their_architecture(architecture: str) -> None:
    assert recognize(zeros(architecture)).architectures == (architecture,)


def test_a_file_that_ends_before_the_architectures_part_fits_both(named: dict[str, Tensor]) -> None:
    assert recognize(named).architectures == ("vgg19", "vgg16")


def test_the_indices_are_those_of_the_published_modules() -> None:
    """An independent way to the same indices: the modules written out, as published."""
    for architecture, indices in TORCHVISION.items():
        modules: list[str] = []
        for stage in ARCHITECTURES[architecture].stages:
            modules += ["conv", "relu"] * stage + ["pool"]
        assert [place for place, module in enumerate(modules) if module == "conv"] == indices
    modules = ["color"]
    for stage in ARCHITECTURES["vgg19"].stages:
        modules += ["pad", "conv", "relu"] * stage + ["pool"]
    assert [place for place, module in enumerate(modules) if module == "conv"] == NORMALISED
    assert len(modules) - 1 == 53


def test_weights_of_8_bits_are_multiplied_by_the_scales_of_their_channels(named: dict[str, Tensor]) -> None:
    weight = torch.arange(-127, 128).repeat(64)[: 64 * 27].view(64, 3, 3, 3)
    scale = torch.linspace(0.01, 0.02, 64)
    found = recognize({**named, "conv1_1.weight": weight.to(torch.int8), "conv1_1.scale": scale}).tensors
    torch.testing.assert_close(found["conv1_1.weight"], weight * scale[:, None, None, None])
    assert list(found) == list(recognize(named).tensors)
    with pytest.raises(WeightsError, match=r"conv1_1\.weight is torch\.int8"):
        recognize({**named, "conv1_1.weight": weight.to(torch.int8)})


def test_folding_equals_running_the_color_map_first() -> None:
    generator = torch.Generator().manual_seed(3)
    named = {k: torch.randn(s, generator=generator) for k, s in ARCHITECTURES["vgg19"].shapes(2).items()}
    color = {"0.weight": torch.randn(3, 3, 1, 1, generator=generator) * 100, "0.bias": torch.randn(3) * 100}
    found = recognize({**color, **published(named, NORMALISED)})
    image = torch.rand(1, 3, 9, 11, generator=generator, dtype=torch.float64)
    colored = F.conv2d(image, color["0.weight"].double(), color["0.bias"].double())
    expected = F.conv2d(colored, named["conv1_1.weight"].double(), named["conv1_1.bias"].double())
    actual = F.conv2d(image, found.tensors["conv1_1.weight"].double(), found.tensors["conv1_1.bias"].double())
    assert found.layout == "normalised"
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-3)
    assert torch.equal(found.tensors["conv1_2.weight"], named["conv1_2.weight"])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_the_number_type_is_kept(named: dict[str, Tensor], dtype: torch.dtype) -> None:
    found = recognize({name: tensor.to(dtype) for name, tensor in named.items()})
    assert {tensor.dtype for tensor in found.tensors.values()} == {dtype}


def test_tensors_are_copies_of_their_own(named: dict[str, Tensor]) -> None:
    named["conv1_2.bias"] = named["conv1_1.bias"]
    named["conv2_1.weight"] = named["conv2_1.weight"].permute(0, 1, 3, 2)
    found = recognize(named).tensors
    assert found["conv1_1.bias"].data_ptr() != found["conv1_2.bias"].data_ptr()
    assert found["conv2_1.weight"].is_contiguous()


def broken(named: dict[str, Tensor], name: str, tensor: Tensor | None) -> dict[str, Tensor]:
    others = {key: value for key, value in named.items() if key != name}
    return others if tensor is None else {**others, name: tensor}


@pytest.mark.parametrize(
    ("name", "tensor", "message"),
    [
        ("conv1_2.weight", None, r"conv1_2\.weight is missing, although there are weights up to conv2_2"),
        ("conv2_2.bias", None, r"conv2_2\.bias is missing"),
        ("conv1_1.weight", None, "expected features.0.weight"),
        (
            "conv2_1.weight",
            torch.zeros(128, 64, 5, 5),
            r"conv2_1\.weight has shape \(128, 64, 5, 5\), expected \(",
        ),
        ("conv9_1.weight", torch.zeros(1), r"unexpected tensor conv9_1\.weight"),
        ("conv1_2.bias", torch.full((64,), torch.nan), r"conv1_2\.bias contains NaN or infinity"),
        ("conv1_2.bias", torch.full((64,), -torch.inf), r"conv1_2\.bias contains NaN or infinity"),
        ("conv1_2.bias", torch.zeros(64, dtype=torch.int8), r"conv1_2\.bias is torch\.int8"),
        ("conv1_2.bias", torch.zeros(64).to_sparse(), "sparse"),
    ],
)
def test_what_does_not_fit_is_named(named: dict[str, Tensor], name: str, tensor: Tensor | None, message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        recognize(broken(named, name, tensor))


def test_a_missing_tensor_is_named_as_the_file_names_it(named: dict[str, Tensor]) -> None:
    tensors = published(named, [0, 2, 5, 7], "features.")
    with pytest.raises(WeightsError, match=r"conv2_1\.bias is missing \(published as 5\.bias\), although"):
        recognize({name: tensor for name, tensor in tensors.items() if name != "features.5.bias"})


def test_batch_normalized_vgg_is_refused(named: dict[str, Tensor]) -> None:
    tensors = published(named, [0, 3, 7, 10], "features.")
    with pytest.raises(WeightsError, match=r"is missing|unexpected"):
        recognize({**tensors, "features.1.weight": torch.zeros(64)})


def test_an_expected_architecture_is_insisted_on() -> None:
    with pytest.raises(WeightsError, match=r"conv3_4\.weight is missing.*vgg19"):
        recognize(zeros("vgg16", 8), "vgg19")


def test_no_tensors_at_all() -> None:
    with pytest.raises(WeightsError, match="got none"):
        recognize({})


def test_normalised_layout_needs_its_color_offset(named: dict[str, Tensor]) -> None:
    with pytest.raises(WeightsError, match=r"0\.bias of shape \(3,\)"):
        recognize({"0.weight": torch.zeros(3, 3, 1, 1), **published(named, NORMALISED)})
