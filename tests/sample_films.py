"""Short films that tests make by PyAV alone, and what they read of films that were written."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import torch

from brushwork.io.film_formats import film_writer, open_film
from brushwork.io.films import FULL, LIMITED, Frame
from brushwork.io.video_writer import Encoding

TIMES = [0, 40, 80, 160, 170, 300]  # milliseconds: a variable frame rate


def picture(k: int, width: int = 64, height: int = 48) -> torch.Tensor:
    """A frame whose left half says its number, in gray, under a colored right half."""
    pixels = torch.full((1, 3, height, width), 0.1 + 0.1 * k)
    pixels[..., width // 2 :] = torch.tensor([0.8, 0.3, 0.2]).view(1, 3, 1, 1)
    return pixels


def clip(
    path: Path, times: Sequence[int] = TIMES, *, codec: str = "libx264", size: tuple[int, int] = (64, 48),
    sound: bool = False, pixels: str = "yuv444p", matrix: int = 1, span: int = LIMITED, turned: int = 0,
    options: dict[str, str] | None = None, trc: int = 1,
) -> Path:  # fmt: skip
    """A video of numbered frames, made by PyAV alone."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25, options={"crf": "2", "bf": "0"} if options is None else options)
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = *size, pixels
        context.time_base = stream.time_base = Fraction(1, 1000)
        context.colorspace, context.color_range, context.color_trc, context.color_primaries = matrix, span, trc, 1
        tones = out.add_stream("aac" if path.suffix != ".webm" else "libopus", rate=48_000) if sound else None
        for k, time in enumerate(times):
            samples = (picture(k, *size)[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(samples), format="rgb24").reformat(
                format=pixels, src_colorspace=matrix, dst_colorspace=matrix, src_color_range=FULL, dst_color_range=span
            )
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if tones is not None:
            for k in range(20):
                wave = (np.sin(np.arange(1024) / 9 + k) * 8000).astype(np.int16)[None]
                beep = av.AudioFrame.from_ndarray(wave, format="s16", layout="mono")
                beep.sample_rate, beep.pts, beep.time_base = 48_000, k * 1024, Fraction(1, 48_000)
                out.mux(tones.encode(beep))
            out.mux(tones.encode(None))
    return path


def two_scenes(path: Path, frames: int = 24, rate: int = 8, size: tuple[int, int] = (96, 64)) -> Path:
    """A film of a bright scene and a dark one, through each of which a square goes."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=rate, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for k in range(frames):
            samples = np.full((size[1], size[0], 3), (230, 220, 190) if 2 * k < frames else (20, 30, 60), np.uint8)
            samples[::8] //= 2
            left = k * (size[0] - 24) // frames
            samples[20:44, left : left + 24] = (200, 60, 40)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(samples, format="rgb24")))
        out.mux(stream.encode(None))
    return path


def packets(path: Path, kind: str = "audio") -> list[tuple[Fraction, bytes]]:
    with av.open(str(path)) as container:
        stream = next(s for s in container.streams if s.type == kind)
        return [(p.pts * p.time_base, bytes(p)) for p in container.demux(stream) if p.dts is not None]


def written(
    film: Path, output: Path, *, per: int = 4, encoding: Encoding | None = None
) -> tuple[list[Frame], list[str]]:
    """Copy a film through reader and writer; its frames as they are read back, and remarks."""
    source = open_film(film)
    parts = output.with_name("parts")
    parts.mkdir()
    writer = film_writer(output, source, source.size, encoding or Encoding(quality=95, pixel_format="yuv444p"), parts)
    number = 0
    for frame in source.frames():
        if number % per == 0:
            writer.begin(number // per, number)
        writer.write(frame)
        number += 1
        if number % per == 0:
            writer.end()
    if number % per:
        writer.end()
    writer.join(-(-number // per), '{"made": "here"}', output)
    return list(open_film(output).frames()), writer.notes
