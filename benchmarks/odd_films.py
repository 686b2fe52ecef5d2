"""Odd films, made by program: each with what must come out of it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache, partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.stream import Disposition
from odd_pictures import NAMES, PHOTO, saved
from PIL import Image

__all__ = ["OddFilm", "films"]

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


def rates() -> Iterator[OddFilm]:
    kind = "frame rates 7.5 to 60, fractional and variable, in mp4, mov, mkv, webm, avi, ts, mpg, wmv, flv, ogv"
    some = {
        "25": Fraction(25),
        "29.97": Fraction(30_000, 1001),
        "23.976": Fraction(24_000, 1001),
        "60": Fraction(60),
        "7.5": Fraction(15, 2),
    }
    for suffix in (".mp4", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mpg", ".wmv", ".flv"):
        output = f"out{suffix if suffix in ('.mp4', '.mov', '.mkv', '.webm') else '.mp4'}"
        for name, rate in some.items():
            if suffix in (".mpg", ".wmv") and name == "7.5":
                continue
            times = tuple(float(k / rate) for k in range(FRAMES))
            checks = ("sound",) if suffix not in (".wmv",) else ()
            yield OddFilm(kind, f"{name}{suffix}", partial(film, rate=rate), output, times, float(rate), checks=checks)
    for suffix in (".mp4", ".mov", ".mkv", ".webm", ".ts"):
        output = f"out{suffix if suffix != '.ts' else '.mp4'}"
        times = tuple(time / 1000 for time in VARIABLE)
        yield OddFilm(kind, f"variable{suffix}", partial(film, times=VARIABLE), output, times, None, checks=("sound",))
    kind = "streams without a container or times, 3gp, MXF, DivX with B-frames"
    for name, codec in (
        ("raw.h264", "libx264"),
        ("raw.hevc", "libx265"),
        ("raw.m2v", "mpeg2video"),
        ("raw.mjpeg", "mjpeg"),
    ):
        form = {"m2v": "mpeg2video"}.get(name[4:], name[4:])
        options = {"x265-params": "log-level=error"} if codec == "libx265" else {}
        make = partial(film, codec=codec, container=form, sound=False, size=(64, 64), options=options)
        yield OddFilm(kind, name, make, size=(64, 64))
    yield OddFilm(kind, "phone.3gp", partial(film, container="3gp"), checks=("sound",))
    yield OddFilm(kind, "camera.mxf", partial(film, container="mxf", codec="mpeg2video", sound=False))
    yield OddFilm(kind, "divx.avi", partial(film, codec="mpeg4", options={"bf": "2"}), checks=("sound",))
    kind = "Theora, B-frames"
    if shutil.which("ffmpeg"):
        yield OddFilm(kind, "theora.ogv", by_ffmpeg("-c:v libtheora -q:v 9 -c:a libvorbis"), checks=("sound",))
        yield OddFilm(kind, "b_frames.mp4", by_ffmpeg("-c:v libx264 -bf 3 -c:a copy"), checks=("sound",))


def by_ffmpeg(flags: str) -> Callable[[Path], None]:
    """Return a maker that converts the plain film with the command ffmpeg."""

    def make(path: Path) -> None:
        source = film(path.with_name("plain.mkv"))
        subprocess.run(
            ["ffmpeg", "-v", "error", "-i", str(source), "-fps_mode", "passthrough", *flags.split(), str(path)],
            check=True,
        )
        source.unlink()

    return make


def with_matrix(path: Path, *, rows: tuple[tuple[int, int], tuple[int, int]], sound: bool = True) -> None:
    """Write a film whose track says how to turn and mirror it."""
    film(path, sound=sound)
    content = path.read_bytes()
    numbers = [rows[0][0], rows[0][1], 0, rows[1][0], rows[1][1], 0]
    matrix = b"".join((65536 * value).to_bytes(4, "big", signed=True) for value in numbers)
    straight = b"".join((65536 * value).to_bytes(4, "big") for value in (1, 0, 0, 0, 1, 0))
    at = content.index(straight, content.index(b"tkhd"))
    path.write_bytes(content[:at] + matrix + content[at + len(matrix) :])


def shown() -> Iterator[OddFilm]:
    kind = "eight display matrices"
    for suffix in (".mp4", ".mov"):
        for x in (1, -1):
            for y in (1, -1):
                for number, rows in enumerate((((x, 0), (0, y)), ((0, y), (x, 0)))):
                    name = f"{'transposed' if number else 'straight'}{x:+}{y:+}{suffix}"
                    size = (48, 64) if number else (64, 48)
                    yield OddFilm(
                        kind, name, partial(with_matrix, rows=rows), checks=("orientation", "sound"), size=size
                    )
    kind = "interlaced"
    for first in ("tff", "bff"):
        options = LOSSLESS | {"x264-params": f"{first}=1"}
        for suffix in (".mp4", ".mkv", ".ts"):
            yield OddFilm(
                kind, f"{first}{suffix}", partial(film, options=options), words="deinterlaced", checks=("sound",)
            )
    kind = "non-square pixels, odd sides, 10 bits, 4:2:2, 4:4:4, gray, full range, start offset, late sound, none"
    yield OddFilm(kind, "wide.mp4", partial(film, sar=Fraction(3, 2)), size=(96, 48))
    yield OddFilm(kind, "narrow.mkv", partial(film, sar=Fraction(3, 4)), size=(48, 48))
    yield OddFilm(kind, "odd.mkv", partial(film, size=(63, 47), pixels="yuv444p"), words="even sides")
    yield OddFilm(kind, "odd.webm", partial(film, size=(63, 47)), "out.webm", size=(63, 47))
    for pixels in ("yuv420p10le", "yuv422p", "yuv444p", "gray", "yuvj420p"):
        yield OddFilm(kind, f"{pixels}.mkv", partial(film, pixels=pixels), checks=("sound",))
    yield OddFilm(kind, "tiny.mkv", partial(film, size=(16, 16)), size=(16, 16))
    for suffix in (".mkv", ".mp4"):
        yield OddFilm(kind, f"later{suffix}", partial(film, start=125), f"out{suffix}", checks=("sound", "start"))
    yield OddFilm(kind, "later.ts", partial(film, start=125), checks=("sound",))
    for suffix in (".mp4", ".mkv"):
        yield OddFilm(kind, f"late_sound{suffix}", partial(film, late=4800), f"out{suffix}", checks=("sound",))
    yield OddFilm(kind, "silent.mp4", partial(film, sound=False))
    yield OddFilm(kind, "one_frame.mkv", partial(film, count=1), times=(0,), rate=None)
    kind = "HDR"
    for name, trc in (("pq", 16), ("hlg", 18)):
        make = partial(film, pixels="yuv420p10le", color_trc=trc, color_primaries=9, colorspace=9)
        yield OddFilm(kind, f"{name}.mkv", make, refused=True, words="HDR")


def lights() -> Iterator[OddFilm]:
    kind = "fades, flashes, black and white frames"
    ramp = {
        "fade_in": (lambda k: min(1, k / 12), lambda k: 0),
        "fade_to_white": (lambda k: 1 - max(0, k - 12) / 12, lambda k: max(0, k - 12) / 12),
        "flash": (lambda k: 1, lambda k: 0.6 * (k in (10, 11))), "dark": (lambda k: 0.25, lambda k: 0),
    }  # fmt: skip
    times = tuple(k / 25 for k in range(25))
    for name, (gain, lift) in ramp.items():
        make = partial(film, count=25, look=partial(faded, gain=gain, lift=lift))
        yield OddFilm(kind, f"{name}.mp4", make, times=times, checks=("fade",))
    for name, value in (("black", 0), ("white", 255)):
        make = partial(film, count=25, look=partial(with_leader, value=value))
        yield OddFilm(kind, f"{name}.mp4", make, times=times, checks=("flat",), facts={"value": value})


def with_leader(k: int, value: int) -> Samples:
    """Return a frame of a film that begins and ends with ten flat frames."""
    return np.full((48, 64, 3), value, np.uint8) if k < 10 or k >= 15 else moving(0)


def see_through(path: Path, *, codec: str, pixels: str) -> None:
    """Write a film of red, whose transparent half hides blue."""
    samples = np.zeros((48, 64, 4), np.uint8)
    samples[:, :32], samples[:, 32:] = (220, 30, 30, 255), (0, 0, 255, 0)
    samples[:, :32, :3] = scene()[:, :32]
    with av.open(str(path), "w") as out:
        options = {"auto-alt-ref": "0", "crf": "4", "b:v": "0"} if "vpx" in codec else {}
        stream = out.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
        if path.suffix == ".webm":
            stream.metadata["alpha_mode"] = "1"
        for _ in range(FRAMES):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(samples, format="rgba").reformat(format=pixels)))
        out.mux(stream.encode(None))


def transparent() -> Iterator[OddFilm]:
    kind = "transparent films (QuickTime Animation, PNG, ProRes 4444, VP8, VP9)"
    for name, codec, pixels in (
        ("qtrle.mov", "qtrle", "argb"), ("png.mov", "png", "rgba"), ("prores.mov", "prores_ks", "yuva444p10le"),
        ("vp9.webm", "libvpx-vp9", "yuva420p"), ("vp8.webm", "libvpx", "yuva420p"),
    ):  # fmt: skip
        make = partial(see_through, codec=codec, pixels=pixels)
        for output in ("out.mov", "out.webm", "out.webp", "out.gif"):
            times = OddFilm.times if output[-3:] in ("mov", "ebm") else None
            yield OddFilm(kind, name, make, output, times, 25 if times else None, checks=("alpha",))
        yield OddFilm(kind, name, make, words="transparent areas are painted on white")


def animation(path: Path, *, plays: int, alpha: bool) -> None:
    """Write an animation of four frames of different durations."""
    frames = []
    for k in range(4):
        rgba = np.dstack([moving(k), np.full((48, 64), 255, np.uint8)])
        if alpha and k != 3:
            rgba[:, 32:, 3] = 0
        frames.append(Image.fromarray(rgba) if alpha else Image.fromarray(rgba[..., :3]))
    gif = path.suffix == ".gif"
    loop = {} if gif and plays == 1 else {"loop": plays - 1 if gif and plays else plays}
    options = {"lossless": True} if path.suffix == ".webp" else {}
    path.write_bytes(
        saved(
            frames[0],
            path.suffix[1:].upper(),
            save_all=True,
            append_images=frames[1:],
            duration=[20, 500, 70, 100],
            disposal=2,
            **loop,
            **options,
        )
    )


def animations() -> Iterator[OddFilm]:
    kind = "animated GIF, WebP and PNG: rounds, times, transparency"
    for suffix in (".gif", ".webp", ".png"):
        for plays in (0, 1, 3):
            for alpha in (False, True):
                for output in ("out.gif", "out.webp"):
                    make = partial(animation, plays=plays, alpha=alpha)
                    facts = {"plays": plays, "alpha": alpha, "durations": [20, 500, 70, 100]}
                    yield OddFilm(
                        kind, f"{plays}{alpha}{suffix}", make, output, None, None, checks=("animation",), facts=facts
                    )
    make = partial(animation, plays=0, alpha=False)
    yield OddFilm(kind, "a.gif", make, "out.mp4", (0, 0.02, 0.52, 0.59), None)
    yield OddFilm("animated PNG as output", "a.png", make, "out.png", refused=True, words="videos can be written as")
    yield OddFilm("animated PNG as output", "a.png", make, "out.apng", refused=True, words="videos can be written as")


def wrong_sound(path: Path, *, falling: bool) -> None:
    """Write a film in which a packet of sound has the time of the one before, or an earlier one."""
    plain = film(path.with_name("plain.mkv"))
    with av.open(str(plain)) as good, av.open(str(path), "w") as out:
        streams, number, before = [out.add_stream_from_template(stream) for stream in good.streams], 0, 0
        for packet in good.demux():
            if packet.dts is None:
                continue
            if packet.stream.type == "audio":
                number += 1
                packet.pts = packet.dts = max(0, before - 15 * falling) if number == 6 else packet.dts
                before = packet.dts
            packet.stream = streams[packet.stream.index]
            out.mux(packet)
    plain.unlink()


def twice(path: Path, *, count: int) -> None:
    path.write_bytes(count * film(path.with_name("piece.ts")).read_bytes())
    path.with_name("piece.ts").unlink()


def song(path: Path, *, container: str, codec: str, cover: bool) -> None:
    """Write a song, with a cover picture or without."""
    with av.open(str(path), "w", format=container) as out:
        tones = out.add_stream(codec, rate=RATE)
        if cover:
            picture = out.add_stream("mjpeg", rate=1)
            picture.width, picture.height, picture.pix_fmt = 64, 48, "yuvj420p"
            picture.disposition = Disposition.attached_pic
            out.mux(picture.encode(av.VideoFrame(64, 48, "yuvj420p")))
            out.mux(picture.encode(None))
        beep(out, tones, 0.5)


def sounds() -> Iterator[OddFilm]:
    kind = "sound with equal times; joined streams"
    for output in ("out.mp4", "out.mkv", "out.mov"):
        yield OddFilm(
            kind, "equal.mkv", partial(wrong_sound, falling=False), output, words="were corrected", checks=("sound",)
        )
        for count in (2, 3):
            step = 1 / 25
            times = tuple(k * step for k in range(count * FRAMES))
            yield OddFilm(
                kind,
                f"joined{count}.ts",
                partial(twice, count=count),
                output,
                times,
                words=f"joined from {count} pieces",
                checks=("sound",),
            )
    kind = "songs, with a cover or without"
    for name, form, codec in (("a.mp3", "mp3", "libmp3lame"), ("a.m4a", "mp4", "aac")):
        make = partial(song, container=form, codec=codec, cover=True)
        yield OddFilm(kind, name, make, refused=True, words="is a sound file with a cover picture, not a video")
    for name, form, codec in (
        ("a.wav", "wav", "pcm_s16le"),
        ("b.mp3", "mp3", "libmp3lame"),
        ("sound.mp4", "mp4", "aac"),
    ):
        make = partial(song, container=form, codec=codec, cover=False)
        yield OddFilm(kind, name, make, refused=True, words="is not a video")


def changed(
    path: Path, *, change: Callable[[bytes], bytes], options: dict[str, str] | None = None, like: str = ""
) -> None:
    """Write a film and change its bytes."""
    source = path.with_name(f"source{like or path.suffix}")
    if options is None:
        film(source, count=50)
    else:  # an index at the beginning
        film(source.with_name("plain.mkv"), count=50)
        with av.open(str(source.with_name("plain.mkv"))) as plain, av.open(str(source), "w", options=options) as out:
            streams = [out.add_stream_from_template(stream) for stream in plain.streams]
            for packet in plain.demux():
                if packet.dts is not None:
                    packet.stream = streams[packet.stream.index]
                    out.mux(packet)
        source.with_name("plain.mkv").unlink()
    content = source.read_bytes()
    source.unlink()
    path.write_bytes(change(content))


def damaged() -> Iterator[OddFilm]:
    kind = "cut films: read as far as they go, with a note, and refused with --strict"
    for suffix in (".mkv", ".webm", ".avi", ".ts", ".mpg", ".flv"):
        for share in (0.53, 0.8):
            make = partial(changed, change=partial(cut, share=share, into=188 if suffix == ".ts" else 1))
            yield OddFilm(kind, f"cut{share}{suffix}", make, times=None, rate=None, words="is cut off", size=None)
            yield OddFilm(
                kind, f"cut{share}{suffix}", make, refused=True, words="leave out --strict", flags=("--strict",)
            )
    make = partial(changed, change=partial(cut, share=0.7), options={"movflags": "faststart"})
    yield OddFilm(kind, "faststart.mp4", make, times=None, rate=None, words="is cut off")
    yield OddFilm(kind, "faststart.mp4", make, refused=True, words="leave out --strict", flags=("--strict",))
    kind = ".ts and .mpg cut between two packets: read, without a note"
    make = partial(changed, change=lambda content: content[: len(content) // 2 // 188 * 188])
    yield OddFilm(kind, "between.ts", make, times=None, rate=None)
    make = partial(changed, change=lambda content: content[: len(content) // 2 // 2048 * 2048])
    yield OddFilm(kind, "between.mpg", make, times=None, rate=None)
    kind = "mp4 without its index, empty and foreign files, pictures"
    make = partial(changed, change=partial(cut, share=0.7))
    yield OddFilm(kind, "cut.mp4", make, refused=True, words="header or index is damaged")
    for name, content in (
        ("empty.mp4", b""),
        ("zeros.mp4", bytes(9999)),
        ("text.mkv", b"no film " * 99),
        ("head.mp4", b"\0\0\0\x18ftypmp42" + bytes(99)),
    ):
        words = "is empty (0 bytes)" if not content else "is not a"
        yield OddFilm(kind, name, partial(put, content=content), refused=True, words=words)
    for kinds in ("JPEG", "PNG", "TIFF", "BMP", "GIF", "WEBP"):
        make = partial(put, content=saved(PHOTO, kinds))
        yield OddFilm(kind, f"still.{kinds.lower()}", make, refused=True, words="is a still picture, not a video")
    kind = "wrong and missing suffixes"
    for like, name in (
        (".mkv", "a.mp4"),
        (".mp4", "a.avi"),
        (".webm", "a.mkv"),
        (".ts", "a.mp4"),
        (".mp4", "a"),
        (".mp4", "a.MP4"),
        (".mkv", "a.txt"),
    ):
        make = partial(changed, change=bytes, like=like)
        yield OddFilm(kind, name, make, times=tuple(k / 25 for k in range(50)), checks=("sound",))


def put(path: Path, *, content: bytes) -> None:
    path.write_bytes(content)


def cut(content: bytes, share: float, into: int = 1) -> bytes:
    """Return the first share; of a transport stream, up to the middle of a packet."""
    return content[: int(len(content) * share) // into * into + (into // 2 if into > 1 else 0)]


def frames(
    path: Path,
    *,
    numbers: Sequence[int] = (1, 2, 3),
    sizes: Sequence[tuple[int, int]] = ((64, 48),),
    pattern: str = "%03d.png",
) -> None:
    """Write a folder of frames."""
    path.mkdir()
    for k, number in enumerate(numbers):
        samples = moving(k, *sizes[k % len(sizes)])
        (path / (pattern % number)).write_bytes(
            saved(samples, {"png": "PNG", "jpg": "JPEG", "tif": "TIFF"}[pattern[-3:]])
        )


def folders() -> Iterator[OddFilm]:
    kind = "folders of frames: gaps, names, sizes"
    for name, options in (
        ("gaps", {"numbers": (1, 5, 20)}),
        ("100% done", {}), ("a[1]", {}), ("12:30", {}), ("jpg", {"pattern": "f%d_x.jpg"}),
        ("long", {"numbers": (9, 10, 11), "pattern": "%d.tif"}),
    ):  # fmt: skip
        yield OddFilm(kind, name, partial(frames, **options), times=(0, 0.04, 0.08))
    make = partial(frames, sizes=((64, 48), (48, 64)))
    yield OddFilm(kind, "mixed", make, refused=True, words="make all frames the same size")
    yield OddFilm(
        kind, "none", lambda path: path.mkdir(), refused=True, words="contains no pictures with numbered names"
    )


def names() -> Iterator[OddFilm]:
    for name in NAMES:
        make = partial(film, count=3, container="mp4")
        yield OddFilm(
            "odd names, of film and output", f"{name}.mp4", make, f"{name}.mkv", (0, 0.04, 0.08), checks=("sound",)
        )


def films() -> list[OddFilm]:
    """Return all of them."""
    makers = (rates, shown, lights, transparent, animations, sounds, damaged, folders, names)
    return [film for make in makers for film in make()]


def contents() -> list[tuple[str, bytes]]:
    """Return names and contents of valid films, to damage."""
    found: list[tuple[str, bytes]] = []
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        for odd in films():
            chosen = odd.name.startswith(
                ("25.", "variable.", "qtrle", "prores", "vp9", "0True", "tff.", "joined2", "transposed+1+1", "gray.mkv")
            )
            if chosen and (odd.name, b"") not in [(name, b"") for name, _ in found]:
                odd.make(Path(place) / odd.name)
                found.append((odd.name, (Path(place) / odd.name).read_bytes()))
    return found
