"""From file to file: what `stylize` gives, part by part; and what happens when it goes wrong."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from brushwork import AdaINLite, Checkpoint, Gatys, Picture, load, read_image, read_recipe, stylize, write_image
from brushwork.api.stylize_file import stylize_file
from brushwork.errors import Interrupted, SavedElsewhereError, UsageError
from brushwork.methods import Method
from brushwork.runtime.progress import Step
from brushwork.tiling.plan import Plan
from brushwork.tiling.tiles import Tiling

PLAN = Plan("streamed", Tiling(96), 0, 0, 0.0, 0)


def smooth(height: int, width: int, channels: int = 3) -> Tensor:
    torch.manual_seed(2)
    return F.interpolate(torch.rand(1, channels, height // 8, width // 8), (height, width), mode="bicubic").clamp(0, 1)


@pytest.fixture(scope="module")
def method() -> Method:
    return load(AdaINLite(precision="float32"))


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    write_image(Picture(smooth(150, 230), exif=exif.tobytes()), tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"size": 120},
        {"depth": 16},
        {"strength": 0.5},
        {"keep_color": "luminance"},
        {"keep_color": "luminance", "keep_color_when": "before"},
        {"masks": 2},
    ],
    ids=str,
)
def test_it_is_what_stylize_gives(options: dict[str, Any], photo: Path, tmp_path: Path) -> None:
    options = dict(options)
    method = load(AdaINLite(precision="float32", strength=options.pop("strength", 1.0)))
    style: Any = "feminine-wave" if options.get("keep_color_when") != "before" else Picture(smooth(80, 96))
    depth = options.pop("depth", 8)
    if options.get("masks"):
        style = "feminine-wave+great-wave"
        options["masks"] = [Picture(smooth(40, 50 + 8 * k, 1).expand(-1, 3, -1, -1)) for k in range(2)]
    done = stylize_file(photo, style, tmp_path / "out.png", method=method, plan=PLAN, depth=depth, **options)
    whole = stylize(photo, style, method=method, **options)
    found = read_image(tmp_path / "out.png")
    assert found.size == done.size == whole.picture.size
    assert found.depth == depth
    difference = (found.pixels - whole.picture.pixels).abs() * 255
    assert difference.max() <= 2.5
    assert difference.mean() <= (0.3 if depth == 8 else 0.05)
    assert found.exif is not None
    assert b"Maker" in found.exif
    recipe = read_recipe(tmp_path / "out.png")
    assert recipe is not None
    assert recipe["tile"] == 96


def test_what_is_transparent_stays_so(method: Method, tmp_path: Path) -> None:
    alpha = smooth(130, 200, 1)
    alpha[..., :80] = 0
    write_image(Picture(smooth(130, 200), alpha), tmp_path / "photo.png")
    stylize_file(tmp_path / "photo.png", "feminine-wave", tmp_path / "out.png", method=method, plan=PLAN)
    whole, found = stylize(tmp_path / "photo.png", "feminine-wave", method=method), read_image(tmp_path / "out.png")
    assert found.alpha is not None
    assert torch.equal(found.alpha, read_image(tmp_path / "photo.png").alpha)  # type: ignore[arg-type]
    assert (found.pixels - whole.picture.pixels).abs().max() <= 2.5 / 255


@pytest.mark.parametrize("way", ["cholesky", "histogram"])
def test_colors_are_matched_by_a_thumbnail(way: str, method: Method, photo: Path, tmp_path: Path) -> None:
    options = {"keep_color": way, "keep_color_when": "after"}
    stylize_file(photo, "feminine-wave", tmp_path / "out.png", method=method, plan=PLAN, **options)  # type: ignore[arg-type]
    whole = stylize(photo, "feminine-wave", method=method, **options)  # type: ignore[arg-type]
    assert (read_image(tmp_path / "out.png").pixels - whole.picture.pixels).abs().max() <= 2.5 / 255


def test_stopped_it_leaves_nothing_but_what_it_goes_on_from(method: Method, photo: Path, tmp_path: Path) -> None:
    def stop(step: Step) -> None:
        if step.step == step.steps - 2:  # some tiles of the last way are done
            raise KeyboardInterrupt

    out, checkpoint = tmp_path / "out.png", Checkpoint(tmp_path / "work", every=1)
    with pytest.raises(Interrupted):
        stylize_file(photo, "feminine-wave", out, method=method, plan=PLAN, progress=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["photo.png"]
    with pytest.raises(Interrupted):
        stylize_file(photo, "feminine-wave", out, method=method, plan=PLAN, progress=stop, checkpoint=checkpoint)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photo.png", "work", "work.pixels"]
    with pytest.raises(UsageError, match="a different job"):
        stylize_file(photo, "great-wave", out, method=method, plan=PLAN, checkpoint=checkpoint)
    seen: list[Step] = []
    stylize_file(photo, "feminine-wave", out, method=method, plan=PLAN, progress=seen.append, checkpoint=checkpoint)
    assert len(seen) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.png", "photo.png"]
    stylize_file(photo, "feminine-wave", tmp_path / "at once.png", method=method, plan=PLAN)
    assert out.read_bytes() == (tmp_path / "at once.png").read_bytes()


def test_without_a_plan_it_makes_one(photo: Path, tmp_path: Path) -> None:
    done = stylize_file(photo, "feminine-wave", tmp_path / "out.jpg", AdaINLite(strength=0.9), max_memory=10**11)
    assert read_image(tmp_path / "out.jpg").size == done.size == (230, 150)


def test_only_methods_of_one_pass(photo: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="gatys can't process a file in parts"):
        stylize_file(photo, "feminine-wave", tmp_path / "out.png", method=load(Gatys(steps=2)), plan=PLAN)


IN_TILES = """
import sys
from pathlib import Path
import brushwork.tiling.plan as planning
from brushwork.cli.main import main
planning.SMALL = planning.LARGE = 1000
planning.SIDES = (64, 48)
main(sys.argv[1:])
"""


def test_a_killed_job_goes_on(photo: Path, tmp_path: Path) -> None:
    def command(output: str) -> list[str]:
        style = [
            "--preset",
            "draft",
            "--style",
            "feminine-wave",
            "--precision",
            "float32",
        ]  # each process may find another one faster
        options = ["-o", str(tmp_path / output), "--checkpoint-every", "1", "--resume"]
        return [sys.executable, "-c", IN_TILES, "stylize", str(photo), *style, *options]

    subprocess.run(command("whole.png"), check=True)
    process = subprocess.Popen(command("killed.png"))
    work = tmp_path / "killed.png.checkpoint"
    while process.poll() is None and not work.exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    subprocess.run(command("killed.png"), check=True)
    assert (tmp_path / "killed.png").read_bytes() == (tmp_path / "whole.png").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["killed.png", "photo.png", "whole.png"]


LITTLE_MEMORY = """
import resource, sys
from pathlib import Path
import torch
from brushwork import AdaINLite, load, read_image
from brushwork.tiling.plan import Plan
from brushwork.api.stylize_file import stylize_file
from brushwork.tiling.tiles import Tiling

