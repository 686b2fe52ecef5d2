"""The command `evaluate`: measures of pictures and videos."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from brushwork.cli.report import Report
from brushwork.errors import BrushworkError

if TYPE_CHECKING:
    from brushwork.evaluation import Evaluation
    from brushwork.video.evaluation import FilmEvaluation

__all__ = ["evaluate"]

ARROWS = {-1: "lower is better", 1: "higher is better", 0: "near the original is better"}


@click.group()
def evaluate() -> None:
    """Measure results."""


@evaluate.command("video")
@click.argument("film", type=click.Path(path_type=Path))
@click.option("--original", required=True, type=click.Path(path_type=Path), help="the original video")
@click.option(
    "--apart",
    type=click.IntRange(2),
    default=10,
    show_default=True,
    help="distance in frames for long-range consistency",
)
@click.option("--with", "published", type=click.Choice(["lpips", "lpips-vgg"]),
              help="also measure this along the flow (see `brushwork weights`)")  # fmt: skip
@click.option("--json", "form", flag_value="json", help="print one JSON object, for scripts")
@click.option("--csv", "form", flag_value="csv", help="print a row per frame")
@click.option("--markdown", "form", flag_value="markdown", help="print a table of means")
def evaluate_video(film: Path, original: Path, apart: int, published: str | None, form: str | None) -> None:
    """Measure the temporal consistency of FILM (short- and long-range E_warp, flicker) and its sharpness."""
    from brushwork.evaluation import LPIPS
    from brushwork.video.evaluation import evaluate_film

    perceptual = LPIPS("vgg" if published == "lpips-vgg" else "alex") if published else None
    with Report(as_json=form is not None).counting("measured") as counted:
        found = evaluate_film(film, original, apart=apart, perceptual=perceptual, progress=counted)
    click.echo(_FILM_AS[form or "text"](found))


@evaluate.command("pictures")
@click.argument("pairs", type=click.Path(path_type=Path))
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--size", type=click.IntRange(32), default=384, show_default=True,
              help="longer side at which pictures are measured, in pixels")  # fmt: skip
@click.option("--network", default="vgg19-slim", show_default=True, help="feature network, or a weights file")
@click.option("--resize", is_flag=True, help="resize pictures of other proportions than their photos")
@click.option("--with", "published", multiple=True, type=click.Choice(["lpips", "lpips-vgg", "fid", "art-fid"]),
              help="also measure this, through its paper's network (see `brushwork weights`); repeatable")  # fmt: skip
@click.option("--all", "form", flag_value="all", help="print all measures, not only the recommended ones")
@click.option("--json", "form", flag_value="json", help="print one JSON object, for scripts")
@click.option("--csv", "form", flag_value="csv", help="print a row per picture")
@click.option("--markdown", "form", flag_value="markdown", help="print a table of means")
def evaluate_pictures(pairs: Path, folder: Path, form: str | None, resize: bool, **options: Any) -> None:
    """Measure painted pictures in FOLDER against the photos and paintings of PAIRS.

    PAIRS is a text file with a line per picture: photo, tab, painting; paths relative to the file. The picture is
    CONTENT__STYLE.png in FOLDER, or what a third column names.
    """
    from brushwork import evaluation

    report = Report(as_json=form in ("json", "csv", "markdown"))
    with report.counting("measured") as counted:
        found = evaluation.evaluate_pictures(pairs, folder, resized=resize, progress=counted, **options)
    click.echo(_AS[form or "text"](found))
    for failure in found.failed:
        report.console.print(failure["why"], markup=False)
    if found.failed:
        raise BrushworkError(
            f"{len(found.failed)} of {len(found.failed) + len(found.pictures)} pictures were not measured"
        )


def _as_csv(found: Evaluation) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", *found.names])
    writer.writerows([row["name"], *(row[name] for name in found.names)] for row in found.pictures)
    return text.getvalue().rstrip()


def _as_markdown(found: Evaluation) -> str:
    lines = ["| measure | mean | 95 % interval | |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {mean:.4g} | {low:.4g} to {high:.4g} | {better} |"
        for name, mean, low, high, better in _rows(found)
    ]
    lines += [f"| {name} of the set | {value:.4g} | | lower is better |" for name, value in found.sets.items()]
    return "\n".join(lines)


def _as_text(found: Evaluation) -> str:
    from brushwork.evaluation.evaluate_pictures import OPTIONAL, RECOMMENDED

    chosen = {*RECOMMENDED, *OPTIONAL}  # what was asked for is shown
    published = [_set_line(name, value) for name, value in found.sets.items() if name not in ("frechet", "kernel")]
    return "\n".join([*(_line(*row) for row in _rows(found) if row[0] in chosen), *published])


def _all(found: Evaluation) -> str:
    return "\n".join([*(_line(*row) for row in _rows(found)), *(_set_line(*item) for item in found.sets.items())])


def _set_line(name: str, value: float) -> str:
    return f"{name + ' of the set':18}{value:10.4g}"


def _line(name: str, mean: float, low: float, high: float, told: str) -> str:
    return f"{name:18}{mean:10.4g}   {low:.4g} to {high:.4g}  {told}"


def _rows(found: Evaluation) -> list[tuple[str, float, float, float, str]]:
    from brushwork.evaluation.evaluate_pictures import DIRECTIONS

    means, intervals = found.mean, found.interval
    return [(name, means[name], *intervals[name], ARROWS[DIRECTIONS.get(name, -1)]) for name in found.names]


def _film_as_text(found: FilmEvaluation) -> str:
    means = {"frames": len(found.frames), **found.mean}
    return "\n".join(f"{name:24}{value:.6g}" for name, value in means.items())


def _film_as_csv(found: FilmEvaluation) -> str:
    text = io.StringIO()
    names = list(dict.fromkeys(name for row in found.frames for name in row))
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(found.frames)
    return text.getvalue().rstrip()


def _film_as_markdown(found: FilmEvaluation) -> str:
    from brushwork.video.evaluation import DIRECTIONS

    lines, mean = ["| measure | mean | the original's | |", "|---|---|---|---|"], found.mean
    for name, direction in DIRECTIONS.items():
        if name in mean:
            original = f"{mean[f'original_{name}']:.4g}" if f"original_{name}" in mean else ""
            lines.append(f"| {name} | {mean[name]:.4g} | {original} | {ARROWS[direction]} |")
    return "\n".join(lines)


_FILM_AS: dict[str, Callable[[FilmEvaluation], str]] = {
    "text": _film_as_text,
    "csv": _film_as_csv,
    "markdown": _film_as_markdown,
    "json": lambda found: json.dumps(found.to_dict()),
}

_AS: dict[str, Callable[[Evaluation], str]] = {
    "text": _as_text,
    "all": _all,
    "csv": _as_csv,
    "markdown": _as_markdown,
    "json": lambda found: json.dumps(found.to_dict()),
}
