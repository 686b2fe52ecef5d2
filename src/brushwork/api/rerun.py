"""Reproducing a result from its recipe."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from brushwork.api.analogy import ANALOGY, analogy
from brushwork.api.quilt import QUILT, quilt
from brushwork.api.recipe import FIRST_PICTURES
from brushwork.api.stylize import Result, stylize_photo
from brushwork.errors import BrushworkError, UsageError
from brushwork.io import MAX_PIXELS
from brushwork.methods import load
from brushwork.methods.conditional_instance_norm import painter_hash
from brushwork.options.methods import Settings
from brushwork.options.stylize import StylizeOptions
from brushwork.registry import settings_from
from brushwork.runtime.device import choose_device, torch_threads
from brushwork.runtime.progress import Progress
from brushwork.runtime.provenance import Recipe, as_recipe
from brushwork.styles.built_in import built_in_styles
from brushwork.styles.references import StylePart, own_styles
from brushwork.tiling.plan import Plan
from brushwork.tiling.tiles import Tiling
from brushwork.version import __version__
from brushwork.weights import RECORDS, embedded_model, find, sha256_of

__all__ = ["rerun"]

_NETWORK_SUFFIXES = {".safetensors", ".pth", ".pt"}


def rerun(
    recipe: Recipe,
    folders: Sequence[str | Path] | str | Path,
    *,
    device: str | None = None,
    max_pixels: int = MAX_PIXELS,
    progress: Progress | None = None,
) -> tuple[Result, list[str]]:
    """Reproduce a result from its recipe; returns it with notes on what may make it differ.

    Args:
        recipe: `Result.recipe`, or a recipe from `read_recipe`.
        folders: One or more folders to search for the input files, which are identified by SHA-256, not by name.
        device: A device to use instead of the recipe's; the result may then differ slightly.
        max_pixels: Larger files are rejected before they are decoded.
        progress: Called after each step.

    Raises:
        UsageError: Not a recipe, or a damaged one; the message names the value.
        BrushworkError: An input is in none of the folders, or the weights have changed.
    """
    recipe = as_recipe(recipe)
    places = _places(folders)
    if recipe.get("stopped_early"):
        raise BrushworkError("this picture was stopped early and can't be reproduced; run stylize again")
    if recipe["method"] == QUILT:
        return _quilted_again(recipe, places, max_pixels, progress), _remarks(recipe, "cpu")
    if recipe["method"] == ANALOGY:
        return _analogy_again(recipe, places, max_pixels, progress), _remarks(recipe, "cpu")
    content = _find(recipe["content"], places)
    styles = [StylePart(str(_find(record, places)), record["weight"]) for record in recipe["styles"]]
    settings = _settings(recipe, places)
    options = StylizeOptions(size=max(recipe["size"]), max_pixels=max_pixels, **_recorded(recipe, places))
    plan = Plan("tiled", Tiling(recipe["tile"]), 0, 0, 0.0, 0) if recipe.get("tile") else None
    chosen, remarks = choose_device(device or recipe["device"]), _remarks(recipe, device)
    with torch_threads(recipe["threads"]):  # their number affects the order of summation, and so the last digits
        method = load(settings, chosen)
        result = stylize_photo(content, styles, method=method, options=options, plan=plan, progress=progress)
    made_now = {name: result.recipe[name] for name in ("brushwork", "torch", "device", "threads")}
    return replace(result, recipe=recipe | made_now), remarks


def _quilted_again(recipe: Recipe, places: Sequence[Path], max_pixels: int, progress: Progress | None) -> Result:
    """Make a result of `quilt` again."""
    onto = _find(recipe["content"], places) if recipe.get("onto") else None
    result = quilt(
        _find(recipe["styles"][0], places),
        None if onto is not None else (recipe["size"][0], recipe["size"][1]),
        settings_from("quilting", recipe["settings"]),
        tileable=bool(recipe.get("tileable")),
        mask=next((_find(record, places) for record in recipe.get("masks", [])), None),
        onto=onto,
        guide=[_find(record, places) for record in recipe.get("guide", [])],
        max_pixels=max_pixels,
        progress=progress,
    )
    return replace(result, recipe=recipe | {name: result.recipe[name] for name in ("brushwork", "torch", "threads")})


def _analogy_again(recipe: Recipe, places: Sequence[Path], max_pixels: int, progress: Progress | None) -> Result:
    """Make a result of `analogy` again."""
    texture = not recipe.get("onto")
    neural = "network" in recipe["settings"]  # Gatys' method
    settings: Any = _settings(recipe | {"method": "gatys"}, places) if neural else None
    result = analogy(
        _find(recipe["before"], places) if "before" in recipe else None,
        _find(recipe["styles"][0], places),
        None if texture else _find(recipe["content"], places),
        settings or settings_from("analogies", recipe["settings"]),
        size=(recipe["size"][0], recipe["size"][1]) if texture else None,
        max_pixels=max_pixels,
        progress=progress,
    )
    return replace(result, recipe=recipe | {name: result.recipe[name] for name in ("brushwork", "torch", "threads")})


def _places(folders: object) -> list[Path]:
    """Return the folders as a list of paths."""
    several = [folders] if isinstance(folders, str | os.PathLike) else folders
    if not isinstance(several, list | tuple) or not all(isinstance(folder, str | os.PathLike) for folder in several):
        raise UsageError(f"folders: expected a folder or a list of them, got {folders!r}")
    return [Path(folder) for folder in several]


def _recorded(recipe: Recipe, folders: Sequence[Path]) -> dict[str, Any]:
    """Return the options in the recipe; those that are newer than the recipe keep their default."""
    values = {name: recipe[name] for name in StylizeOptions().recorded if name in recipe}
    values["masks"] = tuple(_find(record, folders) for record in values.get("masks", []))
    if values.get("face_mask") is not None:
        values["face_mask"] = _find(values["face_mask"], folders)
    if isinstance(values["keep_color"], bool):  # the first recipes: True for luminance
        values["keep_color"] = "luminance" if values["keep_color"] else None
    return values


def _settings(recipe: Recipe, folders: Sequence[Path]) -> Settings:
    """Return the recipe's settings, with the files located and the precision that was used."""
    values = recipe["settings"]
    if recipe["init"] is not None:
        values["init"] = str(_find(recipe["init"], folders))
    elif values.get("init", "content") not in FIRST_PICTURES:
        raise UsageError(f"recipe: init: expected the record of the file {values['init']}, got nothing")
    if recipe.get("weights", {}) is None:
        raise BrushworkError("made with a network passed in Python, which a recipe can't store; run that program again")
    for option, part in (("network", "weights"), ("decoder", "decoder"), ("model", "model")):
        if option in values:
            values[option] = _network(values[option] or recipe[part]["name"], recipe, part, folders)
    if values.get("refine_network"):
        values["refine_network"] = _network(values["refine_network"], recipe, "refine_weights", folders)
    if "precision" in values:
        values["precision"] = recipe["dtype"]  # "auto" might choose differently now
    settings: Settings = settings_from(recipe["method"], values)
    return settings


