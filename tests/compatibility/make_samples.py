"""What made the samples in `0.1/`, with brushwork 0.1.0; kept for the record.

    PYTHONPATH=src:tests OMP_NUM_THREADS=1 python tests/compatibility/make_samples.py

It replaces the samples by those of the version that runs it, so it isn't run again: a later version's samples belong
into a folder of their own.
"""

from __future__ import annotations

import gzip
import io
import json
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import studios
import torch
from compatibility.microast_weights import write_microast
from compatibility.samples import (
    FOLDER,
    INPUTS,
    TEXTURES,
    TRAININGS,
    command,
    digest,
    film,
    home,
    machine,
    named,
    stylized,
    thumbnail,
    train,
    written,
)
from PIL import Image

import brushwork

FLOAT32: dict[str, Any] = {"precision": "float32"}
GATYS: dict[str, Any] = {**FLOAT32, "steps": 12, "network": "vgg19-slim", "seed": 3}
PICTURES: list[dict[str, Any]] = [
    {"name": "adain-lite", "class": "AdaINLite", "style": "inputs/painting.png"},
    {"name": "adain-lite-great-wave", "class": "AdaINLite", "style": "great-wave"},
    {"name": "adain-lite-starry-night", "class": "AdaINLite", "style": "starry-night"},
    {"name": "adain-lite-half", "class": "AdaINLite", "style": "great-wave", "settings": {"strength": 0.5}},
    {"name": "adain-lite-fine", "class": "AdaINLite", "style": "inputs/painting.png", "settings": {"style_scale": 0.5}},
    {"name": "adain-lite-blend", "class": "AdaINLite", "style": "inputs/painting.png:0.6+starry-night:0.4"},
    {
        "name": "adain-lite-masks",
        "class": "AdaINLite",
        "style": "inputs/painting.png+great-wave",
        "masks": ["mask-left.png", "mask-right.png"],
    },
    {"name": "adain-lite-luminance", "class": "AdaINLite", "style": "inputs/painting.png", "keep_color": "luminance"},
    {"name": "adain-lite-cholesky", "class": "AdaINLite", "style": "inputs/painting.png", "keep_color": "cholesky"},
    {"name": "adain-lite-histogram", "class": "AdaINLite", "style": "great-wave", "keep_color": "histogram",
     "keep_color_when": "after"},
    {"name": "adain-lite-small", "class": "AdaINLite", "style": "great-wave", "size": 40},
    {"name": "adain-lite-saved", "class": "AdaINLite", "style": "styles/saved.safetensors"},
    {"name": "adain", "class": "AdaIN", "style": "inputs/painting.png"},
    {"name": "adain-great-wave", "class": "AdaIN", "style": "great-wave"},
    {"name": "adain-saved", "class": "AdaIN", "style": "styles/saved.safetensors"},
    {"name": "conditional-instance-norm", "class": "ConditionalInstanceNorm", "style": "starry-night"},
    {"name": "conditional-instance-norm-painting", "class": "ConditionalInstanceNorm", "style": "inputs/painting.png"},
    {"name": "conditional-instance-norm-trained", "class": "ConditionalInstanceNorm",
     "style": "styles/conditional-instance-norm/painting.safetensors",
     "settings": {"model": "conditional-instance-norm.safetensors"}},
    {"name": "gatys", "class": "Gatys", "style": "inputs/painting.png", "settings": GATYS},
    {"name": "gatys-great-wave", "class": "Gatys", "style": "great-wave", "size": 8,
     "settings": {**GATYS, "steps": 4}},
    {"name": "gatys-mean-std", "class": "Gatys", "style": "inputs/painting.png",
     "settings": {**GATYS, "statistic": "mean-std"}},
    {"name": "gatys-adam", "class": "Gatys", "style": "inputs/painting.png", "size": 32,
     "settings": {**GATYS, "optimizer": "adam", "init": "noise", "tv_weight": 0.1}},
    {"name": "johnson", "class": "Johnson", "style": "styles/johnson.safetensors"},
    {"name": "johnson-bell-tower", "class": "Johnson", "style": "bell-tower"},
    {"name": "texture-nets", "class": "TextureNets", "style": "styles/texture-nets.safetensors",
     "settings": {"seed": 5}},
    {"name": "microast", "class": "MicroAST", "style": "inputs/painting.png",
     "settings": {"model": "microast.safetensors"}},
]  # fmt: skip
FILMS: list[dict[str, Any]] = [
    {"name": "adain-lite-film", "class": "AdaINLite", "style": "inputs/painting.png",
     "settings": {**FLOAT32, "model": "adain-lite-film"}},
    {"name": "gatys-film", "class": "Gatys", "style": "inputs/painting.png", "settings": {**GATYS, "steps": 6},
     "size": 32},
]  # fmt: skip
NAMED: list[dict[str, Any]] = [
    {"name": "adain-lite", "class": "AdaINLite", "settings": FLOAT32},
    {"name": "adain", "class": "AdaIN", "settings": FLOAT32},
    {"name": "conditional-instance-norm", "class": "ConditionalInstanceNorm", "settings": FLOAT32},
]


