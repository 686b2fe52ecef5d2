from __future__ import annotations

import csv
import shutil
import tarfile
from functools import partial
from pathlib import Path
from typing import Any

import fsspec
import pytest

from brushwork import AdaINLite, read_recipe, stylize
from brushwork.batch.manifest import Manifest
from brushwork.batch.run import BatchStep
from brushwork.batch.stylize_batch import stylize_batch
from brushwork.errors import BrushworkError, Interrupted, PictureError, UsageError

STYLES = ["great-wave", "starry-night"]
METHOD = AdaINLite(precision="float32")


def painted(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*.png")}


def outputs(engine: Any) -> list[str]:
    return [task.output for task in engine.tasks if task != "measure"]


def test_results_are_those_of_stylize(photos: Path, tmp_path: Path, engine: Any) -> None:
    done = stylize_batch(photos, STYLES, tmp_path / "out", METHOD, runner=engine)
    names = {f"{stem}_{style}.png" for stem in ("a", "b", "deep/er/a") for style in STYLES}
    assert painted(tmp_path / "out") == names
    assert (done.done, done.failed, done.painted, done.failures) == (6, 0, 6, ())
    stylize(photos / "b.jpg", "great-wave", METHOD).save(tmp_path / "alone.png")
    assert (tmp_path / "out/b_great-wave.png").read_bytes() == (tmp_path / "alone.png").read_bytes()
    recipe = read_recipe(tmp_path / "out/b_great-wave.png")
    assert recipe is not None
    assert recipe["content"]["name"] == "b.jpg"


def test_a_painting_as_style_and_colors_kept(photos: Path, tmp_path: Path, engine: Any) -> None:
    from brushwork import StylizeOptions

    for when in ("before", "after"):
        options, out = StylizeOptions(keep_color="cholesky", keep_color_when=when), tmp_path / when
        stylize_batch(photos / "a.png", photos / "b.jpg", out, METHOD, options=options, runner=engine)
        stylize(photos / "a.png", photos / "b.jpg", METHOD, options=options).save(tmp_path / "alone.png")
        assert (out / "a_b.png").read_bytes() == (tmp_path / "alone.png").read_bytes()


def test_a_broken_picture_stops_nothing_and_can_be_mended(photos: Path, tmp_path: Path, engine: Any) -> None:
    out, good = tmp_path / "out", (photos / "b.jpg").read_bytes()
    (photos / "b.jpg").write_bytes(b"broken")
    done = stylize_batch(photos, STYLES, out, METHOD, runner=engine)
    assert (done.done, done.failed) == (4, 2)
    rows = list(csv.DictReader((out / "failures.csv").read_text().splitlines()))
    assert [(Path(row["photo"]).name, row["style"]) for row in rows] == [("b.jpg", style) for style in STYLES]
    assert all("b.jpg: is not in a supported format" in row["why"] for row in rows)

    engine.tasks.clear()
    assert stylize_batch(photos, STYLES, out, METHOD, runner=engine, resume=True).failed == 2
    assert outputs(engine) == []

    (photos / "b.jpg").write_bytes(good)
    done = stylize_batch(photos, STYLES, out, METHOD, runner=engine, retry_failed=True)
    assert (done.done, done.failed, done.painted) == (6, 0, 2)
    assert sorted(outputs(engine)) == [f"b_{style}.png" for style in STYLES]
    assert not (out / "failures.csv").exists()


def test_resume_paints_only_what_is_open(photos: Path, tmp_path: Path, engine: Any) -> None:
    out = tmp_path / "out"

    def stop(step: BatchStep) -> None:
        if step.done == 3:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="3 of 6 results are done; go on with --resume"):
        stylize_batch(photos, STYLES, out, METHOD, runner=engine, progress=stop)
    marked = {name: (out / name).stat().st_mtime_ns for name in outputs(engine)[:3]}
    with pytest.raises(UsageError, match="holds 3 of these 6 results already; go on with --resume"):
        stylize_batch(photos, STYLES, out, METHOD, runner=engine)
    engine.tasks.clear()
    done = stylize_batch(photos, STYLES, out, METHOD, runner=engine, resume=True)
    assert (done.done, done.painted) == (6, 3)
    assert len(outputs(engine)) == 3
    assert all((out / name).stat().st_mtime_ns == at for name, at in marked.items())
    # Other styles and settings are other results.
    assert stylize_batch(photos, ["starry-night", "the-scream"], out, METHOD, runner=engine, resume=True).painted == 3


def test_a_folder_that_vanishes_stops_the_batch_and_loses_nothing(photos: Path, tmp_path: Path, engine: Any) -> None:
    def vanish(step: BatchStep) -> None:
        if step.done == 1:
            photos.rename(tmp_path / "gone")

    with pytest.raises(BrushworkError, match=r"photos: this folder has vanished; 1 of 6 results are done"):
        stylize_batch(photos, STYLES, tmp_path / "out", METHOD, runner=engine, progress=vanish)
    (tmp_path / "gone").rename(photos)
    done = stylize_batch(photos, STYLES, tmp_path / "out", METHOD, runner=engine, resume=True)
    assert (done.done, done.failed, done.painted) == (6, 0, 5)


