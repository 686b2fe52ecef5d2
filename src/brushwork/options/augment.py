"""Settings of a data set's copy in random styles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from brushwork.errors import UsageError
from brushwork.options.base import Checked, Option

__all__ = ["AugmentOptions"]


@dataclass(frozen=True)
class AugmentOptions(Checked):
    """Settings of `augment_dataset` other than pictures, styles, method and output."""

    per_image: Annotated[int, Option("results of each picture, each in a style of its own", 1)] = 1
    seed: Annotated[int, Option("decides, with a picture's folder and name, its styles", 0)] = 0
    strength: Annotated[
        tuple[float, ...], Option("0: the picture, 1: fully painted; or a range to draw from: 0.5..1 [1]", 0, 1)
    ] = ()

    def __post_init__(self) -> None:
        if isinstance(self.strength, int | float):
            object.__setattr__(self, "strength", (self.strength,))
        super().__post_init__()
        if len(self.strength) > 2 or list(self.strength) != sorted(self.strength):
            raise UsageError(f"strength: expected a number, or the lowest and the highest, got {self.strength}")
