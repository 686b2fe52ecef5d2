"""Reading: each format and kind of pixel against Pillow, tifffile or scikit-image, and each hostile file."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import pyvips
import tifffile
from PIL import Image as PillowImage
from PIL import ImageCms, ImageOps, features
from skimage import data

from brushwork.errors import PictureError, UsageError
from brushwork.image import Picture, check_pixels
from brushwork.io import profiles, read_image, read_recipe, read_size

PHOTO = np.ascontiguousarray(data.astronaut()[:67, 200:301])  # (67, 101, 3), odd on both sides
NEEDS_AVIF = pytest.mark.skipif(not features.check("avif"), reason="Pillow without AVIF can't make the test file")
AVIF = pytest.param(".avif", marks=NEEDS_AVIF)


def as_array(picture: Picture) -> np.ndarray:
    """(H, W, 3) floats."""
    check_pixels(picture.pixels)
    return picture.pixels[0].permute(1, 2, 0).numpy()


def distance(picture: Picture, expected: np.ndarray) -> float:
    """Largest difference in steps of 8 bits."""
    return float(np.abs(as_array(picture) * 255 - expected).max())


def save(path: Path, image: PillowImage.Image | np.ndarray, **options: object) -> Path:
    image = PillowImage.fromarray(image) if isinstance(image, np.ndarray) else image
    image.save(path, **options)
    return path


# Formats -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.bmp", "A.PNG", "b c ü 写.png", "a[page=1].png", "no-suffix"])
def test_lossless_formats_are_read_exactly(tmp_path: Path, name: str) -> None:
    path = save(tmp_path / name, PHOTO, format=None if "." in name else "PNG")
    picture = read_image(path)
    assert np.array_equal(as_array(picture), PHOTO.astype(np.float32) / np.float32(255))
    assert (picture.size, picture.depth, picture.alpha, picture.notes) == ((101, 67), 8, None, ())
    assert read_size(str(path)) == (101, 67)
    assert read_recipe(path) is None


@pytest.mark.parametrize("suffix", [".jpg", ".webp", AVIF, ".gif"])
def test_lossy_formats_agree_with_pillow(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path / f"a{suffix}", PHOTO)
    with PillowImage.open(path) as image:
        expected = np.asarray(image.convert("RGB")).astype(float)
    picture = read_image(path)
    assert np.abs(as_array(picture) * 255 - expected).mean() < 1  # decoders differ in how they scale color up
    assert picture.size == read_size(path) == (101, 67)
    assert picture.notes == ()


def test_first_of_several_frames_is_read_and_said(tmp_path: Path) -> None:
    first, second = PillowImage.new("RGB", (8, 5), "red"), PillowImage.new("RGB", (8, 5), "blue")
    for name, kind in [("a.gif", "frames"), ("a.webp", "frames"), ("a.tif", "pages")]:
        path = save(tmp_path / name, first, save_all=True, append_images=[second])
        picture = read_image(path)
        assert picture.notes == (f"{name}: first of 2 {kind}",)
        assert picture.size == (8, 5)
        assert distance(picture, np.array([255.0, 0, 0])) < 3


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 3)])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp", ".bmp", ".gif", AVIF])
def test_tiny_pictures(tmp_path: Path, suffix: str, size: tuple[int, int]) -> None:
    path = save(tmp_path / f"a{suffix}", PillowImage.new("RGB", size, (255, 0, 0)))
    picture = read_image(path)
    assert picture.size == read_size(path) == size
    assert distance(picture, np.array([255.0, 0, 0])) < 5
    assert max(read_image(path, size=20).size) == 20


# Orientation ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_and_reset(tmp_path: Path, suffix: str, orientation: int) -> None:
    exif = PillowImage.Exif()
    exif[274], exif[271] = orientation, "Maker"
    options = {"quality": 100, "lossless": True} if suffix == ".webp" else {}
    path = save(tmp_path / f"a{suffix}", PHOTO, exif=exif.tobytes(), **options)
    with PillowImage.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image)).astype(float)
    picture = read_image(path)
    assert picture.size == read_size(path) == (expected.shape[1], expected.shape[0])
    assert np.abs(as_array(picture) * 255 - expected).mean() < 0.5
    assert picture.exif is not None
    kept = PillowImage.Exif()
    kept.load(picture.exif)
    assert (kept[274], kept[271]) == (1, "Maker")
    small = read_image(path, size=40)
    assert small.size == ((40, 27) if orientation < 5 else (27, 40))


@NEEDS_AVIF
def test_orientation_of_avif_is_applied_once(tmp_path: Path) -> None:
    exif = PillowImage.Exif()
    exif[274] = 6
    path = save(tmp_path / "a.avif", PHOTO, exif=exif.tobytes(), quality=100)
    picture = read_image(path)
    assert picture.size == read_size(path) == (67, 101)
    assert np.abs(as_array(picture) * 255 - np.rot90(PHOTO, -1)).mean() < 2


# Kinds of pixels -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA"])
def test_png_modes_agree_with_pillow(tmp_path: Path, mode: str) -> None:
    image = PillowImage.fromarray(PHOTO).convert(mode)
    if "A" in mode:
        image.putalpha(PillowImage.linear_gradient("L").resize(image.size))
    picture = read_image(save(tmp_path / "a.png", image))
    assert distance(picture, np.asarray(image.convert("RGB"))) < 1e-3
    assert (picture.alpha is not None) == ("A" in mode)
    if picture.alpha is not None:
        assert np.abs(picture.alpha[0, 0].numpy() * 255 - np.asarray(image.getchannel("A"))).max() < 1e-3


@pytest.mark.parametrize("name", ["a.png", "a.gif"])
def test_palette_with_transparency(tmp_path: Path, name: str) -> None:
    image = PillowImage.fromarray(PHOTO).quantize(16)
    picture = read_image(save(tmp_path / name, image, transparency=3))
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha[0, 0].numpy() == 0, np.asarray(image) == 3)
    shown = picture.alpha[0, 0].numpy() == 1
    assert np.abs(as_array(picture) * 255 - np.asarray(image.convert("RGB")))[shown].max() < 1e-3


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_bmp_and_tiff_modes_agree_with_pillow(tmp_path: Path, mode: str) -> None:
    image = PillowImage.fromarray(PHOTO).convert(mode)
    for name in ("a.bmp", "a.tif"):
        assert distance(read_image(save(tmp_path / name, image)), np.asarray(image.convert("RGB"))) < 1e-3


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
@pytest.mark.parametrize("bands", [1, 2, 3, 4])
def test_16_bits_are_kept(tmp_path: Path, name: str, bands: int) -> None:
    values = np.random.default_rng(0).integers(0, 65536, (40, 50, bands), dtype=np.uint16)
    interpretation = "grey16" if bands < 3 else "rgb16"
    pyvips.Image.new_from_array(values, interpretation=interpretation).write_to_file(str(tmp_path / name))
    picture = read_image(tmp_path / name)
    colors = np.repeat(values[..., :1], 3, axis=2) if bands < 3 else values[..., :3]
    assert picture.depth == 16
    assert np.array_equal(as_array(picture), colors.astype(np.float32) / np.float32(65535))
    assert len(np.unique(as_array(picture))) > 256
    assert (picture.alpha is not None) == (bands in (2, 4))
    if picture.alpha is not None:
        assert np.array_equal(picture.alpha[0, 0].numpy(), values[..., -1].astype(np.float32) / np.float32(65535))


def test_tiff_with_premultiplied_alpha_is_read_straight(tmp_path: Path) -> None:
    rgba = np.dstack([PHOTO // 2, np.full(PHOTO.shape[:2], 128, np.uint8)])
    tifffile.imwrite(tmp_path / "a.tif", rgba, photometric="rgb", extrasamples=["assocalpha"])
    assert distance(read_image(tmp_path / "a.tif"), np.minimum(255, PHOTO // 2 * (255 / 128))) <= 1


def test_tiff_with_white_as_zero(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", PHOTO[..., 0], photometric="miniswhite")
    assert distance(read_image(tmp_path / "a.tif"), 255 - PHOTO[..., :1].astype(float)) < 1e-3


def test_float_tiff_within_range_is_read_and_said(tmp_path: Path) -> None:
    values = PHOTO.astype(np.float32) / 255
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb")
    picture = read_image(tmp_path / "a.tif")
    assert np.array_equal(as_array(picture), values)
    assert picture.depth == 16
    assert "float samples" in picture.notes[0]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (PHOTO.astype(np.float32) + 1, r"float samples from 1 to \d+; scale them to \[0, 1\]"),
        (np.full((5, 5, 3), np.nan, np.float32), "float samples from nan"),
        (PHOTO.astype(np.uint32), "uint samples; convert it to 8 or 16 bits"),
        (PHOTO.astype(np.int16), "short samples"),
    ],
)
def test_samples_without_a_meaning_are_refused(tmp_path: Path, values: np.ndarray, message: str) -> None:
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb")
    with pytest.raises(PictureError, match=message):
        read_image(tmp_path / "a.tif")


def test_too_many_channels_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((8, 9, 5), np.uint8), planarconfig="contig", photometric="minisblack")
    with pytest.raises(PictureError, match=r"a\.tif: has 5 channels"):
        read_image(tmp_path / "a.tif")


def test_lab_tiff(tmp_path: Path) -> None:
    image = pyvips.Image.new_from_array(PHOTO, interpretation="srgb").colourspace("labs")
    image.tiffsave(str(tmp_path / "a.tif"))
    assert distance(read_image(tmp_path / "a.tif"), PHOTO) < 0.6


# Color profiles ------------------------------------------------------------------------------------------------------


def builtin(name: str) -> bytes:
    return bytes(pyvips.Image.profile_load(name))


def grey_profile(gamma: float) -> bytes:
    """A minimal ICC profile of grey with a power curve. Source: ICC.1:2001-04, sections 6.1 and 6.3."""
    white = b"XYZ " + bytes(4) + struct.pack(">3i", *(round(v * 65536) for v in (0.9642, 1.0, 0.8249)))
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    text = b"desc" + bytes(4) + struct.pack(">I", 5) + b"grey\0" + bytes(78) + bytes(1)
    tags, body, offset = b"", b"", 128 + 4 + 3 * 12
    for name, block in [(b"wtpt", white), (b"kTRC", curve), (b"desc", text)]:
        tags += name + struct.pack(">II", offset + len(body), len(block))
        body += block
    head = struct.pack(">I4sI4s4s4s", offset + len(body), b"none", 0x02100000, b"mntr", b"GRAY", b"XYZ ")
    head += struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    head += struct.pack(">3i", *(round(v * 65536) for v in (0.9642, 1.0, 0.8249)))
    return head.ljust(128, b"\0") + struct.pack(">I", 3) + tags + body


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_display_p3_agrees_with_littlecms(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path / f"a{suffix}", PHOTO, icc_profile=builtin("p3"))
    with PillowImage.open(path) as image:
        source = ImageCms.ImageCmsProfile(io.BytesIO(builtin("p3")))
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), renderingIntent=1)
        expected, unconverted = np.asarray(converted).astype(float), np.asarray(image).astype(float)
    picture = read_image(path)
    assert np.abs(as_array(picture) * 255 - expected).mean() < 1
    assert np.abs(unconverted - expected).mean() > 2  # it had something to convert
    assert picture.notes == ()
    if suffix in (".png", ".tif"):
        assert distance(picture, expected) < 1


def test_grey_profile_agrees_with_its_curve(tmp_path: Path) -> None:
    grey = PHOTO[..., 0]
    path = save(tmp_path / "a.png", grey, icc_profile=grey_profile(1.0))
    linear = grey / 255
    expected = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)
    picture = read_image(path)
    assert picture.notes == ()
    assert distance(picture, expected[..., None] * 255) < 1


@pytest.mark.parametrize(
    "profile", [builtin("srgb"), ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()]
)
def test_srgb_by_any_maker_changes_no_pixel(tmp_path: Path, profile: bytes) -> None:
    path = save(tmp_path / "a.png", PHOTO, icc_profile=profile)
    assert np.array_equal(as_array(read_image(path)), PHOTO.astype(np.float32) / np.float32(255))


def test_a_profile_is_examined_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profiles._judge.cache_clear()
    examined: list[object] = []
    build = ImageCms.buildTransform
    monkeypatch.setattr(ImageCms, "buildTransform", lambda *given: examined.append(given) or build(*given))
    for name in ("a.png", "b.png"):
        read_image(save(tmp_path / name, PHOTO, icc_profile=builtin("p3")))
    assert len(examined) == 1


def test_profile_and_alpha(tmp_path: Path) -> None:
    image = PillowImage.fromarray(PHOTO).convert("RGBA")
    image.putalpha(PillowImage.linear_gradient("L").resize(image.size))
    picture = read_image(save(tmp_path / "a.png", image, icc_profile=builtin("p3")))
    opaque = read_image(save(tmp_path / "b.png", PHOTO, icc_profile=builtin("p3")))
    assert np.array_equal(as_array(picture), as_array(opaque))
    assert picture.alpha is not None
    assert np.abs(picture.alpha[0, 0].numpy() * 255 - np.asarray(image.getchannel("A"))).max() < 1e-3


@pytest.mark.parametrize("profile", [b"junk" * 50, builtin("p3")[:200], builtin("cmyk"), grey_profile(1.0), b"x"])
def test_useless_profile_is_ignored_and_said(tmp_path: Path, profile: bytes) -> None:
    picture = read_image(save(tmp_path / "a.tif", PHOTO, icc_profile=profile))
    assert picture.notes == ("a.tif: its color profile is damaged or for another color model, and was ignored",)
    assert distance(picture, PHOTO) < 1e-3


@pytest.mark.parametrize("name", ["a.jpg", "a.tif"])
@pytest.mark.parametrize("profile", [None, builtin("cmyk"), b"junk" * 50])
def test_cmyk_agrees_with_littlecms(tmp_path: Path, name: str, profile: bytes | None) -> None:
    image = PillowImage.fromarray(PHOTO).convert("CMYK")
    options = {"quality": 100, "subsampling": 0} if name == "a.jpg" else {}
    path = save(tmp_path / name, image, icc_profile=profile, **options)
    source = ImageCms.ImageCmsProfile(io.BytesIO(builtin("cmyk")))
    converted = ImageCms.profileToProfile(
        image,
        source,
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    picture = read_image(path)
    assert np.abs(as_array(picture) * 255 - np.asarray(converted)).mean() < 1.5
    assert len(picture.notes) == (profile is not None and len(profile) < 1000)


# Resampling ----------------------------------------------------------------------------------------------------------


def test_smaller_agrees_with_pillow(tmp_path: Path) -> None:
    photo = data.chelsea()
    path = save(tmp_path / "a.png", photo)
    picture = read_image(path, size=150)
    expected = PillowImage.fromarray(photo).resize((150, 100), PillowImage.Resampling.LANCZOS)
    assert picture.size == (150, 100)
    assert np.abs(as_array(picture) * 255 - np.asarray(expected)).mean() < 1
    assert read_size(path) == (451, 300)


@pytest.mark.parametrize(("size", "expected"), [(1, (1, 1)), (101, (101, 67)), (102, (102, 68)), (300, (300, 199))])
def test_any_size(tmp_path: Path, size: int, expected: tuple[int, int]) -> None:
    picture = read_image(save(tmp_path / "a.png", PHOTO), size=size)
    assert picture.size == expected
    check_pixels(picture.pixels)


def test_hidden_color_does_not_bleed(tmp_path: Path) -> None:
    rgba = np.zeros((64, 64, 4), np.uint8)
    rgba[:, :32] = (255, 0, 0, 255)
    rgba[:, 32:] = (0, 255, 0, 0)
    picture = read_image(save(tmp_path / "a.png", rgba), size=24)
    assert picture.alpha is not None
    assert picture.pixels[0, 1].max() < 1e-4
    assert picture.alpha.min() >= 0
    assert picture.alpha.max() <= 1
    assert picture.visible()[0, 1].max() < 1e-4


@pytest.mark.parametrize("size", [0, -5])
def test_size_of_nothing_is_refused(tmp_path: Path, size: int) -> None:
    with pytest.raises(UsageError, match="at least 1"):
        read_image(save(tmp_path / "a.png", PHOTO), size=size)


# EXIF ----------------------------------------------------------------------------------------------------------------


def test_thumbnail_and_stale_sizes_are_dropped(tmp_path: Path) -> None:
    thumbnail = io.BytesIO()
    PillowImage.new("RGB", (16, 16)).save(thumbnail, "JPEG")
    jpeg = thumbnail.getvalue()
    first = struct.pack("<HHHLLHHLL", 2, 0x0100, 4, 1, 4000, 0x0112, 3, 1, 6)  # ImageWidth, Orientation
    second = struct.pack("<HHHLLHHLL", 2, 0x0201, 4, 1, 72, 0x0202, 4, 1, len(jpeg))
    exif = b"II*\0\x08\0\0\0" + first + struct.pack("<L", 38) + second + bytes(4)
    exif = b"Exif\0\0" + exif.ljust(72, b"\0") + jpeg
    picture = read_image(save(tmp_path / "a.jpg", PHOTO, exif=exif))
    assert picture.size == (67, 101)
    assert picture.exif is not None
    assert jpeg[:20] not in picture.exif
    kept = PillowImage.Exif()
    kept.load(picture.exif)
    assert kept.get_ifd(1) == {}
    assert 0x0100 not in kept


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0junk", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"]
)
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
def test_damaged_exif_does_no_harm(tmp_path: Path, name: str, exif: bytes) -> None:
    assert read_image(save(tmp_path / name, PHOTO, exif=exif)).size == (101, 67)
