from __future__ import annotations

import pytest
import torch

from brushwork.losses.adversarial import PatchCritic, critic_loss, painter_loss


def test_the_losses_by_hand() -> None:
    real, painted = [torch.tensor([[2.0, 0.0]]), torch.tensor([[1.0]])], torch.tensor([[-1.0, 0.5]])
    assert float(critic_loss(real, painted, "hinge")) == pytest.approx((0 + 1) / 2 / 2 + (0 + 1.5) / 2)
    assert float(critic_loss(real, painted, "least-squares")) == pytest.approx((1 + 1) / 2 / 2 + (1 + 0.25) / 2)
    assert float(painter_loss(painted, "hinge")) == pytest.approx(0.25)
    assert float(painter_loss(painted, "least-squares")) == pytest.approx((4 + 0.25) / 2)


def test_each_style_has_its_own_judgment_and_no_layer_enlarges_much() -> None:
    critic = PatchCritic(6, styles=3)
    for _ in range(30):  # the norms are found step by step
        critic(torch.rand(1, 6, 9, 9), torch.tensor([0]))
    features = torch.rand(2, 6, 9, 11)
    judged = critic(features, torch.tensor([0, 2]))
    assert judged.shape == (2, 5, 7)
    for layer in critic.layers[::2]:
        assert float(torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2)) == pytest.approx(1, abs=0.02)


def test_a_critic_learns_to_tell_stripes_from_noise() -> None:
    critic, none = PatchCritic(4), torch.zeros(2, dtype=torch.long)
    optimizer = torch.optim.Adam(critic.parameters(), 1e-2, (0.5, 0.9))
    stripes = torch.rand(2, 4, 12, 12)
    stripes[..., ::2] = 0
    for _ in range(60):
        loss = critic_loss([critic(stripes, none)], critic(torch.rand(2, 4, 12, 12), none), "hinge")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.5
    assert critic(stripes, none).mean() > critic(torch.rand(2, 4, 12, 12), none).mean() + 1