class Stopped(io.StringIO):
    """A terminal at which the user stops the work as soon as a step is told."""

    def write(self, text: str) -> int:
        """Raise KeyboardInterrupt at the first step."""
        if '"step"' in text:
            raise KeyboardInterrupt
        return super().write(text)


def saved(array: np.ndarray[Any, Any], path: Path) -> None:
    """Write numbers in [0, 1] as a PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((np.clip(array, 0, 1) * 255).round().astype(np.uint8)).save(path, optimize=True)


def scene(width: int, height: int, left: float = 0.3, noise: float = 0.015, seed: int = 0) -> np.ndarray[Any, Any]:
    """A sun above hills, a little noisy."""
    y, x = np.mgrid[0:height, 0:width] / height
    picture = np.stack([0.35 + 0.4 * y, 0.55 + 0.2 * y, 0.95 - 0.3 * y], 2)
    picture[(x - left * width / height) ** 2 + (y - 0.3) ** 2 < 0.03] = (1.0, 0.85, 0.3)
    picture[y > 0.65 + 0.1 * np.sin(5 * x + 9 * left)] = (0.2, 0.45, 0.15)
    return picture + np.random.default_rng(seed).normal(0, noise, picture.shape)


def painting(width: int, height: int, noise: float = 0.03) -> np.ndarray[Any, Any]:
    """Waves of strong colors."""
    y, x = np.mgrid[0:height, 0:width] / height
    wave = np.sin(14 * x + 4 * np.sin(9 * y))
    picture = np.stack([0.6 + 0.4 * wave, 0.35 + 0.2 * np.cos(17 * y + 3 * x), 0.5 - 0.4 * wave], 2)
    picture[np.abs(wave) < 0.15] = (0.95, 0.9, 0.75)
    return picture + np.random.default_rng(1).normal(0, noise, picture.shape)


def make_inputs() -> None:
    """Photo, painting, masks, a film in which the sun moves, and photos to learn from."""
    saved(scene(48, 36), INPUTS / "photo.png")
    saved(painting(56, 48), INPUTS / "painting.png")
    ramp = np.tile(np.clip((np.arange(48) - 16) / 16, 0, 1), (36, 1))
    saved(1 - ramp, INPUTS / "mask-left.png")
    saved(ramp, INPUTS / "mask-right.png")
    for number in range(4):
        saved(scene(48, 40, 0.3 + 0.04 * number, noise=0), INPUTS / f"film/{number + 1}.png")
    saved(scene(84, 66, 0.6, noise=0), INPUTS / "training/hills.png")
    saved(painting(72, 66, noise=0), INPUTS / "training/waves.png")


def make_trained() -> dict[str, Any]:
    """Tiny networks, trained for two steps, and the losses of these."""
    losses = {}
    for name in TRAININGS:
        output = FOLDER / f"styles/{name}.safetensors"
        losses[name] = train(name, output)
        if name in ("adain", "adain-lite"):  # as large as those that come with brushwork
            output.unlink()
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "texture.safetensors"
        assert command("train", *TRAININGS["texture"], "-o", output, out=Stopped())[0] == 130
        kept = Path(f"{output}.training")
        (FOLDER / f"checkpoints/{kept.name}.gz").write_bytes(gzip.compress(kept.read_bytes(), mtime=0))
    return losses


def make_saved_styles() -> None:
    """One file with a painting's style for several methods."""
    values = []
    for settings in (brushwork.AdaINLite(**FLOAT32), brushwork.AdaIN(**FLOAT32)):
        method = brushwork.load(settings, torch.device("cpu"))
        values.append((method, brushwork.encode_style(method, INPUTS / "painting.png", method.sizes(48, 36))))
    brushwork.save_styles(FOLDER / "styles/saved.safetensors", values, title="Waves", artist="make_samples.py")


