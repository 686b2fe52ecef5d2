"""Photos to train on."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from brushwork import Picture, write_image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(4):
        write_image(Picture(torch.rand(1, 3, 80, 96)), photos / f"{number}.png")
    return photos
