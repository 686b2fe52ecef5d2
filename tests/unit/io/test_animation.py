from pathlib import Path

import pytest
import torch
from PIL import Image

from brushwork.errors import PictureError, UsageError
from brushwork.image import Picture
from brushwork.io import check_animation, write_animation, write_image


def frames(folder: Path, count: int, alpha: torch.Tensor | None = None) -> list[Path]:
    paths = [folder / f"{number}.png" for number in range(count)]
    for number, path in enumerate(paths):
        shade = torch.full((1, 3, 9, 14), number / count)
        write_image(Picture(shade, alpha), path)
    return paths


@pytest.mark.parametrize("suffix", [".webp", ".gif", ".GIF"])
def test_frames_size_order_and_durations(suffix: str, tmp_path: Path) -> None:
    target = tmp_path / f"way{suffix}"
    write_animation(frames(tmp_path, 4), target)
    with Image.open(target) as image:
        assert image.size == (14, 9)
        assert image.n_frames == 4  # type: ignore[attr-defined]
        assert image.info["loop"] == 0
        durations, shades = [], []
        for number in range(4):
            image.seek(number)
            shades.append(image.convert("RGB").getpixel((7, 4))[0])  # type: ignore[index]
            durations.append(image.info["duration"])
    assert durations == [100, 100, 100, 2000]
    assert shades == pytest.approx([0, 64, 128, 191], abs=3)


@pytest.mark.parametrize("suffix", [".webp", ".gif"])
def test_one_frame_and_alpha(suffix: str, tmp_path: Path) -> None:
    alpha = torch.ones(1, 1, 9, 14)
    alpha[..., :7] = 0
    write_animation(frames(tmp_path, 2, alpha), tmp_path / f"a{suffix}", last=500)
    with Image.open(tmp_path / f"a{suffix}") as image:
        assert image.convert("RGBA").getpixel((2, 2))[3] == 0  # type: ignore[index]
        assert image.convert("RGBA").getpixel((12, 2))[3] == 255  # type: ignore[index]
    write_animation(frames(tmp_path, 1), tmp_path / f"b{suffix}")
    with Image.open(tmp_path / f"b{suffix}") as image:
        assert image.size == (14, 9)


def test_names_that_look_like_options_are_names(tmp_path: Path) -> None:
    folder = tmp_path / "a[page=1]"
    folder.mkdir()
    write_animation(frames(folder, 2), folder / "x[1].webp")
    assert (folder / "x[1].webp").exists()


def test_what_can_not_be_written_is_refused(tmp_path: Path) -> None:
    paths = frames(tmp_path, 2)
    with pytest.raises(UsageError, match=r"x\.mp4: expected an animation ending in \.webp or \.gif"):
        check_animation(tmp_path / "x.mp4")
    with pytest.raises(PictureError, match="nofolder"):
        check_animation(tmp_path / "nofolder" / "x.gif")
    with pytest.raises(UsageError, match="at least one frame"):
        write_animation([], tmp_path / "x.gif")
    write_image(Picture(torch.rand(1, 3, 5, 5)), tmp_path / "small.png")
    with pytest.raises(UsageError, match="frames of one size"):
        write_animation([*paths, tmp_path / "small.png"], tmp_path / "x.gif")
    paths[1].write_bytes(paths[1].read_bytes()[:40])
    (tmp_path / "x.webp").write_bytes(b"old")
    with pytest.raises(PictureError):
        write_animation(paths, tmp_path / "x.webp")
    with pytest.raises(PictureError, match=r"gone\.png"):
        write_animation([tmp_path / "gone.png"], tmp_path / "x.webp")
    assert (tmp_path / "x.webp").read_bytes() == b"old"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
