"""Any CNN is a feature network."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from brushwork import Gatys, load
from brushwork.errors import UsageError
from brushwork.nn import FeatureExtractor
from brushwork.weights import Preprocessing


class Residual(nn.Module):
    """A CNN that is no sequence, with an in-place ReLU and a part that must not run."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, stride=2, padding=1)
        self.body = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(6, 6, 3, padding=1))
        self.head = nn.Linear(1, 1)  # does not fit: a pass that reaches it fails
        self.unused = nn.Conv2d(6, 6, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        x = x + self.body(x)
        return self.head(x.flatten(1))


def extractor() -> FeatureExtractor:
    torch.manual_seed(0)
    return FeatureExtractor(Residual(), {"early": "stem", "late": "body"})


def test_layers_by_name() -> None:
    cnn, image = extractor(), torch.rand(1, 3, 16, 16)
    found = cnn(image, ["early", "late"])
    prepared = Preprocessing((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))(image)
    early = cnn.network.stem(prepared)
    torch.testing.assert_close(found["early"], early)  # not what the in-place ReLU made of it
    torch.testing.assert_close(found["late"], cnn.network.body(early.clone()))


def test_gradient_reaches_the_pixels_and_not_the_weights() -> None:
    cnn, image = extractor(), torch.rand(1, 3, 16, 16, requires_grad=True)
    cnn(image, ["late"])["late"].sum().backward()
    assert image.grad is not None
    assert all(p.grad is None for p in cnn.parameters())


def test_unknown_names_and_paths_are_refused() -> None:
    with pytest.raises(UsageError, match="no module 'nowhere'"):
        FeatureExtractor(Residual(), ["nowhere"])
    with pytest.raises(UsageError, match="has early, late"):
        extractor()(torch.rand(1, 3, 16, 16), ["middle"])


def test_a_layer_that_never_runs_is_named() -> None:
    cnn = FeatureExtractor(_Skips(), ["skipped"])
    with pytest.raises(UsageError, match="never ran layer skipped"):
        cnn(torch.rand(1, 3, 16, 16), ["skipped"])


class _Skips(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.skipped = nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def test_no_hook_stays_behind() -> None:
    cnn = extractor()
    cnn(torch.rand(1, 3, 16, 16), ["early"])
    assert not any(module._forward_hooks for module in cnn.modules())


def test_threads_may_share_it() -> None:
    cnn = extractor()
    images = [torch.rand(1, 3, 16, 16) for _ in range(16)]
    alone = [cnn(image, ["late"])["late"] for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda image: cnn(image, ["late"])["late"], images))
    for one, other in zip(alone, together, strict=True):
        torch.testing.assert_close(one, other)


def test_gatys_runs_through_it() -> None:
    settings = Gatys(content_layers=("late",), style_layers=("early", "late"), steps=15, scales=1, style_weight=10)
    method = load(settings, network=extractor())
    content, style = torch.rand(1, 3, 32, 40), torch.rand(1, 3, 32, 32)
    losses: list[float] = []
    result = method(content, method.encode_style(style, sizes=[40]), progress=lambda step: losses.append(step.loss))
    assert result.shape == content.shape
    assert losses[-1] < 0.5 * losses[0]


def test_the_module_is_given_back_as_it_was() -> None:
    """Its training mode, what learns in it and its gradients; and it runs in evaluation mode."""
    module = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Dropout())
    module[1].eval()
    module[0].bias.requires_grad_(False)
    kept = {name: value.clone() for name, value in module.state_dict().items()}
    cnn = FeatureExtractor(module, {"end": "2"})
    settings = Gatys(content_layers=("end",), style_layers=("end",), steps=2, scales=1, precision="float32")
    method = load(settings, network=cnn)
    picture = torch.rand(1, 3, 32, 32)
    first, second = (cnn(picture, ["end"])["end"] for _ in range(2))
    assert torch.equal(first, second)
    assert not first.requires_grad
    method(picture, method.encode_style(picture, sizes=[32]))
    assert [part.training for part in module.modules()] == [True, True, False, True]
    assert [value.requires_grad for value in module.parameters()] == [True, False, True, True]
    assert all(value.grad is None for value in module.parameters())
    assert all(torch.equal(value, kept[name]) for name, value in module.state_dict().items())


def test_what_is_no_module_is_told() -> None:
    with pytest.raises(UsageError, match="expected a PyTorch module, got a str"):
        FeatureExtractor("vgg", ["1"])  # type: ignore[arg-type]
