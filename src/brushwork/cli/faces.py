"""The command `faces`."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from brushwork.errors import UsageError
from brushwork.options.flags import option_flags, options_from_flags
from brushwork.options.stylize import StylizeOptions

__all__ = ["faces"]


@click.command()
@click.argument("photo", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="image file of the mask")
@option_flags(StylizeOptions, "max_pixels", "strict")
def faces(photo: Path, output: Path, max_pixels: int | None, strict: bool | None) -> None:
    """Write the mask of the faces found in PHOTO, to correct it and pass it to stylize --face-mask."""
    if output.resolve() == photo.resolve():
        raise UsageError(f"{output} is the photo; choose another name with -o")
    options = options_from_flags(StylizeOptions, {"max_pixels": max_pixels, "strict": strict})
    from brushwork.api.faces import face_mask, find_faces
    from brushwork.api.style_encoding import visible
    from brushwork.api.stylize import read_content
    from brushwork.image import Picture
    from brushwork.io import check_target, save, write_image

    check_target(output, 8)
    picture = read_content(photo, options)
    found = find_faces(visible(picture, photo))
    mask = Picture(face_mask(found, picture.size).expand(1, 3, -1, -1).contiguous())
    save(output, lambda path: write_image(mask, path), beside=photo)
    click.echo(f"{output}  {len(found)} face{'' if len(found) == 1 else 's'}")
