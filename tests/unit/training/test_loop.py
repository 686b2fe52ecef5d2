"""Training: killed it goes on to the same losses, exploded it steps back, and bad pictures are passed over."""

from __future__ import annotations

import random
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from brushwork import Picture, write_image
from brushwork.errors import BrushworkError, SavedElsewhereError, UsageError
from brushwork.io import read_size
from brushwork.methods.johnson import JohnsonTask
from brushwork.methods.training_tasks import task_of
from brushwork.options.training import TrainAdaIN, TrainJohnson
from brushwork.styles.references import read_style
from brushwork.training.data import PhotoFolder
from brushwork.training.log import TrainingLog
from brushwork.training.loop import Report, Trainer

SHORT = TrainJohnson(steps=6, batch=2, side=64, width=4, blocks=1, style_size=64, save_every=2)


def trainer(folder: Path, output: Path, settings: TrainJohnson = SHORT) -> Trainer:
    torch.manual_seed(0)
    task = JohnsonTask(settings, torch.rand(1, 3, 70, 64))
    return Trainer(task, PhotoFolder(folder, settings.side), settings, output)


class StopError(Exception):
    pass


def test_a_resumed_run_has_the_losses_of_one_never_stopped(folder: Path, tmp_path: Path) -> None:
    whole = trainer(folder, tmp_path / "whole.safetensors")
    whole.run()

    def stop(report: Report) -> None:
        if report.step == 3:
            raise StopError

    halted = trainer(folder, tmp_path / "halted.safetensors")
    with pytest.raises(StopError):
        halted.run(stop)
    assert not halted.output.exists()
    again = trainer(folder, tmp_path / "halted.safetensors")
    assert again.resume()
    assert again.state.step == 3
    again.run()
    assert again.state.losses == whole.state.losses
    assert again.output.read_bytes() == whole.output.read_bytes()
    assert not again.checkpoint.exists()


def test_what_is_written_is_a_style(folder: Path, tmp_path: Path) -> None:
    run = trainer(folder, tmp_path / "wave.safetensors")
    reports: list[Report] = []
    run.run(reports.append)
    assert read_style(run.output).methods == ["johnson"]
    assert [report.step for report in reports] == [1, 2, 3, 4, 5, 6]
    assert reports[-1].seconds == 0
    assert set(reports[0].terms) == {"loss", "content", "forms", "style", "tv", "grid", "outside", "spikes"}


