"""Deep Zoom: an image as a folder of small tiles at all scales, for viewers such as OpenSeadragon."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyvips

from brushwork.errors import PictureError
from brushwork.io.saving import write_error, writing_reason
from brushwork.runtime.uninterrupted import uninterrupted

__all__ = ["write_deep_zoom"]


def write_deep_zoom(image: pyvips.Image, path: Path, quality: int, *, side: int = 254, overlap: int = 1) -> None:
    """Write NAME.dzi and the folder NAME_files beside it; existing ones are replaced once everything is written.

    Args:
        image: image with three bands, or four with alpha.
        path: output path ending in .dzi.
        quality: quality of the JPEG tiles; images with alpha use PNG tiles.
        side: longer side of a tile without what overlaps, in pixels.
        overlap: pixels that each tile shows of its neighbors.

    Raises:
        PictureError: the files can't be written.
        pyvips.Error: the image can't be decoded, or libvips lacks what is needed.
    """
    suffix = ".png" if image.hasalpha() else f".jpg[Q={quality}]"
    name = path.stem
    try:
        with tempfile.TemporaryDirectory(prefix=".brushwork-", dir=path.parent) as folder:
            made = Path(folder)
            image.dzsave(str(made / name), suffix=suffix, tile_size=side, overlap=overlap)
            files = path.with_name(f"{name}_files")
            with uninterrupted():
                if files.exists():
                    files.rename(made / "old")
                (made / f"{name}_files").rename(files)
                (made / f"{name}.dzi").replace(path)
    except OSError as error:
        raise PictureError(f"{path}: {writing_reason(error, path)}") from error
    except pyvips.Error as error:
        told = write_error(path.parent)
        if told is None:
            raise
        raise PictureError(f"{path}: {writing_reason(told, path)}") from error
