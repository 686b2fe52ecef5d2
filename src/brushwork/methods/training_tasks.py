"""Which task trains which method."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from brushwork.errors import UsageError
from brushwork.io import read_image
from brushwork.options.methods import TRAINED
from brushwork.options.training import (
    TrainAdaIN,
    TrainAdaINLite,
    TrainConditional,
    Training,
    TrainJohnson,
    TrainTextureNets,
)
from brushwork.training.data import PhotoFolder
from brushwork.training.loop import Task

__all__ = ["task_of"]

CLOSEST_PAINTING = 2.2  # so that any size of strokes is learned


def task_of(method: str, settings: Training, styles: Mapping[str, Path], device: torch.device) -> Task:
    """What trains a network of a method.

    Args:
        method: A key of TRAININGS.
        settings: Its training's.
        styles: Paintings by name; for any style, one folder of many.
        device: Where it runs.

    Raises:
        UsageError: More paintings than it learns.
        PictureError: One can't be read.
    """
    if settings.any_style:
        return _task_of_any_style(method, settings, styles, device)
    single = method in TRAINED or getattr(settings, "learn", "") == "row"
    if single and len(styles) > 1:
        raise UsageError(f"{method} learns one style at a time here, got {len(styles)}; give one --style")
    paintings = {name: read_image(path).visible() for name, path in styles.items()}
    if isinstance(settings, TrainJohnson):
        from brushwork.methods.johnson import JohnsonTask

        return JohnsonTask(settings, next(iter(paintings.values())), device)
    if isinstance(settings, TrainTextureNets):
        from brushwork.methods.texture_nets import TextureTask

        return TextureTask(settings, next(iter(paintings.values())), device)
    if isinstance(settings, TrainConditional):
        from brushwork.methods.conditional_instance_norm import StylesTask

        return StylesTask(settings, paintings, device)
    raise TypeError(f"nothing trains {method}")


def _task_of_any_style(method: str, settings: Training, folders: Mapping[str, Path], device: torch.device) -> Task:
    if len(folders) > 1:
        raise UsageError(f"{method} learns from one folder of paintings, got {len(folders)}; give one --style")
    paintings = PhotoFolder(next(iter(folders.values())), settings.side, CLOSEST_PAINTING)
    if isinstance(settings, TrainConditional):
        from brushwork.methods.conditional_instance_norm import PredictorTask

        return PredictorTask(settings, paintings, device)
    if isinstance(settings, TrainAdaIN):
        from brushwork.methods.adain import AdaINTask

        return AdaINTask(settings, paintings, device)
    if isinstance(settings, TrainAdaINLite):
        from brushwork.methods.adain_lite.method import AdaINLiteTask

        return AdaINLiteTask(settings, paintings, device)
    raise TypeError(f"nothing trains {method}")
