"""The command `augment`."""

from __future__ import annotations

from functools import partial
from typing import Any

import rich_click as click

from brushwork.cli.arguments import short_help
from brushwork.cli.batch import run_and_report
from brushwork.options.augment import AugmentOptions
from brushwork.options.batch import BatchOptions
from brushwork.options.flags import option_flags, options_from_flags
from brushwork.options.methods import AdaIN, AdaINLite
from brushwork.options.stylize import OutputOptions, StylizeOptions, with_changes
from brushwork.registry import settings_from

__all__ = ["augment"]

METHODS = {"adain": AdaIN, "adain-lite": AdaINLite}
SHARED = ("style_scale", "precision")  # options that both have
PANELS = {
    "What": ("styles", "output", "method"),
    "Look": ("per_image", "seed", "strength", "style_scale"),
    "Size and speed": ("size", "engine", "address", "workers", "device"),
    "Output": ("suffix", "depth", "quality", "as_json"),
    "Long jobs": ("resume", "retry_failed"),
}


@short_help(PANELS, {})
@click.command()
@click.argument("pictures", nargs=-1, required=True, metavar="DATASET…")
@click.option(
    "--styles", multiple=True, default=("built-in",), metavar="STYLES",
    help="a folder of paintings, an image file, a style's name, built-in for all of the library, or gaussian for "
    "styles drawn from a Gaussian over the library's codes (adain-lite); may be given more than once [built-in]",
)  # fmt: skip
@click.option("-o", "--output", required=True, help="folder of the results, or shards: out/%05d.tar")
@click.option("--method", type=click.Choice(list(METHODS)), default="adain", help="how they are painted [adain]")
@option_flags(AugmentOptions)
@option_flags(AdaIN, *SHARED)
@option_flags(StylizeOptions)
@option_flags(OutputOptions)
@option_flags(BatchOptions)
@click.option("--log-json", "as_json", is_flag=True, help="print one JSON object per result, for scripts")
def augment(
    pictures: tuple[str, ...], styles: tuple[str, ...], output: str, method: str, as_json: bool, **values: Any
) -> None:
    """Copy a data set with each picture in a random style, to train networks that don't go by textures.

    Folders and names are kept. DATASET… are folders with all folders in them, files, patterns, archives (.zip, .tar),
    lists of names (@names.txt), or addresses such as s3://bucket/photos.
    """
    given = {name: value for name in SHARED if (value := values.pop(name)) is not None}
    kinds = (AugmentOptions, StylizeOptions, OutputOptions, BatchOptions)
    drawn, options, out, run = (options_from_flags(kind, values) for kind in kinds)
    settings = with_changes(settings_from(method, {}), given)
    from brushwork.batch.augment_dataset import augment_dataset

    work = partial(augment_dataset, pictures, output, settings, styles=styles, augment=drawn, options=options)
    run_and_report(partial(work, written=out, batch=run), as_json)
