"""A job that was stopped goes on and ends with the same bits; another job's file, or a damaged one, is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from torch import Tensor

from brushwork import Gatys, load, stylize
from brushwork.errors import BrushworkError, Interrupted, UsageError
from brushwork.image import Picture
from brushwork.io import write_image
from brushwork.optim.pyramid import Pyramid, Scale
from brushwork.runtime.checkpoints import Checkpoint, State, different
from brushwork.runtime.progress import Step
from brushwork.runtime.tensor_files import write_tensors

SCALES = [Scale(6, 4, 12), Scale(12, 8, 8), Scale(24, 16, 5)]


def run(kind: str, *, bad_at: int = 0, **options: Any) -> tuple[Tensor, list[int]]:
    """A picture by pyramid; the loss is not a number at the evaluation `bad_at`."""

    def objective(scale: Scale) -> Callable[[Tensor], tuple[Tensor, dict[str, Tensor]]]:
        target = torch.linspace(0.05, 0.95, 3 * scale.width * scale.height).reshape(1, 3, scale.height, scale.width)

        def loss(pixels: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
            steps.append(scale.width)
            worse = math.nan if len(steps) == bad_at else 1.0
            far = (pixels - target).square().mean() + (pixels.diff(dim=3) ** 4).sum()
            return far * worse, {"far": far}

        return loss

    steps: list[int] = []
    first = torch.rand(1, 3, 4, 6, generator=torch.Generator().manual_seed(1))
    return Pyramid(SCALES, lambda size: first, objective, kind=kind, **options).run(), steps


def stop_after(count: int) -> Callable[[Step], None]:
    def stop(step: Step) -> None:
        if step.step == count + 1:  # the state of a step is saved after its report
            raise Interrupted

    return stop


# 12, 13 and 20 are the last and the first step of a scale; 1 has an empty history.
@pytest.mark.parametrize("step", [1, 2, 7, 12, 13, 20, 24])
@pytest.mark.parametrize("kind", ["lbfgs", "adam"])
def test_resumed_anywhere_it_ends_with_the_same_bits(kind: str, step: int, tmp_path: Path) -> None:
    whole, _ = run(kind)
    checkpoint = Checkpoint(tmp_path / "c", every=step)
    with pytest.raises(Interrupted):
        run(kind, checkpoint=checkpoint, progress=stop_after(step))
    seen: list[Step] = []
    resumed, steps = run(kind, checkpoint=checkpoint, progress=seen.append)
    assert torch.equal(resumed, whole)
    assert len(steps) == 25 - step
    assert [s.step for s in seen] == list(range(step + 1, 26))
    assert {s.steps for s in seen} == {25}


@pytest.mark.parametrize("kind", ["lbfgs", "adam"])
def test_resumed_right_after_a_step_back(kind: str, tmp_path: Path) -> None:
    whole, _ = run(kind, bad_at=9)
    checkpoint = Checkpoint(tmp_path / "c", every=9)
    with pytest.raises(Interrupted):
        run(kind, bad_at=9, checkpoint=checkpoint, progress=stop_after(9))
    facts = checkpoint.load().facts["optimizer"]  # type: ignore[union-attr]
    assert facts["halvings"] == 1
    assert torch.equal(run(kind, checkpoint=checkpoint)[0], whole)
    assert not torch.equal(run(kind)[0], whole)


def test_killed_again_and_again(tmp_path: Path) -> None:
    whole, _ = run("lbfgs", tolerance=1e-9)
    checkpoint = Checkpoint(tmp_path / "c", every=1)
    for step in range(1, 25):
        with pytest.raises(Interrupted):
            run("lbfgs", checkpoint=checkpoint, tolerance=1e-9, progress=stop_after(step))
    assert torch.equal(run("lbfgs", checkpoint=checkpoint, tolerance=1e-9)[0], whole)


@pytest.mark.parametrize("settings", [{"optimizer": "lbfgs"}, {"optimizer": "adam"}], ids=["lbfgs", "adam"])
def test_a_real_picture_resumed_has_the_same_bits(settings: dict[str, Any], tmp_path: Path) -> None:
    photo, painting = Picture(torch.rand(1, 3, 36, 60)), Picture(torch.rand(1, 3, 40, 40))
    method = load(Gatys(steps=8, scales=2, **settings))
    whole = stylize(photo, painting, method=method).picture.pixels
    for every in (2, 5):
        checkpoint = Checkpoint(tmp_path / f"{every}", every=every)
        with pytest.raises(Interrupted):
            stylize(photo, painting, method=method, checkpoint=checkpoint, progress=stop_after(every))
        resumed = stylize(photo, painting, method=method, checkpoint=checkpoint)
        assert torch.equal(resumed.picture.pixels, whole)


def test_nothing_is_resumed_unless_wanted(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "c", every=5)
    with pytest.raises(Interrupted):
        run("lbfgs", checkpoint=checkpoint, progress=stop_after(5))
    assert len(run("lbfgs", checkpoint=replace(checkpoint, resume=False))[1]) == 25


def test_numbers_come_back_exactly(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "c")
    facts = {"a": 0.1 + 0.2, "b": math.inf, "c": -0.0, "d": 5e-324, "e": [1 / 3], "f": True, "g": {"h": "ö"}}
    tensors = {"x": torch.tensor([math.nan, -0.0, 1e-45]), "y": torch.tensor(3.0), "z": torch.rand(2, 3).T}
    checkpoint.save(State(tensors, facts))
    found = checkpoint.load()
    assert found is not None
    assert found.facts == facts
    assert math.copysign(1, found.facts["c"]) == -1
    for name, tensor in tensors.items():
        assert torch.equal(found.tensors[name].contiguous().view(torch.int32), tensor.contiguous().view(torch.int32))


def test_another_job_is_refused_and_says_what_differs(tmp_path: Path) -> None:
    for name in ("photo.png", "other.png", "wave.png"):
        write_image(Picture(torch.rand(1, 3, 36, 48)), tmp_path / name)
    (tmp_path / "renamed.png").write_bytes((tmp_path / "photo.png").read_bytes())
    checkpoint = Checkpoint(tmp_path / "c", every=1)
    settings = Gatys(steps=3, scales=1)

    def go(photo: str, settings: Gatys, **options: Any) -> None:
        stylize(tmp_path / photo, tmp_path / "wave.png", settings, checkpoint=checkpoint, **options)

    with pytest.raises(Interrupted):
        go("photo.png", settings, progress=stop_after(1))
    for words, photo, other, options in [
        ("content.sha256", "other.png", settings, {}),
        ("settings.steps 3, not 4", "photo.png", replace(settings, steps=4), {}),
        (r"size \[48, 36\], not \[40, 30\]", "photo.png", settings, {"size": 40}),
        ("keep_color None, not luminance", "photo.png", settings, {"keep_color": "luminance"}),
    ]:
        with pytest.raises(UsageError, match=f"c belongs to a different job .*{words}.*start over"):
            go(photo, other, **options)
    go("renamed.png", settings)  # what is in a file counts, not its name


def test_the_number_of_threads_belongs_to_the_job() -> None:
    job = {"threads": 1, "styles": [{"name": "a", "sha256": "1", "weight": 1.0}], "init": None}
    assert different(job, {**job, "threads": 2}) == ["threads 1, not 2"]
    assert different(job, {**job, "styles": [*job["styles"], {"sha256": "2"}]}) == ["styles.2.sha256 None, not 2"]  # type: ignore[misc]
    assert not different(job, json.loads(json.dumps(job)))


def test_what_an_older_checkpoint_lacks_has_its_default(tmp_path: Path) -> None:
    photo, painting = Picture(torch.rand(1, 3, 36, 48)), Picture(torch.rand(1, 3, 40, 40))
    checkpoint, settings = Checkpoint(tmp_path / "c", every=2), Gatys(steps=4, scales=1, tolerance=0)
    whole = stylize(photo, painting, settings).picture.pixels

    def go(settings: Gatys, **options: Any) -> Tensor:
        return stylize(photo, painting, settings, checkpoint=checkpoint, **options).picture.pixels

    with pytest.raises(Interrupted):
        go(settings, progress=stop_after(2))
    with safe_open(checkpoint.path, "pt") as file:  # as if masks and tv_weight had been added later
        facts, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    job = json.loads(facts["job"])
    del job["masks"], job["settings"]["tv_weight"]
    write_tensors(checkpoint.path, tensors, {**facts, "job": json.dumps(job)})
    with pytest.raises(UsageError, match=r"a different job \(settings.tv_weight 0.0, not 0.5\)"):
        go(replace(settings, tv_weight=0.5))
    assert torch.equal(go(settings), whole)


def test_defaults_stand_for_what_is_missing_at_any_depth() -> None:
    defaults = {"masks": (), "settings": {"steps": 300, "layers": ("a", "b")}}
    old, new = {"settings": {}}, {"masks": [], "settings": {"steps": 300, "layers": ["a", "b"]}}
    assert not different(old, new, defaults)
    assert not different(new, old, defaults)
    assert different(old, {"settings": {"steps": 200}}, defaults) == ["settings.steps 300, not 200"]
    assert different(old, {"masks": [{"sha256": "1"}]}, defaults)


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "flipped", "foreign", "hollow", "small"])
def test_a_damaged_file_is_one_clear_error(damage: str, tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "c", every=20)
    with pytest.raises(Interrupted):
        run("lbfgs", checkpoint=checkpoint, progress=stop_after(20))
    whole = checkpoint.path.read_bytes()
    if damage == "foreign":
        write_tensors(checkpoint.path, {"a": torch.rand(3)}, {})
    elif damage in ("hollow", "small"):
        state = checkpoint.load()
        assert state is not None
        small = {**state.tensors, "best": torch.rand(1, 3, 4, 6)}
        checkpoint.save(State(state.tensors, {}) if damage == "hollow" else State(small, state.facts))
    else:
        flipped = whole[:-40] + bytes([whole[-40] ^ 1]) + whole[-39:]
        checkpoint.path.write_bytes({"empty": b"", "text": b"{}", "cut": whole[:-9], "flipped": flipped}[damage])
    with pytest.raises(BrushworkError, match=r"c is damaged, or not a checkpoint .* delete it to start over"):
        run("lbfgs", checkpoint=checkpoint)


def test_a_full_disk_ends_the_work_only_if_nobody_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    told: list[BrushworkError] = []
    checkpoint = Checkpoint(tmp_path / "c", every=10, failed=told.append)
    run("lbfgs", checkpoint=checkpoint)
    assert "no space left on device" in str(told[0])
    assert not list(tmp_path.iterdir())
    with pytest.raises(BrushworkError, match="can't be written"):
        run("lbfgs", checkpoint=replace(checkpoint, failed=None))


def test_remove_takes_what_killed_processes_left(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "a[1].png.checkpoint")
    checkpoint.save(State({}, {}))
    (tmp_path / ".a[1].png.checkpoint.123.tmp").write_bytes(b"half")
    (tmp_path / "a1.png.checkpoint").write_bytes(b"another's")
    checkpoint.remove()
    checkpoint.remove()
    assert [path.name for path in tmp_path.iterdir()] == ["a1.png.checkpoint"]


def test_every_is_at_least_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least 1 step"):
        Checkpoint(tmp_path / "c", every=0)
