"""What decides a film beside its frames, style and method; and how it is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from brushwork.options.base import Checked, Option
from brushwork.options.stylize import MAX_PIXELS

__all__ = ["CODECS", "FilmOptions"]

CODECS = ("h264", "h265", "vp9", "prores")


@dataclass(frozen=True)
class FilmOptions(Checked):
    """What decides a film beside its frames, style and method."""

    size: Annotated[
        int | None,
        Option("longer side of the frames in pixels; full keeps the film's [up to 1024]", 0, kind="size"),
    ] = None
    smoothing: Annotated[float, Option("of methods of one pass: how much of the previous frame stays", 0, 0.99)] = 0.97
    temporal_weight: Annotated[float, Option("of gatys: how strongly frames are held to the previous ones", 0)] = 200.0
    passes: Annotated[int, Option("of gatys: passes over all frames, forward and back", 1)] = 1
    keep_color: Annotated[bool, Option("keep the colors of the film")] = False
    codec: Annotated[str | None, Option("video codec [what the container usually has]", choices=CODECS)] = None
    quality: Annotated[int | None, Option("of video, WebP and JPEG", 1, 100)] = None
    pixel_format: Annotated[str | None, Option("such as yuv444p or yuv420p10le [what plays everywhere]")] = None
    depth: Annotated[int, Option("bits per channel of the pictures of a folder", choices=(8, 16))] = 8
    device: Annotated[str, Option("auto, cpu, cuda, cuda:1, mps")] = "auto"
    max_pixels: Annotated[int, Option("refuse larger frames", 1)] = MAX_PIXELS
    segment: Annotated[int, Option("frames per closed segment, from which a killed job resumes", 1)] = 100
