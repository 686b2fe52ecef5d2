"""augment_dataset: a data set again, each picture in a random style, such as Stylized-ImageNet. Imports no torch.

Source: Geirhos et al. 2019, "ImageNet-trained CNNs are biased towards texture", arXiv:1811.12231, section 2: AdaIN at
    strength 1, each picture in the style of a random painting.
Differs: a style is decided by seed and name of the picture; any styles, strengths, and several results per picture.
"""

from __future__ import annotations

import dataclasses
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brushwork.batch.listing import list_pictures
from brushwork.batch.manifest import FOLDER, Row
from brushwork.batch.naming import dotted
from brushwork.batch.painting import Painting, Task
from brushwork.batch.places import is_remote, plain
from brushwork.batch.run import BatchResult, BatchStep, Plan, run_batch
from brushwork.batch.shards import shard_pattern
from brushwork.batch.stylize_batch import recipe_id, strings, style_hashes
from brushwork.engines.base import Engine
from brushwork.engines.local import LocalEngine
from brushwork.errors import BrushworkError, UsageError
from brushwork.options.augment import AugmentOptions
from brushwork.options.base import option_of
from brushwork.options.batch import BatchOptions
from brushwork.options.methods import AdaIN, AdaINLite
from brushwork.options.stylize import OutputOptions, StylizeOptions, with_changes
from brushwork.registry import settings_from
from brushwork.styles.built_in import built_in_styles

__all__ = ["augment_dataset"]

DRAWN = 1000  # styles drawn from the Gaussian; each is a file of a kilobyte


def augment_dataset(
    pictures: str | Path | Sequence[str | Path],
    output: str | Path,
    method: Any = "adain",
    *,
    styles: str | Path | Sequence[str | Path] = "built-in",
    augment: AugmentOptions | None = None,
    options: StylizeOptions | None = None,
    written: OutputOptions | None = None,
    batch: BatchOptions | None = None,
    runner: Engine | None = None,
    progress: Callable[[BatchStep], None] | None = None,
    **keywords: Any,
) -> BatchResult:
    """Paint each picture of a data set in a random style, once, however often the work is interrupted.

    Folders and names are kept, so that the result is a data set with the same classes. The same seed, picture, name
    and styles give the same bytes, in any order, with any engine and number of workers.

    Args:
        pictures: See `stylize_batch`, as for everything that isn't here.
        output: The folder of the results, or the pattern of shards.
        method: "adain" or "adain-lite", or their options.
        styles: Folders of paintings, files, names and blends; "built-in" for all those of the library; "gaussian", with
            adain-lite, for a thousand drawn from a Gaussian over the library's codes.
        augment: `AugmentOptions`: results per picture, seed, strength.
        options: `StylizeOptions`.
        written: `OutputOptions`.
        batch: `BatchOptions`.
        runner: An engine of yours.
        progress: Called after each result, and once at the start.
        **keywords: Fields of `AugmentOptions` and `BatchOptions`, which override them: `per_image=2`, `resume=True`.

    Raises:
        UsageError: An invalid value, or results exist and `resume` is False.
        BrushworkError: See `stylize_batch`.
    """
    own = {name: keywords.pop(name) for name in option_of(AugmentOptions) if name in keywords}
    chosen: AugmentOptions = with_changes(augment or AugmentOptions(), own)
    run: BatchOptions = with_changes(batch or BatchOptions(), keywords)
    settings = settings_from(method, {}) if isinstance(method, str) else method
    if not isinstance(settings, AdaIN | AdaINLite):
        raise UsageError(f"method: expected adain or adain-lite, which take any style in one pass, got {method!r}")
    names, named = strings(pictures), strings(styles)
    if not names or not named:
        raise UsageError(f"expected at least one {'picture' if not names else 'style'}, got none")
    texts = [text for name in named for text in _styles(name, settings, str(output), chosen.seed, runner)]
    look, out = options or StylizeOptions(), written or OutputOptions()
    work = Painting(settings, look, out, tuple(texts), str(output), run.threads)
    # Whether there are several changes the names, but how many changes nothing of the first ones.
    asked = [chosen.seed, chosen.strength, chosen.per_image > 1, [style_hashes(text) for text in texts]]
    recipes = [recipe_id(work, [*asked, number], run.suffix) for number in range(chosen.per_image)]

    def task(row: Row, number: int) -> Task:
        draw = random.Random(f"{chosen.seed} {number} {row.name}")
        copy, style = f"_{number + 1}" if chosen.per_image > 1 else "", draw.randrange(len(texts))
        strength = draw.uniform(chosen.strength[0], chosen.strength[-1]) if chosen.strength else None
        return Task(row.address, number, f"{row.stem}{copy}{dotted(run.suffix)}", style, strength)

    return run_batch(names, work, Plan(recipes, task), run, engine=runner, progress=progress)


def _styles(name: str, settings: AdaIN | AdaINLite, output: str, seed: int, engine: Engine | None) -> list[str]:
    """Return the styles that a name stands for; those of a folder in the order of their names, wherever it is."""
    if name == "built-in":
        return list(map(str, built_in_styles().values()))  # not the names, which the user may have given to others
    if name == "gaussian":
        return _drawn(settings, output, seed, engine)
    if os.path.isdir(path := plain(name)):  # noqa: PTH112
        found = list_pictures([path])
        return [picture.address for picture in sorted(found, key=lambda picture: (picture.folder, picture.name))]
    return [name]


def _drawn(settings: AdaIN | AdaINLite, output: str, seed: int, engine: Engine | None) -> list[str]:
    """Return the files of styles drawn from the Gaussian, beside the results; they are made if they aren't there."""
    place = plain(shard_pattern(output)[0])
    if not isinstance(settings, AdaINLite):
        raise UsageError("styles: gaussian needs the method adain-lite, whose styles are codes")
    if is_remote(place):
        raise UsageError(f"-o {output}: styles drawn from the Gaussian are kept there; use a folder of this machine")
    scale = "" if settings.style_scale == 1 else f"@{settings.style_scale:g}"
    folder = f"{place}/{FOLDER}/gaussian-{seed}{scale}"
    work = _Drawing(dataclasses.replace(settings, precision="float32"), folder, seed)
    if not all(map(os.path.isfile, work.files)):
        list((engine or LocalEngine(1, "cpu")).run(work, iter([["draw"]])))
    return work.files


@dataclass(frozen=True)
class _Drawing:
    """Draws styles from a Gaussian over the library's codes and saves them; a `Work`, since it needs torch."""

    settings: AdaINLite
    folder: str
    seed: int

    @property
    def files(self) -> list[str]:
        return [f"{self.folder}/{number:03}.safetensors" for number in range(DRAWN)]

    def start(self, device: str) -> Callable[[list[str]], list[str]]:
        return self._draw

    def _draw(self, tasks: list[str]) -> list[str]:
        import torch

        from brushwork.api.style_encoding import encode_style, save_style
        from brushwork.methods import load
        from brushwork.methods.adain_lite.method import LiteStyle, gaussian_codes

        method = load(self.settings, torch.device("cpu"))
        codes = torch.stack([encode_style(method, path, [1]).code for path in built_in_styles().values()])
        generator = torch.Generator().manual_seed(self.seed)
        Path(self.folder).mkdir(parents=True, exist_ok=True)
        for file, code in zip(self.files, gaussian_codes(codes, DRAWN, generator), strict=True):
            save_style(file, method, LiteStyle(code))
        return tasks

    def lost(self, task: str, why: str) -> str:
        raise BrushworkError(f"no styles can be drawn: {why}")
