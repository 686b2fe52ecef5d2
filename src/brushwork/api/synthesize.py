"""Texture synthesis from noise."""

from __future__ import annotations

from pathlib import Path

from brushwork.api.style_encoding import encode_style
from brushwork.errors import BrushworkError, UsageError
from brushwork.image import Picture, check_size
from brushwork.methods.one_pass import OnePass
from brushwork.methods.texture_nets import TextureNetsStyleNetwork
from brushwork.options.methods import TextureNets
from brushwork.runtime.device import choose_device
from brushwork.runtime.memory import out_of_memory

__all__ = ["check_texture_size", "synthesize"]

LARGEST = 1 << 26  # maximum pixels of a texture, which is generated in one piece


def synthesize(
    style: str | Path, width: int, height: int, settings: TextureNets | None = None, *, device: str = "auto"
) -> Picture:
    """Synthesize a texture with a network trained for it.

    Args:
        style: A texture network: a file written by `brushwork train texture-nets --makes textures`, or a name.
        width: In pixels. The texture tiles seamlessly if both sides are multiples of 16 (32 for a network of six
            scales) and at least twice that.
        height: In pixels. With the same seed, a larger texture has the same noise at its upper left.
        settings: The seed and the other options.
        device: "auto", "cpu", "cuda", "cuda:1", "mps".

    Raises:
        UsageError: Not a texture network, sides below 1, or more than 64 million pixels.
    """
    width, height = check_texture_size((width, height))
    if settings is not None and not isinstance(settings, TextureNets):
        raise UsageError(f"settings: expected TextureNets(…), got {settings!r}")
    generator = TextureNetsStyleNetwork(settings or TextureNets(), choose_device(device))
    network = encode_style(OnePass(generator), style, [max(width, height)])
    try:
        return Picture(generator.synthesize(network, width, height))
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        raise BrushworkError(f"out of memory at {width}×{height}; use a smaller size") from error


def check_texture_size(size: object, largest: int = LARGEST) -> tuple[int, int]:
    """Return the (width, height) of a texture that is made in one piece.

    Args:
        size: Two whole numbers.
        largest: Maximum of their product.

    Raises:
        UsageError: Not two whole numbers, sides below 1, or too many pixels.
    """
    if not isinstance(size, tuple | list) or len(size) != 2:
        raise UsageError(f"size: expected (width, height), got {size!r}")
    width, height = check_size(size[0], "width"), check_size(size[1], "height")
    if min(width, height) < 1 or width * height > largest:
        raise UsageError(f"expected sides of at least 1 and at most {largest:,} pixels in all, got {width}×{height}")
    return width, height
