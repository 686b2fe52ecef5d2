"""StyleAugment as a transform of albumentations (2.0.8, MIT): pip install "brushwork[albumentations]"."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from brushwork.augment.style_augment import Range
from brushwork.augment.style_augment import StyleAugment as TensorStyleAugment
from brushwork.errors import BrushworkError
from brushwork.styles.sources import StyleSource

try:
    from albumentations.core.transforms_interface import ImageOnlyTransform
except ImportError as error:
    raise BrushworkError('albumentations is not installed; pip install "brushwork[albumentations]"') from error

__all__ = ["StyleAugment"]


class StyleAugment(ImageOnlyTransform):  # type: ignore[misc]
    """Paints pictures in random styles; masks, boxes and key points stay.

    Random numbers come from albumentations, so `A.Compose(…, seed=…)` decides them.

    Args:
        strength: See `brushwork.augment.StyleAugment`, as the others.
        styles: What to draw styles from.
        mix: Share of the picture's own code in the style's.
        sampling: "gaussian" or "choice".
        precision: "float32", "bfloat16" or "auto".
        p: Probability that a picture is painted.

    Raises:
        UsageError: Values out of range, no such folder, or no pictures in it.
        PictureError: A painting can't be read.
    """

    def __init__(
        self,
        strength: Range = 1.0,
        styles: str | os.PathLike[str] | Sequence[StyleSource] | Tensor = "built-in",
        mix: Range = 0.0,
        *,
        sampling: Literal["gaussian", "choice"] = "gaussian",
        precision: Literal["auto", "float32", "bfloat16"] = "auto",
        p: float = 0.5,
    ) -> None:
        super().__init__(p=p)
        self.strength, self.styles, self.mix, self.sampling, self.precision = strength, styles, mix, sampling, precision
        self._augment = TensorStyleAugment(1.0, strength, styles, mix, sampling=sampling, precision=precision)

    def get_params(self) -> dict[str, Any]:
        """Return the seed of a picture's style."""
        return {"seed": self.py_random.getrandbits(62)}

    def apply(self, img: npt.NDArray[Any], seed: int, **_: Any) -> npt.NDArray[Any]:
        """Return the picture painted.

        Args:
            img: (H, W), (H, W, 1) or (H, W, 3), of uint8 or floats in [0, 1].
            seed: Decides the style.
        """
        array = torch.from_numpy(np.ascontiguousarray(img))
        pixels = array[None] if array.ndim == 2 else array.movedim(2, 0)
        painted: Tensor = self._augment(pixels, generator=torch.Generator().manual_seed(seed))
        return np.ascontiguousarray((painted[0] if array.ndim == 2 else painted.movedim(0, 2)).numpy())

    def get_transform_init_args_names(self) -> tuple[str, ...]:
        """Return the arguments that albumentations saves."""
        return ("strength", "styles", "mix", "sampling", "precision")
