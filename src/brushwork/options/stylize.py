"""Settings of stylization, of the output file, and of a command's run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypedDict

from brushwork.errors import UsageError
from brushwork.options.base import (
    KEEP_COLOR,
    KEEP_COLOR_WHEN,
    Checked,
    Option,
    check_keep_color,
    defaults_of,
    option_of,
)

__all__ = [
    "DEFAULT_SIZE",
    "MAX_PIXELS",
    "PICTURE_SUFFIXES",
    "OutputOptions",
    "RunOptions",
    "StylizeKeywords",
    "StylizeOptions",
    "recipe_defaults",
    "with_changes",
]

DEFAULT_SIZE = 1024  # longer side of results of larger photos, unless a size is given
MAX_PIXELS = 500_000_000  # in a file, as protection against decompression bombs, unless the user raises the limit
# By which pictures are found in folders, everywhere. One that can't be read here is told by the name of its format.
PICTURE_SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".webp", ".tif", ".tiff",
     ".heic", ".heif", ".hif", ".avif", ".jxl", ".bmp", ".gif")
)  # fmt: skip


@dataclass(frozen=True)
class StylizeOptions(Checked):
    """Settings that determine a result, other than photo, style and method.

    The flags and the keywords of `stylize` are made from these fields. `recipe_of` records them, and `rerun` restores
    them; a recipe made before a field existed gives its default.
    """

    size: Annotated[
        int | None,
        Option(
            "longer side of the result in pixels; full keeps the photo's size [up to 1024]",
            0,
            kind="size",
            recorded=False,
        ),
    ] = None
    keep_color: Annotated[str | None, KEEP_COLOR] = None
    keep_color_when: Annotated[str | None, KEEP_COLOR_WHEN] = None
    masks: Annotated[
        tuple[Any, ...],
        Option(
            "mask image: white applies the style, black keeps the photo; one per style of a blend, in the same order",
            kind="files",
            flag="mask",
        ),
    ] = ()
    protect_faces: Annotated[
        float, Option("how much faces are protected: finer strokes, and more of the photo", 0, 1)
    ] = 0.0
    face_mask: Annotated[
        Any, Option("image of what is protected, white the most, instead of the faces that are found", file=True)
    ] = None
    device: Annotated[str, Option("auto, cpu, cuda, cuda:1, mps", recorded=False)] = "auto"
    max_memory: Annotated[
        int | None, Option("maximum memory to use, such as 4GB [the free memory]", 1, kind="memory", recorded=False)
    ] = None
    max_pixels: Annotated[int, Option("reject larger files", 1, recorded=False)] = MAX_PIXELS
    strict: Annotated[bool, Option("refuse files that can be decoded only in part", recorded=False)] = False

    def __post_init__(self) -> None:
        if not isinstance(self.masks, list | tuple):
            raise UsageError(
                f"masks: expected a list with a mask per style, got a {type(self.masks).__name__}; write [mask]"
            )
        super().__post_init__()
        if self.face_mask is not None and not self.protect_faces:
            raise UsageError("face_mask: needs protect_faces, such as 0.8, which says how much it protects")
        object.__setattr__(self, "keep_color_when", check_keep_color(self.keep_color, self.keep_color_when)[1])

    @property
    def recorded(self) -> dict[str, Any]:
        """The fields that the recipe records under their names."""
        return {name: getattr(self, name) for name, option in option_of(type(self)).items() if option.recorded}


class StylizeKeywords(TypedDict, total=False):
    """The fields of `StylizeOptions` as keywords of `stylize`, for type checkers."""

    size: int | None
    keep_color: str | None
    keep_color_when: str | None
    masks: Any
    protect_faces: float
    face_mask: Any
    device: str
    max_memory: int | None
    max_pixels: int
    strict: bool


@dataclass(frozen=True)
class OutputOptions(Checked):
    """Settings of the output file."""

    depth: Annotated[int, Option("bits per channel", choices=(8, 16))] = 8
    quality: Annotated[int | None, Option("quality of JPEG, WebP and AVIF", 1, 100)] = None
    strip_metadata: Annotated[bool, Option("omit EXIF and the recipe from the file")] = False

    @property
    def written(self) -> dict[str, Any]:
        """Return the recipe's entry for these settings."""
        return {"depth": self.depth, "quality": self.quality}


@dataclass(frozen=True)
class RunOptions(Checked):
    """Previews, checkpoints and reports while a command runs."""

    preview: Annotated[Path | None, Option("image file to update periodically while running")] = None
    checkpoint_every: Annotated[int | None, Option("steps between checkpoints, saved to OUTPUT.checkpoint", 1)] = None
    resume: Annotated[bool, Option("resume from OUTPUT.checkpoint, and skip complete results")] = False
    save_every: Annotated[int | None, Option("steps between intermediate results, saved as OUTPUT_00050.png, …", 1)] = (
        None
    )
    animation: Annotated[Path | None, Option("write an animation of the intermediate results: .webp or .gif")] = None
    as_json: Annotated[bool, Option("print one JSON object per result, for scripts", flag="json")] = False


def recipe_defaults(settings: Any, shared: type[Any] = StylizeOptions) -> dict[str, Any]:
    """Return what a recipe means that lacks a key: the default of an option that was added after it was made.

    Args:
        settings: Options of the recipe's method.
        shared: Class of the options that all methods share.
    """
    return {**defaults_of(shared), **defaults_of(StylizeOptions), "settings": defaults_of(type(settings))}


def with_changes(options: Any, changes: Mapping[str, Any]) -> Any:
    """Return a copy of the options with some fields changed.

    Args:
        options: A frozen dataclass of options.
        changes: Field name → value.

    Raises:
        UsageError: An unknown field, or an invalid value.
    """
    names = [field.name for field in dataclasses.fields(options)]
    for name in changes:
        if name not in names:
            raise UsageError(f"{name} is not an option; choose from {', '.join(names)}")
    return dataclasses.replace(options, **changes) if changes else options
