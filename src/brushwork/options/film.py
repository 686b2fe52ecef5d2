"""Settings of video stylization: frame size, temporal smoothing and encoding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from brushwork.options.base import Checked, Option
from brushwork.options.stylize import MAX_PIXELS

__all__ = ["CODECS", "FilmOptions"]

CODECS = ("h264", "h265", "vp9", "prores")


@dataclass(frozen=True)
class FilmOptions(Checked):
    """Settings of video stylization other than input, style and method."""

    size: Annotated[
        int | None,
        Option("longer side of the frames in pixels; full keeps the video's size [up to 1024]", 0, kind="size"),
    ] = None
    smoothing: Annotated[
        float, Option("share of the previous frame to blend in (feed-forward methods only)", 0, 0.99)
    ] = 0.97
    temporal_weight: Annotated[float, Option("weight of the temporal consistency loss (gatys only)", 0)] = 200.0
    passes: Annotated[int, Option("passes over all frames, alternating forward and backward (gatys only)", 1)] = 1
    frame_steps: Annotated[
        int | None, Option("steps for each frame after the first, at full size (gatys only) [as for the first]", 1)
    ] = None
    keep_color: Annotated[bool, Option("keep the colors of the video")] = False
    codec: Annotated[str | None, Option("video codec [the container's usual one]", choices=CODECS)] = None
    quality: Annotated[int | None, Option("quality of video, WebP and JPEG", 1, 100)] = None
    pixel_format: Annotated[
        str | None, Option("pixel format, such as yuv444p or yuv420p10le [the most widely supported]")
    ] = None
    depth: Annotated[int, Option("bits per channel of image sequences", choices=(8, 16))] = 8
    device: Annotated[str, Option("auto, cpu, cuda, cuda:1, mps")] = "auto"
    max_pixels: Annotated[int, Option("reject larger frames", 1)] = MAX_PIXELS
    segment: Annotated[int, Option("frames per segment; an interrupted job resumes after the last finished one", 1)] = (
        100
    )
    strict: Annotated[
        bool, Option("refuse a video that is damaged or cut off, which is read once more to check it", recorded=False)
    ] = False
