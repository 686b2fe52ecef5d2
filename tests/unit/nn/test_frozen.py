import pytest
import torch
import torch.nn.functional as F

from brushwork import load_network
from brushwork.nn.frozen import frozen_conv_relu, pad_by_one

PADDINGS = ["replicate", "reflect", "zeros"]


def sample(height=7, width=5, batch=2):
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(batch, 3, height, width, generator=generator, dtype=torch.float64) - 0.3
    weight = torch.randn(4, 3, 3, 3, generator=generator, dtype=torch.float64)
    return image.requires_grad_(True), weight, torch.randn(4, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("size", [(7, 5), (3, 2), (2, 9)])
@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_same_as_autograd(padding, size, order):
    image, weight, bias = sample(*size)
    weight = weight.contiguous(memory_format=order)
    result = frozen_conv_relu(image.contiguous(memory_format=order), weight, bias, padding)
    expected = F.relu(F.conv2d(pad_by_one(image, padding), weight, bias))
    upstream = torch.rand_like(result)
    assert torch.allclose(result, expected)
    ours, theirs = (torch.autograd.grad(value, image, upstream)[0] for value in (result, expected))
    assert torch.allclose(ours, theirs)
    assert ours.abs().sum() > 0


@pytest.mark.parametrize("padding", ["replicate", "zeros"])
def test_a_single_pixel(padding):
    image, weight, bias = sample(1, 1)
    result = frozen_conv_relu(image, weight, bias, padding)
    expected = F.relu(F.conv2d(pad_by_one(image, padding), weight, bias))
    ours, theirs = (torch.autograd.grad(value.sum(), image)[0] for value in (result, expected))
    assert torch.allclose(ours, theirs)


def test_upstream_gradient_is_not_changed():
    image, weight, bias = sample()
    result = frozen_conv_relu(image, weight, bias, "replicate")
    upstream = torch.rand_like(result)
    before = upstream.clone()
    torch.autograd.grad(result, image, upstream)
    assert torch.equal(upstream, before)


def test_network_has_one_gradient_whether_frozen_or_not():
    network = load_network("vgg19-slim").network
    image = torch.rand(1, 3, 48, 40, generator=torch.Generator().manual_seed(1))
    gradients = []
    for trained in (False, True):
        network.requires_grad_(trained)
        pixels = image.clone().requires_grad_(True)
        features = network(pixels, ["relu1_1", "relu4_2"])
        loss = sum(f.square().sum() for f in features.values())
        gradients.append(torch.autograd.grad(loss, pixels)[0])
    assert (gradients[0] - gradients[1]).norm() < 1e-4 * gradients[1].norm()
    assert gradients[0].norm() > 0


def test_keeps_its_output_alone():
    image, weight, bias = sample()
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda tensor: kept.append(tensor.shape) or tensor, lambda tensor: tensor
    ):
        frozen_conv_relu(image, weight, bias, "replicate")
    assert sorted(kept) == sorted([(2, 4, 7, 5), tuple(weight.shape)])
