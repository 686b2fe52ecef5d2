"""What the odd films are made of: frames, sound, and a film of both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from odd_pictures import PHOTO
from PIL import Image

__all__ = ["OddFilm"]

Samples = npt.NDArray[np.uint8]

FRAMES = 12
VARIABLE = (0, 40, 80, 160, 170, 300, 340, 500, 520, 560, 700, 720)  # milliseconds
VIDEO = {".webm": "libvpx-vp9", ".avi": "mjpeg", ".mpg": "mpeg2video", ".wmv": "wmv2", ".flv": "flv1"}  # else H.264
SOUND = {".webm": "libopus", ".avi": "pcm_s16le", ".mpg": "mp2", ".wmv": "wmav2", ".flv": "libmp3lame"}  # else AAC
RATE = 48_000
LOSSLESS = {"crf": "4", "bf": "0", "g": "5"}


@dataclass(frozen=True)
class OddFilm:
    """A film and what must come out.

    Args:
        kind: The row of the table.
        name: The file's name.
        make: Writes it to this path.
        output: The name of the result.
        times: Seconds of its frames after the first one; None if they aren't known.
        rate: Its average frame rate; None where it varies or isn't known.
        words: What must be in a note, or in the error.
        refused: Whether it must be refused.
        checks: What else is checked: "sound", "orientation", "start", "alpha", "fade", "flat", "animation".
        size: (width, height) of the result; None to leave it unchecked.
        facts: What checks need to know.
        flags: More flags of the command.
    """

    kind: str
    name: str
    make: Callable[[Path], Any]
    output: str = "out.mp4"
    times: Sequence[float] | None = tuple(k / 25 for k in range(FRAMES))
    rate: float | None = 25
    words: str = ""
    refused: bool = False
    checks: tuple[str, ...] = ()
    size: tuple[int, int] | None = (64, 48)
    facts: dict[str, Any] = field(default_factory=dict)
    flags: tuple[str, ...] = ()


@cache
def scene(width: int = 64, height: int = 48) -> Samples:
    """Return a photograph that gets brighter to the right and to the bottom."""
    return np.asarray(Image.fromarray(PHOTO).resize((width, height), Image.Resampling.LANCZOS))


def moving(k: int, width: int = 64, height: int = 48) -> Samples:
    """Return a frame: the scene, which moves by a pixel."""
    return np.ascontiguousarray(scene(width + 16, height)[:, k % 16 : k % 16 + width])


def faded(k: int, gain: Callable[[int], float], lift: Callable[[int], float]) -> Samples:
    return np.clip(moving(0) * gain(k) + 255 * lift(k), 0, 255).astype(np.uint8)


def film(
    path: Path, *, rate: Fraction = Fraction(25), times: Sequence[int] | None = None, count: int = FRAMES,
    codec: str | None = None, size: tuple[int, int] = (64, 48), pixels: str = "yuv420p", sound: bool = True,
    options: dict[str, str] | None = None, look: Callable[[int], Samples] | None = None, sar: Fraction | None = None,
    start: int = 0, container: str | None = None, late: int = 0, **context: Any,
) -> Path:  # fmt: skip
    """Write a film with PyAV.

    Args:
        path: The file.
        rate: Frames per second.
        times: Milliseconds of the frames, for a variable rate.
        count: Number of frames.
        codec: FFmpeg's encoder.
        size: (width, height).
        pixels: Pixel format.
        sound: Whether it has a tone.
        options: Of the encoder.
        look: Makes each frame.
        sar: Width of a pixel by its height.
        start: Frames (or milliseconds, with `times`) before the first one.
        container: FFmpeg's name of the container, if the suffix doesn't tell.
        late: Samples by which the sound begins later.
        **context: Fields of the codec's context.
    """
    codec = codec or VIDEO.get(path.suffix, "libx264")
    if options is None:
        options = dict(LOSSLESS) if codec == "libx264" else {}
    pixels = "yuvj420p" if codec == "mjpeg" else pixels
    base = Fraction(1, 1000) if times else 1 / rate
    with av.open(f"file:{path}", "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = *size, pixels
        if codec != "libx264" and "vpx" not in codec:
            stream.codec_context.bit_rate = 4_000_000
        for name, value in context.items():
            setattr(stream.codec_context, name, value)
        if sar is not None:
            stream.codec_context.sample_aspect_ratio = sar
        if times:
            stream.codec_context.time_base = stream.time_base = base
        tones = (
            out.add_stream(SOUND.get(path.suffix, "aac"), rate=44_100 if path.suffix == ".flv" else RATE)
            if sound
            else None
        )
        if tones is not None:
            tones.bit_rate = 128_000
        for k, time in enumerate(times or range(count)):
            frame = av.VideoFrame.from_ndarray(look(k) if look else moving(k, *size), format="rgb24").reformat(
                format=pixels
            )
            frame.pts, frame.time_base = time + start, base
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if tones is not None:
            beep(out, tones, float(((times or range(count))[-1] + 1) * base), float(start * base), late)
    return path


def beep(out: Any, tones: Any, seconds: float, start: float = 0, late: int = 0) -> None:
    """Write a tone of some seconds."""
    form, rate = tones.codec_context.format.name, tones.codec_context.sample_rate
    size, layout = tones.codec_context.frame_size or 1024, tones.codec_context.layout.name
    for k in range(max(2, int(seconds * rate / size))):
        wave = (
            np.sin((np.arange(size) + k * size) / 15).astype(np.float32)[None].repeat(2 if layout == "stereo" else 1, 0)
            / 2
        )
        frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, k * size + round(start * rate) + late, Fraction(1, rate)
        if form != "fltp":
            frame = av.AudioResampler(format=form, layout=layout, rate=rate).resample(frame)[0]
        out.mux(tones.encode(frame))
    out.mux(tones.encode(None))
