"""Deep Zoom: an image as a folder of small tiles at all scales, for viewers such as OpenSeadragon."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyvips

from brushwork.errors import PictureError
from brushwork.io.opening import last_words
from brushwork.io.saving import write_error, writing_reason
from brushwork.runtime.uninterrupted import uninterrupted

__all__ = ["write_deep_zoom"]


def write_deep_zoom(image: pyvips.Image, path: Path, quality: int) -> None:
    """Write NAME.dzi and the folder NAME_files beside it; existing ones are replaced once everything is written.

    Args:
        image: image with three bands, or four with alpha.
        path: output path ending in .dzi.
        quality: quality of the JPEG tiles; images with alpha use PNG tiles.

    Raises:
        PictureError: the files can't be written.
    """
    suffix = ".png" if image.hasalpha() else f".jpg[Q={quality}]"
    name = path.stem
    try:
        with tempfile.TemporaryDirectory(prefix=".brushwork-", dir=path.parent) as folder:
            made = Path(folder)
            image.dzsave(str(made / name), suffix=suffix, tile_size=254, overlap=1)
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
        reason = f"can't be written ({last_words(error)})" if told is None else writing_reason(told, path)
        raise PictureError(f"{path}: {reason}") from error
