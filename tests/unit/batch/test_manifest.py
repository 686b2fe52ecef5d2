from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import fsspec
import pytest

from brushwork.batch import manifest as module
from brushwork.batch.manifest import Entry, Manifest
from brushwork.errors import BrushworkError

OUTPUTS = ("local", "memory")


@pytest.fixture(params=OUTPUTS)
def output(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "out") if request.param == "local" else f"memory://manifest/{tmp_path.name}"


def entry(picture: str, state: str, why: str = "", recipe: str = "r") -> Entry:
    return Entry(picture, recipe, "wave", state, why, f"{picture}_wave.png", 0.5)


def listed(*names: str) -> list[tuple[str, str, str]]:
    return [(f"/p/{name}", str(Path(name).parent).removeprefix("."), Path(name).name) for name in names]


def test_it_says_what_is_done_failed_or_open(output: str) -> None:
    with Manifest.opened(output) as manifest:
        assert manifest.add_pictures(listed("a.png", "b.png", "c.png", "a.png")) == 3
        manifest.record([entry("/p/a.png", "done"), entry("/p/b.png", "failed", "broken")])
        manifest.save()
    with Manifest.opened(output) as manifest:
        manifest.add_pictures(listed("a.png", "b.png", "c.png"))
        states = {row.address: row.states for row in manifest.rows(["r", "other"])}
        assert states == {"/p/a.png": {"r": "done"}, "/p/b.png": {"r": "failed"}, "/p/c.png": {}}
        assert (manifest.count("done", ["r"]), manifest.count("failed", ["r"]), manifest.count("done", [])) == (1, 1, 0)
        assert [failure.why for failure in manifest.failures(["r"])] == ["broken"]


def test_what_is_done_stays_done_and_what_failed_can_be_mended(output: str) -> None:
    with Manifest.opened(output) as manifest:
        manifest.add_pictures(listed("a.png", "b.png"))
        manifest.record([entry("/p/a.png", "done"), entry("/p/b.png", "failed")])
        manifest.save()
        manifest.record([entry("/p/a.png", "failed"), entry("/p/b.png", "done")])
        manifest.save()
    with Manifest.opened(output) as manifest:
        manifest.add_pictures(listed("a.png", "b.png"))
        assert manifest.count("done", ["r"]) == 2


def test_facts_are_kept(output: str) -> None:
    with Manifest.opened(output) as manifest:
        assert manifest.fact("measured") is None
        manifest.keep_fact("measured", "float32")
        manifest.save()
    with Manifest.opened(output) as manifest:
        assert manifest.fact("measured") == "float32"


def test_many_pages_in_order(output: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{number:05}.png" for number in range(5000)]
    with Manifest.opened(output) as manifest:
        manifest.add_pictures(listed(*reversed(names)))
        manifest.record(entry(f"/p/{name}", "done", recipe=recipe) for name in names[::2] for recipe in "rs")
        rows = list(manifest.rows(["r", "s"]))
        assert [row.address for row in rows] == [f"/p/{name}" for name in names]
        assert [len(row.states) for row in rows] == [2, 0] * 2500


def test_results_that_would_have_one_name_are_named_apart(tmp_path: Path) -> None:
    names = ["x/a.png", "x/a.jpg", "x/A.tif", "x/a-jpg.png", "y/a.png", "b"]
    with Manifest.opened(str(tmp_path)) as manifest:
        manifest.add_pictures(listed(*names))
        stems = {row.address: row.stem for row in manifest.rows(["r"])}
    assert stems["/p/y/a.png"] == "y/a"
    assert stems["/p/x/a-jpg.png"] == "x/a-jpg"
    assert sorted(stems[f"/p/{name}"] for name in names[:3]) == ["x/A-tif", "x/a-jpg-2", "x/a-png"]
    assert len({stem.casefold() for stem in stems.values()}) == len(names)


def test_many_part_files_are_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PARTS", 3)
    output = "memory://manifest/joined"
    for number in range(5):
        with Manifest.opened(output) as manifest:
            manifest.record([entry(f"/p/{number}.png", "done")])
            manifest.save()
    with Manifest.opened(output) as manifest:
        manifest.add_pictures(listed(*(f"{number}.png" for number in range(5))))
        assert manifest.count("done", ["r"]) == 5
    assert len(fsspec.filesystem("memory").ls("/manifest/joined/.brushwork")) < 4


def test_a_folder_that_cant_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BrushworkError, match="file/out: the manifest can't be written"), \
            Manifest.opened(str(tmp_path / "file" / "out")):  # fmt: skip
        pass


def test_errors_of_what_is_done_meanwhile_are_told_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(BrokenPipeError), Manifest.opened(str(tmp_path)):
        raise BrokenPipeError


def test_one_process_at_a_time(tmp_path: Path) -> None:
    line = f"from brushwork.batch.manifest import Manifest\nwith Manifest.opened({str(tmp_path)!r}): pass"
    with Manifest.opened(str(tmp_path)):
        other = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True)
    assert "another brushwork process is working on" in other.stderr


def test_a_damaged_manifest_is_told(tmp_path: Path) -> None:
    (tmp_path / ".brushwork").mkdir()
    (tmp_path / ".brushwork/manifest.sqlite").write_text("no database " * 100)
    with pytest.raises(BrushworkError, match="the manifest can't be written: file is not a database"), \
            Manifest.opened(str(tmp_path)):  # fmt: skip
        pass
