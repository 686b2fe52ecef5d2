"""What every registered method promises; a new one is tested by being registered."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from brushwork.errors import Interrupted, UsageError
from brushwork.image import Picture
from brushwork.io.films import Frame
from brushwork.methods import Method, load
from brushwork.methods.base import check_painting
from brushwork.methods.mixing import mixture_of
from brushwork.methods.one_pass import OnePass
from brushwork.methods.texture_nets import TextureNetwork
from brushwork.nn.transformation import TransformationNetwork
from brushwork.options.base import option_of
from brushwork.registry import OPTIONS, TRAINED, method_name, settings_from
from brushwork.runtime.checkpoints import Checkpoint
from brushwork.runtime.progress import Step
from brushwork.styles.regions import Regions
from brushwork.tiling.metering import held_bytes
from brushwork.tiling.tiles import Canvas, TileInput, Tiling
from brushwork.video.smoothing import FrameWithFlow as SeenFrame
from brushwork.video.smoothing import TemporalSmoother


@pytest.fixture(params=list(OPTIONS))
def method(request: pytest.FixtureRequest, microast: str) -> Method:
    values: dict[str, Any] = {"model": microast} if request.param == "microast" else {}
    values |= {"steps": 3} if "steps" in option_of(OPTIONS[request.param]) else {}
    return load(settings_from(request.param, values))


def encoded(method: Method, image: Tensor | None = None, size: tuple[int, int] = (47, 33)) -> Any:
    if method_name(method.settings) in TRAINED:
        painting = torch.rand(1, 3, 40, 44) if image is None else image
        check_painting(painting, None)
        with torch.random.fork_rng():
            torch.manual_seed(int(painting.sum() * 1000))  # a network for each painting
            texture = method_name(method.settings) == "texture-nets"
            network = TextureNetwork(channels=2, scales=3) if texture else TransformationNetwork(width=4, blocks=1)
            return method.load_style(network.state_dict())
    return method.encode_style(torch.rand(1, 3, 40, 44) if image is None else image, sizes=method.sizes(*size))


def equal(a: Any, b: Any, method: Method, tolerance: float = 0.0) -> bool:
    """Whether two style values are the same, by what a file would hold of them."""
    first, second = method.save_style(a), method.save_style(b)
    pairs = [(first[name].float(), second[name].float()) for name in first]
    return first.keys() == second.keys() and all(torch.allclose(x, y, rtol=tolerance, atol=0) for x, y in pairs)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (33, 47), (64, 64)])
def test_output_has_the_content_s_size_and_keeps_the_pixel_contract(method: Method, size: tuple[int, int]) -> None:
    content = torch.rand(1, 3, *size)
    before = content.clone()
    result = method(content, encoded(method, size=size[::-1]))
    assert result.shape == content.shape
    assert result.dtype == torch.float32
    assert result.isfinite().all()
    assert result.min() >= 0
    assert result.max() <= 1
    assert not result.requires_grad
    assert torch.equal(content, before)


def test_channels_last_content_is_taken(method: Method) -> None:
    content = torch.rand(1, 3, 33, 47).to(memory_format=torch.channels_last)
    assert method(content, encoded(method)).shape == content.shape


def test_flat_pictures_stay_finite(method: Method) -> None:
    for shade in (0.0, 1.0):
        flat = torch.full((1, 3, 33, 47), shade)
        assert method(flat, encoded(method, flat)).isfinite().all()
        assert method(torch.rand(1, 3, 33, 47), encoded(method, flat)).isfinite().all()


def test_same_seed_same_bytes(method: Method) -> None:
    content, style = torch.rand(1, 3, 33, 47), encoded(method)
    first = method(content, style)
    torch.rand(7)  # the global generator has no say
    assert torch.equal(method(content, style), first)


def test_the_style_value_is_not_changed_by_its_use(method: Method) -> None:
    image = torch.rand(1, 3, 40, 44)
    style = encoded(method, image)
    method(torch.rand(1, 3, 33, 47), style)
    assert equal(style, encoded(method, image), method)


def test_progress_counts_to_its_end(method: Method) -> None:
    steps: list[Step] = []
    method(torch.rand(1, 3, 33, 47), encoded(method), progress=steps.append)
    assert [step.step for step in steps] == list(range(1, steps[-1].steps + 1))
    assert len(steps) == getattr(method.settings, "steps", len(steps))


@pytest.mark.parametrize("reason", [Interrupted, KeyboardInterrupt])
def test_interrupted_it_gives_the_best_so_far(method: Method, reason: type[BaseException]) -> None:
    def stop(step: Step) -> None:
        raise reason

    with pytest.raises(Interrupted) as caught:
        method(torch.rand(1, 3, 33, 47), encoded(method), progress=stop)
    assert caught.value.best.shape == (1, 3, 33, 47)
    assert caught.value.best.isfinite().all()


@pytest.mark.parametrize("every", [1, 2])
def test_killed_and_resumed_it_gives_the_same_bits(method: Method, every: int, tmp_path: Path) -> None:
    content, style = torch.rand(1, 3, 33, 47), encoded(method)
    whole = method(content, style)
    checkpoint = Checkpoint(tmp_path / "checkpoint", every=every)

    def stop(step: Step) -> None:
        if step.step == every + 1:
            raise Interrupted

    with contextlib.suppress(Interrupted):  # a method of one step is done by then
        method(content, style, checkpoint=checkpoint, progress=stop)
    assert torch.equal(method(content, style, checkpoint=checkpoint), whole)


def test_blends(method: Method) -> None:
    if not method.declaration.blends:
        pytest.skip("this method declares that it doesn't blend")
    style, other = encoded(method), encoded(method)
    assert equal(method.blend([style, style], [1, 3]), style, method, tolerance=0.01)
    assert equal(method.blend([style, other], [1, 0]), style, method, tolerance=0.01)
    assert equal(method.blend([style, other], [1, 3]), method.blend([style, other], [2, 6]), method, tolerance=0.01)
    assert not equal(style, other, method, tolerance=0.01)
    for values, weights in (([], []), ([style], [0]), ([style, other], [1, -1]), ([style, other], [1])):
        with pytest.raises(UsageError, match="weight"):
            method.blend(values, weights)


def test_a_style_comes_back_from_its_tensors(method: Method) -> None:
    style = encoded(method)
    assert equal(method.load_style(method.save_style(style)), style, method, tolerance=0.01)


@pytest.mark.parametrize(
    "image",
    [
        torch.rand(3, 40, 40),
        torch.rand(1, 4, 40, 40),
        torch.rand(1, 3, 40, 40).double(),
        torch.rand(1, 3, 40, 40) * 255,
        torch.full((1, 3, 40, 40), float("nan")),
        torch.zeros(1, 3, 0, 40),
        torch.zeros(1, 3, 40, 40, dtype=torch.uint8),
    ],
    ids=["3 axes", "4 channels", "double", "above 1", "nan", "empty", "bytes"],
)
def test_bad_tensors_are_refused(method: Method, image: Tensor) -> None:
    with pytest.raises(UsageError, match="expected"):
        encoded(method, image)
    with pytest.raises(UsageError, match="expected"):
        method(image, encoded(method))


def test_several_pictures_at_once_are_what_each_is_by_itself(method: Method) -> None:
    pictures = torch.cat([_smooth((96, 64)), torch.rand(1, 3, 96, 64), _smooth((96, 64)) / 2])
    if method.declaration.tiling != "statistics":
        with pytest.raises(UsageError, match="one picture"):
            method(pictures, encoded(method))
        return
    for strength in (1.0, 0.5):
        method = load(replace(method.settings, precision="float32", strength=strength))
        style = encoded(method)
        alone = torch.cat([method(picture[None], style) for picture in pictures])
        assert (method(pictures, style) - alone).abs().max() < 1e-3
    with pytest.raises(UsageError, match="one picture"):
        method(pictures, style, tiling=Tiling(64))


@pytest.mark.parametrize("mask", [torch.ones(1, 1, 8, 8), torch.zeros(1, 1, 40, 44)], ids=["size", "nothing left"])
def test_wrong_masks_are_refused(method: Method, mask: Tensor) -> None:
    if method_name(method.settings) in TRAINED:
        pytest.skip("its styles are trained networks; it looks at no painting")
    with pytest.raises(UsageError, match="mask"):
        method.encode_style(torch.rand(1, 3, 40, 44), sizes=[47], mask=mask)


def test_hidden_color_does_not_change_the_style(method: Method) -> None:
    if method_name(method.settings) in TRAINED:
        pytest.skip("its styles are trained networks; it looks at no painting")
    alpha = torch.ones(1, 1, 48, 48)
    alpha[..., 17:] = 0
    seen = torch.rand(1, 3, 48, 48)
    hidden = torch.where(alpha > 0, seen, torch.rand(1, 3, 48, 48))
    values = [method.encode_style(Picture(image, alpha).visible(), sizes=[47], mask=alpha) for image in (seen, hidden)]
    assert equal(*values, method)


def test_a_mask_says_what_of_a_painting_counts(method: Method) -> None:
    if method_name(method.settings) in TRAINED:
        pytest.skip("its styles are trained networks; it looks at no painting")
    painting = torch.rand(1, 3, 48, 96)
    other = torch.cat([painting[..., :48], 1 - painting[..., 48:] ** 3], 3)
    left, right = torch.zeros(2, 1, 1, 48, 96).unbind()
    left[..., :24], right[..., 72:] = 1, 1

    def change(mask: Tensor) -> float:
        values = [method.save_style(method.encode_style(x, sizes=[96], mask=mask)) for x in (painting, other)]
        return sum(float((values[0][name].float() - values[1][name].float()).abs().mean()) for name in values[0])

    assert change(right) > 2 * change(left)


def test_estimate_is_a_number_of_seconds(method: Method) -> None:
    assert 0 < method.estimate_seconds(47, 33) < 600
    assert method.estimate_seconds(1024, 1024) > method.estimate_seconds(32, 32)


@pytest.mark.parametrize("size", [(600, 1), (40, 700), (1024, 20)])
def test_long_thin_pictures_have_sizes_it_can_work_at(method: Method, size: tuple[int, int]) -> None:
    width, height = size
    result = method(torch.rand(1, 3, height, width), encoded(method, size=size))
    assert result.shape == (1, 3, height, width)


@pytest.mark.parametrize("size", [(333, 470), pytest.param((512, 301), marks=pytest.mark.slow)])
def test_in_tiles_it_paints_what_it_paints_as_a_whole(method: Method, size: tuple[int, int]) -> None:
    if method.declaration.tiling != "statistics":
        pytest.skip("it has no tiles")
    method = load(replace(method.settings, precision="float32"))
    content = _smooth(size)
    style = encoded(method, _smooth((96, 120)), size[::-1])
    whole = method(content, style)
    for tiling in (Tiling(128), Tiling(200, recompute_stages=1), Tiling(150, recompute_stages=1, whole=True)):
        difference = (method(content, style, tiling=tiling) - whole).abs() * 255  # type: ignore[call-arg]
        assert difference.max() <= 2
        assert difference.mean() <= 0.05


def test_in_tiles_masks_and_strength_mean_the_same(method: Method) -> None:
    if method.declaration.tiling != "statistics":
        pytest.skip("it has no tiles")
    method = load(replace(method.settings, precision="float32", strength=0.6))
    content = _smooth((100, 200))
    masks = torch.rand(2, 1, 20, 31)
    masks[:, :, :10, :9] = 0  # where the photo stays
    regions = Regions([encoded(method, _smooth((96, 120 + k)), (200, 100)) for k in (0, 1)], masks)
    tiled = method(content, regions, tiling=Tiling(100, recompute_stages=1, whole=True))  # type: ignore[call-arg]
    difference = (tiled - method(content, regions)).abs() * 255
    assert difference.max() <= 2
    assert difference.mean() <= 0.05


def test_tiles_that_are_stopped_go_on(method: Method, tmp_path: Path) -> None:
    if method.declaration.tiling != "statistics":
        pytest.skip("it has no tiles")
    method = load(replace(method.settings, precision="float32"))
    content, result = _smooth((96, 150)), torch.zeros(1, 3, 96, 150)
    style, seen = encoded(method, _smooth((96, 120)), (150, 96)), list[Step]()

    def read(top: int, left: int, bottom: int, right: int) -> Tensor:
        return content[:, :, top:bottom, left:right]

    def write(top: int, left: int, pixels: Tensor) -> None:
        result[:, :, top : top + pixels.shape[2], left : left + pixels.shape[3]] = pixels

    def progress(step: Step) -> None:
        seen.append(step)
        if len(seen) == 5:
            raise KeyboardInterrupt

    canvas = Canvas((150, 96), read, write, lambda: content)
    checkpoint = Checkpoint(tmp_path / "work", every=1)
    with contextlib.suppress(Interrupted):
        method.paint(canvas, style, tiling=Tiling(80), progress=progress, checkpoint=checkpoint)  # type: ignore[attr-defined]
    count = len(seen)
    method.paint(canvas, style, tiling=Tiling(70), progress=seen.append, checkpoint=checkpoint)  # type: ignore[attr-defined]
    whole = method(content, style)
    assert (result - whole).abs().max() <= 2 / 255
    assert len(seen) - count < seen[0].steps


def test_a_tile_that_waits_holds_what_it_says(method: Method) -> None:
    if method.declaration.tiling != "statistics" or method_name(method.settings) == "texture-nets":
        pytest.skip("it has no tiles, or needs noise of all sizes while it waits")
    content, regions = _smooth((256, 256)), Regions([encoded(method, _smooth((96, 120)), (256, 256))])
    seen = TileInput(lambda: content, near=(0, 0, 256, 256))

    def steps() -> Any:
        return method._stages(seen, mixture_of(method.network, regions.styles, seen, method.settings.strength))

    with torch.inference_mode():
        said = [ask.waiting for ask in steps()]
        held = held_bytes(steps())
    size = getattr(method, "dtype", torch.bfloat16).itemsize
    kernels = 1_500_000 * size  # in another form
    assert all(here <= told + kernels for here, told in zip(held, said, strict=True))
    assert max(held) < 256**2 * 35 * max(2, size)


def test_where_memory_ends_tiles_are_halved(method: Method, monkeypatch: pytest.MonkeyPatch) -> None:
    if not isinstance(method, OnePass):
        pytest.skip("it has no tiles")
    content, style, network = _smooth((64, 400)), encoded(method, _smooth((96, 120)), (400, 64)), method.network
    given = network.generate

    def greedy(tile: TileInput, styles: Any, shares: Any = None) -> Any:
        if tile.photo.shape[3] > 300:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return given(tile, styles, shares)

    whole = method(content, style)
    monkeypatch.setattr(network, "generate", greedy)
    monkeypatch.setattr(network, "halo", lambda _: 32)
    result = method(content, style, tiling=Tiling(400))
    assert (result - whole).abs().mean() <= 0.02  # the halo is too small for more
    with pytest.raises(RuntimeError, match="memory"):
        method(content, style)


def _smooth(size: tuple[int, int]) -> Tensor:
    noise = torch.rand(1, 3, size[0] // 8, size[1] // 8)
    return torch.nn.functional.interpolate(noise, size, mode="bicubic").clamp(0, 1)


def test_a_first_frame_is_what_the_picture_is(method: Method) -> None:
    if not isinstance(method, OnePass):
        pytest.skip("no method of one pass")
    method = load(replace(method.settings, precision="float32"))
    assert isinstance(method, OnePass)
    content = _smooth((90, 131))
    style = encoded(method, _smooth((96, 120)), (131, 90))
    frame = TemporalSmoother(method, 0.9).paint(SeenFrame(Frame(content, 0, 1), None), style)
    difference = (frame - method(content, style)).abs() * 255
    assert difference.max() <= 2
    assert difference.mean() <= 0.05