def _network(name: str, recipe: Recipe, part: str, folders: Sequence[Path]) -> str:
    """Return the name of the weights if it still denotes the same file, otherwise the file found by its hash."""
    sha256 = recipe[part]["sha256"]
    hash_of: Callable[[Path], str | None] = sha256_of
    if part == "model" and "predictor" in recipe:  # the model's hash covers only the stylizing network
        if recipe["predictor"] is not None:
            sha256 = recipe["predictor"]["sha256"]
        else:
            hash_of = painter_hash
    known = find(name) if name in RECORDS else embedded_model(name)
    if known is not None and hash_of(known) == sha256:
        return name
    candidates = [folder / Path(name).name for folder in folders]
    candidates += [path for path in _files(folders) if path.suffix in _NETWORK_SUFFIXES]
    found = _same(candidates, sha256, hash_of)
    if found:
        return str(found)
    other = f", or install brushwork {recipe['brushwork']}" if name in RECORDS else ""
    raise BrushworkError(
        f"made with the weights {name} (SHA-256 {sha256[:8]}…), not found; pass their folder with --in{other}"
    )


def _find(record: dict[str, Any], folders: Sequence[Path]) -> Path:
    if record["name"] is None:
        raise BrushworkError("this result was made from pictures in memory and can't be reproduced")
    candidates = [folder / Path(record["name"]).name for folder in folders]
    candidates += [*built_in_styles().values(), *own_styles().values(), *_files(folders)]
    found = _same([path for path in candidates if _size(path) == record["bytes"]], record["sha256"])
    if found:
        return found
    searched = ", ".join(str(folder) for folder in folders)
    raise BrushworkError(
        f"{record['name']} (SHA-256 {record['sha256'][:8]}…) was not found in {searched}; pass its folder with --in"
    )


def _same(candidates: Sequence[Path], sha256: str, hash_of: Callable[[Path], str | None] = sha256_of) -> Path | None:
    """Return the first file with this hash, as an absolute path, which can't be mistaken for a keyword or name."""
    for path in dict.fromkeys(candidates):
        if _size(path) and hash_of(path) == sha256:
            return path.resolve()
    return None


def _files(folders: Sequence[Path]) -> list[Path]:
    return [path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir())]


def _size(path: Path) -> int:
    """Return the size of a file in bytes, or 0 if there is none."""
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:  # a name that is too long
        return 0


def _remarks(recipe: Recipe, device: str | None) -> list[str]:
    now = {"brushwork": __version__, "torch": torch.__version__, "device": device or recipe["device"]}
    return [f"made with {k} {recipe[k]}, this is {v}: pixels may differ" for k, v in now.items() if recipe[k] != v]
