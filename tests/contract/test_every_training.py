"""What every training promises; a new one is tested by being registered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from brushwork.errors import UsageError
from brushwork.image import Picture
from brushwork.io import write_image
from brushwork.methods.training_tasks import task_of
from brushwork.options.base import option_of
from brushwork.options.training import Training
from brushwork.registry import TRAININGS
from brushwork.runtime.tensor_files import read_tensors
from brushwork.training.data import PhotoFolder
from brushwork.training.loop import Report, Trainer

Make = Callable[..., Trainer]
SMALL: dict[str, Any] = {
    **{"steps": 3, "batch": 2, "save_every": 2, "style_size": 64, "precision": "float32"},
    **{"width": 4, "blocks": 1, "channels": 2, "scales": 3},
}
# What else a method learns, beside what it learns by default.
WAYS = {
    **{name: (name, {}) for name in TRAININGS},
    "any style with a critic": ("adain-lite", {"adversarial_weight": 0.1}),
    "any style for films": (
        "adain-lite",
        {"temporal_weight": 100.0, "learn": "painter", "start": "adain-lite"},
    ),
    "a critic": ("conditional-instance-norm", {"adversarial_weight": 0.1, "adversarial_loss": "least-squares"}),
    "batch normalization": ("johnson", {"normalization": "batch"}),
    "a row": ("conditional-instance-norm", {"learn": "row", "start": "model.safetensors"}),
    "a predictor with a critic": (
        "conditional-instance-norm",
        {"learn": "predictor", "start": "model.safetensors", "adversarial_weight": 0.1},
    ),
    "a predictor": ("conditional-instance-norm", {"learn": "predictor", "start": "model.safetensors"}),
    "textures": ("texture-nets", {"makes": "textures", "diversity_weight": 0.5}),
}


class StopError(Exception):
    pass


def settings_of(way: str) -> tuple[str, Training]:
    method, more = WAYS[way]
    kind = TRAININGS[method]
    smallest = {"side": 96 if method == "adain-lite" else 64}
    values = {**SMALL, **smallest, **more}
    return method, kind(**{name: value for name, value in values.items() if name in option_of(kind)})


SLOW = ("any style with a critic", "a predictor with a critic")  # of which each half is tested anyway


@pytest.fixture(params=[pytest.param(way, marks=pytest.mark.slow) if way in SLOW else way for way in WAYS])
def make(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes a trainer that writes to a name."""
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    for number in range(4):
        write_image(Picture(torch.rand(1, 3, 80, 96)), f"photos/{number}.png")

    def make(output: str, way: str = request.param, **changes: Any) -> Trainer:
        method, settings = settings_of(way)
        settings = replace(settings, **changes)
        styles = {"one": Path("photos") if settings.any_style else Path("photos/0.png")}
        if way in ("conditional-instance-norm", "a critic"):
            styles["two"] = Path("photos/1.png")
        task = task_of(method, settings, styles, torch.device("cpu"))
        return Trainer(task, PhotoFolder("photos", settings.side), settings, Path(f"{output}.safetensors"))

    if WAYS[request.param][1].get("start") == "model.safetensors":
        make("model", "conditional-instance-norm").run()
    return make


def test_killed_and_resumed_it_writes_the_same_numbers(make: Make) -> None:
    whole = make("whole")
    whole.run()

    def stop(report: Report) -> None:
        if report.step == 2:
            raise StopError

    halted = make("halted")
    with pytest.raises(StopError):
        halted.run(stop)
    again = make("halted")
    assert again.resume()
    again.run()
    assert again.state.losses == whole.state.losses
    ours, theirs = read_tensors(again.output), read_tensors(whole.output)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_it_learns(make: Make) -> None:
    run = make("mine")
    before = [p.detach().clone() for p in run.task.network.parameters() if p.requires_grad]
    still = [p.detach().clone() for p in run.task.network.parameters() if not p.requires_grad]
    run.run()
    after = [p for p in run.task.network.parameters() if p.requires_grad]
    assert sum(not torch.equal(p, q) for p, q in zip(before, after, strict=True)) > 0.7 * len(after)
    kept = [p for p in run.task.network.parameters() if not p.requires_grad]
    assert all(torch.equal(p, q) for p, q in zip(still, kept, strict=True))
    assert all(p.isfinite().all() for p in after)


def test_samples_are_pictures(make: Make) -> None:
    run = make("mine")
    sheet = run.samples()
    assert sheet.shape == (1, 3, 2 * run.settings.side, 4 * run.settings.side)
    assert 0 <= sheet.min() <= sheet.max() <= 1


def test_a_fine_tuning_begins_where_it_ended(make: Make, request: pytest.FixtureRequest) -> None:
    if "start" in WAYS[request.node.callspec.params["make"]][1]:
        pytest.skip("it begins with a network anyway")
    first = make("first")
    first.run()
    second = make("second", start="first.safetensors", seed=7)
    for name, tensor in first.task.network.state_dict().items():
        assert torch.allclose(second.task.network.state_dict()[name].float(), tensor.float(), rtol=1e-3, atol=2e-3)
    assert any(p.requires_grad for p in second.task.network.parameters())


def test_a_start_says_how_large_the_network_is(make: Make, request: pytest.FixtureRequest) -> None:
    way = request.node.callspec.params["make"]
    if "start" in WAYS[way][1] or WAYS[way][0].startswith("adain"):
        pytest.skip("it begins with a network anyway, or knows one size")
    first = make("first", steps=1)
    first.run()
    wider = {"channels": 4} if "texture" in way else {"width": 8, "blocks": 2}
    second = make("second", start="first.safetensors", **wider)
    assert second.task.network.state_dict().keys() == first.task.network.state_dict().keys()


def test_a_start_of_something_else_is_refused(make: Make) -> None:
    Path("junk.safetensors").write_bytes(b"junk")
    for start in ("junk.safetensors", "photos/0.png", "none.safetensors"):
        with pytest.raises(Exception, match=start.replace("/", ".")) as caught:
            make("mine", start=start)
        assert type(caught.value).__module__ == "brushwork.errors"


def test_several_styles_are_refused_where_one_is_learned(tmp_path: Path) -> None:
    styles = {"one": tmp_path / "a.png", "two": tmp_path / "b.png"}
    for way in ("johnson", "texture-nets", "a row"):
        method, settings = settings_of(way)
        with pytest.raises(UsageError, match="one style at a time"):
            task_of(method, settings, styles, torch.device("cpu"))
