"""JPEGs as phones and cameras write them: a gain map, a second picture, a film or anything else behind the picture."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageCms
from skimage import data

from brushwork import stylize
from brushwork.io import PictureReader, read_image, read_size
from brushwork.io.film_formats import open_film
from brushwork.training.data import PhotoFolder

PHOTO = np.ascontiguousarray(data.astronaut()[:96, 150:278])  # (96, 128, 3)


def _gain_map() -> bytes:
    """Ultra HDR, as Android and iPhones write it: the picture, and behind it how much brighter each part is."""
    light = (PHOTO / np.float32(255)) ** 2.2 * 3
    content: bytes = pyvips.Image.new_from_array(light.astype(np.float32), interpretation="scrgb").uhdrsave_buffer()
    assert b"21496" in content  # the standard of gain maps: ISO 21496-1
    return content


def _stereo() -> bytes:
    """MPO: the left picture, and behind it the right one."""
    content = io.BytesIO()
    Image.fromarray(PHOTO).save(content, "MPO", save_all=True, append_images=[Image.fromarray(PHOTO[:, ::-1].copy())])
    return content.getvalue()


def _plain() -> bytes:
    content = io.BytesIO()
    Image.fromarray(PHOTO).save(content, "JPEG", quality=95)
    return content.getvalue()


KINDS: dict[str, Callable[[], bytes]] = {
    "gain map": _gain_map,
    "stereo": _stereo,
    "motion photo": lambda: _plain() + b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + bytes(range(256)) * 20,
    "zeros": lambda: _plain() + bytes(5000),
    "markers": lambda: _plain() + b"\xff\xd8\xff\xc0\xff" * 100,
    "text": lambda: _plain() + b"<html>not found</html>",
}


@pytest.fixture(params=KINDS)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    file = tmp_path / "1.jpg"
    file.write_bytes(KINDS[request.param]())
    return file


def test_it_is_read_as_the_first_picture_in_it(path: Path) -> None:
    with Image.open(path) as image:
        profile = image.info.get("icc_profile")  # libvips gives its gain map pictures one
        if profile:
            image = ImageCms.profileToProfile(image, io.BytesIO(profile), ImageCms.createProfile("sRGB"))
        expected = np.asarray(image.convert("RGB")).astype(float)
    picture = read_image(path)
    assert read_size(path) == picture.size == (128, 96)
    assert np.abs(picture.pixels[0].permute(1, 2, 0).numpy() * 255 - expected).mean() < 1
    assert picture.notes == ()
    assert PictureReader(path).read(0, 0, 96, 128)[0].equal(picture.pixels)


def test_it_is_a_photo_a_style_a_mask_a_frame_and_a_training_picture(path: Path) -> None:
    assert stylize(path, path, masks=[path], size=64).picture.size == (64, 48)
    (frame,) = open_film(path.parent).frames()
    assert frame.pixels.shape == (1, 3, 96, 128)
    photos = PhotoFolder(path.parent, 64)
    assert photos.batch(1, random.Random(0)).shape == (1, 3, 64, 64)
    assert not photos.passed_over
