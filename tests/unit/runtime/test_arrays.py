"""Pictures from and to NumPy's arrays and Pillow's images."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image, ImageCms

from brushwork import Picture
from brushwork.errors import UsageError


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [3, 4])
def test_arrays_there_and_back(dtype: Any, channels: int) -> None:
    values = np.random.default_rng(0).random((5, 7, channels))
    array = values.astype(dtype) if dtype == np.float32 else (values * np.iinfo(dtype).max).astype(dtype)
    picture = Picture.from_numpy(array)
    assert picture.size == (7, 5)
    assert picture.depth == (8 if dtype == np.uint8 else 16)
    assert (picture.alpha is not None) == (channels == 4)
    assert np.array_equal(picture.to_numpy(dtype), array)
    assert picture.to_numpy(dtype).dtype == dtype
    assert picture.pixels[0, 1, 4, 6] == pytest.approx(values[4, 6, 1], abs=1 / 255)


@pytest.mark.parametrize(
    ("array", "told"),
    [
        (np.zeros((5, 7), np.uint8), "dstack"),
        (np.zeros((3, 5, 7), np.uint8), r"transpose\(1, 2, 0\)"),
        (np.zeros((1, 5, 7, 3), np.uint8), r"x\[0\]"),
        (np.zeros((0, 7, 3), np.uint8), "empty"),
        (np.zeros((5, 7, 3), np.int64), "int64"),
        (np.full((5, 7, 3), 255.0), "divide by 255"),
        (np.full((5, 7, 3), np.nan), "NaN"),
        (torch.zeros(5, 7, 3), "numpy.asarray"),
        ([[1, 2, 3]], "numpy.asarray"),
    ],
)
def test_what_no_picture_can_be_made_of_is_told_how(array: Any, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        Picture.from_numpy(array)


def test_a_picture_of_an_array_or_an_image_is_told_how() -> None:
    for value, told in ((np.zeros((5, 7, 3)), "from_numpy"), (Image.new("RGB", (7, 5)), "from_pil")):
        with pytest.raises(UsageError, match=told):
            Picture(value)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="uint8, uint16, float32"):
        Picture(torch.zeros(1, 3, 5, 7)).to_numpy("int32")
    with pytest.raises(UsageError, match="a Pillow image"):
        Picture.from_pil(np.zeros((5, 7, 3)))  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV"])
def test_images_of_all_modes(mode: str) -> None:
    image = Image.new("RGB", (7, 5), (255, 255, 255)).convert(mode)
    picture = Picture.from_pil(image)
    assert picture.size == (7, 5)
    assert picture.pixels.min() > 0.99
    assert (picture.alpha is not None) == (mode in ("LA", "RGBA"))


def test_images_of_16_bits_keep_them_and_those_without_a_range_are_refused() -> None:
    picture = Picture.from_pil(Image.fromarray(np.full((5, 7), 1000, np.uint16)))
    assert picture.depth == 16
    assert (picture.to_numpy(np.uint16) == 1000).all()
    for mode in ("I", "F"):
        with pytest.raises(UsageError, match="no standard range"):
            Picture.from_pil(Image.new(mode, (7, 5)))


def test_an_image_comes_upright_with_its_exif() -> None:
    image = Image.new("RGB", (7, 5))
    exif = image.getexif()
    exif[ExifTags.Base.Orientation], exif[ExifTags.Base.Make] = 6, "Maker"
    file = io.BytesIO()
    image.save(file, "PNG", exif=exif)
    picture = Picture.from_pil(Image.open(file))
    assert picture.size == (5, 7)
    again = picture.to_pil()
    assert (again.mode, again.size, again.getexif()[ExifTags.Base.Make]) == ("RGB", (5, 7), "Maker")


def test_a_profile_is_obeyed_and_a_damaged_one_ignored() -> None:
    image = Image.new("RGB", (2, 2), (200, 100, 50))
    image.info["icc_profile"] = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.abs(Picture.from_pil(image).to_numpy().astype(int) - np.asarray(image)).max() <= 1
    image.info["icc_profile"] = b"damaged"
    assert np.array_equal(Picture.from_pil(image).to_numpy(), np.asarray(image))
    gray = Image.new("RGBA", (2, 2), (200, 100, 50, 7))
    gray.info["icc_profile"] = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert (Picture.from_pil(gray).to_numpy()[..., 3] == 7).all()
    assert Picture.from_pil(gray).to_pil().mode == "RGBA"
