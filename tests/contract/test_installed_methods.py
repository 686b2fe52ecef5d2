"""A method that another package publishes: one file and one entry point, and all else works with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
from PIL import Image

OPTIONS = '''
from dataclasses import dataclass
from typing import Annotated

from brushwork import MethodRecord
from brushwork.options.base import Checked, Option


@dataclass(frozen=True)
class Tint(Checked):
    """The photo with the painting's mean color."""

    strength: Annotated[float, Option("how much of the style", 0, 1)] = 1.0
    contrast: Annotated[float, Option("of the result", 0, 2)] = 1.0


RECORD = MethodRecord(Tint, "tint_method:TintNetwork")
'''
METHOD = """
from dataclasses import dataclass

import torch
from torch import Tensor

from brushwork.methods.base import Declaration
from brushwork.methods.style_network import TensorStyleNetwork
from brushwork.tiling.tiles import StatisticsRequest


@dataclass(frozen=True)
class Color:
    mean: Tensor


class TintNetwork(TensorStyleNetwork[Color]):
    declaration = Declaration(1, "statistics", blends=True, regions=True)
    style_type, multiple = Color, 1

    def __init__(self, settings, device="cpu", *, network=None):
        self.settings, self.device = settings, torch.device(device)

    def encode(self, image, mask=None):
        return Color(image.mean((0, 2, 3)))

    def generate(self, tile, styles, shares=None):
        photo = tile.photo
        moments = yield StatisticsRequest(photo)
        mean = photo.mean((0, 2, 3)) if moments is None else moments.mean[0]
        return (photo - mean[:, None, None]) * self.settings.contrast + styles[0].mean[:, None, None]

    def halo(self, styles):
        return 0

    def neutral_style(self):
        return Color(torch.full((3,), 0.5))

    def recipe(self):
        return {"dtype": "float32"}
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder with the installed package, a photo and a painting."""
    (tmp_path / "tint.py").write_text(OPTIONS)
    (tmp_path / "tint_method.py").write_text(METHOD)
    about = tmp_path / "tint-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: tint\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[brushwork.methods]\ntint = tint:RECORD\nbroken = nowhere:RECORD\n")
    random = np.random.default_rng(0)
    Image.fromarray(random.integers(60, 90, (40, 50, 3), np.uint8)).save(tmp_path / "photo.png")
    Image.fromarray(np.full((20, 20, 3), (200, 120, 40), np.uint8)).save(tmp_path / "painting.png")
    return tmp_path


def run(package: Path, *command: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(package), *sys.path])
    return subprocess.run(
        [sys.executable, "-W", "ignore", *command],
        cwd=package, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_command_knows_it_with_its_flags_and_its_recipe(package: Path) -> None:
    painted = run(
        package, "-m", "brushwork", "stylize", "photo.png", "--style", "painting.png", "--method", "tint",
        "--contrast", "0.5", "-o", "out.png", "--json",
    )  # fmt: skip
    assert painted.returncode == 0, painted.stderr
    assert json.loads(painted.stdout.splitlines()[-1])["size"] == [50, 40]
    pixels = np.asarray(Image.open(package / "out.png")).astype(float)
    assert np.allclose(pixels.mean((0, 1)), (200, 120, 40), atol=1)
    assert pixels.std() < 80
    again = run(package, "-m", "brushwork", "rerun", "out.png", "-o", "again.png")
    assert again.returncode == 0, again.stderr
    assert (package / "again.png").read_bytes() == (package / "out.png").read_bytes()
    assert "--contrast" in run(package, "-m", "brushwork", "methods").stdout


def test_tiles_strength_and_python_work_with_it(package: Path) -> None:
    program = dedent("""
        import torch
        from brushwork import load, stylize
        from brushwork.tiling.tiles import Tiling
        from tint import Tint

        half = stylize("photo.png", "painting.png", Tint(strength=0.5)).picture.pixels
        photo = stylize("photo.png", "painting.png", Tint(strength=0.0)).picture.pixels
        whole = stylize("photo.png", "painting.png", "tint").picture.pixels
        assert torch.allclose((photo + whole) / 2, half, atol=1e-4)
        method = load(Tint())
        style = method.encode_style(whole, sizes=[50])
        tiled = method(photo, style, tiling=Tiling(16))
        assert torch.allclose(tiled, method(photo, style), atol=1e-5)
    """)
    assert (done := run(package, "-c", program)).returncode == 0, done.stderr


def test_one_that_can_t_be_loaded_is_left_out_with_a_warning(package: Path) -> None:
    paths = os.pathsep.join([str(package), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", "import brushwork.registry as r; print(*r.METHODS)"],
        env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "tint" in done.stdout.split()
    assert "broken" not in done.stdout.split()
    assert "the method broken of nowhere:RECORD can't be loaded" in done.stderr