torch.set_num_threads(1)
method = load(AdaINLite(precision="float32"))
plan = lambda side: Plan("streamed", Tiling(side), 0, 0, 0.0, 0)
photo, folder = sys.argv[1], Path(sys.argv[2])
stylize_file(photo, "feminine-wave", folder / "free.png", method=method, plan=plan(128))
taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + 250_000_000,) * 2)
stylize_file(photo, "feminine-wave", folder / "little.png", method=method, plan=plan(4096))
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="not Linux")
def test_where_memory_ends_it_goes_on_with_smaller_tiles(tmp_path: Path) -> None:
    write_image(Picture(smooth(1200, 1600)), tmp_path / "photo.png")  # at once it takes more than is allowed
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    line = [sys.executable, "-c", LITTLE_MEMORY, str(tmp_path / "photo.png"), str(tmp_path)]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    free, little = (read_image(tmp_path / name).pixels for name in ("free.png", "little.png"))
    assert (free - little).abs().max() <= 2.5 / 255


def test_a_folder_removed_meanwhile_does_not_lose_the_picture(method: Method, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()

    def remove(step: Step) -> None:
        if step.step == step.steps:
            shutil.rmtree(tmp_path / "out")

    with pytest.raises(SavedElsewhereError) as caught:
        stylize_file(photo, "feminine-wave", tmp_path / "out" / "a.png", method=method, plan=PLAN, progress=remove)
    assert caught.value.path == tmp_path / "a.png"
    stylize_file(photo, "feminine-wave", tmp_path / "b.png", method=method, plan=PLAN)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
