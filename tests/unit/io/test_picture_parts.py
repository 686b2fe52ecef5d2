"""Pictures written part by part."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
import samples
import torch

from brushwork.errors import PictureError, UsageError
from brushwork.image import Picture
from brushwork.io import PictureWriter, read_image, read_recipe, write_image
from brushwork.runtime.provenance import Recipe


@pytest.mark.parametrize(("name", "depth"), [("a.png", 8), ("a.png", 16), ("a.jpg", 8), ("a.tif", 16), ("a.bmp", 8)])
@pytest.mark.parametrize("alpha", [False, True])
def test_parts_make_the_file_that_the_whole_makes(name: str, depth: int, alpha: bool, tmp_path: Path) -> None:
    opacity = torch.rand(1, 1, 50, 70) if alpha else None
    picture = Picture(torch.rand(1, 3, 50, 70), opacity)
    write_image(picture, tmp_path / f"whole-{name}", depth=depth, recipe=Recipe(samples.RECIPE))
    with PictureWriter(tmp_path / name, (70, 50), alpha=alpha, depth=depth, recipe=Recipe(samples.RECIPE)) as writer:
        for top in (30, 0):
            for left, right in ((0, 33), (33, 70)):
                box = (..., slice(top, min(50, top + 30)), slice(left, right))
                writer.write(top, left, picture.pixels[box], None if opacity is None else opacity[box])
        assert not (tmp_path / name).exists()
    assert (tmp_path / name).read_bytes() == (tmp_path / f"whole-{name}").read_bytes()
    assert name == "a.bmp" or read_recipe(tmp_path / name) is not None
    assert len(list(tmp_path.iterdir())) == 2


def test_what_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_image(Picture(torch.rand(1, 3, 8, 8)), tmp_path / "a.png")
    before = (tmp_path / "a.png").read_bytes()
    with pytest.raises(RuntimeError, match="stop"), PictureWriter(tmp_path / "a.png", (8, 8)):
        raise RuntimeError("stop")
    assert read_image(tmp_path / "a.png").size == (8, 8)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(PictureError, match=r"a\.png: no space left"), PictureWriter(tmp_path / "a.png", (8, 8)):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    assert (tmp_path / "a.png").read_bytes() == before
    with pytest.raises(UsageError, match="JPEG supports at most 65535"):
        PictureWriter(tmp_path / "a.jpg", (70_000, 8))


@pytest.mark.parametrize("alpha", [False, True])
def test_deep_zoom_replaces_what_was_there(alpha: bool, tmp_path: Path) -> None:
    opacity = torch.ones(1, 1, 300, 500) if alpha else None
    for _ in range(2):
        write_image(Picture(torch.rand(1, 3, 300, 500), opacity), tmp_path / "zoom.dzi")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["zoom.dzi", "zoom_files"]
    assert 'Width="500"' in (tmp_path / "zoom.dzi").read_text()
    finest = max((tmp_path / "zoom_files").glob("[0-9]*"), key=lambda path: int(path.name))
    suffix = "png" if alpha else "jpg"
    assert len(list(finest.glob(f"*.{suffix}"))) == 4
    assert read_image(finest / f"0_0.{suffix}").size == (255, 255)


def test_a_spool_outlives_the_process_that_began_it(tmp_path: Path) -> None:
    picture, spool = torch.rand(1, 3, 20, 30), tmp_path / "spool"
    writer = PictureWriter(tmp_path / "a.png", (30, 20), spool=spool)
    writer.__enter__().write(0, 0, picture[:, :, :10])
    writer.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    with PictureWriter(tmp_path / "a.png", (30, 20), spool=spool) as writer:
        writer.write(10, 0, picture[:, :, 10:])
    assert (read_image(tmp_path / "a.png").pixels - picture).abs().max() <= 0.5 / 255 + 1e-6
    assert not spool.exists()
