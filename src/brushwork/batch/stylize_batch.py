"""stylize_batch: many pictures in several styles, each painted exactly once. Imports no torch, for a small driver."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from brushwork.api.presets import default_settings, for_saved_styles, preset_options
from brushwork.batch.manifest import Row
from brushwork.batch.naming import dotted, style_names
from brushwork.batch.painting import Painting, Task
from brushwork.batch.run import BatchResult, BatchStep, Plan, run_batch
from brushwork.engines.base import Engine
from brushwork.errors import UsageError
from brushwork.options.base import option_of
from brushwork.options.batch import BatchOptions
from brushwork.options.methods import Settings
from brushwork.options.stylize import OutputOptions, StylizeOptions, with_changes
from brushwork.registry import method_name, settings_from
from brushwork.runtime.tensor_files import sha256_of
from brushwork.styles.references import resolve_text

__all__ = ["recipe_id", "strings", "style_hashes", "stylize_batch"]


def stylize_batch(
    photos: str | Path | Sequence[str | Path],
    styles: str | Path | Sequence[str | Path],
    output: str | Path,
    method: Any = None,
    *,
    preset: str | None = None,
    options: StylizeOptions | None = None,
    written: OutputOptions | None = None,
    batch: BatchOptions | None = None,
    runner: Engine | None = None,
    progress: Callable[[BatchStep], None] | None = None,
    **keywords: Any,
) -> BatchResult:
    """Stylize many pictures in one or several styles, each exactly once, however often the work is interrupted.

    A manifest in the folder of results says what is done, so that `resume=True` goes on after any kind of end.
    Failures don't stop the others; they are listed in FOLDER/failures.csv.

    Args:
        photos: Files, folders with all folders in them, patterns, .zip and .tar archives, lists of names
            ("@names.txt"), as paths or as addresses that fsspec opens ("s3://bucket/photos").
        styles: See `stylize`; files, names and blends, as strings.
        output: The folder of results, a path or an address. Folders of photos are kept in it. Or the pattern of
            shards, "painted/%05d.tar": tar files as WebDataset reads them.
        method: A method's name or its options. None: as for `stylize`.
        preset: Instead of a method: "draft", "good" or "best".
        options: `StylizeOptions`.
        written: `OutputOptions`.
        batch: `BatchOptions`: engine, workers, resume.
        runner: An engine of yours, instead of the one that `batch` names.
        progress: Called after each result, and once at the start; an exception from it stops the batch.
        **keywords: Fields of `BatchOptions`, which override `batch`: `resume=True`, `workers=4`.

    Raises:
        UsageError: An invalid value, or results of this batch exist and `resume` is False.
        PictureError: A folder or store can't be read or written; the message names it.
        Interrupted: Ctrl-C; what is done is kept.
        BrushworkError: The engine can't start, or no result can be written any more; what is done is kept.
    """
    chosen: BatchOptions = with_changes(batch or BatchOptions(), keywords)
    names, texts = strings(photos), list(dict.fromkeys(strings(styles)))
    settings = _settings(method, preset, texts)
    if not names or not texts:
        raise UsageError(f"expected at least one {'photo' if not names else 'style'}, got none")
    look, out = options or StylizeOptions(), written or OutputOptions()
    work = Painting(settings, look, out, tuple(texts), str(output), chosen.threads)
    ends = [f"_{name}{dotted(chosen.suffix)}" for name in style_names(texts)]

    def task(row: Row, number: int) -> Task:
        return Task(row.address, number, f"{row.stem}{ends[number]}", number)

    plan = Plan([recipe_id(work, style_hashes(style), chosen.suffix) for style in texts], task)
    return run_batch(names, work, plan, chosen, engine=runner, progress=progress)


def strings(names: str | Path | Sequence[str | Path]) -> list[str]:
    """Return one or several paths as strings."""
    return [str(name) for name in ([names] if isinstance(names, str | Path) else names)]


def _settings(method: Any, preset: str | None, styles: list[str]) -> Settings:
    if preset is not None and method is not None:
        raise UsageError(f"preset and method are both given; pass preset_options({preset!r}, …) as the method")
    if preset is not None:
        return for_saved_styles(preset_options(preset), styles)
    if method is None:
        return default_settings(styles)
    settings: Settings = settings_from(method, {}) if isinstance(method, str) else method
    return settings


def style_hashes(style: str) -> list[Any]:
    """Return what identifies a style: the SHA-256 and the weight of each part.

    Raises:
        UsageError: An unknown style.
    """
    parts = resolve_text(style).parts
    return [[sha256_of(source) if isinstance(source, Path) else None, weight] for source, weight in parts]


def recipe_id(work: Painting, style: Any, suffix: str) -> str:
    """Return what identifies everything but the picture that decides a result, as far as the user asked for it.

    Args:
        work: What workers do.
        style: What identifies the style, as values for JSON.
        suffix: Suffix of the results.
    """
    settings = dataclasses.asdict(work.settings)
    for name, option in option_of(type(work.settings)).items():
        if option.file and os.path.isfile(str(settings[name])):  # noqa: PTH113 - Path fails at very long names
            settings[name] = sha256_of(Path(settings[name]))
    values = {
        "method": method_name(work.settings),
        "settings": settings,
        "style": style,
        "size": work.options.size,
        **work.options.recorded,
        "masks": [sha256_of(Path(mask)) for mask in work.options.masks],
        "written": {**work.written.written, "strip": work.written.strip_metadata, "suffix": suffix},
        "threads": work.threads,
    }
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()[:20]
