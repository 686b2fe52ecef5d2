from __future__ import annotations

import itertools
import tarfile
import zipfile
from pathlib import Path

import fsspec
import pytest

from brushwork.batch.listing import list_pictures
from brushwork.errors import BrushworkError, PictureError, UsageError


def found(*arguments: object, leave_out: str = "") -> set[tuple[str, str]]:
    return {(folder, name) for _, folder, name in list_pictures(map(str, arguments), leave_out)}


ALL = {("", "a.png"), ("", "b.jpg"), ("deep/er", "a.png")}


def test_folders_are_kept_and_what_is_hidden_is_left_out(photos: Path) -> None:
    assert found(photos) == found(f"{photos}/") == found(f"file://{photos}") == ALL
    assert found(photos, leave_out=str(photos / "deep")) == {("", "a.png"), ("", "b.jpg")}


def test_files_patterns_and_lists(photos: Path, tmp_path: Path) -> None:
    assert found(photos / "a.png") == found(photos / "a*") == {("", "a.png")}
    (tmp_path / "names.txt").write_text(f"{photos}/a.png\n\n  {photos}/gone.png\n")
    assert found(f"@{tmp_path}/names.txt") == {("", "a.png"), ("", "gone.png")}  # that it is gone is told later


def test_archives(photos: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive, tarfile.open(tmp_path / "p.tar", "w") as shard:
        for name in ("a.png", "b.jpg", "deep/er/a.png", "notes.txt"):
            archive.write(photos / name, name)
            shard.add(photos / name, f"./{name}")
    for kind in ("zip", "tar"):
        assert found(tmp_path / f"p.{kind}") == ALL
        for address, folder, name in list_pictures([str(tmp_path / f"p.{kind}")]):
            with fsspec.open(address) as file:
                assert file.read() == (photos / folder / name).read_bytes()


def test_stores(photos: Path) -> None:
    store = fsspec.filesystem("memory")
    store.put(str(photos), "/listing/photos", recursive=True)
    assert found("memory://listing/photos") == found("memory://listing/photos/") == ALL
    assert found("memory://listing/photos", leave_out="memory:///listing/photos/deep") == ALL - {("deep/er", "a.png")}
    assert found("memory://listing/photos/*.png") == {("", "a.png")}
    assert found("memory://listing/photos/a.png") == {("", "a.png")}


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("gone", "gone: no such file or folder"),
        ("memory://gone/photos", "no such file or folder"),
        ("@gone.txt", "gone.txt: no such file"),
        ("empty", "no pictures there"),
        ("damaged.zip", "damaged.zip: isn't a complete zip file"),
        ("damaged.tar", "damaged.tar: isn't a complete tar file"),
        ("nonsense://bucket/photos", "nonsense"),
    ],
)
def test_what_cant_be_listed_is_told(
    argument: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    for name in ("damaged.zip", "damaged.tar"):
        (tmp_path / name).write_text("neither zip nor tar")
    with pytest.raises((PictureError, UsageError), match=words):
        found(argument)


def test_a_folder_that_vanishes_while_it_is_listed(photos: Path) -> None:
    pictures = list_pictures([str(photos)])
    next(pictures)
    for path in sorted((photos / "deep").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    (photos / "deep").rmdir()
    with pytest.raises(BrushworkError, match=r"deep: can't be listed"):
        list(itertools.islice(pictures, 10))
