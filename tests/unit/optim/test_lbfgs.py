from pathlib import Path

import numpy as np
import pytest
import scipy.optimize
import torch

from brushwork.optim import lbfgs
from brushwork.optim.lbfgs import BoundedLBFGS, smoothed

SHAPE = (1, 3, 16, 20)


def quadratic(seed: int, curved: float = 30.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Curvatures and the place of the minimum; some of it lies beyond the bounds."""
    generator = torch.Generator().manual_seed(seed)
    curvatures = 1 + (curved - 1) * torch.rand(SHAPE, generator=generator)
    return curvatures, torch.rand(SHAPE, generator=generator) * 1.4 - 0.2


def descended(curvatures: torch.Tensor, minimum: torch.Tensor, steps: int) -> torch.Tensor:
    pixels = torch.full(SHAPE, 0.5)
    optimizer = BoundedLBFGS(pixels)
    for _ in range(steps):
        optimizer.step(curvatures * (pixels - minimum) / 100)
        assert pixels.min() >= 0
        assert pixels.max() <= 1
    return pixels


def test_finds_the_minimum_within_bounds() -> None:
    curvatures, minimum = quadratic(0)
    torch.testing.assert_close(descended(curvatures, minimum, 120), minimum.clamp(0, 1), atol=2e-3, rtol=0)


def test_agrees_with_scipy_where_pixels_depend_on_each_other() -> None:
    """Bounds on some pixels move the best values of the others."""
    generator = torch.Generator().manual_seed(1)
    mixing = torch.randn(40, 3 * 6 * 6, generator=generator, dtype=torch.float64)
    wanted = torch.randn(40, generator=generator, dtype=torch.float64) * 9
    square = (mixing.T @ mixing + torch.eye(108)) / 100
    linear = mixing.T @ wanted / 100
    reference = scipy.optimize.minimize(
        lambda x: (x @ square.numpy() @ x / 2 - linear.numpy() @ x, square.numpy() @ x - linear.numpy()),
        np.full(108, 0.5), jac=True, bounds=[(0, 1)] * 108, method="L-BFGS-B", options={"maxiter": 1000, "ftol": 1e-12},
    ).fun  # fmt: skip
    pixels = torch.full((1, 3, 6, 6), 0.5, dtype=torch.float64)
    optimizer = BoundedLBFGS(pixels)
    for _ in range(200):
        optimizer.step((square @ pixels.flatten() - linear).view_as(pixels))
    x = pixels.flatten()
    assert ((x == 0) | (x == 1)).sum() > 10
    assert (x @ square @ x / 2 - linear @ x).item() == pytest.approx(reference, rel=1e-3)


def test_within_the_bounds_it_is_torchs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lbfgs, "SMOOTH", 0)
    curvatures, _ = quadratic(2)
    minimum = torch.linspace(0.3, 0.7, curvatures.numel()).view(SHAPE)
    theirs = torch.full(SHAPE, 0.5, requires_grad=True)
    optimizer = torch.optim.LBFGS([theirs], lr=1, max_iter=1, history_size=20, tolerance_change=0, tolerance_grad=0)

    def closure() -> torch.Tensor:
        loss = (curvatures * (theirs - minimum).square()).sum() / 200
        theirs.grad = torch.autograd.grad(loss, [theirs])[0]
        return loss

    for _ in range(12):
        optimizer.step(closure)
    torch.testing.assert_close(descended(curvatures, minimum, 12), theirs.detach(), atol=1e-4, rtol=0)


def test_what_is_coarse_goes_first() -> None:
    """A large form is found in a few steps where differences between neighbors are far stiffer than it."""
    wanted = torch.linspace(0.2, 0.8, 64).repeat(1, 3, 64, 1)

    def error(pixels: torch.Tensor) -> torch.Tensor:
        off = pixels - wanted
        return off.diff(dim=2).square().sum() + off.diff(dim=3).square().sum() + 1e-3 * off.square().sum()

    def after(steps: int, coarse_first: int) -> float:
        pixels = torch.full((1, 3, 64, 64), 0.5)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(lbfgs, "SMOOTH", coarse_first)
            optimizer = BoundedLBFGS(pixels)
            for _ in range(steps):
                pixels.requires_grad_(True)
                (gradient,) = torch.autograd.grad(error(pixels) / 100, pixels)
                pixels.requires_grad_(False)
                optimizer.step(gradient)
        return error(pixels).item()

    assert after(12, coarse_first=50) < 0.2 * after(12, coarse_first=0)


def test_smoothing_is_symmetric_and_positive() -> None:
    generator = torch.Generator().manual_seed(3)
    a, b = (torch.randn(1, 3, 37, 50, generator=generator, dtype=torch.float64) for _ in range(2))
    assert (a * smoothed(b)).sum().item() == pytest.approx((smoothed(a) * b).sum().item())
    assert (a * smoothed(a)).sum() >= (a * a).sum()


def test_goes_on_from_a_state_with_the_same_bits() -> None:
    curvatures, minimum = quadratic(4)
    pixels = torch.full(SHAPE, 0.5)
    optimizer = BoundedLBFGS(pixels)
    for step in range(60):
        if step == 33:
            tensors, facts = optimizer.state()
            kept, state = pixels.clone(), ({name: tensor.clone() for name, tensor in tensors.items()}, dict(facts))
        optimizer.step(curvatures * (pixels - minimum) / 100)
    again = BoundedLBFGS(kept)
    again.restore(*state)
    for _ in range(33, 60):
        again.step(curvatures * (kept - minimum) / 100)
    assert torch.equal(kept, pixels)


def test_no_gradient_moves_nothing() -> None:
    pixels = torch.full(SHAPE, 0.5)
    optimizer = BoundedLBFGS(pixels)
    for _ in range(3):
        optimizer.step(torch.zeros(SHAPE))
    assert (pixels == 0.5).all()


@pytest.mark.parametrize(("size", "pairs"), [((64, 48), 20), ((1056, 800), 7), ((2000, 1500), 5)])
def test_large_pictures_get_fewer_pairs(size: tuple[int, int], pairs: int) -> None:
    pixels = torch.zeros(1).expand(1, 3, size[1], size[0])
    assert BoundedLBFGS(pixels).count == pairs


def test_polyak_s_first_step_reaches_the_minimum_along_it() -> None:
    """Of half a squared distance f, a step of f / ‖g‖² goes half of the way; without it, hardly any."""
    minimum = torch.full(SHAPE, 0.9)

    def moved(polyak: bool) -> torch.Tensor:
        pixels = torch.full(SHAPE, 0.5)
        gradient = pixels - minimum
        BoundedLBFGS(pixels, polyak=polyak).step(gradient, float(gradient.square().sum() / 2))
        return pixels

    assert moved(polyak=True).mean() == pytest.approx(0.7)
    assert moved(polyak=False).mean() < 0.51


def test_history_on_disk_gives_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lbfgs, "MAPPED", 0)
    curvatures, minimum = quadratic(5)

    def descended_in(folder: Path | None) -> torch.Tensor:
        pixels = torch.full(SHAPE, 0.5)
        optimizer = BoundedLBFGS(pixels, folder=folder)
        for _ in range(30):
            optimizer.step(curvatures * (pixels - 3 * minimum) / 100)  # many end at a bound
        assert ((pixels == 0) | (pixels == 1)).any()
        return pixels

    assert torch.equal(descended_in(tmp_path), descended_in(None))