def test_results_that_cant_be_written_stop_the_batch(photos: Path, tmp_path: Path, engine: Any) -> None:
    out = tmp_path / "out"

    def block(step: BatchStep) -> None:
        if step.done == 4:
            shutil.rmtree(out / "deep", ignore_errors=True)
            (out / "deep").write_text("in the way")

    with pytest.raises(BrushworkError, match="out: Not a directory; 4 of 6 results are done; go on with --resume"):
        stylize_batch(photos, STYLES, out, METHOD, runner=engine, progress=block)


def test_from_store_to_store(photos: Path, tmp_path: Path, engine: Any) -> None:
    store = fsspec.filesystem("memory")
    store.put(str(photos), "/batch/photos", recursive=True)
    store.pipe("/batch/photos/broken.png", b"no picture")
    done = stylize_batch("memory://batch/photos", "great-wave", "memory://batch/out", METHOD, runner=engine)
    assert (done.done, done.failed) == (3, 1)
    assert done.failures[0].why.startswith("memory://")
    stylize(photos / "a.png", "great-wave", METHOD).save(tmp_path / "alone.png")
    assert store.cat("/batch/out/deep/er/a_great-wave.png")[:4] == b"\x89PNG"
    assert store.cat("/batch/out/a_great-wave.png") == (tmp_path / "alone.png").read_bytes()
    assert b"broken.png" in store.cat("/batch/out/failures.csv")
    engine.tasks.clear()
    again = stylize_batch(
        "memory://batch/photos", "great-wave", "memory://batch/out", METHOD, runner=engine, resume=True
    )
    assert (again.done, again.failed, outputs(engine)) == (3, 1, [])


def test_from_a_shard(photos: Path, tmp_path: Path, engine: Any) -> None:
    with tarfile.open(tmp_path / "p.tar", "w") as shard:
        shard.add(photos / "a.png", "deep/0001.png")
        shard.add(photos / "b.jpg", "deep/0002.jpg")
    stylize_batch(tmp_path / "p.tar", "great-wave", tmp_path / "out", METHOD, runner=engine)
    assert painted(tmp_path / "out") == {"deep/0001_great-wave.png", "deep/0002_great-wave.png"}


def members(folder: Path) -> dict[str, list[str]]:
    found = {}
    for path in sorted(folder.glob("*.tar")):
        with tarfile.open(path) as shard:
            found[path.name] = shard.getnames()
    return found


@pytest.mark.parametrize("killed", ["nowhere", "before it is recorded", "before results are removed"])
def test_into_shards(killed: str, photos: Path, tmp_path: Path, engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    run = partial(stylize_batch, photos, STYLES, out / "s-%03d.tar", METHOD, runner=engine, shard_size=4)
    if killed != "nowhere":
        with monkeypatch.context() as patch:
            where = "manifest.Manifest.record" if killed == "before it is recorded" else "shards._remove"
            patch.setattr(f"brushwork.batch.{where}", _killed_at_packing)
            with pytest.raises(KilledError):
                run()
    done = run(resume=True)
    assert (done.done, done.failed) == (6, 0)
    found = members(out)
    assert {name: len(names) for name, names in found.items()} == {"s-000.tar": 4, "s-001.tar": 2}
    names = {f"{stem}_{style}.png" for stem in ("a", "b", "deep/er/a") for style in STYLES}
    assert sorted(name for shard in found.values() for name in shard) == sorted(names)
    assert run(resume=True).painted == 0
    assert members(out) == found
    with tarfile.open(out / "s-000.tar") as shard:
        member = shard.extractfile("a_great-wave.png")
        assert member is not None
        packed = member.read()
    stylize(photos / "a.png", "great-wave", METHOD).save(tmp_path / "alone.png")
    assert packed == (tmp_path / "alone.png").read_bytes()


class KilledError(Exception):
    pass


_record = Manifest.record


def _killed_at_packing(*arguments: Any) -> None:
    """Record, but fail where a shard is concerned."""
    if isinstance(arguments[0], Manifest):
        entries = list(arguments[1])
        if all(entry.state != "packed" for entry in entries):
            return _record(arguments[0], entries)
    raise KilledError


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"photos": []}, UsageError, "at least one photo"),
        ({"styles": []}, UsageError, "at least one style"),
        ({"styles": "nothing-like-it"}, UsageError, "neither a file nor a style"),
        ({"photos": "gone"}, PictureError, "gone: no such file or folder"),
        ({"output": "photos"}, UsageError, "is the folder of the photos"),
        ({"preset": "draft"}, UsageError, "preset and method are both given"),
        ({"engine": "slurm"}, UsageError, "expected one of local, ray"),
        ({"address": "auto"}, UsageError, "address: is for the engine ray"),
        ({"suffix": "doc"}, UsageError, "can't write files with the suffix '.doc'"),
        ({"output": "out/all.tar"}, UsageError, r"write all-%05d\.tar"),
        ({"workers": 0}, UsageError, "workers: expected"),
        ({"nothing": 0}, UsageError, "nothing is not an option"),
    ],
)
def test_wrong_arguments_are_told(
    change: dict[str, Any], error: type[Exception], words: str, photos: Path, monkeypatch: pytest.MonkeyPatch,
    engine: Any,
) -> None:  # fmt: skip
    monkeypatch.chdir(photos.parent)
    arguments: dict[str, Any] = {"photos": "photos", "styles": "great-wave", "output": "out", "method": METHOD}
    arguments |= {"runner": engine} if "suffix" in change else {}  # workers check it, and these need no process
    with pytest.raises(error, match=words):
        stylize_batch(**{**arguments, **change})
    assert not painted(photos.parent / "out")
