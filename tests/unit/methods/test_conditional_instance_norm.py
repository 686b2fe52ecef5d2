"""Conditional instance normalization: learning styles, a row, a predictor; rows as styles, blends, regions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from brushwork import ConditionalInstanceNorm, Picture, encode_style, load, stylize, write_image
from brushwork.errors import UsageError, WeightsError
from brushwork.methods.conditional_instance_norm import (
    ConditionalInstanceNormStyleNetwork,
    PredictorTask,
    StyleRow,
    StylesTask,
)
from brushwork.methods.one_pass import OnePass
from brushwork.options.training import TrainConditional
from brushwork.runtime.tensor_files import read_tensors, write_tensors
from brushwork.styles.regions import Regions
from brushwork.training.data import PhotoFolder

CPU = torch.device("cpu")
SMALL = TrainConditional(steps=1, batch=2, side=64, width=4, blocks=1, style_size=64)


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the network mine.safetensors of the styles calm and wild, and photo.png."""
    monkeypatch.chdir(tmp_path)
    task = StylesTask(SMALL, {"calm": torch.rand(1, 3, 64, 64), "wild": torch.rand(1, 3, 64, 80)}, CPU)
    for parameter in task.network.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    task.write(tmp_path / "mine.safetensors")
    write_image(Picture(torch.rand(1, 3, 33, 47)), "photo.png")
    return tmp_path


def method(strength: float = 1.0, model: str = "mine.safetensors") -> OnePass[Any]:
    loaded = load(ConditionalInstanceNorm(model=model, strength=strength, precision="float32"))
    assert isinstance(loaded, OnePass)
    assert isinstance(loaded.network, ConditionalInstanceNormStyleNetwork)
    return loaded


def rows(loaded: OnePass[Any]) -> list[StyleRow]:
    return [encode_style(loaded, f"mine/{name}.safetensors", [48]) for name in ("calm", "wild")]


def test_each_style_is_a_row_of_the_network_s_table(trained: Path) -> None:
    loaded = method()
    assert torch.allclose(torch.stack([style.row for style in rows(loaded)]), loaded.network.painter.table(), atol=1e-3)
    photo = torch.rand(1, 3, 64, 64)
    for k, style in enumerate(rows(loaded)):
        shares = torch.eye(2)[k]
        assert torch.allclose(loaded(photo, style), loaded.network.painter(photo, shares).clamp(0, 1), atol=1e-3)


def test_styles_are_learned_each_for_its_own_photos() -> None:
    task = StylesTask(SMALL, {name: torch.rand(1, 3, 64, 64) ** power for name, power in (("a", 1), ("b", 9))}, CPU)
    torch.stack(list(task.terms(torch.rand(4, 3, 64, 64)).values())).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in task.network.parameters())
    assert not torch.equal(task.painted(torch.rand(1, 3, 64, 64).expand(2, -1, -1, -1))[0], torch.zeros(3, 64, 64))


def test_a_new_row_is_learned_with_the_network_as_it_is(trained: Path) -> None:
    settings = replace(SMALL, learn="row", start="mine.safetensors")
    task = StylesTask(settings, {"new": torch.rand(1, 3, 64, 64)}, CPU)
    learning = {name for name, p in task.network.named_parameters() if p.requires_grad}
    assert learning
    assert all(name.startswith("norms.") for name in learning)
    assert torch.allclose(task.network.table()[0], method().network.painter.table().mean(0), atol=1e-3)
    task.write(Path("new.safetensors"))
    assert stylize("photo.png", "new.safetensors", method=method()).picture.size == (47, 33)
    assert stylize("photo.png", "new.safetensors:1+mine/calm.safetensors:1", method=method()).picture.size == (47, 33)


def test_a_predictor_makes_rows_of_paintings(trained: Path) -> None:
    with pytest.raises(UsageError, match="can't predict styles from paintings"):
        stylize("photo.png", "photo.png", method=method())
    paintings = Path("paintings")
    paintings.mkdir()
    for k in range(3):
        write_image(Picture(torch.rand(1, 3, 70, 70)), paintings / f"{k}.png")
    task = PredictorTask(replace(SMALL, learn="predictor", start="mine.safetensors"), PhotoFolder(paintings, 64), CPU)
    torch.stack(list(task.terms(torch.rand(2, 3, 64, 64)).values())).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in task.network.parameters())
    assert all(p.grad is None for p in task.painter.parameters())
    task.write(Path("predicting.safetensors"))
    loaded = method(model="predicting.safetensors")
    first, second = (loaded.encode_style(torch.rand(1, 3, 48, 48) ** power, sizes=[64]) for power in (1, 5))
    assert not torch.equal(first.row, second.row)
    assert stylize("photo.png", "paintings/0.png", method=loaded).picture.size == (47, 33)
    # Rows that were learned belong to the network with its predictor too.
    assert stylize("photo.png", "mine/calm.safetensors", method=loaded).picture.size == (47, 33)


def test_strength_and_regions(trained: Path) -> None:
    photo = torch.rand(1, 3, 64, 64)
    calm, wild = rows(method())
    whole = method()(photo, calm)
    assert torch.allclose(method(0.25)(photo, calm), torch.lerp(photo, whole, 0.25), atol=1e-5)
    left = torch.zeros(1, 1, 64, 64)
    left[..., :32] = 1
    assert torch.equal(method()(photo, Regions([calm], left))[..., 32:], photo[..., 32:])
    one = method()(photo, Regions([calm, wild], torch.cat([left, 1 - left])))
    assert not torch.allclose(one, whole, atol=1e-3)
    same = method()(photo, Regions([calm, calm], torch.cat([left, 1 - left])))
    assert torch.allclose(same, whole, atol=1e-4)
    left[..., 16:] = 0  # three quarters are no style's
    part = method()(photo, Regions([calm, calm], torch.cat([left / 2, left / 2])))
    assert torch.allclose(part[..., :16], whole[..., :16], atol=1e-4)
    assert torch.equal(part[..., 16:], photo[..., 16:])


def test_what_does_not_fit_is_refused(trained: Path) -> None:
    StylesTask(SMALL, {"calm": torch.rand(1, 3, 64, 64)}, CPU).write(Path("other.safetensors"))
    with pytest.raises(UsageError, match="other settings"):  # a row of another network
        stylize("photo.png", "other/calm.safetensors", method=method())
    with pytest.raises(WeightsError, match="unknown model 'none'"):
        method(model="none")
    write_tensors(Path("bad.safetensors"), {"painter.x": torch.zeros(1)}, {"model": "conditional-instance-norm"})
    with pytest.raises(WeightsError, match=r"bad\.safetensors contains no"):
        method(model="bad.safetensors")
    tensors = read_tensors(Path("mine.safetensors"))
    tensors["painter.convs.up3.conv.bias"] += float("nan")
    write_tensors(Path("nan.safetensors"), tensors, {"model": "conditional-instance-norm"})
    with pytest.raises(WeightsError, match="NaN"):
        method(model="nan.safetensors")
