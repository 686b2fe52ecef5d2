"""Finished work goes to another place where the one that was asked for fails, and what failed is said in one line."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import pyvips
import torch

from brushwork import Picture, write_image
from brushwork.errors import BrushworkError, PictureError, SavedElsewhereError, UsageError
from brushwork.io import check_target, save
from brushwork.io.film_formats import check_film_target
from brushwork.io.saving import writing_reason
from brushwork.io.video_writer import Encoding


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def writer(*refused: Path) -> Callable[[Path], None]:
    """Writes a file, but into none of these folders."""

    def write(path: Path) -> None:
        if path.parent in refused:
            raise OSError(errno.ENOSPC, "No space left on device")
        path.write_text("work")

    return write


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_work_is_saved_where_it_was_asked_for(tmp_path: Path, temporary: Path) -> None:
    save(tmp_path / "a.png", writer(), beside=tmp_path / "photo.png")
    assert files(tmp_path) == ["a.png"]


def test_work_goes_beside_the_input_under_a_free_name(tmp_path: Path, temporary: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_text("a photo")
    with pytest.raises(SavedElsewhereError) as caught:
        save(tmp_path / "gone" / "a.png", writer(), beside=tmp_path / "in" / "photo.png")
    assert caught.value.path == tmp_path / "in" / "a-1.png"
    assert str(caught.value) == (
        f"{tmp_path}/gone/a.png: its directory {tmp_path}/gone no longer exists; saved as {tmp_path}/in/a-1.png instead"
    )
    assert (tmp_path / "in" / "a.png").read_text() == "a photo"
    assert (tmp_path / "in" / "a-1.png").read_text() == "work"


@pytest.mark.parametrize("beside", [True, False])
def test_work_goes_to_the_temporary_folder_last(tmp_path: Path, temporary: Path, beside: bool) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    with pytest.raises(SavedElsewhereError, match="the disk is full") as caught:
        save(
            tmp_path / "out" / "a.png",
            writer(tmp_path / "out", tmp_path / "in"),
            beside=tmp_path / "in" / "photo.png" if beside else None,
        )
    assert caught.value.path.parent.parent == temporary
    assert caught.value.path.read_text() == "work"
    assert caught.value.exit_code == 1
    if os.name != "nt":
        assert caught.value.path.parent.stat().st_mode & 0o077 == 0


def test_where_nothing_takes_it_nothing_is_left(tmp_path: Path, temporary: Path) -> None:
    def refuse(path: Path) -> None:
        raise PictureError(f"{path}: no")

    with pytest.raises(BrushworkError, match=r"a\.png: no; it couldn't be saved in another folder either"):
        save(tmp_path / "a.png", refuse, beside=tmp_path / "in" / "photo.png")
    assert files(tmp_path) == []
    assert not any(temporary.iterdir())


def test_a_mistake_is_no_reason_to_write_elsewhere(tmp_path: Path, temporary: Path) -> None:
    def refuse(path: Path) -> None:
        raise UsageError("no such format")

    with pytest.raises(UsageError, match=r"^no such format$"):
        save(tmp_path / "a.xyz", refuse)
    assert not any(temporary.iterdir())


def test_a_disk_without_room_is_told_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = 1_000_000
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    check_target(tmp_path / "a.png", size=(1000, 1000))
    with pytest.raises(PictureError, match=r"a\.png: the disk has 1\.00 MB left, but at least 8\.00 MB are needed"):
        check_target(tmp_path / "a.png", size=(4000, 4000))
    with pytest.raises(PictureError, match=r"at least 1\.20 MB"):
        check_target(tmp_path / "a.bmp", size=(1000, 400))
    free = 0
    with pytest.raises(PictureError, match="the disk is full; free some space first"):
        check_target(tmp_path / "a.jpg")


@pytest.mark.parametrize("name", ["out.mp4", "out.gif", "frames"])
def test_a_read_only_folder_is_told_with_the_name_that_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # the rights themselves don't bind the superuser
    with pytest.raises(PictureError) as caught:
        check_film_target(tmp_path / name, Encoding())
    assert str(caught.value) == f"{tmp_path / name}: can't write in the directory {tmp_path}; check its permissions"


LIMITED = """
import resource, sys, torch
from brushwork import Picture, write_image
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
for suffix in ("png", "jpg", "webp", "tif", "avif", "bmp", "gif"):
    try:
        write_image(Picture(torch.rand(1, 3, 200, 200)), f"a.{suffix}", quality=100)
    except Exception as error:
        print(error)
"""


@pytest.mark.skipif(os.name == "nt", reason="limits of POSIX")
def test_what_the_system_refuses_is_one_sentence_in_each_format(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LIMITED], cwd=tmp_path, capture_output=True, text=True, check=False)
    suffixes = ("png", "jpg", "webp", "tif", "avif", "bmp", "gif")
    assert done.stdout.splitlines() == [f"a.{s}: the file is larger than this system allows" for s in suffixes]
    assert files(tmp_path) == []


def test_a_chain_of_libvips_is_one_sentence_where_the_system_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = "wbuffer_write: write failed\nsystem error: Unknown error -1\nvips2png: unable to write to target target\n"

    def fail(*_: object, **__: object) -> None:
        error = pyvips.Error("unable to call")
        error.detail = chain
        raise error

    monkeypatch.setattr(pyvips.Image, "write_to_target", fail)
    with pytest.raises(PictureError) as caught:
        write_image(Picture(torch.rand(1, 3, 5, 5)), tmp_path / "a.png")
    assert str(caught.value) == f"{tmp_path}/a.png: can't be written (unable to write to target target)"


def test_the_reason_under_an_error_of_torch_is_told(tmp_path: Path) -> None:
    error = RuntimeError("unexpected pos 704 vs 598")
    error.__context__ = OSError(errno.ENOSPC, "No space left on device")
    assert writing_reason(error, tmp_path / "a") == "the disk is full"
