"""Writing: the pixels and what goes beside them, checked with other readers; and nothing left half-written."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
import pyvips
import samples
import tifffile
import torch
from PIL import ExifTags, ImageCms, features
from PIL import Image as PillowImage
from skimage import data

from brushwork.errors import PictureError, UsageError
from brushwork.image import Picture
from brushwork.io import check_target, picture_writer, read_image, read_recipe, write_image
from brushwork.runtime.provenance import Recipe

PHOTO = np.ascontiguousarray(data.coffee()[:67, 200:301])
# Without it, Pillow can't look at what we wrote.
AVIF = pytest.param(".avif", marks=pytest.mark.skipif(not features.check("avif"), reason="Pillow without AVIF"))
SUFFIXES = [".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", AVIF, ".bmp", ".gif"]
WITH_METADATA = [".png", ".jpg", ".webp", ".tif", AVIF]
RECIPE = Recipe(samples.RECIPE)


def picture(alpha: bool = False, exif: bytes | None = None) -> Picture:
    pixels = torch.from_numpy(PHOTO).permute(2, 0, 1)[None].float() / 255
    ramp = torch.linspace(0, 1, 101).expand(1, 1, 67, 101)
    return Picture(pixels, ramp if alpha else None, exif)


def camera_exif() -> bytes:
    exif = PillowImage.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Artist], exif[ExifTags.Base.Orientation] = "Maker", "Jörg", 6
    exif[ExifTags.Base.Artist] = "Jörg".encode()  # Pillow would write ASCII
    exif[ExifTags.Base.XResolution] = exif[ExifTags.Base.YResolution] = 300.0
    exif[ExifTags.Base.ResolutionUnit] = 2
    exif.get_ifd(ExifTags.IFD.Exif).update({0x9003: "2020:01:02 03:04:05", 0x8827: 400, 0xA002: 9999})
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (52.0, 30.0, 1.5)})
    return exif.tobytes()


def tags(read: Picture) -> dict[int, object]:
    exif = PillowImage.Exif()
    exif.load(read.exif or b"")
    groups = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)
    return {**{k: v for k, v in exif.items() if k not in groups}, **{g: exif.get_ifd(g) for g in groups}}


def leftovers(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


# Pixels --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_each_format_is_written_as_what_it_says(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"ü b[page=1]{suffix.upper()}"
    assert write_image(picture(), path) is None
    with PillowImage.open(path) as image:
        assert image.format == {"jpg": "JPEG", "tif": "TIFF"}.get(suffix[1:], suffix[1:].upper())
        assert image.size == (101, 67)
        written = np.asarray(image.convert("RGB")).astype(float)
    exact = suffix in (".png", ".tif", ".tiff", ".bmp")
    assert np.abs(written - PHOTO).mean() <= (0 if exact else 5)
    assert leftovers(tmp_path) == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_same_call_same_bytes(tmp_path: Path, suffix: str) -> None:
    for name in ("a", "b"):
        write_image(picture(exif=camera_exif()), tmp_path / f"{name}{suffix}", recipe=RECIPE)
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
@pytest.mark.parametrize("alpha", [False, True])
def test_16_bits_come_back_exactly(tmp_path: Path, name: str, alpha: bool) -> None:
    values = np.random.default_rng(0).integers(0, 65536, (40, 50, 3 + alpha), dtype=np.uint16)
    source = str(tmp_path / f"source-{name}")
    pyvips.Image.new_from_array(values, interpretation="rgb16").write_to_file(source)
    write_image(read_image(source), tmp_path / name, depth=16)
    assert np.array_equal(pyvips.Image.new_from_file(str(tmp_path / name)).numpy(), values)
    if name == "a.tif":
        assert np.array_equal(tifffile.imread(tmp_path / name), values)


def test_values_are_rounded_to_nearest(tmp_path: Path) -> None:
    pixels = torch.tensor([0.0, 0.49 / 255, 0.51 / 255, 254.51 / 255, 1.0]).expand(1, 3, 1, 5)
    write_image(Picture(pixels), tmp_path / "a.png")
    with PillowImage.open(tmp_path / "a.png") as image:
        assert np.asarray(image)[0, :, 0].tolist() == [0, 0, 1, 255, 255]


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.webp", "a.avif"])
def test_alpha_is_kept(tmp_path: Path, name: str) -> None:
    write_image(picture(alpha=True), tmp_path / name)
    written = read_image(tmp_path / name).alpha
    assert written is not None
    assert picture(alpha=True).alpha is not None
    assert torch.allclose(written, picture(alpha=True).alpha, atol=3 / 255)


@pytest.mark.parametrize("name", ["a.jpg", "a.bmp"])
def test_alpha_is_laid_on_white_where_the_format_has_none(tmp_path: Path, name: str) -> None:
    write_image(picture(alpha=True), tmp_path / name)
    opacity = np.linspace(0, 1, 101)[None, :, None]
    with PillowImage.open(tmp_path / name) as image:
        assert np.abs(np.asarray(image) - (PHOTO * opacity + 255 * (1 - opacity))).mean() < 2


def test_quality_is_obeyed(tmp_path: Path) -> None:
    for suffix in (".jpg", ".webp", ".avif"):
        sizes = []
        for quality in (20, None, 100):
            write_image(picture(), tmp_path / f"a{suffix}", quality=quality)
            sizes.append((tmp_path / f"a{suffix}").stat().st_size)
        assert sizes == sorted(sizes)
        assert sizes[0] < sizes[1] < sizes[2]


# Beside the pixels ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", WITH_METADATA)
@pytest.mark.parametrize("strip", [False, True])
def test_profile_says_srgb(tmp_path: Path, suffix: str, strip: bool) -> None:
    path = tmp_path / f"a{suffix}"
    write_image(picture(), path, strip_metadata=strip)
    with PillowImage.open(path) as image:
        profile = image.info["icc_profile"]
    assert profile == bytes(pyvips.Image.profile_load("srgb"))
    assert ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile.xcolor_space == "RGB "


@pytest.mark.parametrize("suffix", WITH_METADATA)
def test_exif_is_kept_upright_and_true(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write_image(picture(exif=camera_exif()), path)
    with PillowImage.open(path) as image:
        exif = image.getexif()
        groups = exif.get_ifd(ExifTags.IFD.Exif), exif.get_ifd(ExifTags.IFD.GPSInfo)
    assert exif[ExifTags.Base.Make] == "Maker"
    assert exif[ExifTags.Base.Artist].encode("latin-1").decode() == "Jörg"
    assert exif[ExifTags.Base.Orientation] == 1
    assert exif[ExifTags.Base.XResolution] == pytest.approx(300)
    assert groups[0][0x9003] == "2020:01:02 03:04:05"
    assert groups[0][0x8827] == 400
    assert groups[1][2] == (52.0, 30.0, 1.5)
    if suffix != ".tif":  # it has the size in tags of its own
        assert (groups[0][0xA002], groups[0][0xA003]) == (101, 67)


@pytest.mark.parametrize("suffix", WITH_METADATA)
def test_exif_survives_another_round(tmp_path: Path, suffix: str) -> None:
    write_image(picture(exif=camera_exif()), tmp_path / f"a{suffix}")
    first = read_image(tmp_path / f"a{suffix}")
    write_image(first, tmp_path / f"b{suffix}")
    second = read_image(tmp_path / f"b{suffix}")
    assert tags(second) == tags(first) != {}


@pytest.mark.parametrize("exif", [b"junk", b"", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff"])
@pytest.mark.parametrize("suffix", WITH_METADATA)
def test_damaged_exif_does_not_lose_the_picture(tmp_path: Path, suffix: str, exif: bytes) -> None:
    write_image(picture(exif=exif), tmp_path / f"a{suffix}")
    assert read_image(tmp_path / f"a{suffix}").size == (101, 67)


@pytest.mark.parametrize("suffix", WITH_METADATA)
def test_recipe_comes_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write_image(picture(exif=camera_exif()), path, recipe=RECIPE)
    assert read_recipe(path) == RECIPE | {"written": {"depth": 8, "quality": None}}
    write_image(picture(exif=camera_exif()), path, recipe=RECIPE, strip_metadata=True)
    assert read_recipe(path) is None
    assert b"Maker" not in path.read_bytes()
    assert b"brushwork" not in path.read_bytes()


@pytest.mark.parametrize("suffix", [".bmp", ".gif"])
def test_recipe_is_left_out_where_the_format_has_no_place(tmp_path: Path, suffix: str) -> None:
    write_image(picture(), tmp_path / f"a{suffix}", recipe=RECIPE)
    assert read_recipe(tmp_path / f"a{suffix}") is None


def test_long_recipe(tmp_path: Path) -> None:
    recipe = RECIPE | {"note": "x" * 100_000}
    write_image(picture(), tmp_path / "a.png", recipe=recipe)
    assert (read_recipe(tmp_path / "a.png") or {})["note"] == recipe["note"]
    write_image(picture(), tmp_path / "a.jpg", recipe=recipe)
    assert read_recipe(tmp_path / "a.jpg") is None


# Refusals ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.xyz", "a", "a.v", ".png", "a.csv", "a.pdf"])
def test_unknown_suffix(tmp_path: Path, name: str) -> None:
    for refuse in (check_target, lambda path: write_image(picture(), path)):
        with pytest.raises(UsageError, match=r"suffix.*\.png, \.jpg"):
            refuse(tmp_path / name)
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".avif", ".bmp", ".gif"])
def test_16_bits_where_there_are_8(tmp_path: Path, suffix: str) -> None:
    for refuse in (check_target, lambda path, depth: write_image(picture(), path, depth=depth)):
        with pytest.raises(UsageError, match=r"supports 8 bits per channel.*PNG or TIFF"):
            refuse(tmp_path / f"a{suffix}", depth=16)
    with pytest.raises(UsageError, match="8 or 16"):
        check_target(tmp_path / "a.png", 12)


@pytest.mark.parametrize("quality", [0, 101, -1])
def test_quality_out_of_range(tmp_path: Path, quality: int) -> None:
    with pytest.raises(UsageError, match="1 to 100"):
        write_image(picture(), tmp_path / "a.jpg", quality=quality)


def test_pixels_out_of_contract(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="NaN"):
        write_image(Picture(torch.full((1, 3, 5, 5), float("nan"))), tmp_path / "a.png")


def test_picture_too_large_for_the_format(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="WebP supports at most 16383"):
        check_target(tmp_path / "a.webp", size=(20_000, 10))
    with pytest.raises(UsageError, match="WebP supports at most 16383"):
        write_image(Picture(torch.zeros(1, 3, 1, 16_384)), tmp_path / "a.webp")
    check_target(tmp_path / "a.png", size=(200_000, 10))


def test_targets_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").touch()
    cases = [
        (tmp_path / "folder.png", "is a directory"),
        (tmp_path / "nowhere" / "a.png", "doesn't exist"),
        (tmp_path / "file" / "a.png", "doesn't exist"),
    ]
    for path, message in cases:
        for refuse in (check_target, lambda path: write_image(picture(), path)):
            with pytest.raises(PictureError, match=message) as caught:
                refuse(path)
            assert str(path) in str(caught.value)
    monkeypatch.setattr(os, "access", lambda *_: False)  # the rights themselves don't bind the superuser
    with pytest.raises(PictureError, match="check its permissions"):
        check_target(tmp_path / "a.png")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipe_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(PictureError, match="not a regular file"):
        check_target(tmp_path / "a.png")


def test_good_target_is_left_alone(tmp_path: Path) -> None:
    check_target(tmp_path / "a.png", 16)
    check_target(str(tmp_path / "a.JPG"))
    assert leftovers(tmp_path) == []


# Whole or not at all -------------------------------------------------------------------------------------------------


class HostileError(Exception):
    pass


@pytest.mark.parametrize(
    "error", [HostileError(), KeyboardInterrupt(), OSError(28, "No space left on device"), pyvips.Error("x", "y")]
)
@pytest.mark.parametrize("existed", [False, True])
def test_failure_leaves_the_old_file_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, existed: bool
) -> None:
    path = tmp_path / "a.png"
    if existed:
        path.write_bytes(b"old")

    def fail(*args: object) -> None:
        raise error

    monkeypatch.setattr(os, "fsync", fail)  # all is written by then, and nothing renamed
    expected = PictureError if isinstance(error, (OSError, pyvips.Error)) else type(error)
    with pytest.raises(expected) as caught:
        write_image(picture(), path)
    if expected is PictureError:
        assert str(path) in str(caught.value)
    assert leftovers(tmp_path) == (["a.png"] if existed else [])
    assert not existed or path.read_bytes() == b"old"


def test_full_disk(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    with Path("/dev/full").open("r+b", buffering=0) as full:
        image = picture_writer._annotated(PHOTO, picture_writer._FORMATS[".png"], None, None)
        with pytest.raises(pyvips.Error):
            image.write_to_target(pyvips.Target.new_to_descriptor(full.fileno()), ".png")


def test_replaced_file_keeps_its_rights_and_links(tmp_path: Path) -> None:
    (tmp_path / "real.png").write_bytes(b"old")
    (tmp_path / "real.png").chmod(0o640)
    (tmp_path / "link.png").symlink_to("real.png")
    write_image(picture(), tmp_path / "link.png")
    assert (tmp_path / "link.png").is_symlink()
    assert read_image(tmp_path / "real.png").size == (101, 67)
    assert (tmp_path / "real.png").stat().st_mode & 0o777 == 0o640


def test_new_file_has_the_rights_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    write_image(picture(), tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_name_of_the_longest_length(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 251 + ".png")
    write_image(picture(), path)
    assert read_image(path).size == (101, 67)
