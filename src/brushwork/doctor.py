"""What is installed, what this machine has, and how fast it is."""

from __future__ import annotations

import platform
import time
from importlib import metadata

import torch

from brushwork.device import available_memory, choose_device, choose_dtype, describe_device
from brushwork.errors import BrushworkError
from brushwork.methods import load
from brushwork.settings import Gatys
from brushwork.styles import built_in_styles
from brushwork.version import __version__
from brushwork.weights import RECORDS, locate, verify

__all__ = ["examine"]

PACKAGES = ("torch", "numpy", "pyvips", "pyvips-binary", "pillow", "safetensors", "scikit-image")


def examine() -> dict[str, str]:
    """Findings by name, in words."""
    device = choose_device()
    free = available_memory()
    return {
        "brushwork": f"{__version__}, Python {platform.python_version()}, {platform.platform()}",
        "packages": ", ".join(f"{name} {_version(name)}" for name in PACKAGES),
        "device": describe_device(device),
        "threads": str(torch.get_num_threads()),
        "memory free": "unknown" if free is None else f"{free / 2**30:.1f} GiB",
        **{f"weights {name}": _weights(name) for name in RECORDS},
        "styles": ", ".join(built_in_styles()),
        "faster precision": str(choose_dtype("auto", device)).removeprefix("torch."),
        "speed": _speed(device),
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "missing"


def _weights(name: str) -> str:
    if locate(name) is None:
        return f"not here; brushwork weights fetch {name}"
    try:
        found = verify(name)
    except BrushworkError as error:
        return f"damaged: {error}"
    return f"{found.path}{'' if found.verified else ' (no hash is known for it)'}"


def _speed(device: torch.device, budget: float = 5.0) -> str:
    """Stylize small pictures for some seconds."""
    method = load(Gatys(steps=10, scales=1), device)
    picture = torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(0))
    style = method.encode_style(picture, sizes=[256])
    runs, start = 0, time.perf_counter()
    while runs == 0 or (time.perf_counter() - start) * (runs + 1) / runs < budget:
        method(picture, style)
        runs += 1
    seconds = (time.perf_counter() - start) / runs / 10
    return f"{seconds * 1000:.0f} ms per step of 256×256 through vgg19-slim"
