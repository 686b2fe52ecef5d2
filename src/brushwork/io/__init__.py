"""Image and video file input and output; no other package in brushwork reads or writes image files."""

from brushwork.io.animation import check_animation, write_animation
from brushwork.io.image_file import (
    PictureReader,
    PictureWriter,
    check_target,
    read_image,
    read_recipe,
    read_size,
    write_image,
    write_tiles,
)
from brushwork.io.saving import save
from brushwork.options.stylize import MAX_PIXELS

__all__ = [
    "MAX_PIXELS",
    "PictureReader",
    "PictureWriter",
    "check_animation",
    "check_target",
    "read_image",
    "read_recipe",
    "read_size",
    "save",
    "write_animation",
    "write_image",
    "write_tiles",
]
