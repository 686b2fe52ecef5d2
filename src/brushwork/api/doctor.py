"""Diagnostics: installed packages, hardware and speed."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from importlib import metadata

import torch

from brushwork.api.presets import PRESETS, preset_options
from brushwork.errors import Interrupted
from brushwork.methods import load
from brushwork.options.methods import Gatys
from brushwork.runtime.device import choose_device, choose_dtype, describe_device
from brushwork.runtime.memory import available_memory
from brushwork.runtime.progress import Step, duration
from brushwork.styles.built_in import built_in_styles
from brushwork.version import __version__
from brushwork.weights import RECORDS, locate, verify

__all__ = ["examine"]

PACKAGES = ("torch", "numpy", "pyvips", "pyvips-binary", "pillow", "safetensors", "scikit-image")
SPEED_TEST = 2.0  # seconds
PHOTO = 1024, 768  # size for which the presets' times are estimated


def examine() -> dict[str, str]:
    """Return diagnostics by name, as text; a check that fails reports its error and doesn't stop the others."""
    examinations: dict[str, Callable[[], str]] = {
        "brushwork": lambda: f"{__version__}, Python {platform.python_version()}, {platform.platform()}",
        "packages": lambda: ", ".join(f"{name} {_version(name)}" for name in PACKAGES),
        "pictures": _libvips,
        "device": lambda: describe_device(choose_device()),
        "devices": _devices,
        "threads": lambda: str(torch.get_num_threads()),
        "memory free": _memory,
        **{f"weights {name}": lambda name=name: _weights(name) for name in RECORDS},  # type: ignore[misc]
        "styles": lambda: ", ".join(built_in_styles()) or "none built in",
        "faster precision": lambda: str(choose_dtype("auto", choose_device())).removeprefix("torch."),
        "speed": _speed,
        **{f"preset {name}": lambda name=name: _preset(name) for name in PRESETS},  # type: ignore[misc]
    }
    return {name: _attempt(examination) for name, examination in examinations.items()}


def _attempt(examination: Callable[[], str]) -> str:
    try:
        return examination()
    except Exception as error:  # one failing check must not stop the others
        return f"problem: {' '.join(str(error).split()) or type(error).__name__}"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "missing"


def _libvips() -> str:
    import pyvips

    return "libvips " + ".".join(str(pyvips.version(part)) for part in range(3))


def _devices() -> str:
    gpus = [f"cuda:{index} {torch.cuda.get_device_name(index)}" for index in range(torch.cuda.device_count())]
    return ", ".join(["cpu", *gpus, *(["mps"] if torch.backends.mps.is_available() else [])])


def _memory() -> str:
    free = available_memory()
    return "unknown" if free is None else f"{free / 2**30:.1f} GiB"


def _weights(name: str) -> str:
    if locate(name) is None:
        return f"not on this machine; run: brushwork weights fetch {name}"
    found = verify(name)
    return f"{found.path}{'' if found.verified else ' (no known hash)'}"


def _speed() -> str:
    """Optimize a small image for a few seconds, and report the time per step."""
    settings = Gatys(steps=100_000, scales=1)
    method = load(settings, choose_device())
    picture = torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(0))
    style = method.encode_style(picture, sizes=[256])
    last: list[Step] = []
    deadline = time.perf_counter() + SPEED_TEST

    def stop_in_time(step: Step) -> None:
        last[:] = [step]
        if time.perf_counter() > deadline:
            raise Interrupted

    try:
        method(picture, style, progress=stop_in_time)
    except Interrupted:
        if time.perf_counter() < deadline:
            raise KeyboardInterrupt from None  # raised by the user, not by stop_in_time
    return f"{last[0].seconds / last[0].step * 1000:.0f} ms per step of 256×256 through {settings.network}"


def _preset(name: str) -> str:
    """Estimate the time of a picture from a few steps on a small one."""
    settings = preset_options(name)
    seconds = load(settings, choose_device()).estimate_seconds(*PHOTO)
    return f"about {duration(seconds)} for {PHOTO[0]}×{PHOTO[1]}"
