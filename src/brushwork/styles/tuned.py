"""What tuning found for a painting: a saved style within the painting's own PNG, so that both stay one file.

It is a private chunk of the PNG (PNG 3, section 5.4), which other programs ignore, and drop if they change the pixels.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from brushwork.errors import BrushworkError, first_line
from brushwork.runtime.atomic_files import write_whole
from brushwork.styles.references import SavedStyle, saved_style

__all__ = ["read_tuned", "tuned_content", "write_tuned"]

_CHUNK = b"bwST"
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def read_tuned(path: Path) -> SavedStyle | None:
    """Return what a painting's file holds beside its pixels; None if it is no PNG, or holds nothing.

    Raises:
        BrushworkError: It is damaged.
    """
    content = tuned_content(path)
    if content is None:
        return None
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        header = json.loads(content[8 : 8 + struct.unpack("<Q", content[:8])[0]])
        return saved_style(path, load(content), dict(header.get("__metadata__", {})))
    except (SafetensorError, ValueError, struct.error) as error:
        raise BrushworkError(f"{path}: its tuning is damaged ({first_line(error)}); tune the style again") from error


def tuned_content(path: Path) -> bytes | None:
    """Return the saved style within a painting's PNG, as its file's bytes, without reading the pixels; or None."""
    if path.suffix.lower() != ".png":
        return None
    with path.open("rb") as file:
        if file.read(8) != _SIGNATURE:
            return None
        while len(head := file.read(8)) == 8:
            length, kind = struct.unpack(">I4s", head)
            if kind == _CHUNK:
                return file.read(length)
            file.seek(length + 4, 1)
    return None


def write_tuned(path: Path, style: SavedStyle) -> None:
    """Put a saved style into a painting's PNG, in the place of an earlier one; the pixels stay as they are.

    Raises:
        BrushworkError: The file is no PNG, or can't be written.
    """
    from safetensors.torch import save

    tensors = {f"{label}/{name}": x.contiguous() for label, value in style.values.items() for name, x in value.items()}
    content = save(tensors, {**style.about, "methods": json.dumps(style.origins)})
    chunk = struct.pack(">I", len(content)) + _CHUNK + content + struct.pack(">I", zlib.crc32(_CHUNK + content))
    try:
        png = path.read_bytes()
        kept = [png[start:end] for kind, start, end in _chunks(png) if kind != _CHUNK]
        if png[:8] != _SIGNATURE or not kept or kept[-1][4:8] != b"IEND":
            raise BrushworkError(f"{path} is not a complete PNG; remove the style and add it again")
        write_whole(path, b"".join([_SIGNATURE, *kept[:-1], chunk, kept[-1]]))
    except OSError as error:
        raise BrushworkError(f"{path} can't be written: {first_line(error)}") from error


def _chunks(png: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield the type of each complete chunk, and where it starts and ends."""
    at = 8
    while at + 12 <= len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        end = at + 12 + length
        if end > len(png):
            return
        yield kind, at, end
        at = end
