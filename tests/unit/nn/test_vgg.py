import numpy as np
import pytest
import torch
from scipy.signal import correlate2d
from torch import nn

from brushwork.errors import UsageError
from brushwork.nn import load_network
from brushwork.nn.vgg import VGG
from brushwork.weights import ARCHITECTURES, Architecture, Preprocessing, get_record

IDENTITY = Preprocessing((0, 0, 0), (1, 1, 1))


def small(**options: str) -> VGG:
    torch.manual_seed(0)
    return VGG(
        Architecture((2, 2, 1), (3, 4, 5)), Preprocessing((0.1, 0.2, 0.3), (0.5, 0.6, 0.7), bgr=True), **options
    ).eval()


def reference(network: VGG, image: np.ndarray, mode: str) -> dict[str, np.ndarray]:
    """The same network in SciPy: correlate every plane, add, rectify, pool by reshaping."""
    mean, std = np.array([0.1, 0.2, 0.3]), np.array([0.5, 0.6, 0.7])
    x = ((image - mean[:, None, None]) / std[:, None, None])[::-1]
    found = {}
    for layer in network.layers:
        if layer in ("relu2_1", "relu3_1"):
            height, width = x.shape[1] // 2, x.shape[2] // 2
            x = x[:, : 2 * height, : 2 * width].reshape(len(x), height, 2, width, 2).max((2, 4))
        conv = network.convs[layer]
        weight, bias = conv.weight.detach().numpy(), conv.bias.detach().numpy()
        pads = {"zeros": "constant", "replicate": "edge", "reflect": "reflect"}
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1)), mode=pads[mode])
        x = np.stack(
            [
                sum(correlate2d(p, k, "valid") for p, k in zip(padded, w, strict=True)) + b
                for w, b in zip(weight, bias, strict=True)
            ]
        )
        x = np.maximum(x, 0)
        found[layer] = x
    return found


@pytest.mark.parametrize("padding", ["zeros", "replicate", "reflect"])
def test_numbers(padding: str) -> None:
    image = torch.rand(1, 3, 13, 10)
    network = small(padding=padding)
    expected = reference(network, image[0].double().numpy(), padding)
    for layer, features in network(image, network.layers).items():
        np.testing.assert_allclose(features[0].detach().numpy(), expected[layer], atol=1e-5)


def test_average_pooling() -> None:
    image = torch.rand(1, 3, 8, 8)
    network = small(pooling="average")
    first = network(image, ["relu1_2"])["relu1_2"]
    expected = torch.relu(network.convs["relu2_1"](nn.functional.avg_pool2d(first, 2)))
    torch.testing.assert_close(network(image, ["relu2_1"])["relu2_1"], expected)


@pytest.mark.parametrize(("name", "count", "last"), [("vgg16", 13, "relu5_3"), ("vgg19", 16, "relu5_4")])
def test_layer_names_are_the_fields(name: str, count: int, last: str) -> None:
    names = VGG(ARCHITECTURES[name], IDENTITY).layers
    assert len(names) == count
    assert names[0] == "relu1_1"
    assert names[-1] == last


def test_published_widths() -> None:
    network = VGG(ARCHITECTURES["vgg19"], IDENTITY)
    assert (
        sum(p.numel() for p in network.parameters()) == 20_024_384
    )  # VGG-19's convolutions, table 2: 144 M with its head


def test_stops_at_the_deepest_layer_asked_for() -> None:
    network, ran = small(), []
    for layer, conv in network.convs.items():
        conv.register_forward_hook(lambda *_, layer=layer: ran.append(layer))
    network(torch.rand(1, 3, 16, 16), ["relu1_1", "relu2_1"])
    assert ran == ["relu1_1", "relu1_2", "relu2_1"]


def test_taps_are_1x1_maps_of_what_goes_on() -> None:
    torch.manual_seed(0)
    network = VGG(Architecture((2,), (4,), ("1_1",)), IDENTITY)
    plain = VGG(Architecture((2,), (4,)), IDENTITY)
    plain.load_state_dict({k: v for k, v in network.state_dict().items() if not k.startswith("taps")})
    image = torch.rand(1, 3, 6, 6)
    both, bare = network(image, network.layers), plain(image, network.layers)
    torch.testing.assert_close(both["relu1_2"], bare["relu1_2"])
    torch.testing.assert_close(both["relu1_1"], network.taps["relu1_1"](bare["relu1_1"]))


def test_unknown_layer_names_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"no layer relu9_1; choose from relu1_1"):
        small()(torch.rand(1, 3, 8, 8), ["relu9_1"])


def test_too_small_a_picture_is_refused() -> None:
    with pytest.raises(UsageError, match="at least 4×4"):
        small()(torch.rand(1, 3, 3, 9), ["relu3_1"])


def test_wrong_choices_are_refused() -> None:
    with pytest.raises(UsageError, match="pooling"):
        small(pooling="median")


def test_bfloat16_gives_float32_features_close_by() -> None:
    image, network = torch.rand(1, 3, 16, 16), small()
    exact = network(image, ["relu3_1"])["relu3_1"]
    rough = network.to(torch.bfloat16)(image, ["relu3_1"])["relu3_1"]
    assert rough.dtype == torch.float32
    assert (rough - exact).norm() / exact.norm() < 0.03


def test_from_tensors_takes_shape_and_numbers() -> None:
    source = VGG(Architecture((2, 1), (4, 6), ("2_1",)), IDENTITY)
    tensors = {}
    for name, tensor in source.state_dict().items():
        kind, rest = name.split(".", 1)
        tensors[("tap" if kind == "taps" else "conv") + rest.removeprefix("relu")] = tensor
    image = torch.rand(1, 3, 8, 8)
    network = VGG.from_tensors(tensors, IDENTITY)
    torch.testing.assert_close(network(image, ["relu2_1"])["relu2_1"], source(image, ["relu2_1"])["relu2_1"])
    assert not any(p.requires_grad for p in network.parameters())


class TestSlim:
    def test_serves_the_layers_it_promises(self) -> None:
        style = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]  # of Gatys et al.
        perceptual = ["relu1_2", "relu2_2", "relu3_3", "relu4_3"]  # of Johnson et al.
        found = load_network("vgg19-slim").network(torch.rand(1, 3, 32, 48), [*style, *perceptual, "relu4_2"])
        assert len(found) == 10
        assert found["relu1_1"].shape[2:] == (32, 48)
        assert found["relu5_1"].shape[2:] == (2, 3)
        assert all(features.isfinite().all() for features in found.values())

    def test_is_small(self) -> None:
        weights = load_network("vgg19-slim").weights
        assert weights.path.stat().st_size <= 5_000_000
        assert weights.verified

    def test_gradient_reaches_the_pixels(self) -> None:
        image = torch.rand(1, 3, 32, 32, requires_grad=True)
        load_network("vgg19-slim").network(image, ["relu5_1"])["relu5_1"].sum().backward()
        assert image.grad is not None
        assert image.grad.abs().max() > 0


def test_caffe_takes_blue_first_and_255() -> None:
    prepared = get_record("vgg19.caffe").preprocessing(torch.tensor([1.0, 0.5, 0.0]).view(1, 3, 1, 1))
    np.testing.assert_allclose(prepared.flatten(), [-103.939, 127.5 - 116.779, 255 - 123.68], rtol=1e-5)
