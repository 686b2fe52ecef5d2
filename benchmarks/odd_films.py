"""Odd films, made by program: each with what must come out of it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition
from film_samples import (
    FRAMES,
    LOSSLESS,
    RATE,
    VARIABLE,
    OddFilm,
    Samples,
    beep,
    faded,
    film,
    moving,
    scene,
)
from odd_damaged_films import damaged
from odd_pictures import NAMES, saved
from PIL import Image

__all__ = ["films"]


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