def make_pictures(models: Path) -> list[dict[str, Any]]:
    """A picture with its recipe for each of PICTURES, some in tiles, and one by the command."""
    (FOLDER / "pictures").mkdir()
    samples = [{**sample, "settings": {**FLOAT32, **sample.get("settings", {})}} for sample in PICTURES]
    for sample in samples:
        result = stylized(sample, models)
        written(result.picture, FOLDER / f"pictures/{sample['name']}.png", result.recipe)
    photo, painted = INPUTS / "photo.png", INPUTS / "painting.png"
    common = ("--precision", "float32", "--device", "cpu", "-o", FOLDER / "pictures/command.png")
    assert command("stylize", photo, "--style", painted, *common)[0] == 0
    for name, side in (("adain-lite", 32), ("johnson", 32), ("gatys", 48)):
        recipe = json.loads(brushwork.read_recipe(FOLDER / f"pictures/{name}.png") or "") | {"tile": side}
        if name == "gatys":  # tiles take long
            recipe["settings"]["steps"] = 6
        result, _ = brushwork.rerun(recipe, [INPUTS, FOLDER / "styles"])
        path = FOLDER / f"pictures/{name}-tiled.png"
        written(result.picture, path, result.recipe)
    settings = brushwork.TextureNets(seed=2, **FLOAT32)
    for name, style in TEXTURES.items():
        made = brushwork.synthesize(style, 40, 32, settings, device="cpu")
        written(made, FOLDER / f"pictures/{name}.png")
    styles, lite = ["great-wave", str(painted)], brushwork.AdaINLite(**FLOAT32)
    strip = brushwork.interpolate(photo, styles, lite, steps=3, size=40, device="cpu")
    written(strip, FOLDER / "pictures/interpolation.png")
    return samples


def make_named() -> None:
    """All built-in styles on the small photo: hashes, and a sheet of thumbnails for other machines."""
    names = [name for name, style in brushwork.list_styles().items() if not style.own]
    hashes: dict[str, dict[str, str]] = {}
    for sample in NAMED:
        found = named(sample, names)
        hashes[sample["name"]] = {name: digest(pixels) for name, pixels in found.items()}
        sheet = np.concatenate([thumbnail(found[name]) for name in names])
        (FOLDER / "named").mkdir(exist_ok=True)
        Image.fromarray(sheet).save(FOLDER / f"named/{sample['name']}.png", optimize=True)
    write_json("named/samples.json", {"samples": NAMED, "hashes": hashes})


def make_films() -> None:
    """The film in a style."""
    (FOLDER / "films").mkdir()
    for sample in FILMS:
        film(sample, FOLDER / "films" / sample["name"])


