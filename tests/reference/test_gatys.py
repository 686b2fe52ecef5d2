"""The loss of Gatys et al. 2016 against NumPy written from the paper's equations, with nothing of ours but features."""

import dataclasses

import numpy as np
import pytest
import torch

from brushwork import Gatys
from brushwork.methods.gatys.objective import GatysObjective
from brushwork.nn.statistics import gram_matrix
from brushwork.nn.vgg import VGG
from brushwork.weights import Architecture, Preprocessing

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1")
CONTENT_LAYERS = ("relu2_2", "relu3_1")


def network() -> VGG:
    torch.manual_seed(1)
    return VGG(Architecture((2, 2, 1), (6, 8, 10)), Preprocessing((0.5,) * 3, (0.1,) * 3)).eval().requires_grad_(False)


def matrix(features: torch.Tensor) -> np.ndarray:
    """F of section 2.1: N filters × M positions."""
    return features[0].flatten(1).double().numpy()


def loss_of_the_paper(
    result: torch.Tensor, photo: torch.Tensor, painting: torch.Tensor, settings: Gatys, style_weights: list[float]
) -> float:
    layers = {*STYLE_LAYERS, *CONTENT_LAYERS}
    x, p, a = (network()(image, layers) for image in (result, photo, painting))
    content = sum(0.5 * ((matrix(x[k]) - matrix(p[k])) ** 2).sum() for k in CONTENT_LAYERS) / len(CONTENT_LAYERS)
    style = 0.0
    for layer, weight in zip(STYLE_LAYERS, style_weights, strict=True):
        fx, fa = matrix(x[layer]), matrix(a[layer])
        n, m = fx.shape
        style += weight * ((fx @ fx.T - fa @ fa.T) ** 2).sum() / (4 * n**2 * m**2)
    return settings.content_weight * content + settings.style_weight * style


def objective(photo: torch.Tensor, painting: torch.Tensor, settings: Gatys) -> GatysObjective:
    style = {k: {"gram": gram_matrix(f)} for k, f in network()(painting, STYLE_LAYERS).items()}
    return GatysObjective(network(), settings, network()(photo, CONTENT_LAYERS), [style])


@pytest.mark.parametrize("weights", [(), (0.2, 0.3, 1.5)])
def test_paper_form(weights: tuple[float, ...]) -> None:
    result, photo, painting = torch.rand(3, 1, 3, 24, 20).unbind()
    settings = Gatys(
        loss="paper", content_weight=0.7, style_weight=1000, content_layers=CONTENT_LAYERS, style_layers=STYLE_LAYERS,
        style_layer_weights=weights,
    )  # fmt: skip
    expected = loss_of_the_paper(result, photo, painting, settings, list(weights) or [1 / 3] * 3)
    loss, terms = objective(photo, painting, settings)(result)
    assert loss.item() == pytest.approx(expected, rel=1e-4)
    assert sum(float(term) for term in terms.values()) == pytest.approx(loss.item(), rel=1e-5)


def test_normalized_form_is_each_term_over_that_of_nothing() -> None:
    """Relative to the target: the paper's terms divided by what they would be for features that are all zero."""
    result, photo, painting = torch.rand(3, 1, 3, 24, 20).unbind()
    settings = Gatys(content_weight=2, style_weight=30, content_layers=CONTENT_LAYERS, style_layers=STYLE_LAYERS)
    x, p, a = (network()(image, {*STYLE_LAYERS, *CONTENT_LAYERS}) for image in (result, photo, painting))
    content = [((matrix(x[k]) - matrix(p[k])) ** 2).sum() / (matrix(p[k]) ** 2).sum() for k in CONTENT_LAYERS]
    grams = [(matrix(x[k]) @ matrix(x[k]).T, matrix(a[k]) @ matrix(a[k]).T) for k in STYLE_LAYERS]
    style = [((g - t) ** 2).sum() / (t**2).sum() for g, t in grams]
    loss, _ = objective(photo, painting, settings)(result)
    assert loss.item() == pytest.approx(2 * np.mean(content) + 30 * np.mean(style), rel=1e-4)


def test_total_variation_is_added() -> None:
    photo = torch.rand(1, 3, 16, 16)
    settings = Gatys(style_weight=0, style_layers=(), tv_weight=5, content_layers=("relu2_2",))
    _, terms = GatysObjective(network(), settings, network()(photo, ["relu2_2"]), [])(photo)
    steps = np.diff(photo.numpy(), axis=2), np.diff(photo.numpy(), axis=3)
    assert float(terms["tv"]) == pytest.approx(5 * sum((s**2).sum() for s in steps) / photo.numel(), rel=1e-5)


@pytest.mark.parametrize("form", ["paper", "normalized"])
def test_gradient(form: str) -> None:
    photo, painting = torch.rand(2, 1, 3, 12, 12).double().unbind()
    cnn = network().double()
    settings = Gatys(loss=form, content_layers=("relu2_2",), style_layers=("relu1_1",), padding="zeros")

    def features(image: torch.Tensor, layers: set[str]) -> dict[str, torch.Tensor]:
        x, found = cnn.preprocessing(image), {}
        for name, conv in cnn.convs.items():
            x = cnn.pool(x, 2) if name == "relu2_1" else x
            x = found[name] = torch.nn.functional.softplus(conv(x))  # smooth, so that differences tell
            if name == "relu2_2":
                return found
        return found

    style = {"relu1_1": {"gram": gram_matrix(features(painting, {"relu1_1"})["relu1_1"])}}
    loss = GatysObjective(features, settings, {"relu2_2": features(photo, {"relu2_2"})["relu2_2"]}, [style])
    x = torch.rand(1, 3, 12, 12, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: loss(x)[0], (x,))


def test_content_gain_multiplies_the_normalized_content_alone() -> None:
    result, photo, painting = torch.rand(3, 1, 3, 24, 20).unbind()
    for form, factor in (("normalized", 1.8), ("paper", 1.0)):
        plain = objective(photo, painting, Gatys(loss=form, content_layers=CONTENT_LAYERS, style_layers=STYLE_LAYERS))
        _, before = plain(result)
        _, after = dataclasses.replace(plain, content_gain=1.8)(result)
        assert float(after["content"]) == pytest.approx(factor * float(before["content"]), rel=1e-5)
        assert float(after["style"]) == pytest.approx(float(before["style"]), rel=1e-5)
