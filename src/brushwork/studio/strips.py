"""Strips: small pictures of an upload in every style of a user's library, painted a few at a time and kept."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from brushwork.runtime.atomic_files import write_whole
from brushwork.styles.library import LibraryStyle

__all__ = ["METHOD", "Strips", "paint_strip"]

METHOD = "adain-lite"
SIZE = 160  # longer side of a thumbnail in pixels
AT_ONCE = 8  # styles per request; between requests, the worker answers others
KEPT = 200  # strips of the studio to keep, the newest; one has about a megabyte

Paint = Callable[[Sequence[LibraryStyle]], Sequence[bytes]]


class Strips:
    """The strips that have been painted.

    Args:
        folder: Where they are kept, a file for each upload; created if missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, exist_ok=True)

    def pictures(self, upload: str, styles: Mapping[str, LibraryStyle], paint: Paint) -> Iterator[tuple[str, bytes]]:
        """Names of styles with their thumbnails, as JPEG: first those that are kept, then others as they are painted.

        Args:
            upload: An upload's ID.
            styles: The library.
            paint: Paints the upload in a few styles.
        """
        kept = self._read(upload)
        keys = {style.name: _key(style) for style in styles.values() if METHOD in style.methods}
        left = []
        for name, key in keys.items():
            if key in kept:
                yield name, base64.b64decode(kept[key])
            else:
                left.append(styles[name])
        try:
            for at in range(0, len(left), AT_ONCE):
                part = left[at : at + AT_ONCE]
                for style, jpeg in zip(part, paint(part), strict=True):
                    kept[keys[style.name]] = base64.b64encode(jpeg).decode()
                    yield style.name, jpeg
        finally:  # also if nobody listens any more
            if left:
                self._write(upload, {key: kept[key] for key in keys.values() if key in kept})

    def forget(self, upload: str) -> None:
        """Delete an upload's strip."""
        self._path(upload).unlink(missing_ok=True)

    def _path(self, upload: str) -> Path:
        return self.folder / f"{upload}.json"

    def _read(self, upload: str) -> dict[str, str]:
        try:
            found = json.loads(self._path(upload).read_bytes())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _write(self, upload: str, kept: Mapping[str, str]) -> None:
        write_whole(self._path(upload), json.dumps(kept).encode())
        newest_first = sorted(self.folder.glob("*.json"), key=_age, reverse=True)
        for path in newest_first[KEPT:]:
            path.unlink(missing_ok=True)


def _key(style: LibraryStyle) -> str:
    """What a thumbnail is kept under: a style of the user's own may be removed, and another one get its name."""
    return f"{style.name} {style.path.stat().st_mtime_ns}" if style.own else style.name


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # another thread has deleted it
        return 0.0


def paint_strip(pixels: Any, styles: Sequence[str], method: Any) -> Any:
    """Small pictures in several styles, (N, 3, H, W) in [0, 1]; strokes are those of a picture of this size.

    Args:
        pixels: The picture, (1, 3, H, W) in [0, 1].
        styles: Files of the styles.
        method: AdaIN-lite, loaded.
    """
    import torch
    import torch.nn.functional as F

    height, width = pixels.shape[2:]
    multiple = method.network.multiple
    padded = F.pad(pixels, (0, -width % multiple, 0, -height % multiple), mode="replicate")
    codes = torch.stack([_code(method, path, Path(path).stat().st_mtime_ns) for path in styles])
    painted = _painter(method.network)(padded.expand(len(codes), -1, -1, -1), codes)
    return painted[..., :height, :width].clamp(0, 1)


@lru_cache(1)
def _painter(network: Any) -> Any:
    from brushwork.methods.adain_lite.batch import BatchPainter

    return BatchPainter(network)


@lru_cache(512)
def _code(method: Any, path: str, changed: int) -> Any:
    from brushwork.api.style_encoding import encode_style
    from brushwork.styles.references import StylePart

    return encode_style(method, [StylePart(path)], [SIZE]).code