def make_checkpoints(models: Path) -> None:
    """Work that was stopped: Gatys after two of four steps, and a file painted in tiles before the last of them."""

    def stop(step: brushwork.Step) -> None:
        if step.step == 3:  # the state is kept after a step is told
            raise KeyboardInterrupt

    sample = next(s for s in PICTURES if s["name"] == "gatys-great-wave")
    kept = brushwork.Checkpoint(FOLDER / "checkpoints/gatys.checkpoint", every=1)
    try:
        stylized(sample, models, checkpoint=kept, progress=stop)
    except brushwork.Interrupted:
        print("stopped", kept.path.name)
    from brushwork.planning import Plan

    from brushwork.tiling import Tiling

    def stop_late(step: brushwork.Step) -> None:
        if step.step == step.steps - 1:
            raise KeyboardInterrupt

    plan = Plan("streamed", Tiling(32), 0, 0, 0.0, 0)
    kept = brushwork.Checkpoint(FOLDER / "checkpoints/tiles.checkpoint", every=1)
    with tempfile.TemporaryDirectory() as folder:
        try:
            brushwork.stylize_file(
                INPUTS / "photo.png", INPUTS / "painting.png", Path(folder) / "tiles.png",
                brushwork.AdaINLite(**FLOAT32), device="cpu", plan=plan, checkpoint=kept, progress=stop_late,
            )  # fmt: skip
        except brushwork.Interrupted:
            print("stopped", kept.path.name)


def make_home() -> None:
    """A user's own styles: a painting, and a saved style."""
    with home(FOLDER / "home"):
        brushwork.add_style(INPUTS / "painting.png", "my-waves", title="Waves", year=2025)
        brushwork.add_style(FOLDER / "styles/saved.safetensors", "my-saved")


def make_studio() -> None:
    """A studio's folder with a login and a finished job."""
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "studio"
        running = studios.launch(folder, "--api-only", users=("ada",))
        try:
            with running.logged_in("ada") as client:
                photo = (INPUTS / "photo.png").read_bytes()
                sent = client.post("/api/uploads", files={"file": ("photo.png", photo)}).json()["id"]
                asked = {"photo": sent, "style": "great-wave", "settings": FLOAT32}
                job = client.post("/api/jobs", json={**asked, "kind": "picture"}).json()
                studios.until(lambda: client.get(f"/api/jobs/{job['id']}").json()["status"] == "done", 600)
        finally:
            running.stop()
        base = sqlite3.connect(folder / "studio.sqlite", isolation_level=None)
        base.execute("DELETE FROM sessions")
        base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        base.execute("PRAGMA journal_mode = DELETE")  # one file; the studio turns it back
        base.execute("PRAGMA page_size = 1024")
        base.execute("VACUUM")
        base.close()
        print([str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()])
        for name in ("users.json", "studio.sqlite"):
            (FOLDER / "studio").mkdir(exist_ok=True)
            shutil.copy(folder / name, FOLDER / "studio" / name)
        for name in ("uploads", "jobs"):
            shutil.copytree(folder / name, FOLDER / "studio" / name)


def write_json(name: str, value: Mapping[str, Any]) -> None:
    """Write a file that people can read too."""
    (FOLDER / name).write_text(json.dumps(value, indent=1) + "\n", "utf-8")


def main() -> None:
    """Make all samples anew."""
    torch.set_num_threads(1)
    shutil.rmtree(FOLDER, ignore_errors=True)
    for name in ("checkpoints", "styles"):
        (FOLDER / name).mkdir(parents=True)
    write_json("machine.json", machine())
    make_inputs()
    with tempfile.TemporaryDirectory() as folder, home(Path(folder) / "home"):
        models = Path(folder)
        write_microast(models / "microast.safetensors")
        for step in (make_saved_styles, make_named, make_films, make_home):
            started = time.monotonic()
            step()
            print(step.__name__, round(time.monotonic() - started, 1), "s")
        losses = make_trained()
        samples = make_pictures(models)
        make_checkpoints(models)
    write_json("samples.json", {"pictures": samples, "films": FILMS, "losses": losses})
    make_studio()


if __name__ == "__main__":
    main()
