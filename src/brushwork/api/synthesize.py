"""Textures of noise alone."""

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

__all__ = ["synthesize"]

LARGEST = 1 << 26  # pixels of a texture that is made in one piece


def synthesize(
    style: str | Path, width: int, height: int, settings: TextureNets | None = None, *, device: str = "auto"
) -> Picture:
    """A texture, made by a network that was trained for it.

    Args:
        style: A texture network: a file that `brushwork train texture-nets --makes textures` wrote, or a name.
        width: In pixels. Opposite borders join where the sides are multiples of 16 (32 for a network of six
            sizes), from twice that on.
        height: In pixels. The same seed gives a larger texture the same noise, from its upper left corner on.
        settings: The seed, and all other options.
        device: "auto", "cpu", "cuda", "cuda:1", "mps".

    Raises:
        UsageError: No texture network; sides below 1, or beyond 64 million pixels together.
    """
    width, height = check_size(width, "width"), check_size(height, "height")
    if min(width, height) < 1 or width * height > LARGEST:
        raise UsageError(f"expected sides of at least 1 and {LARGEST:,} pixels at most, got {width}×{height}")
    if settings is not None and not isinstance(settings, TextureNets):
        raise UsageError(f"settings: expected TextureNets(…), got {settings!r}")
    generator = TextureNetsStyleNetwork(settings or TextureNets(), choose_device(device))
    network = encode_style(OnePass(generator), style, [max(width, height)])
    try:
        return Picture(generator.synthesize(network, width, height))
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        raise BrushworkError(f"out of memory at {width}×{height}; take a smaller size") from error
