"""Maps methods to the tasks that train their networks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from brushwork.errors import UsageError
from brushwork.io import read_image
from brushwork.registry import METHODS, TRAINED, load_object
from brushwork.training.data import PhotoFolder
from brushwork.training.loop import Task

__all__ = ["task_of"]

CLOSEST_PAINTING = 2.2  # maximum zoom of crops, so that strokes of any size are learned


def task_of(method: str, settings: Any, styles: Mapping[str, Path], device: torch.device) -> Task:
    """Return the task that trains a method's network.

    Args:
        method: A trainable method.
        settings: Its training options.
        styles: Paintings by name; for arbitrary style, a single folder of paintings.
        device: The device to train on.

    Raises:
        UsageError: More paintings than it can learn.
        PictureError: A painting can't be read.
    """
    paintings: Any
    if settings.any_style:
        if len(styles) > 1:
            raise UsageError(f"{method} learns from one folder of paintings, got {len(styles)}; pass one --style")
        paintings = PhotoFolder(next(iter(styles.values())), settings.side, CLOSEST_PAINTING)
    else:
        single = method in TRAINED or getattr(settings, "learn", "") == "row"
        if single and len(styles) > 1:
            raise UsageError(f"{method} learns one style at a time, got {len(styles)}; pass one --style")
        paintings = {name: read_image(path).visible() for name, path in styles.items()}
    task: Task = load_object(METHODS[method].task)(settings, paintings, device)
    return task
