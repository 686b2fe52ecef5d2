from __future__ import annotations

import csv
import dataclasses
import time
from io import BytesIO
from pathlib import Path

import pytest
import torch
from PIL import Image

from brushwork.nn import VGG
from brushwork.weights import ARCHITECTURES, get_record

WIDTHS = "4,4,8,8,12"


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """The recipe, with small pictures and an untrained teacher."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "recipes"))
    import distil_vgg19_slim
    import distillation
    import slim_student

    torch.manual_seed(0)
    small = dataclasses.replace(ARCHITECTURES["vgg19"], widths=(6, 8, 10, 12, 14))
    teacher = VGG(small, get_record("vgg19.caffe").preprocessing).requires_grad_(False)
    for module in (distil_vgg19_slim, slim_student):
        monkeypatch.setattr(module, "TEACHER_WIDTHS", small.widths)
    monkeypatch.setattr(distillation, "CROP", 32)
    monkeypatch.setattr(distil_vgg19_slim, "HELD", 2)
    monkeypatch.setattr(distil_vgg19_slim, "network", lambda *_: teacher)
    file = BytesIO()
    Image.effect_noise((40, 40), 100).convert("RGB").save(file, "PNG")
    for folder, count in (("photos", 202), ("paintings", 102)):
        (tmp_path / folder).mkdir()
        for index in range(count):
            (tmp_path / folder / f"{index:03}.png").write_bytes(file.getvalue())
    return distil_vgg19_slim


def train(recipe, folder: Path, out: str, *options: str) -> dict:
    """Train as the command does; the last checkpoint."""
    given = ["--teacher", "none", "--photos", str(folder / "photos"), "--paintings", str(folder / "paintings")]
    small = ["--widths", WIDTHS, "--first", "8", "--snapshot-every", "3", "--save-every", "2"]
    recipe.main([*given, *small, "--out", str(folder / out), *options])
    return torch.load(folder / out / "checkpoint.pt", weights_only=True)


def stop_after(recipe, monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    """Let a training be killed in the middle of a step."""
    whole = recipe.Run.train_step

    def train_step(run) -> None:
        if run.step == steps:
            raise KeyboardInterrupt
        whole(run)

    monkeypatch.setattr(recipe.Run, "train_step", train_step)


def same(first: dict, second: dict) -> bool:
    return all(
        torch.equal(first[kind][name], second[kind][name]) for kind in ("student", "ema") for name in first[kind]
    )


def test_a_resumed_training_gives_the_same_weights(recipe, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole = train(recipe, tmp_path, "whole", "--steps", "6")
    with monkeypatch.context() as patch:
        stop_after(recipe, patch, 5)
        with pytest.raises(KeyboardInterrupt):
            train(recipe, tmp_path, "killed", "--steps", "6")
    assert torch.load(tmp_path / "killed" / "checkpoint.pt", weights_only=True)["step"] == 4
    assert same(train(recipe, tmp_path, "killed", "--steps", "6"), whole)


def test_a_prolonged_training_goes_on_from_before_its_rate_fell(recipe, tmp_path: Path) -> None:
    train(recipe, tmp_path, "longer", "--steps", "4")  # falls from step 3
    longer = train(recipe, tmp_path, "longer", "--steps", "8")
    assert same(longer, train(recipe, tmp_path, "at once", "--steps", "8"))


def test_nothing_is_trained_while_the_pause_file_is_there(
    recipe, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    train(recipe, tmp_path, "run", "--steps", "2")
    pause = tmp_path / "run" / "PAUSE"
    pause.touch()
    steps = []

    def sleep(_: float) -> None:
        steps.append(torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)["step"])
        if len(steps) == 3:
            pause.unlink()

    monkeypatch.setattr(time, "sleep", sleep)
    assert train(recipe, tmp_path, "run", "--steps", "4")["step"] == 4
    assert len(steps) == 3
    assert max(steps) <= 2


def test_what_is_exported_and_logged(recipe, tmp_path: Path) -> None:
    state = train(recipe, tmp_path, "run", "--steps", "2", "--name", "mine")
    import slim_student
    from safetensors.torch import load_file

    tensors = {name: tensor.float() for name, tensor in load_file(tmp_path / "run" / "mine.safetensors").items()}
    exported = VGG.from_tensors(tensors, get_record("vgg19-slim").preprocessing)
    student = slim_student.Student(tuple(map(int, WIDTHS.split(","))))
    student.load_state_dict(state["ema"])
    picture = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        lifted = student.heads["relu5_1"] @ student(picture)["relu5_1"].flatten(2)[0]
        tapped = exported(picture, ["relu5_1"])["relu5_1"].flatten(2)[0]
    assert torch.allclose(lifted.T @ lifted, tapped.T @ tapped, rtol=0.02, atol=0.02 * float(lifted.norm() ** 2))
    with (tmp_path / "run" / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["0", "2"]
    assert float(rows[-1]["held gram relu5_1"]) > 0
    assert float(rows[-1]["snapshot gram relu5_1"]) > 0


def test_a_wider_network_goes_on_from_a_narrow_one(recipe, tmp_path: Path) -> None:
    import slim_student

    teacher, narrow = recipe.network(), slim_student.Student((4, 4, 8, 8, 12))
    for head in narrow.heads.values():
        torch.nn.init.normal_(head)
    slim_student.export(narrow.state_dict(), tmp_path / "narrow.safetensors")
    wide, picture = slim_student.Student((4, 6, 8, 8, 14)), torch.rand(1, 3, 32, 32)
    slim_student.continue_from(tmp_path / "narrow.safetensors", teacher, wide, torch.rand(4, 3, 32, 32))
    with torch.no_grad():
        for layer in ("relu2_1", "relu5_1"):
            before, after = (net.heads[layer] @ net(picture)[layer].flatten(2)[0] for net in (narrow, wide))
            assert torch.allclose(before.T @ before, after.T @ after, rtol=0.02, atol=0.02 * float(before.norm() ** 2))
    with pytest.raises(SystemExit, match="12 channels at relu5_1, more than the 8 wanted"):
        slim_student.continue_from(
            tmp_path / "narrow.safetensors", teacher, slim_student.Student((4, 4, 8, 8, 8)), torch.rand(4, 3, 32, 32)
        )
