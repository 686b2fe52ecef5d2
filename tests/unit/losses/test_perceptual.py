"""The loss of a network that paints, against its parts computed one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from brushwork.losses.perceptual import PerceptualLoss, bounded
from brushwork.nn import load_network
from brushwork.nn.statistics import gram_matrix
from brushwork.options.training import TrainJohnson

CPU = torch.device("cpu")
SETTINGS = TrainJohnson(style_size=64, precision="float32", content_weight=2.0, style_weight=3.0, tv_weight=0.5)


def test_the_terms_are_the_weighted_errors() -> None:
    painting, photos, pictures = torch.rand(1, 3, 48, 64), torch.rand(2, 3, 64, 64), torch.rand(2, 3, 64, 64)
    loss = PerceptualLoss(SETTINGS, [painting], CPU)
    terms = loss(pictures, photos, loss.targets)
    network = load_network("vgg19-slim").network
    found, seen, goal = (network(x, [*SETTINGS.style_layers, "relu4_2"]) for x in (pictures, photos, painting))

    def error(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return ((x - y) ** 2).sum() / (y**2).sum()

    content = sum(error(found["relu4_2"][k], seen["relu4_2"][k]) for k in (0, 1)) / 2
    style = [
        bounded(error(gram_matrix(found[layer])[k], gram_matrix(goal[layer])[0]))
        for layer in SETTINGS.style_layers
        for k in (0, 1)
    ]
    assert float(terms["content"]) == pytest.approx(2 * float(content), rel=1e-4)
    assert float(terms["style"]) == pytest.approx(3 * float(torch.stack(style).mean()), rel=1e-4)
    assert float(terms["outside"]) == 0
    assert set(terms) == {"content", "forms", "style", "tv", "grid", "outside"}
    assert set(loss(pictures, None, loss.targets)) == {"style", "tv", "grid", "outside"}


def test_large_errors_count_by_their_root() -> None:
    errors = torch.tensor([0.5, 1.0, 4.0], requires_grad=True)
    values = bounded(errors)
    assert values.tolist() == [0.5, 1.0, 3.0]
    values.sum().backward()
    assert errors.grad is not None
    assert errors.grad.tolist() == [1.0, 1.0, 0.5]


def test_what_leaves_the_range_is_pulled_back() -> None:
    loss = PerceptualLoss(SETTINGS, [torch.rand(1, 3, 64, 64)], CPU)
    pictures = torch.full((1, 3, 64, 64), 1.5, requires_grad=True)
    loss(pictures, torch.rand(1, 3, 64, 64), loss.targets)["outside"].backward()
    assert pictures.grad is not None
    assert (pictures.grad > 0).all()


def test_the_critic_and_what_it_judges_learn_apart() -> None:
    loss = PerceptualLoss(replace(SETTINGS, adversarial_weight=2.0), [torch.rand(1, 3, 64, 64)] * 2, CPU)
    assert loss.critic is not None
    pictures = torch.rand(2, 3, 64, 64, requires_grad=True)
    targets = {layer: gram[:1] for layer, gram in loss.targets.items()}
    terms = loss(pictures, torch.rand(2, 3, 64, 64), targets, torch.tensor([1, 0]))
    terms["critic"].backward(retain_graph=True)
    assert pictures.grad is None
    learned = [p.grad.clone() for p in loss.critic.parameters() if p.grad is not None]
    assert learned
    terms["adversarial"].backward()
    assert pictures.grad is not None
    assert pictures.grad.abs().sum() > 0
    assert all(torch.equal(p.grad, before) for p, before in zip(loss.critic.parameters(), learned, strict=True))
