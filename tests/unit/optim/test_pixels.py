import math

import pytest
import torch

from brushwork.errors import BrushworkError
from brushwork.optim.pixels import PixelOptimizer

TARGET = torch.linspace(0.1, 0.9, 3 * 8 * 8).reshape(1, 3, 8, 8)


def distance(pixels: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    loss = (pixels - TARGET).square().sum()
    return loss, {"distance": loss}


@pytest.mark.parametrize(("kind", "steps"), [("lbfgs", 20), ("adam", 300)])
def test_reaches_the_minimum(kind: str, steps: int) -> None:
    optimizer = PixelOptimizer(torch.full((1, 3, 8, 8), 0.5), distance, kind=kind)
    for _ in range(steps):
        optimizer.step()
    torch.testing.assert_close(optimizer.best_pixels, TARGET, atol=1e-3, rtol=0)


@pytest.mark.parametrize("kind", ["lbfgs", "adam"])
def test_pixels_stay_in_range(kind: str) -> None:
    def brighter(pixels: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        return (pixels - 3).square().sum(), {}

    optimizer = PixelOptimizer(torch.rand(1, 3, 8, 8), brighter, kind=kind, rate=0.5)
    for _ in range(10):
        optimizer.step()
        assert optimizer.pixels.min() >= 0
        assert optimizer.pixels.max() <= 1
    assert (optimizer.best_pixels == 1).all()


@pytest.mark.parametrize("kind", ["lbfgs", "adam"])
def test_not_a_number_steps_back_and_goes_on(kind: str) -> None:
    calls = 0

    def moody(pixels: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        nonlocal calls
        calls += 1
        loss, terms = distance(pixels)
        return loss * (math.nan if calls in (3, 4) else 1), terms

    optimizer = PixelOptimizer(torch.full((1, 3, 8, 8), 0.5), moody, kind=kind)
    for _ in range(60):
        optimizer.step()
    assert optimizer.halvings == 2
    assert optimizer.best_pixels.isfinite().all()
    assert optimizer.best_loss < 0.2 * distance(torch.full((1, 3, 8, 8), 0.5))[0]


def test_explosion_steps_back() -> None:
    """Adam at a hundred times the right rate would jump to and fro for ever."""

    def steep(pixels: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        return (pixels - TARGET).square().sum() + 1e-3, {}

    optimizer = PixelOptimizer((TARGET + 0.01).clamp(0, 1), steep, kind="adam", rate=1.0)
    for _ in range(40):
        optimizer.step()
    assert optimizer.halvings > 0
    assert optimizer.best_loss <= steep((TARGET + 0.01).clamp(0, 1))[0]


def test_hopeless_loss_is_an_error_not_a_black_picture() -> None:
    def never(pixels: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        return pixels.sum() * math.nan, {}

    with pytest.raises(BrushworkError, match="NaN or infinite"):
        PixelOptimizer(TARGET, never, kind="lbfgs").step()


def test_best_is_what_had_the_lowest_loss() -> None:
    optimizer = PixelOptimizer(torch.full((1, 3, 8, 8), 0.5), distance, kind="adam", rate=0.2)
    losses = [optimizer.step()[0] for _ in range(15)]
    assert optimizer.best_loss == pytest.approx(min(losses))
    assert distance(optimizer.best_pixels)[0].item() == pytest.approx(min(losses), rel=1e-5)


def test_adam_carries_its_moments_to_the_next_size() -> None:
    small = PixelOptimizer(torch.full((1, 3, 8, 8), 0.5), distance, kind="adam")
    for _ in range(5):
        small.step()

    def larger(pixels: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        return pixels.square().sum(), {}

    large = PixelOptimizer(torch.full((1, 3, 13, 16), 0.5), larger, kind="adam", warm=small)
    state, before = large.optimizer.state[large.pixels], small.optimizer.state[small.pixels]
    assert state["step"] == 5
    assert state["exp_avg"].shape == state["exp_avg_sq"].shape == (1, 3, 13, 16)
    assert (state["exp_avg_sq"] >= 0).all()
    # Interpolated, so the picture of momentum is the same: dark to bright as before.
    top, bottom = state["exp_avg"][0, :, 0].mean(), state["exp_avg"][0, :, -1].mean()
    torch.testing.assert_close(top, before["exp_avg"][0, :, 0].mean(), rtol=0.2, atol=1e-3)
    torch.testing.assert_close(bottom, before["exp_avg"][0, :, -1].mean(), rtol=0.2, atol=1e-3)
    large.step()
    assert state["step"] == 6


def test_lbfgs_starts_afresh_at_the_next_size() -> None:
    small = PixelOptimizer(torch.full((1, 3, 8, 8), 0.5), distance, kind="lbfgs")
    small.step()
    assert PixelOptimizer(TARGET, distance, kind="lbfgs", warm=small).optimizer.evaluations == 0


def test_a_start_at_the_minimum_is_no_explosion() -> None:
    optimizer = PixelOptimizer(TARGET, distance, kind="adam")
    for _ in range(30):
        optimizer.step()
    assert optimizer.halvings == 0
    torch.testing.assert_close(optimizer.best_pixels, TARGET)


def test_rare_bad_steps_never_add_up_to_giving_up() -> None:
    calls = 0

    def moody(pixels: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        nonlocal calls
        calls += 1
        loss, terms = distance(pixels)
        return loss * (math.nan if calls % 10 == 0 else 1), terms

    optimizer = PixelOptimizer(torch.full((1, 3, 8, 8), 0.5), moody, kind="adam", rate=1e-3)
    for _ in range(200):
        optimizer.step()
    assert optimizer.halvings == 20
    assert not optimizer.stuck


def test_what_nothing_helps_keeps_the_best() -> None:
    first = torch.full((1, 3, 8, 8), 0.5)

    def broken_after_the_first(pixels: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        loss, terms = distance(pixels)
        return (loss if torch.equal(pixels.detach(), first) else loss * math.nan), terms

    optimizer = PixelOptimizer(first.clone(), broken_after_the_first, kind="adam")
    for _ in range(40):
        optimizer.step()
    assert torch.equal(optimizer.best_pixels, first)


def test_a_larger_size_that_fails_keeps_the_smaller_ones_picture() -> None:
    small = PixelOptimizer(TARGET, distance, kind="lbfgs")
    small.step()

    def never(pixels: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        return pixels.sum() * math.nan, {}

    large = PixelOptimizer(torch.full((1, 3, 16, 16), 0.3), never, kind="lbfgs", warm=small)
    for _ in range(20):
        large.step()
    assert large.stuck
    assert (large.best_pixels == 0.3).all()


@pytest.mark.parametrize("weight", [1e-9, 1e9])
def test_the_size_of_the_loss_does_not_matter(weight: float) -> None:
    def weighted(pixels: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        return distance(pixels)[0] * weight, {}

    optimizer = PixelOptimizer(torch.full((1, 3, 8, 8), 0.5), weighted, kind="lbfgs")
    for _ in range(20):
        optimizer.step()
    torch.testing.assert_close(optimizer.best_pixels, TARGET, atol=1e-3, rtol=0)


def test_channels_last_gradients_are_taken() -> None:
    def channels_last(pixels: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        return distance(pixels.to(memory_format=torch.channels_last))

    assert PixelOptimizer(torch.full((1, 3, 8, 8), 0.5), channels_last, kind="lbfgs").step()[0] > 0
