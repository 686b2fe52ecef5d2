"""The recipe that trains AdaIN-lite 2: it starts from what the first one paints, and resumes to the bit."""

from __future__ import annotations

import dataclasses
import math
import random
from io import BytesIO
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from brushwork import encode_style, read_image
from brushwork.methods.adain_lite.architecture import FIRST, SECOND
from brushwork.methods.adain_lite.network import LiteNetwork
from brushwork.nn import VGG
from brushwork.nn.statistics import gram_matrix
from brushwork.weights import ARCHITECTURES, get_record, load_into, read_model


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """The recipe, with an untrained loss network."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "recipes"))
    import painter_targets
    import train_painter

    torch.manual_seed(0)
    small = dataclasses.replace(ARCHITECTURES["vgg19"], widths=(6, 8, 10, 12, 14))
    given, loss = painter_targets.network, VGG(small, get_record("vgg19.caffe").preprocessing).requires_grad_(False)
    monkeypatch.setattr(
        painter_targets, "network", lambda name, device: loss if name == "none" else given(name, device)
    )
    monkeypatch.setattr(train_painter, "HELD", 1)
    for folder, count in (("photos", 202), ("paintings", 102)):
        (tmp_path / folder).mkdir()
        file = BytesIO()
        Image.effect_noise((200, 200), 100).convert("RGB").save(file, "JPEG")
        for index in range(count):
            (tmp_path / folder / f"{index:03}.jpg").write_bytes(file.getvalue())
    return train_painter


def train(recipe, folder: Path, out: str, *options: str) -> dict:
    """Train as the command does; the last checkpoint."""
    given = [
        "--loss-network",
        "none",
        "--quick-share",
        "0.5",
        "--photos",
        str(folder / "photos"),
        "--paintings",
        str(folder / "paintings"),
    ]
    small = ["--first", "2", "--batch", "1", "--save-every", "2", "--keep", "16"]
    recipe.main([*given, *small, "--out", str(folder / out), *options])
    return torch.load(folder / out / "checkpoint.pt", weights_only=True)


def test_a_resumed_training_gives_the_same_weights(recipe, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole = train(recipe, tmp_path, "whole", "--steps", "4")
    given = recipe.Run.train_step

    def killed(run) -> None:
        if run.step == 3:
            raise KeyboardInterrupt
        given(run)

    with monkeypatch.context() as patched:
        patched.setattr(recipe.Run, "train_step", killed)
        with pytest.raises(KeyboardInterrupt):
            train(recipe, tmp_path, "killed", "--steps", "4")
    again = train(recipe, tmp_path, "killed", "--steps", "4")
    assert again["step"] == whole["step"] == 4
    for kind in ("painter", "ema"):
        assert all(torch.equal(whole[kind][name], again[kind][name]) for name in whole[kind])
    assert [row["held content"] for row in again["log"]] == [row["held content"] for row in whole["log"]]
    written = read_model(str(tmp_path / "whole" / "adain-lite-3.safetensors"), "adain-lite")
    assert written.about["architecture"] == SECOND.name
    load_into(LiteNetwork(SECOND), written)
    start = str(tmp_path / "whole" / "adain-lite-3.safetensors")
    after = train(recipe, tmp_path, "after", "--steps", "2", "--start", start)  # another training begins where it ended
    assert after["log"][0]["held content"] == pytest.approx(whole["log"][-1]["held content"], rel=0.02)


def test_built_in_styles_are_trained_along(recipe, tmp_path: Path) -> None:
    (tmp_path / "named").mkdir()
    for name in ("pavel-filonov_animals-1930.jpg", "emile-bernard_bathers-1889.jpg"):
        (tmp_path / "named" / name).write_bytes((tmp_path / "paintings" / "000.jpg").read_bytes())
    options = ("--steps", "3", "--named", str(tmp_path / "named"), "--quick-share", "0")
    state = train(recipe, tmp_path, "never", *options, "--named-share", "0")
    assert not state["painter"]["tuned"].any()
    state = train(recipe, tmp_path, "always", *options, "--named-share", "1", "--own-share", "0")
    assert state["painter"]["tuned"].any()
    made = tmp_path / "always" / "adain-lite-3.safetensors"
    from tune_styles import Codes

    codes = Codes(made.with_name("adain-lite-3.styles"), made)
    assert {name.partition("/")[0] for name in codes.tensors} == {"animals", "bathers"}
    untuned = encode_style(codes.methods[2.0], tmp_path / "named" / "pavel-filonov_animals-1930.jpg", [384])
    found = codes.of("animals")
    assert set(found) == {0.5, 1.0, 2.0}
    assert 0 < (found[2.0] - untuned.code).norm() < 0.1 * untuned.code.norm()
    assert set(codes.origins) == {"adain-lite@0.5", "adain-lite", "adain-lite@2"}
    train(recipe, tmp_path, "on", *options[2:], "--steps", "0", "--start", str(made))  # what was learned is taken along
    again = Codes(tmp_path / "on" / "adain-lite-3.styles", made).of("animals")
    for scale, code in found.items():
        torch.testing.assert_close(again[scale], code, rtol=0, atol=0.01 * float(code.abs().max()))


def test_for_films_only_the_generator_learns_and_a_mixture_keeps_the_codes(
    recipe, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    train(recipe, tmp_path, "stills", "--steps", "2")
    first = tmp_path / "stills" / "adain-lite-3.safetensors"
    options = ("--steps", "2", "--learn", "painter", "--temporal-weight", "200", "--own-share", "0")
    state = train(recipe, tmp_path, "films", *options, "--start", str(first))
    assert state["log"][-1]["temporal"] > 0
    second, mixed = tmp_path / "films" / "adain-lite-3.safetensors", tmp_path / "mixed.safetensors"
    import mix_painters

    monkeypatch.setattr("sys.argv", ["", str(first), str(second), "--share", "0.5", "-o", str(mixed)])
    mix_painters.main()
    stills, films, both = (read_model(str(path), "adain-lite") for path in (first, second, mixed))
    assert both.about["codes"] == stills.sha256
    assert both.about["architecture"] == SECOND.name
    for name, tensor in both.tensors.items():
        if name.startswith("coder."):
            assert torch.equal(tensor, stills.tensors[name]), name
    changed = (films.tensors["painter.edges.weight"] - stills.tensors["painter.edges.weight"]).abs().max()
    assert changed > 0
    expected = torch.lerp(stills.tensors["painter.edges.weight"], films.tensors["painter.edges.weight"], 0.5)
    torch.testing.assert_close(both.tensors["painter.edges.weight"], expected, rtol=0, atol=0.006)
    since = ["", str(second), str(second), "--base", str(first), "--share", "1", "-o", str(mixed)]
    monkeypatch.setattr("sys.argv", since)  # the change once more
    mix_painters.main()
    added = 2 * films.tensors["painter.edges.weight"] - stills.tensors["painter.edges.weight"]
    found = read_model(str(mixed), "adain-lite").tensors["painter.edges.weight"]
    torch.testing.assert_close(found, added, rtol=0, atol=0.006)


def test_what_the_optimizer_paints_is_the_content(recipe, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import paint_examples

    made = tmp_path / "examples"
    given = ["", "--photos", str(tmp_path / "photos"), "--paintings", str(tmp_path / "paintings"), "--out", str(made)]
    monkeypatch.setattr("sys.argv", [*given, "--count", "1"])
    paint_examples.main()
    assert [path.name for path in sorted(made.iterdir())] == [
        f"00000.{kind}.png" for kind in ("painted", "painting", "photo")
    ]
    photo, painted = (read_image(made / f"00000.{kind}.png").pixels for kind in ("photo", "painted"))
    assert (painted - photo).abs().mean() > 0.005
    options = ("--steps", "2", "--examples", str(made), "--example-share", "1", "--own-share", "0")
    state = train(recipe, tmp_path, "examples-run", *options)
    (key,) = state["cache"]["example"]
    run = tmp_path / "examples-run"
    entry = recipe.TargetCache(run / "cache", {"example": 1}).get(key)
    teachers = recipe.Teachers("none", None)
    expected = teachers.photo(painted.contiguous(memory_format=torch.channels_last))["exact content"]
    assert torch.equal(entry["exact content"], expected)
    assert torch.equal(entry["pixels"], (photo[0] * 255).round().byte())


def test_a_maze_in_a_flat_sky_costs_what_the_painting_does_not_have_in_its_calm_places(recipe) -> None:
    generator = torch.Generator().manual_seed(0)
    sky = torch.full((1, 3, 64, 64), 0.5)
    maze = (sky + 0.1 * torch.randn(1, 1, 64, 64, generator=generator)).clamp(0, 1)
    loss = recipe.flat_loss
    assert float(loss(sky, sky, sky)) == 0
    assert float(loss(maze, sky, sky)) == pytest.approx(0.1, rel=0.1)
    assert float(loss(maze, sky, maze)) < 0.01  # the whole painting is as lively
    half = torch.cat([sky[..., :32], maze[..., :32]], 3)
    assert float(loss(maze, sky, half)) > 0.09  # half of it is calm
    assert float(loss(maze, maze, sky)) == 0  # so is the photo, which is no sky


def test_the_quick_gradient_of_gram_matrices(recipe) -> None:
    torch.manual_seed(0)
    features = torch.randn(2, 8, 6, 5).contiguous(memory_format=torch.channels_last).requires_grad_()
    weights = torch.randn(2, 8, 8)
    (expected,) = torch.autograd.grad((gram_matrix(features) * weights).sum(), features)
    (found,) = torch.autograd.grad((recipe.QuickGram.apply(features) * weights).sum(), features)
    assert torch.allclose(found, expected, atol=1e-6)


def test_jumps_at_a_grid_count(recipe) -> None:
    torch.manual_seed(0)
    noise = torch.rand(1, 3, 48, 48)
    hatched = noise + 0.5 * (torch.arange(48) // 4 % 2)  # an edge at every fourth column
    assert recipe.jump_loss(hatched) > 10 * recipe.jump_loss(noise)


def test_blobs_that_the_photo_does_not_have_count(recipe) -> None:
    torch.manual_seed(0)
    photo = F.interpolate(torch.rand(1, 3, 12, 12), scale_factor=8.0, mode="bilinear")
    blobs = torch.rand(1, 1, 8, 8).round().repeat_interleave(12, 2).repeat_interleave(12, 3)
    recolored = photo[:, [2, 0, 1]] * 0.8 + 0.1
    assert recipe.blob_loss(recolored, photo) < 1e-5
    assert recipe.blob_loss(recolored + 0.2 * blobs, photo) > 1e-3


def test_contrast_is_compared_per_octave(recipe) -> None:
    from painter_losses import octaves

    torch.manual_seed(0)
    coarse = torch.rand(1, 3, 12, 12).repeat_interleave(8, 2).repeat_interleave(8, 3)
    grain = 0.2 * torch.rand(1, 3, 96, 96)
    wanted = octaves(coarse + grain)
    assert recipe.octave_loss(coarse + grain, wanted) == 0
    more = octaves(coarse + 2 * grain) - wanted
    assert more[0, 0] > 0.4  # at most log 2, if it were the grain alone
    assert more[0, 3].abs() < 0.05
    twice = recipe.octave_loss(2 * (coarse + grain), wanted)
    assert float(twice) == pytest.approx(math.log(2) ** 2, abs=1e-3)


def test_smooth_paintings_have_no_fine_detail(recipe) -> None:
    from painter_losses import octaves

    painting = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    for seed in range(5):
        smooth = recipe.smoothed(painting, random.Random(seed))
        assert smooth.shape == painting.shape
        assert (octaves(smooth) - octaves(painting))[0, 0] < -1
        assert (smooth.mean() - painting.mean()).abs() < 0.01


def test_a_wider_network_paints_the_same_at_first(recipe) -> None:
    from grow_painter import grown

    torch.manual_seed(0)
    small = LiteNetwork()
    load_into(small, read_model("adain-lite", "adain-lite"))
    large = grown(small, dataclasses.replace(SECOND, colors=False))
    moments = [(torch.rand(1, 3), 0.02 * torch.eye(3)[None])]
    moments += [(torch.rand(1, channels), torch.eye(channels)[None]) for _, channels in SECOND.layers]
    photo = torch.rand(1, 3, 64, 96)
    with torch.inference_mode():
        expected = small(photo, moments[: 1 + len(FIRST.layers)])
        assert torch.allclose(large(photo, moments), expected, atol=1e-5)
    assert expected.std() > 0.01