def test_the_loss_falls(folder: Path, tmp_path: Path) -> None:
    run = trainer(folder, tmp_path / "wave.safetensors", replace(SHORT, steps=60, rate=1e-2))
    run.run()
    assert sum(run.state.losses[-5:]) < 0.9 * sum(run.state.losses[:5])


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e9])
def test_an_explosion_is_stepped_back_from(
    bad: float, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, calls = trainer(folder, tmp_path / "wave.safetensors"), []
    terms = run.task.terms

    def exploding(photos: torch.Tensor) -> dict[str, torch.Tensor]:
        calls.append(run.state.step)
        return {name: term * (bad if len(calls) == 4 else 1) for name, term in terms(photos).items()}

    monkeypatch.setattr(run.task, "terms", exploding)
    run.run()
    assert calls == [0, 1, 2, 3, 0, 1, 2, 3, 4, 5]
    assert (run.state.stepped_back, run.state.rate) == (1, 0.5)
    assert all(p.isfinite().all() for p in run.task.network.parameters())


def test_what_always_explodes_is_given_up(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = trainer(folder, tmp_path / "wave.safetensors")
    monkeypatch.setattr(
        run.task, "terms", lambda photos: {"loss": run.task.network.row()["up1"][0].sum() * float("nan")}
    )
    with pytest.raises(BrushworkError, match="diverged 11 times"):
        run.run()
    assert not run.output.exists()


def test_given_up_it_keeps_its_last_good_state(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = trainer(folder, tmp_path / "wave.safetensors")
    terms = run.task.terms

    def failing(photos: torch.Tensor) -> dict[str, torch.Tensor]:
        found = terms(photos)
        if run.state.step == 3:
            raise RuntimeError("the loss network fails")
        return found

    monkeypatch.setattr(run.task, "terms", failing)
    with pytest.raises(RuntimeError, match="fails"):
        run.run()
    # The failing step was begun at step 3; what is kept is the checkpoint of step 2, or a state between two steps.
    again, whole = (trainer(folder, tmp_path / f"{name}.safetensors") for name in ("wave", "whole"))
    assert again.resume()
    again.run()
    whole.run()
    assert again.state.losses == whole.state.losses


def test_an_error_at_the_first_step_leaves_no_checkpoint(folder: Path, tmp_path: Path) -> None:
    run = trainer(folder, tmp_path / "wave.safetensors", replace(SHORT, content_layer="relu9_9"))
    with pytest.raises(BrushworkError, match="relu9_9"):
        run.run()
    assert not run.checkpoint.exists()


def test_a_network_that_can_t_be_written_is_not_lost(folder: Path, tmp_path: Path) -> None:
    run = trainer(folder, tmp_path / "wave.safetensors")
    run.output.mkdir()  # in its way
    with pytest.raises(BrushworkError, match=r"wave\.safetensors can't be written"):
        run.run()
    run.output.rmdir()
    again = trainer(folder, tmp_path / "wave.safetensors")
    assert again.resume()
    assert again.state.step == SHORT.steps
    again.run()
    assert read_style(run.output).methods == ["johnson"]


@pytest.mark.parametrize("changes", [{"side": 66}, {"style_layers": ()}, {"rate": 0}, {"clip": 0}])
def test_settings_that_can_t_be_trained_with(changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(changes))):
        replace(SHORT, **changes)


def test_another_training_s_checkpoint_is_refused(folder: Path, tmp_path: Path) -> None:
    run = trainer(folder, tmp_path / "wave.safetensors")
    run.save()
    with pytest.raises(UsageError, match=r"different training run \(width 4, not 8\)"):
        trainer(folder, tmp_path / "wave.safetensors", replace(SHORT, width=8)).resume()
    kept = torch.load(run.checkpoint, weights_only=True)
    del kept["facts"]["clip"]  # as if the option had been added later
    torch.save(kept, run.checkpoint)
    assert run.resume()
    with pytest.raises(UsageError, match=r"a different training run \(clip 10.0, not 5.0\)"):
        trainer(folder, tmp_path / "wave.safetensors", replace(SHORT, clip=5.0)).resume()
    run.checkpoint.write_bytes(b"junk")
    with pytest.raises(BrushworkError, match="damaged"):
        run.resume()


def test_hostile_pictures_change_nothing_but_the_count(folder: Path) -> None:
    expected = PhotoFolder(folder, 64)
    for number in range(50):
        (folder / f"bad{number}.jpg").write_bytes(b"\xff\xd8" + bytes([number]) * number)
    write_image(Picture(torch.rand(1, 3, 9, 9)), folder / "tiny.png")
    hostile, rng = PhotoFolder(folder, 64), random.Random(0)
    for _ in range(40):
        batch = hostile.batch(4, rng)
        assert batch.shape == (4, 3, 64, 64)
        assert 0 <= batch.min() <= batch.max() <= 1
    assert len(hostile.passed_over) > 20
    assert {path.name for path in hostile.files} - {path.name for path in hostile.passed_over} >= {
        path.name for path in expected.files
    }


def test_squares_of_paintings_are_closer_and_some_have_other_colors(folder: Path) -> None:
    write_image(
        Picture(torch.zeros(1, 3, 128, 128) + torch.tensor([0.8, 0.4, 0.1])[:, None, None]), folder / "flat.png"
    )
    for path in folder.glob("*.png"):
        if path.name != "flat.png":
            path.unlink()
    torch.manual_seed(0)
    plain, changed = (PhotoFolder(folder, 32, 2.2).drawn(40, recolor=recolor) for recolor in (False, True))
    means = plain.mean((2, 3))
    assert torch.allclose(means, means[:1].expand_as(means), atol=1e-2)
    same = (changed.mean((2, 3)) - means).abs().amax(1) < 2e-2
    assert 10 < same.sum() < 35
    assert 0 <= changed.min() <= changed.max() <= 1


def test_paintings_that_can_t_be_used_are_counted_too(folder: Path, tmp_path: Path) -> None:
    paintings = tmp_path / "paintings"
    paintings.mkdir()
    write_image(Picture(torch.rand(1, 3, 80, 96)), paintings / "good.png")
    (paintings / "bad.png").write_bytes(b"bad")
    settings = TrainAdaIN(steps=6, batch=2, side=64, precision="float32")
    task = task_of("adain", settings, {"all": paintings}, torch.device("cpu"))
    reports: list[Report] = []
    Trainer(task, PhotoFolder(folder, 64), settings, tmp_path / "a.safetensors").run(reports.append)
    assert reports[-1].passed_over == 1


def test_a_critic_is_kept_and_goes_on(folder: Path, tmp_path: Path) -> None:
    settings = replace(SHORT, adversarial_weight=0.1)
    whole = trainer(folder, tmp_path / "whole.safetensors", settings)
    whole.run()

    def stop(report: Report) -> None:
        assert {"critic", "adversarial"} < report.terms.keys()
        if report.step == 3:
            raise StopError

    halted = trainer(folder, tmp_path / "halted.safetensors", settings)
    assert halted.task.critic is not None
    before = [p.detach().clone() for p in halted.task.critic.parameters()]
    with pytest.raises(StopError):
        halted.run(stop)
    assert not any(torch.equal(p, q) for p, q in zip(halted.task.critic.parameters(), before, strict=True))
    again = trainer(folder, tmp_path / "halted.safetensors", settings)
    assert again.resume()
    again.run()
    assert again.output.read_bytes() == whole.output.read_bytes()


def test_it_stops_where_nothing_is_learned_any_more(folder: Path, tmp_path: Path) -> None:
    settings = replace(SHORT, steps=1000, rate=1e-12, save_every=4, patience=3)
    run = trainer(folder, tmp_path / "wave.safetensors", settings)
    run.run()
    assert run.state.step < 100
    assert run.state.step % 4 == 0
    assert run.output.exists()


def test_an_estimate_changes_nothing(folder: Path, tmp_path: Path) -> None:
    whole, other = (trainer(folder, tmp_path / f"{name}.safetensors") for name in ("whole", "other"))
    seconds, memory = other.estimate()
    assert seconds > 0
    assert memory > 1e8
    whole.run()
    other.run()
    assert other.state.losses == whole.state.losses


def test_a_log_has_the_losses_and_samples(folder: Path, tmp_path: Path) -> None:
    settings = replace(SHORT, steps=20, save_every=10)
    run = trainer(folder, tmp_path / "wave.safetensors", settings)
    with TrainingLog(tmp_path / "log", run) as log:
        run.run(log)
    lines = (tmp_path / "log" / "losses.csv").read_text().splitlines()
    assert lines[0] == "step,loss,content,forms,style,tv,grid,outside,spikes"
    assert [line.split(",")[0] for line in lines[1:]] == ["10", "20"]
    assert float(lines[2].split(",")[1]) == pytest.approx(run.state.losses[-1], rel=1e-3)
    for step in (10, 20):
        assert read_size(tmp_path / "log" / f"sample-{step:06}.png") == (4 * 64, 2 * 64)
    assert list((tmp_path / "log").glob("events.*"))
    (tmp_path / "file").write_text("")
    with pytest.raises(BrushworkError, match="can't be written to"):
        TrainingLog(tmp_path / "file", run)


@pytest.mark.parametrize("normalization", ["instance", "batch"])
def test_samples_do_not_change_the_training(normalization: str, folder: Path, tmp_path: Path) -> None:
    settings = replace(SHORT, normalization=normalization)
    whole, other = (trainer(folder, tmp_path / f"{name}.safetensors", settings) for name in ("whole", "other"))
    whole.run()
    other.run(lambda report: other.samples())
    assert other.state.losses == whole.state.losses
    assert other.output.read_bytes() == whole.output.read_bytes()


def test_checkpoints_of_several_processes_by_version_0_1_count_their_photos(folder: Path, tmp_path: Path) -> None:
    run = trainer(folder, tmp_path / "wave.safetensors")
    run.state.step = 1
    facts = {**run._facts(), "batch": 1, "processes": 2}
    run._facts = lambda: facts  # type: ignore[method-assign]
    run.save()
    assert trainer(folder, tmp_path / "wave.safetensors").resume()


def test_a_batch_that_cant_be_shared_is_refused(folder: Path, tmp_path: Path) -> None:
    fabric = SimpleNamespace(world_size=4)
    with pytest.raises(UsageError, match="2 photos can't be shared evenly by 4 processes"):
        Trainer(JohnsonTask(SHORT, torch.rand(1, 3, 70, 64)), PhotoFolder(folder, 64), SHORT, tmp_path / "a", fabric)


def test_folders_without_use_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a folder"):
        PhotoFolder(tmp_path / "none", 64)
    with pytest.raises(UsageError, match="contains no pictures"):
        PhotoFolder(tmp_path, 64)
    (tmp_path / "bad.jpg").write_bytes(b"junk")
    with pytest.raises(UsageError, match=r"none of the 1 pictures in .* can be used"):
        PhotoFolder(tmp_path, 64).batch(1, random.Random(0))


def test_the_same_numbers_give_the_same_squares(folder: Path) -> None:
    first, second = (PhotoFolder(folder, 64).batch(3, random.Random(7)) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, PhotoFolder(folder, 64).batch(3, random.Random(8)))


def test_a_network_that_can_t_be_written_is_saved_elsewhere(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    run = trainer(folder, tmp_path / "out" / "wave.safetensors")

    def remove(report: Report) -> None:
        if report.step == 3:
            shutil.rmtree(tmp_path / "out")

    told: list[str] = []
    with pytest.raises(SavedElsewhereError) as caught:
        run.run(lambda report: (remove(report), told.append(report.unsaved))[0])
    assert told[-1] == f"{run.checkpoint} can't be written: its directory {tmp_path}/out no longer exists"
    assert caught.value.path == tmp_path / "wave.safetensors"  # beside the folder with photos
    assert read_style(caught.value.path).methods == ["johnson"]


def test_stopped_without_its_folder_it_keeps_where_it_stands(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    run = trainer(folder, tmp_path / "out" / "wave.safetensors")

    def stop(report: Report) -> None:
        shutil.rmtree(tmp_path / "out")
        raise KeyboardInterrupt

    with pytest.raises(SavedElsewhereError) as caught:
        run.run(stop)
    again = trainer(folder, tmp_path / "wave.safetensors")
    assert caught.value.path == again.checkpoint
    assert again.resume()
    assert again.state.step == 1


def test_a_disk_without_room_for_the_checkpoint_is_told_at_once(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    run = trainer(folder, tmp_path / "wave.safetensors")
    with pytest.raises(BrushworkError, match=r"wave\.safetensors: the disk has 0\.00 MB left"):
        run.run()
    assert run.state.step == 0


def test_a_log_that_can_t_be_written_ends_and_the_training_goes_on(folder: Path, tmp_path: Path) -> None:
    run = trainer(folder, tmp_path / "wave.safetensors")
    told: list[str] = []
    with TrainingLog(tmp_path / "log", run, told.append) as log:
        shutil.rmtree(tmp_path / "log")
        run.run(log)
    assert len(told) == 1
    assert "logging stopped" in told[0]
    assert read_style(run.output).methods == ["johnson"]
