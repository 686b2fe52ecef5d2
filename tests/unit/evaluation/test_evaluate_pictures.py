"""Whole tables of pairs: results, intervals, failures, going on."""

import shutil
from pathlib import Path

import pytest
import torch
from samples import write_pairs

from brushwork import Picture, write_image
from brushwork.errors import UsageError
from brushwork.evaluation import FeatureMeasures, evaluate_pictures
from brushwork.evaluation.pairs import read_pairs


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write_pairs(tmp_path)


def test_means_intervals_and_sets(table: Path) -> None:
    found = evaluate_pictures(table, table.parent, size=64)
    assert [row["name"] for row in found.pictures] == ["pa__sa", "pb__sb", "pc__sc"]
    assert not found.failed
    for name, mean in found.mean.items():
        low, high = found.interval[name]
        assert low - 1e-12 <= mean <= high + 1e-12
        assert mean == pytest.approx(sum(row[name] for row in found.pictures) / 3)
    assert set(found.sets) == {"frechet", "kernel"}


def test_what_was_measured_is_not_measured_again(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = evaluate_pictures(table, table.parent, size=64)
    kept = table.parent / ".brushwork" / "evaluation.jsonl"
    kept.write_text(kept.read_text()[:-30])  # killed within the last line
    looked = []
    look = FeatureMeasures.look
    monkeypatch.setattr(FeatureMeasures, "look", lambda self, pixels: looked.append(1) or look(self, pixels))
    assert evaluate_pictures(table, table.parent, size=64).pictures == first.pictures
    assert len(looked) == 3  # the last picture, its photo and its painting
    write_image(Picture(torch.zeros(1, 3, 48, 64)), table.parent / "pa__sa.png")
    assert evaluate_pictures(table, table.parent, size=64).pictures[0] != first.pictures[0]


def test_files_are_known_by_their_contents(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = evaluate_pictures(table, table.parent, size=64)
    moved = tmp_path / "moved"
    shutil.copytree(table.parent, moved, copy_function=shutil.copyfile)  # other paths, other times
    monkeypatch.setattr(FeatureMeasures, "look", lambda self, pixels: pytest.fail("measured again"))
    found = evaluate_pictures(moved / table.name, moved, size=64)
    assert (found.pictures, found.failed) == (first.pictures, [])


def test_failures_are_listed(table: Path) -> None:
    (table.parent / "pa__sa.png").unlink()
    (table.parent / "pb__sb.png").write_bytes(b"no picture")
    write_image(Picture(torch.rand(1, 3, 64, 64)), table.parent / "pc__sc.png")
    found = evaluate_pictures(table, table.parent, size=64)
    assert [failure["name"] for failure in found.failed] == ["pa__sa", "pb__sb", "pc__sc"]
    assert "no such file" in found.failed[0]["why"]
    assert "--resize" in found.failed[2]["why"]
    assert found.mean == {}
    assert found.interval == {}
    assert len(evaluate_pictures(table, table.parent, size=64, resized=True).pictures) == 1


@pytest.mark.parametrize("file", ["pb.png", "sb.png", "pb__sb.png"])
@pytest.mark.parametrize("content", [None, b"", b"no picture"])
def test_one_broken_pair_is_listed_and_the_others_measured(table: Path, file: str, content: bytes | None) -> None:
    path = table.parent / file
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    found = evaluate_pictures(table, table.parent, size=64)
    assert [row["name"] for row in found.pictures] == ["pa__sa", "pc__sc"]
    assert [failure["name"] for failure in found.failed] == ["pb__sb"]
    assert file in found.failed[0]["why"]


@pytest.mark.parametrize(
    ("text", "message"), [("", "contains no pairs"), ("a.png b.png\n", "line 1: expected a photo and a painting")]
)
def test_bad_tables(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "pairs.tsv").write_text(text)
    with pytest.raises(UsageError, match=message):
        read_pairs(tmp_path / "pairs.tsv", tmp_path)
    with pytest.raises(UsageError, match="can't be read as a table"):
        read_pairs(tmp_path / "missing.tsv", tmp_path)


def test_third_column_names_the_picture(tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_text("a.jpg\tb.jpg\tc.png\n")
    (pair,) = read_pairs(tmp_path / "pairs.tsv", "out")
    assert pair.picture == Path("out/c.png")
