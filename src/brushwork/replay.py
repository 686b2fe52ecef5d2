"""Making a result again by its recipe."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from brushwork.device import choose_device
from brushwork.errors import BrushworkError
from brushwork.methods import load
from brushwork.progress import Progress
from brushwork.settings import settings_from
from brushwork.styles import StylePart, built_in_styles
from brushwork.stylization import Result, stylize
from brushwork.version import __version__
from brushwork.weights import sha256_of

__all__ = ["rerun"]


def rerun(
    recipe: dict[str, Any], folders: Sequence[Path], *, progress: Progress | None = None
) -> tuple[Result, list[str]]:
    """The result of a recipe, and remarks on what may make it differ.

    Args:
        recipe: `Result.recipe`, or what `brushwork.io.read_recipe` gives.
        folders: Where the input files may be; they are recognized by SHA-256, whatever their name.
        progress: Called after each step.

    Raises:
        BrushworkError: An input that is in none of the folders, or other weights than then.
    """
    if recipe.get("stopped_early"):
        raise BrushworkError("this picture was stopped before its end, so no run gives it again; stylize it anew")
    content = _find(recipe["content"], folders)
    styles = [StylePart(str(_find(record, folders)), record["weight"]) for record in recipe["styles"]]
    values = dict(recipe["settings"])
    if recipe["init"]:
        values["init"] = str(_find(recipe["init"], folders))
    if recipe["weights"]:
        values["network"] = recipe["weights"]["name"]
    threads = torch.get_num_threads()
    torch.set_num_threads(recipe["threads"])
    try:
        method = load(settings_from(recipe["method"], values), choose_device(recipe["device"]))
        _check_weights(method.recipe(), recipe)
        result = stylize(
            content, styles, method=method, size=max(recipe["size"]), keep_color=recipe["keep_color"], progress=progress
        )
    finally:
        torch.set_num_threads(threads)
    return Result(result.picture, recipe, result.seconds), _remarks(recipe)


def _find(record: dict[str, Any], folders: Sequence[Path]) -> Path:
    if record["name"] is None:
        raise BrushworkError("this result was made from pictures in memory; only one made from files can be run again")
    candidates: list[Path] = [folder / record["name"] for folder in folders] + list(built_in_styles().values())
    for path in candidates:
        if path.is_file() and sha256_of(path) == record["sha256"]:
            return path
    searched = ", ".join(str(folder) for folder in folders)
    raise BrushworkError(
        f"{record['name']} as it was then (SHA-256 {record['sha256'][:8]}…) is not in {searched}; "
        "name its folder with --in"
    )


def _check_weights(now: dict[str, Any], recipe: dict[str, Any]) -> None:
    if now["weights"] != recipe["weights"]:
        raise BrushworkError(
            f"made with weights {recipe['weights']}, here are {now['weights']}; install brushwork {recipe['brushwork']}"
        )


def _remarks(recipe: dict[str, Any]) -> list[str]:
    now = {"brushwork": __version__, "torch": torch.__version__}
    return [f"made with {k} {recipe[k]}, this is {v}: pixels may differ" for k, v in now.items() if recipe[k] != v]
