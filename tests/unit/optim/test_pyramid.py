import pytest
import torch

from brushwork.image import resize
from brushwork.optim.pixels import Objective
from brushwork.optim.pyramid import REFINING, Pyramid, Scale, plan_scales
from brushwork.runtime.progress import Step


def test_ends_at_the_results_size_with_all_steps() -> None:
    for width, height in [(1024, 683), (33, 47), (5000, 12), (5000, 100), (1, 1)]:
        scales = plan_scales(width, height, steps=101)
        assert (scales[-1].width, scales[-1].height) == (width, height)
        assert sum(s.steps for s in scales) == 101


def test_steps_are_shared_out_evenly_and_what_is_left_goes_where_it_is_cheap() -> None:
    assert [s.steps for s in plan_scales(2048, 1024, steps=303)] == [61, 61, 61, 60, 60]


def test_number_of_scales_can_be_chosen() -> None:
    assert [s.width for s in plan_scales(800, 600, steps=300, count=3)] == [200, 400, 800]


def test_never_more_scales_than_steps() -> None:
    assert [s.steps for s in plan_scales(2048, 2048, steps=2)] == [1, 1]


@pytest.mark.parametrize("kind", ["lbfgs", "adam"])
def test_each_scale_starts_where_the_one_before_ended(kind: str) -> None:
    sizes: list[tuple[int, int]] = []

    def toward_bright(scale: Scale):  # type: ignore[no-untyped-def]
        sizes.append(scale.size)
        return lambda pixels: ((pixels - 0.8).square().mean(), {})

    seen: list[Step] = []
    scales = [Scale(8, 6, 30), Scale(16, 12, 30)]
    pyramid = Pyramid(
        scales, lambda size: torch.zeros(1, 3, *size[::-1]), toward_bright, kind=kind, rate=0.1, progress=seen.append
    )
    assert pyramid.best() is None
    result = pyramid.run()
    assert sizes == [(8, 6), (16, 12)]
    assert result.shape == (1, 3, 12, 16)
    assert seen[30].loss < 0.3 * seen[0].loss
    assert seen[0].preview().shape == (1, 3, 12, 16)
    assert seen[0].seconds_left > 0
    assert seen[-1].seconds_left == 0


@pytest.mark.parametrize("count", [0, 12])
def test_no_side_is_halved_below_what_networks_see(count: int) -> None:
    assert [(s.width, s.height) for s in plan_scales(1024, 100, steps=300, count=count)] == [(512, 50), (1024, 100)]
    assert len(plan_scales(5000, 12, steps=300, count=count)) == 1


def settled(tolerance: float) -> list[Step]:
    """A pyramid whose first scale has nothing more to gain after its first steps."""
    seen: list[Step] = []
    Pyramid(
        [Scale(8, 6, 60), Scale(16, 12, 10)],
        lambda size: torch.zeros(1, 3, *size[::-1]),
        lambda size: lambda pixels: ((pixels - 0.8).square().mean() + 1, {}),
        kind="lbfgs",
        tolerance=tolerance,
        progress=seen.append,
    ).run()
    return seen


def test_a_scale_whose_loss_has_settled_ends_early_and_the_count_says_so() -> None:
    seen = settled(1e-3)
    ended = next(step for step in seen if step.steps < 70)
    assert ended.size == (8, 6)
    assert 20 < ended.step < 40
    assert ended.steps == ended.step + 10
    assert [step.step for step in seen] == list(range(1, ended.steps + 1))
    assert {step.size for step in seen[ended.step :]} == {(16, 12)}  # a shorter scale than the window is never cut
    assert seen[-1].step == seen[-1].steps
    assert seen[-1].seconds_left == 0


def test_without_a_tolerance_every_step_is_taken() -> None:
    assert len(settled(0)) == 70


@pytest.mark.parametrize("falloff", [0.01, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("steps", [3, 10, 41])
def test_fewer_steps_at_large_sizes(steps: int, falloff: float) -> None:
    scales = plan_scales(1024, 768, steps=steps, coarsest=256, falloff=falloff)
    counts = [s.steps for s in scales]
    assert [s.width for s in scales] == [256, 512, 1024]
    assert sum(counts) == steps
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] >= 1


def test_carrying_the_change_keeps_the_detail_of_the_initial_image() -> None:
    detail = torch.rand(1, 3, 64, 64)
    darker = {32: torch.tensor(-0.1), 64: torch.tensor(-0.1)}

    def first(size: tuple[int, int]) -> torch.Tensor:
        return 0.4 + 0.2 * resize(detail, size)

    def objective(scale: Scale) -> Objective:
        wanted = first(scale.size) + darker[scale.width]
        return lambda pixels: ((pixels - wanted).square().sum(), {})

    starts = []
    for carry in ("change", "result"):
        losses: list[float] = []
        pyramid = Pyramid(
            [Scale(32, 32, 30), Scale(64, 64, 1)], first, objective, kind="lbfgs", carry=carry,
            progress=lambda step, losses=losses: losses.append(step.loss),
        )  # fmt: skip
        pyramid.run()
        starts.append(losses[30])
    assert starts[0] < 0.01 * starts[1]


@pytest.mark.parametrize("carry", ["result", "change"])
@pytest.mark.parametrize("sides", [(8,), (8, 16), (16, 16)])
def test_the_initial_image_is_not_changed_and_given_back_in_the_end(carry: str, sides: tuple[int, ...]) -> None:
    initial = torch.full((1, 3, 16, 16), 0.5)
    pyramid = Pyramid(
        [Scale(side, side, 3) for side in sides],
        lambda size: resize(initial, size),
        lambda _: lambda pixels: ((pixels - 0.8).square().mean(), {}),
        kind="lbfgs",
        carry=carry,
    )
    assert pyramid.run().mean() > 0.6
    assert (initial == 0.5).all()
    with pytest.raises(AssertionError, match="no scale of another size begins"):
        pyramid.first((16, 16))


def test_a_refining_scale_goes_on_from_the_same_size_with_its_own_loss() -> None:
    seen: list[Step] = []
    pyramid = Pyramid(
        [Scale(8, 8, 20), Scale(8, 8, 20, refining=True), Scale(16, 16, 1)],
        lambda size: torch.full((1, 3, *size), 0.5),
        lambda scale: lambda pixels: ((pixels - (0.6 if scale.refining else 0.9)).square().mean(), {}),
        kind="lbfgs",
        carry="change",
        progress=seen.append,
    )
    pyramid.run()
    assert [seen[place].size for place in (0, 20, 40)] == [(8, 8), (8, 8), (16, 16)]
    assert seen[20].loss == pytest.approx(0.09, abs=1e-3)  # the first scale ended at 0.9
    assert seen[40].loss == pytest.approx(0.09, abs=1e-3)  # and the second at 0.6
    assert [Scale(8, 8, 3).work, Scale(8, 8, 3, refining=True).work] == [192, REFINING * 192]
