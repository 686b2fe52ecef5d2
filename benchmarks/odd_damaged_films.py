"""Films that are cut, damaged or not films at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import av
from film_samples import (
    OddFilm,
    film,
)
from odd_pictures import PHOTO, saved

__all__ = ["damaged"]


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
