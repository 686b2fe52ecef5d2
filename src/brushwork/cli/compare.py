"""The command `compare`: asking people which pictures they like better."""

from __future__ import annotations

import json
from pathlib import Path

import rich_click as click

from brushwork.errors import UsageError

__all__ = ["compare"]


@click.command()
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path))
@click.option("--page", type=click.Path(dir_okay=False, path_type=Path), help="write a page that asks, one HTML file")
@click.option("--photos", type=click.Path(path_type=Path), help="folder of the photos, to show them too")
@click.option("--size", type=click.IntRange(64, 4096), default=768, show_default=True,
              help="longer side of the pictures on the page, at most")  # fmt: skip
@click.option("--answers", multiple=True, type=click.Path(path_type=Path),
              help="a file of answers; may be repeated: prints the scores")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="print one JSON object, for scripts")
def compare(
    folders: tuple[Path, ...],
    page: Path | None,
    photos: Path | None,
    size: int,
    answers: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Ask people which pictures they like better, and score the answers.

    The pictures have the same names in all FOLDERS.

    With --page, writes a page that shows two pictures at a time, on random sides and without names. With --answers,
    prints Bradley-Terry scores of what people saved there.
    """
    from brushwork.evaluation import survey

    if bool(page) == bool(answers) or bool(page) != bool(folders):
        raise UsageError("expected folders and --page, to ask; or --answers, for the scores")
    if page is not None:
        count = survey.make_survey(folders, page, photos=photos, size=size)
        click.echo(json.dumps({"page": str(page), "questions": count}) if as_json else f"{page}  {count} questions")
        return
    scores = survey.bradley_terry(survey.read_answers(answers))
    if as_json:
        click.echo(json.dumps([score._asdict() for score in scores]))
        return
    for score in scores:
        click.echo(
            f"{score.name:24}{score.score:+.2f}   {score.low:+.2f} to {score.high:+.2f}   "
            f"{score.wins:g} of {score.answers} answers"
        )
