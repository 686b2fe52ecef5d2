"""The functions of the quick worker processes: decoding files and rendering previews."""

from __future__ import annotations

import copy
import dataclasses
import io
import multiprocessing
import os
import signal
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import lru_cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from brushwork.errors import BrushworkError, UsageError
from brushwork.studio.film_frames import cuts, film_frame, film_still, film_strip, painted_clip
from brushwork.studio.log import logger
from brushwork.studio.strips import paint_strip

if TYPE_CHECKING:
    from brushwork.api.faces import Face
    from brushwork.options.stylize import StylizeOptions
    from brushwork.studio.files import RequestFiles
    from brushwork.studio.schemas import Clip, Preview, Video

__all__ = ["FUNCTIONS", "PAINTING", "load_checks", "load_previews", "serve"]

Value = TypeVar("Value")
NICE = 5  # niceness of the processes that check files
KEPT = 8  # photos at preview size to cache in memory
FACES = 1024  # longer side in pixels at which faces are looked for
QUALITY = 88  # JPEG quality
LINE = 2  # pixels between the pictures of a mosaic
SAMPLES, FILM_SIZE = 3, 480  # frames in a video preview, and their longer side in pixels
# Magic bytes of the containers passed to FFmpeg; a playlist, which is text, would make it open other files.
FILM_HEADS = {
    0: (b"\x1a\x45\xdf\xa3", b"OggS", b"FLV", b"\x30\x26\xb2\x75", b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3", b"G"),
    4: (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"),
    8: (b"AVI ",),
}


def serve(connection: Connection, load: Callable[[], object]) -> None:
    """Load, send "ready", and answer (function name, arguments) with (result, error) until the server is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server handles Ctrl-C and then ends this process
    threading.Thread(target=_leave_with_server, daemon=True).start()
    load()
    connection.send("ready")
    while True:
        try:
            name, arguments = connection.recv()
        except EOFError:
            return
        try:
            reply: tuple[Any, str | None] = (FUNCTIONS[name](**arguments), None)
        except BrushworkError as error:
            reply = (None, str(error))
        except MemoryError:
            reply = (None, "not enough memory; use a smaller picture")
        except Exception:  # this request fails, the next one doesn't
            logger.exception("a request failed", extra={"request": name})
            reply = (None, "internal error; see the log for details")
        try:
            connection.send(reply)
        except BrokenPipeError:
            return


def _leave_with_server() -> None:
    """End this process when the server is gone, even during a request."""
    server = multiprocessing.parent_process()
    if server is not None:
        server.join()
        os._exit(1)


def load_checks() -> None:
    """Load the decoders and lower the priority, so that previews go first."""
    os.nice(NICE)
    import brushwork.io  # noqa: F401


def load_previews() -> None:
    """Load everything that previews need, so that the first one is fast."""
    import torch

    from brushwork.api.presets import preset_options
    from brushwork.api.stylize import stylize
    from brushwork.image import Picture as Pixels

    method = _method(preset_options("draft"))
    stylize(Pixels(torch.full((1, 3, 64, 96), 0.5)), "great-wave", method=method)


def check(path: str, megapixels: float, seconds: float) -> dict[str, Any]:
    """A file's properties from its content: kind, width, height; for a film, also frames and seconds.

    Raises:
        BrushworkError: Neither a picture nor a video; over a limit; cannot be decoded.
    """
    from brushwork.io import read_image, read_size
    from brushwork.io.opening import field, open_image, reading

    file, most = Path(path), round(megapixels * 1e6)
    with file.open("rb") as opened:
        head = opened.read(16)
    if _is_film(head):
        return _check_film(file, most, seconds)
    width, height = read_size(file, max_pixels=most)
    facts = {"kind": "picture", "width": width, "height": height}
    if _is_gif(head) or head[8:12] == b"WEBP":
        with reading(file):
            facts["frames"] = field(open_image(file, most, header_only=True), "n-pages", 1)
    read_image(file, size=min(256, max(width, height)), max_pixels=most)  # all of it can be decoded
    return facts


def _is_film(head: bytes) -> bool:
    from brushwork.io.formats import is_heif

    return any(head[at : at + len(start)] == start for at, starts in FILM_HEADS.items() for start in starts) and not (
        _is_gif(head) or is_heif(head)
    )


def _holds_film(path: Path) -> bool:
    with path.open("rb") as opened:
        return _is_film(opened.read(16))


def _is_gif(head: bytes) -> bool:
    return head[:6] in (b"GIF87a", b"GIF89a")


def _check_film(file: Path, most: int, seconds: float) -> dict[str, Any]:
    from brushwork.io.video_reader import VideoFile

    film = VideoFile(file, most)
    long = float(film.count / film.rate)
    if long > seconds:
        raise UsageError(f"{file}: {long:.0f} seconds are more than the limit of {seconds:.0f}; trim it")
    width, height = film.size
    return {"kind": "film", "width": width, "height": height, "frames": film.count, "seconds": round(long, 2)}


def preview(ask: Preview, files: RequestFiles) -> bytes:
    """A photo in a style, or a frame of a film, as JPEG."""
    from brushwork.api.stylize import stylize_photo
    from brushwork.image import Picture as Pixels
    from brushwork.io import read_size

    source, method = files.source, _asked(ask, [files.style])
    if _holds_film(source):
        frame = Pixels(film_still(str(source), ask.frame, ask.size))
        options = ask.to_options(size=0, masks=files.masks, face_mask=files.face_mask)
        return jpeg(stylize_photo(frame, files.style, method=method, options=options).picture.pixels)
    size = min(ask.size, max(read_size(source)))
    options = ask.to_options(size=size, masks=files.masks, face_mask=files.face_mask)
    picture = _photo(source, options)
    return jpeg(stylize_photo(source, files.style, method=method, options=options, picture=picture).picture.pixels)


def film_preview(ask: Video, files: RequestFiles) -> bytes:
    """Three frames of a video side by side, original above stylized, as JPEG."""
    import torch

    from brushwork.api.style_encoding import encode_style
    from brushwork.color import keep_luminance
    from brushwork.image import fit_size
    from brushwork.io.film_formats import open_film

    film, method = open_film(files.source), _asked(ask, [files.style])
    width, height = fit_size(film.size, min(FILM_SIZE, max(film.size)))
    style = encode_style(method, files.style, method.sizes(width, height))
    columns = []
    for number in _spread(film.count):
        frame = next(iter(film.frames(number, (width, height))), None)
        if frame is None:
            break
        painted = method(frame.pixels, style)
        shown = keep_luminance(painted, frame.pixels) if ask.keep_color else painted
        columns.append(torch.cat([frame.pixels, shown], 2))
    if not columns:
        raise UsageError(f"{files.source}: no readable frames")
    return jpeg(torch.cat(columns, 3))


def clip(ask: Clip, files: RequestFiles, keys: Sequence[tuple[float, Any, float | None]]) -> bytes:
    """Two seconds of a film, painted, as MP4."""
    return painted_clip(ask, files, keys, _asked(ask, [style for _, style, _ in keys]))


def _asked(ask: Preview | Video, styles: Sequence[Any]) -> Any:
    """The method of a preview in these styles."""
    from brushwork.api.presets import for_saved_styles

    return _method(for_saved_styles(ask.preview_settings(), styles, ask.settings))


def _spread(count: int) -> list[int]:
    """Indices of evenly spaced frames."""
    return sorted({round((k + 0.5) / SAMPLES * max(1, count)) for k in range(SAMPLES)}) if count > SAMPLES else [0]


def thumbnail(path: str, size: int) -> bytes:
    """A picture, or a video's first frame, scaled down, as JPEG."""
    return jpeg(_small(path, size, _written(path)))


def mosaic(paths: Sequence[str], size: int) -> bytes:
    """Up to three pictures side by side, or the first four in two rows, `size` pixels wide, as JPEG."""
    from PIL import Image, ImageOps

    columns, rows = (2, 2) if len(paths) > 3 else (len(paths), 1)
    width, height = size, size * 3 // 4
    whole = Image.new("RGB", (width, height), "gray")
    for place, path in enumerate(paths[: columns * rows]):
        left, right = ((place % columns + k) * (width + LINE) // columns for k in (0, 1))
        top, bottom = ((place // columns + k) * (height + LINE) // rows for k in (0, 1))
        with Image.open(path) as picture:
            whole.paste(ImageOps.fit(picture, (right - left - LINE, bottom - top - LINE)), (left, top))
    file = io.BytesIO()
    whole.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def strip(path: str, size: int, styles: Sequence[str]) -> list[bytes]:
    """A picture, or a video's first frame, scaled down and painted in each of a few styles, as JPEG."""
    from brushwork.api.presets import for_saved_styles, preset_options
    from brushwork.styles.references import StylePart

    pixels, painted = _small(path, size, _written(path)), dict[str, Any]()
    by_settings = dict[Any, list[str]]()
    for style in styles:
        settings = for_saved_styles(preset_options("draft"), [[StylePart(style)]])
        by_settings.setdefault(settings, []).append(style)
    for settings, group in by_settings.items():
        painted.update(zip(group, paint_strip(pixels, group, _loaded(settings)), strict=True))
    return [jpeg(painted[style][None]) for style in styles]


def _written(path: str) -> int:
    return Path(path).stat().st_mtime_ns


def faces(path: str) -> list[Face]:
    """The faces in a picture, or in a video's first frame."""
    return list(_faces(path, _written(path)))


@lru_cache(KEPT)
def _faces(path: str, written: int) -> tuple[Face, ...]:
    from brushwork.api.faces import find_faces

    return tuple(find_faces(_small(path, FACES, written)))


def face_mask(path: str) -> bytes:
    """The mask of the faces in a picture, as PNG."""
    from PIL import Image

    from brushwork.api.faces import face_mask as mask_of

    height, width = _small(path, FACES, _written(path)).shape[2:]
    samples = (mask_of(faces(path), (width, height))[0, 0] * 255).round().byte().numpy()
    file = io.BytesIO()
    Image.fromarray(samples).save(file, "PNG")
    return file.getvalue()


@lru_cache(KEPT)
def _small(path: str, size: int, written: int) -> Any:
    """The pixels (1, 3, H, W) of a file, scaled down; `written` tells a file from another of its name."""
    from brushwork.image import fit_size
    from brushwork.io import read_image, read_size
    from brushwork.io.film_formats import open_film

    if _holds_film(Path(path)):
        read = open_film(path)
        frame = next(iter(read.frames(0, fit_size(read.size, min(size, max(read.size))))))
        return frame.pixels
    return read_image(path, size=min(size, max(read_size(path)))).visible()


def swatch(path: str, size: int) -> bytes:
    """A small picture of a style made from its encoding only, as JPEG."""
    from brushwork.api.presets import for_saved_styles, preset_options
    from brushwork.api.swatches import swatch as painted
    from brushwork.options.methods import ConditionalInstanceNorm
    from brushwork.styles.references import StylePart

    style = [StylePart(path)]
    try:
        draft = for_saved_styles(preset_options("draft"), [style])
        return jpeg(painted(style, method=_method(draft), size=size).pixels)
    except UsageError:  # a style that only the multi-style network has
        return jpeg(painted(style, method=_method(ConditionalInstanceNorm()), size=size).pixels)


def add_style(path: str, name: str, folder: str, about: dict[str, str]) -> None:
    """Add a painting to a library."""
    from brushwork.styles.library import add_style as add

    add(path, name, Path(folder), **{key: fact for key, fact in about.items() if fact})


def convert(source: str, target: str) -> None:
    """Convert a picture to another format, keeping its recipe."""
    from brushwork.io import read_image, read_recipe, write_image

    picture = read_image(source)
    depth = picture.depth if target.endswith((".tif", ".png")) else 8
    write_image(picture, target, depth=depth, recipe=read_recipe(source))


def tiles(source: str, target: str, side: int) -> None:
    """Write a picture in tiles at all scales; only a few rows of it are in memory."""
    from brushwork.io import write_tiles

    write_tiles(source, Path(target), side)


def jpeg(pixels: Any, quality: int = QUALITY) -> bytes:
    """Pixels (1, 3, H, W) in [0, 1] as a JPEG file."""
    from PIL import Image

    samples = (pixels[0].permute(1, 2, 0).clamp(0, 1) * 255).round().byte().numpy()
    file = io.BytesIO()
    Image.fromarray(samples).save(file, "JPEG", quality=quality)
    return file.getvalue()


def _method(settings: Any) -> Any:
    """A method, sharing its network with others that differ only in strength and stroke size."""
    shared = {name: 1.0 for name in ("strength", "style_scale") if hasattr(settings, name)}
    method = copy.copy(_loaded(dataclasses.replace(settings, **shared)))
    method.settings = settings
    return method


@lru_cache(4)
def _loaded(settings: Any) -> Any:
    from brushwork.methods import load
    from brushwork.runtime.device import choose_device

    return load(settings, choose_device("auto"))


_photos: OrderedDict[tuple[Path, int], Any] = OrderedDict()


def _photo(path: Path, options: StylizeOptions) -> Any:
    """A photo as `stylize` reads it; the most recent ones are cached."""
    from brushwork.api.stylize import read_content

    key = path, options.size or 0
    if key not in _photos:
        _photos[key] = read_content(path, options)
        while len(_photos) > KEPT:
            _photos.popitem(last=False)
    _photos.move_to_end(key)
    return _photos[key]


_FUNCTIONS: tuple[Callable[..., Any], ...] = (
    check, preview, film_preview, clip, thumbnail, mosaic, faces, face_mask, strip, swatch, add_style, convert,
    film_frame, film_strip, cuts, tiles,
)  # fmt: skip
FUNCTIONS = {function.__name__: function for function in _FUNCTIONS}
PAINTING = ("preview", "film_preview", "clip", "strip", "swatch", "faces", "face_mask")  # functions that need a network
