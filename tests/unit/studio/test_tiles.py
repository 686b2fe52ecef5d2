"""Large pictures in tiles: their true pixels, whatever kind of file, without ever being in memory as a whole."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from PIL import Image

from brushwork.errors import PictureError
from brushwork.io import write_tiles
from brushwork.studio.errors import NotFoundError
from brushwork.studio.quick_worker import FUNCTIONS
from brushwork.studio.tiles import SIDE, TileGrid, Tiles

WIDTH, HEIGHT = 1300, 700  # three columns and two rows
ONE = "1" * 32


@pytest.fixture(scope="module")
def scene() -> np.ndarray[Any, Any]:
    """Smooth colors, so that JPEG changes little, and each place has its own."""
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.stack([across * 255 // WIDTH, down * 255 // HEIGHT, (across + down) // 8 % 256], 2).astype(np.uint8)


def tiled(folder: Path, picture: Path) -> Any:
    """How to get a tile of a picture as the studio makes it: level, column, row → pixels."""
    tiles, make = Tiles(folder), partial(FUNCTIONS["tiles"], str(picture), side=SIDE)
    assert tiles.grid(ONE, lambda target: make(str(target))) == TileGrid(WIDTH, HEIGHT, SIDE)

    def tile(*place: int) -> np.ndarray[Any, Any]:
        with Image.open(tiles.tile(ONE, (place[0], place[1], place[2]), lambda target: None)) as opened:
            return np.asarray(opened).astype(int)

    return tile


@pytest.mark.parametrize("kind", ["png", "turned", "deep", "transparent"])
def test_tiles_are_the_picture(kind: str, scene: np.ndarray[Any, Any], tmp_path: Path) -> None:
    path = tmp_path / "photo.tif"
    image = Image.fromarray(scene)
    if kind == "turned":  # a camera that was held upright
        exif = Image.Exif()
        exif[0x0112] = 6
        image.rotate(90, expand=True).save(path, "JPEG", quality=98, subsampling=0, exif=exif)
    elif kind == "deep":
        pyvips.Image.new_from_array(scene.astype(np.uint16) * 257, interpretation="rgb16").write_to_file(str(path))
    elif kind == "transparent":
        alpha = np.full((HEIGHT, WIDTH), 255, np.uint8)
        alpha[:, :100] = 0
        Image.fromarray(np.dstack([scene, alpha])).save(path, "PNG")
        scene = np.where(alpha[..., None] == 0, 255, scene)
    else:
        image.save(path, "PNG")
    tile = tiled(tmp_path, path)
    for column, row in ((0, 0), (1, 1), (2, 0)):
        left, top = column * SIDE, row * SIDE
        expected = scene[top : top + SIDE, left : left + SIDE]
        assert tile(0, column, row).shape == expected.shape
        assert np.abs(tile(0, column, row) - expected).mean() < 3
    half = np.asarray(image.resize((WIDTH // 2, HEIGHT // 2)))
    if kind == "png":
        assert np.abs(tile(1, 0, 0) - half[:SIDE, :SIDE]).mean() < 3
        assert tile(2, 0, 0).shape == (HEIGHT // 4, WIDTH // 4, 3)


def test_there_is_nothing_beside_it(scene: np.ndarray[Any, Any], tmp_path: Path) -> None:
    Image.fromarray(scene).save(tmp_path / "photo.png")
    tile = tiled(tmp_path, tmp_path / "photo.png")
    for place in ((0, 3, 0), (0, 0, 2), (15, 0, 0), (-1, 0, 0)):
        with pytest.raises(NotFoundError, match="there is no tile"):
            tile(*place)


def test_tiles_are_made_once_and_the_ones_looked_at_last_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("brushwork.studio.tiles.KEPT", 2)
    Image.new("RGB", (40, 30)).save(tmp_path / "photo.png")
    tiles, made = Tiles(tmp_path), list[Path]()

    def make(target: Path) -> None:
        made.append(target)
        write_tiles(tmp_path / "photo.png", target, SIDE)

    for name in ("a", "b", "a", "c", "a", "c"):
        tiles.grid(name, make)
    assert [path.stem for path in made] == ["a", "b", "c"]
    assert sorted(path.stem for path in tmp_path.glob("*.dzi")) == ["a", "c"]
    assert sorted(path.name for path in tmp_path.glob("*_files")) == ["a_files", "c_files"]
    tiles.forget("a")
    assert [path.name for path in tmp_path.glob("a*")] == []


def test_a_damaged_picture_leaves_no_tiles(scene: np.ndarray[Any, Any], tmp_path: Path) -> None:
    Image.fromarray(scene).save(tmp_path / "photo.png")
    (tmp_path / "photo.png").write_bytes((tmp_path / "photo.png").read_bytes()[:-4000])
    with pytest.raises(PictureError, match=r"photo\.png: "):
        write_tiles(tmp_path / "photo.png", tmp_path / "x.dzi", SIDE)
    assert [path.name for path in tmp_path.iterdir()] == ["photo.png"]


MEASURE = """
import resource, sys
from pathlib import Path
from brushwork.io import write_tiles
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
write_tiles(sys.argv[1], Path(sys.argv[2]), 512)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
def test_a_hundred_megapixels_take_little_memory(tmp_path: Path) -> None:
    across = pyvips.Image.xyz(12_000, 8_400)
    (across % 255).bandjoin((across[0] + across[1]) % 255).cast("uchar").copy(interpretation="srgb").write_to_file(
        str(tmp_path / "large.jpg"), Q=90
    )
    command = [sys.executable, "-c", MEASURE, str(tmp_path / "large.jpg"), str(tmp_path / "large.dzi")]
    grown = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert grown * (1 if sys.platform == "darwin" else 1024) < 120e6  # as samples, the picture has 302 MB
