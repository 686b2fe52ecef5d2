"""Texture networks: the generator against the paper's figures, noise by place, textures that join, diversity."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from brushwork import Picture, TextureNets, load, stylize, synthesize, write_image
from brushwork.errors import UsageError
from brushwork.methods.one_pass import OnePass
from brushwork.methods.texture_nets import TextureNetsStyleNetwork, TextureNetwork, TextureTask, noise
from brushwork.options.training import TrainTextureNets

CPU = torch.device("cpu")
SMALL = TrainTextureNets(steps=1, batch=2, side=64, channels=2, scales=3, style_size=64)


def method(seed: int = 0) -> OnePass[Any]:
    loaded = load(TextureNets(seed=seed, precision="float32"))
    assert isinstance(loaded, OnePass)
    assert isinstance(loaded.network, TextureNetsStyleNetwork)
    return loaded


def learned(photo: bool = True) -> TextureNetwork:
    torch.manual_seed(3)
    return method().load_style(TextureNetwork(2, 3, photo=photo).state_dict())


def test_the_generator_is_as_large_as_the_paper_s() -> None:
    """Supplementary material, figure 8: 8 channels of each of 5 sizes, 40 in the end; about 65 thousand weights."""
    network = TextureNetwork(8, 5, photo=False)
    assert network.last.weight.shape == (3, 40, 1, 1)
    assert [block[0].conv.weight.shape[0] for block in network.joined] == [16, 24, 32, 40]  # type: ignore[index]
    assert 50_000 < sum(p.numel() for p in network.parameters()) < 80_000


def test_noise_is_a_matter_of_seed_and_place() -> None:
    small, large = noise(64, 32, 3, 7), noise(128, 96, 3, 7)
    assert [field.shape for field in small] == [(1, 3, 32, 64), (1, 3, 16, 32), (1, 3, 8, 16)]
    for one, other in zip(small, large, strict=True):
        assert torch.equal(one, other[..., : one.shape[2], : one.shape[3]])
    assert not torch.equal(small[0], noise(64, 32, 3, 8)[0])
    field = noise(256, 256, 1, 0)[0]
    assert 0 <= field.min() < 0.01 < 0.99 < field.max() < 1
    assert abs(float(field.mean()) - 0.5) < 0.01
    assert abs(float(field.std()) - 12**-0.5) < 0.01
    flat = field[0].flatten(1) - 0.5
    neighbors = torch.stack([(field[0, :, :, 1:] - 0.5).flatten(1), (field[0, :, :, :-1] - 0.5).flatten(1)])
    assert (neighbors.prod(0).mean(1) / flat.square().mean(1)).abs().max() < 0.02
    assert (torch.corrcoef(flat) - torch.eye(3)).abs().max() < 0.02


def test_seeds_give_other_pictures() -> None:
    photo, style = torch.rand(1, 3, 40, 50), learned()
    assert torch.equal(method(1)(photo, style), method(1)(photo, style))
    assert not torch.equal(method(1)(photo, style), method(2)(photo, style))


def test_a_texture_s_borders_join() -> None:
    style = learned(photo=False)
    texture = method().network.synthesize(style, 128, 160)
    assert texture.shape == (1, 3, 160, 128)

    def step(x: Tensor, y: Tensor) -> float:
        return float((x - y).abs().mean())

    across, inside = step(texture[..., 0], texture[..., -1]), step(texture[..., 1:], texture[..., :-1])
    assert across < 2 * inside
    small = method().network.synthesize(style, 8, 12)
    assert step(small[..., 0, :], small[..., -1, :]) < 2 * step(small[..., 1:, :], small[..., :-1, :])


def test_a_network_does_what_it_was_trained_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_image(Picture(torch.rand(1, 3, 33, 47)), "photo.png")
    for makes in ("pictures", "textures"):
        task = TextureTask(replace(SMALL, makes=makes), torch.rand(1, 3, 64, 64), CPU)
        task.write(Path(f"{makes}.safetensors"))
    assert stylize("photo.png", "pictures.safetensors", TextureNets()).picture.size == (47, 33)
    assert synthesize("textures.safetensors", 70, 30).size == (70, 30)
    with pytest.raises(UsageError, match="brushwork synthesize"):
        stylize("photo.png", "textures.safetensors", TextureNets())
    with pytest.raises(UsageError, match="brushwork stylize"):
        synthesize("pictures.safetensors", 70, 30)
    with pytest.raises(UsageError, match="trained for one style"):
        synthesize("photo.png", 70, 30)
    with pytest.raises(UsageError, match="sides of at least 1"):
        synthesize("textures.safetensors", 0, 30)


@pytest.mark.parametrize("settings", [SMALL, replace(SMALL, makes="textures"), replace(SMALL, normalization="batch")])
def test_every_parameter_learns(settings: TrainTextureNets) -> None:
    task = TextureTask(replace(settings, diversity_weight=1.0), torch.rand(1, 3, 64, 64), CPU)
    terms = task.terms(torch.rand(2, 3, 64, 64))
    assert ("content" in terms) == (settings.makes == "pictures")
    torch.stack(list(terms.values())).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in task.network.parameters())


def test_pictures_that_are_alike_cost() -> None:
    task = TextureTask(replace(SMALL, diversity_weight=2.0), torch.rand(1, 3, 64, 64), CPU)
    same = torch.rand(1, 3, 64, 64)
    alike = task._sameness(torch.cat([same, same + 1e-3 * torch.rand_like(same), same]))
    assert alike > task._sameness(torch.rand(3, 3, 64, 64)) + 1


def test_a_start_of_the_other_kind_is_refused(tmp_path: Path) -> None:
    start = tmp_path / "pictures.safetensors"
    TextureTask(SMALL, torch.rand(1, 3, 64, 64), CPU).write(start)
    with pytest.raises(UsageError, match="makes pictures"):
        TextureTask(replace(SMALL, makes="textures", start=str(start)), torch.rand(1, 3, 64, 64), CPU)


def test_sides_that_cannot_be_halved_are_refused() -> None:
    with pytest.raises(UsageError, match="multiple of 32, at least twice that, got 72"):
        TextureTask(replace(SMALL, side=72, scales=6), torch.rand(1, 3, 64, 64), CPU)
