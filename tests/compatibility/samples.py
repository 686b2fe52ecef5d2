"""What makes the samples, with the public API and the command alone: once for the record, and again in each test."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.metadata
import io
import json
import os
import platform
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

import brushwork

__all__ = [
    "FOLDER",
    "INPUTS",
    "TEXTURES",
    "TRAININGS",
    "command",
    "digest",
    "film",
    "home",
    "machine",
    "named",
    "pixels_of",
    "settings_of",
    "stylized",
    "thumbnail",
    "train",
    "trained_weights",
    "written",
]

FOLDER = Path(__file__).parent / "0.1"
INPUTS = FOLDER / "inputs"
PACKAGES = ("torch", "numpy", "opencv-python-headless", "pyvips", "pillow")
CPU_FACTS = ("model name", "cpu family", "model", "stepping", "cache size")

SHORT = ("--steps", "2", "--batch", "1", "--seed", "7", "--precision", "float32", "--device", "cpu", "--json")
PAINTING = ("--style", INPUTS / "painting.png", "--photos", INPUTS / "training")
ANY_STYLE = ("--style", INPUTS / "training", "--photos", INPUTS / "training")
SMALL = ("--side", "64", "--style-size", "64")
TRAININGS: dict[str, tuple[Any, ...]] = {
    "johnson": ("johnson", *PAINTING, *SHORT, *SMALL, "--width", "4", "--blocks", "1"),
    "texture-nets": ("texture-nets", *PAINTING, *SHORT, *SMALL, "--channels", "1"),
    "texture": (
        *("texture-nets", "--style", INPUTS / "painting.png", *SHORT, *SMALL),
        *("--makes", "textures", "--channels", "2", "--scales", "2"),
    ),
    "conditional-instance-norm": (
        *("conditional-instance-norm", *PAINTING, *SHORT, *SMALL),
        *("--width", "4", "--blocks", "1"),
    ),
    "adain": ("adain", *ANY_STYLE, *SHORT, "--side", "64"),
    "adain-lite": ("adain-lite", *ANY_STYLE, *SHORT, "--side", "96"),
}
TEXTURES = {"texture": FOLDER / "styles/texture.safetensors", "texture-formula": "formula-of-the-universe"}


def machine() -> dict[str, str]:
    """What decides in which order sums are made: the processor and the packages."""
    info, facts = Path("/proc/cpuinfo"), {"processor": platform.processor(), "system": platform.system()}
    lines = info.read_text().splitlines() if info.exists() else []
    for line in reversed(lines):  # the first core's
        name, _, value = line.partition(":")
        if name.strip() in CPU_FACTS:
            facts[name.strip()] = value.strip()
    facts["capability"] = torch.backends.cpu.get_cpu_capability()
    return facts | {name: importlib.metadata.version(name) for name in PACKAGES}


def settings_of(sample: Mapping[str, Any], models: Path) -> Any:
    """A sample's settings; the model of MicroAST lies in the folder `models`."""
    values = dict(sample["settings"])
    if sample["class"] == "MicroAST":
        values["model"] = str(models / values["model"])
    elif "model" in values and (FOLDER / "styles" / values["model"]).exists():
        values["model"] = str(FOLDER / "styles" / values["model"])
    return getattr(brushwork, sample["class"])(**values)


def stylized(sample: Mapping[str, Any], models: Path, **options: Any) -> brushwork.Result:
    """What `stylize` makes of a sample's inputs and options."""
    masks = [INPUTS / name for name in sample.get("masks", ())]
    chosen = {name: sample[name] for name in ("size", "keep_color", "keep_color_when") if name in sample}
    style = sample["style"].replace("inputs/", f"{INPUTS}/").replace("styles/", f"{FOLDER / 'styles'}/")
    settings = settings_of(sample, models)
    return brushwork.stylize(
        INPUTS / "photo.png", style, settings, masks=masks, device="cpu", **chosen, **options
    )  # fmt: skip


def written(picture: brushwork.Picture, path: Path, recipe: Mapping[str, Any] | None = None) -> NDArray[np.uint8]:
    """Write a picture; the pixels of its file, (H, W, C)."""
    brushwork.write_image(picture, path, recipe=None if recipe is None else json.dumps(recipe))
    return pixels_of(path)


def pixels_of(path: Path) -> NDArray[np.uint8]:
    """A file's pixels, (H, W, C)."""
    with Image.open(path) as opened:
        return np.asarray(opened)


def film(sample: Mapping[str, Any], output: Path) -> list[NDArray[np.uint8]]:
    """The frames of the film in a sample's style."""
    settings = getattr(brushwork, sample["class"])(**sample["settings"])
    style = sample["style"].replace("inputs/", f"{INPUTS}/")
    brushwork.stylize_video(INPUTS / "film", style, output, settings, device="cpu", size=sample.get("size"))
    return [pixels_of(path) for path in sorted(output.glob("*.png"))]


def named(sample: Mapping[str, Any], names: Sequence[str]) -> dict[str, NDArray[np.uint8]]:
    """Named styles on the photo, made small: (24, 32, 3)."""
    method = brushwork.load(settings_of(sample, FOLDER), torch.device("cpu"))
    photo = brushwork.read_image(INPUTS / "photo.png", size=32).pixels
    found = {}
    for name in names:
        value = brushwork.encode_style(method, name, method.sizes(photo.shape[3], photo.shape[2]))
        found[name] = (method(photo, value)[0].permute(1, 2, 0) * 255).round().byte().numpy()
    return found


def thumbnail(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Means of 4 × 4 pixels."""
    height, width, channels = pixels.shape
    means = pixels.reshape(height // 4, 4, width // 4, 4, channels).mean((1, 3))
    return means.round().astype(np.uint8)


def digest(pixels: NDArray[np.uint8]) -> str:
    """Tells pixels apart from all others."""
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()[:16]


def command(*arguments: object, out: TextIO | None = None) -> tuple[int, str]:
    """Run `brushwork` in this process; its exit code and what it printed."""
    printed, before = out or io.StringIO(), sys.argv
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    sys.argv = ["brushwork", *map(str, arguments)]
    try:
        with contextlib.redirect_stdout(printed):
            importlib.import_module("brushwork.__main__").main()
        code: Any = 0
    except SystemExit as end:
        code = end.code
    finally:
        sys.argv = before
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return int(code or 0), printed.getvalue() if isinstance(printed, io.StringIO) else ""


def train(name: str, output: Path, *flags: str) -> dict[str, dict[str, float]]:
    """Train a network for two steps; step → the loss and its terms."""
    code, printed = command("train", *TRAININGS[name], "-o", output, *flags)
    assert code == 0, printed
    lines = [json.loads(line) for line in printed.splitlines()]
    ignored = ("step", "seconds", "passed_over", "stepped_back")
    return {
        str(line["step"]): {key: value for key, value in line.items() if key not in ignored}
        for line in lines
        if "loss" in line
    }


def trained_weights(path: Path) -> dict[str, NDArray[np.float64]]:
    """The tensors of a safetensors file."""
    safetensors = importlib.import_module("safetensors.numpy")
    return {name: tensor.astype(float) for name, tensor in sorted(safetensors.load_file(path).items())}


@contextlib.contextmanager
def home(folder: Path) -> Any:
    """A user's folder of weights and styles."""
    before = {name: os.environ.pop(name, None) for name in ("BRUSHWORK_HOME", "BRUSHWORK_WEIGHTS")}
    os.environ["BRUSHWORK_HOME"] = str(folder)
    try:
        yield
    finally:
        del os.environ["BRUSHWORK_HOME"]
        os.environ.update({name: value for name, value in before.items() if value is not None})
