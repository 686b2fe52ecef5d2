"""The command `synthesize`."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from brushwork.options.flags import WidthHeight

__all__ = ["synthesize"]


@click.command()
@click.argument("style", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="output image file")
@click.option(
    "--size",
    required=True,
    type=WidthHeight(),
    help="size in pixels, such as 1024x768; sides that are multiples of 16 tile seamlessly",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**31 - 1),
    default=0,
    help="seed of the noise; each seed gives a different texture",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, mps")
def synthesize(style: Path, output: Path, size: tuple[int, int], seed: int, device: str) -> None:
    """Synthesize a texture with STYLE, a network trained with brushwork train texture-nets --makes textures."""
    from brushwork.api.synthesize import synthesize as made
    from brushwork.io import check_target, save, write_image
    from brushwork.options.methods import TextureNets

    width, height = size
    check_target(output, 8, size=(width, height))
    texture = made(str(style), width, height, TextureNets(seed=seed), device=device)
    save(output, lambda path: write_image(texture, path), beside=style)
    click.echo(str(output))
