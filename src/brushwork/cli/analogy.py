"""The command `analogy`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import rich_click as click

from brushwork.cli.running import write_result
from brushwork.errors import UsageError
from brushwork.options.flags import WidthHeight, method_options, option_flags, options_from_flags, settings_of
from brushwork.options.methods import Analogies
from brushwork.options.stylize import OutputOptions

__all__ = ["analogy"]

METHODS = {"analogies": Analogies}
STYLE = ".safetensors"


@click.command()
@click.argument("pictures", nargs=-1, required=True, metavar="[A] A_PRIME [B]", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path),
    help="output image file; with A and A_PRIME only: a style, NAME.safetensors",
)  # fmt: skip
@click.option("--size", type=WidthHeight(), help="size of a texture in pixels, such as 512x512")
@click.option(
    "--neural", is_flag=True, help="with maps of labels: optimize features of a network instead of copying pixels"
)
@click.option("--steps", type=click.IntRange(min=1), help="with --neural: optimization steps [300]")
@option_flags(OutputOptions)
@click.option("--json", "as_json", is_flag=True, help="print one JSON object, for scripts")
@method_options(METHODS)
def analogy(pictures: tuple[Path, ...], output: Path, as_json: bool, **values: Any) -> None:
    """Paint B as A_PRIME was painted from A; or fill a map of labels, or make a texture of A_PRIME alone.

    \b
    analogy A.jpg A_PRIME.jpg B.jpg -o B_PRIME.png
    analogy A_PRIME.jpg B.jpg -o B_PRIME.png
      A is A_PRIME without its strokes
    analogy A.png A_PRIME.jpg B.png --compare labels -o B_PRIME.png
      A and B are maps of labels; with --neural, through a network's features
    analogy A_PRIME.jpg --size 512x512 -o texture.png
    analogy A.jpg A_PRIME.jpg -o ink.safetensors
      saved, for stylize --style
    """  # noqa: D301  # Click wants the control character itself
    settings: Analogies = settings_of("analogies", values, METHODS)
    neural, steps = values["neural"], values["steps"]
    if steps and not neural:
        raise UsageError("--steps: belongs to --neural")
    if neural and settings != Analogies(compare="labels"):
        raise UsageError("--neural: expected --compare labels and no other option of analogies")
    out: OutputOptions = options_from_flags(OutputOptions, values)
    size = values["size"]
    if output.resolve() in [path.resolve() for path in pictures]:
        raise UsageError(f"{output} is one of the inputs; choose another name with -o")
    from brushwork.cli.report import Report

    report = Report(as_json=as_json)
    if output.suffix == STYLE:
        _save(pictures, output, settings)
        report.say(str(output), output=str(output))
        return
    a, a_prime, b = _sources(pictures, size)
    from brushwork.api.analogy import DOODLE
    from brushwork.api.analogy import analogy as made
    from brushwork.api.recipe import result_size
    from brushwork.io import check_target, read_size

    check_target(output, out.depth, size=size or result_size(read_size(pictures[-1]), None))
    chosen = replace(DOODLE, steps=steps or DOODLE.steps) if neural else settings
    with report.bar(pictures[-1].name, unit=None if neural else "steps") as progress:
        result = made(a, a_prime, b, chosen, size=size, progress=progress)
    write_result(output, result, {}, out, beside=pictures[-1])
    report.say(
        str(output), inputs=[str(path) for path in pictures], output=str(output), size=list(result.picture.size),
        seconds=result.seconds,
    )  # fmt: skip


def _sources(pictures: tuple[Path, ...], size: tuple[int, int] | None) -> tuple[Path | None, Path, Path | None]:
    """Return A, A' and B."""
    if size is not None:
        if len(pictures) != 1:
            raise UsageError(f"--size: a texture is made from A_PRIME alone, got {len(pictures)} pictures")
        return None, pictures[0], None
    if len(pictures) not in (2, 3):
        raise UsageError(f"expected A A_PRIME B, or A_PRIME B, or A_PRIME and --size, got {len(pictures)} pictures")
    return pictures[0] if len(pictures) == 3 else None, pictures[-2], pictures[-1]


def _save(pictures: tuple[Path, ...], output: Path, settings: Analogies) -> None:
    if len(pictures) != 2:
        raise UsageError(f"{output}: a style is saved from two pictures, A and A_PRIME, got {len(pictures)}")
    from brushwork.api.analogy import read_pair
    from brushwork.api.style_encoding import save_style
    from brushwork.methods import load

    save_style(output, load(settings), read_pair(pictures[0], pictures[1], settings))
