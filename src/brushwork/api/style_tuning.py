"""Tuning a style of the user's library to its painting: minutes of work, once, for every picture painted in it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from brushwork.api.presets import DRAFT
from brushwork.api.style_encoding import encode_style, saved_values, visible
from brushwork.errors import Interrupted, UsageError
from brushwork.io import read_image
from brushwork.methods import load
from brushwork.methods.adain_lite.method import LiteStyle
from brushwork.methods.adain_lite.tuning import CodeTuning, tuning_losses
from brushwork.options.methods import AdaINLite
from brushwork.options.training import PerceptualTraining
from brushwork.styles.library import list_styles
from brushwork.styles.references import is_saved
from brushwork.styles.tuned import read_tuned, write_tuned
from brushwork.training.data import PhotoFolder

__all__ = ["TunedStyle", "tune_style"]

SCALES = {1.0: 0.6, 0.5: 0.2, 2.0: 0.2}  # style scales, and each one's share of the time
SIDE, BATCH, HELD = 192, 4, 4  # of crops of photographs, in pixels; per step; held back
LOSS_NETWORK = "vgg19-slim-3"
PHOTOS = ("astronaut.png", "coffee.png", "rocket.jpg", "chelsea.png")  # in scikit-image; the last one is held back


@dataclass(frozen=True)
class TunedStyle:
    """What tuning did at style scale 1, measured on photographs that are only used for that.

    Args:
        name: The style.
        untuned: Weighted errors of content and style with the style encoder's own code.
        tuned: And with the code that was kept.
    """

    name: str
    untuned: dict[str, float]
    tuned: dict[str, float]


def tune_style(
    name: str,
    seconds: float = 300.0,
    *,
    photos: str | Path | None = None,
    settings: AdaINLite | None = None,
    loss_network: str = LOSS_NETWORK,
    folder: Path | None = None,
    device: str = "auto",
    progress: Callable[[float], None] = lambda share: None,
) -> TunedStyle:
    """Tune a painting of the user's library for AdaIN-lite: its code, by gradient descent on photographs.

    The code is kept in the painting's own file. Tuning continues from an earlier one, and never raises the loss on
    photographs that are held back.

    Args:
        name: A style that was added as an image.
        seconds: How long.
        photos: A folder of photographs, of which every fourth is held back; None: four that scikit-image contains.
        settings: The network to tune for; None: that of the preset draft.
        loss_network: Compares pictures with the painting: vgg19-slim-3, vgg19.int8, … or a weights file.
            VGG-19 itself is several times slower.
        folder: Folder of the user's styles; None for `own_folder()`.
        device: auto, cpu, cuda, ….
        progress: Called with the share of the time that is over. Raising from it cancels the work.

    Raises:
        UsageError: An unknown style, one that is built in or was saved as numbers, no photographs, or no time.
        BrushworkError: The painting's file can't be read or written.
        Interrupted: KeyboardInterrupt; what was found until then is kept.
    """
    if not seconds > 0:
        raise UsageError(f"seconds: expected more than 0, got {seconds:g}")
    path = _painting(name, folder)
    learned, held = _photographs(photos)
    losses = tuning_losses(loss_network)
    tunings = _tunings(path, settings or DRAFT, losses, held, device)

    def keep() -> None:
        write_tuned(path, saved_values([(method, tuning.best) for method, tuning in tunings.values()]))

    over = 0.0
    for scale, (_, tuning) in tunings.items():
        if not tuning.improved:
            tuning.begin_at(LiteStyle(tuning.start.code + tunings[1.0][1].gained))
        try:
            tuning.run(learned, _clock(seconds, over, SCALES[scale], progress), keep)
        except KeyboardInterrupt:
            keep()
            told = f"stopped early; {name} keeps what was found; go on with: brushwork styles tune {name}"
            raise Interrupted(told) from None
        over += SCALES[scale]
    keep()
    _, whole = tunings[1.0]
    return TunedStyle(name, whole.untuned, whole.errors)


def _painting(name: str, folder: Path | None) -> Path:
    """Return the file of a style that can be tuned."""
    found = list_styles(folder)
    if name not in found:
        raise UsageError(f"unknown style {name!r}; add a painting first: brushwork styles add painting.jpg")
    style = found[name]
    if not style.own or is_saved(style.path):
        reason = "it was saved as numbers" if style.own else "it is built in"
        raise UsageError(f"style {name!r} can't be tuned, since {reason}; add the painting itself to your styles")
    return style.path


def _tunings(
    path: Path, settings: AdaINLite, losses: PerceptualTraining, held: Tensor, device: str
) -> dict[float, tuple[Any, CodeTuning]]:
    """Return method and tuning for each style scale, beginning with what the file already holds."""
    painting = read_image(path)
    pixels = visible(painting, path)
    found = {}
    for scale in SCALES:
        method: Any = load(replace(settings, style_scale=scale), device=device)
        untuned: LiteStyle = encode_style(method, painting, [SIDE])
        tuning = CodeTuning(method.network, pixels, untuned, (losses, losses), held)
        if read_tuned(path) is not None:
            tuning.begin_at(encode_style(method, path, [SIDE]))
        found[scale] = (method, tuning)
    return found


def _clock(seconds: float, over: float, share: float, progress: Callable[[float], None]) -> Callable[[], float]:
    """Return a function for the share of a part's time that is over, from now on."""
    started = time.monotonic()

    def now() -> float:
        passed = min(1.0, (time.monotonic() - started) / (seconds * share))
        progress(over + share * passed)
        return passed

    return now


def _photographs(folder: str | Path | None) -> tuple[Callable[[], Tensor], Tensor]:
    """Return a function for batches of crops (BATCH, 3, SIDE, SIDE), and crops of photographs that are held back."""
    learned, held = (_photo_folder(folder, held=held) for held in (False, True))
    rng = random.Random(0)
    return lambda: learned.batch(BATCH, rng), held.batch(HELD, random.Random(1))


def _photo_folder(folder: str | Path | None, *, held: bool) -> PhotoFolder:
    from skimage import data

    place = Path(data.__file__).parent if folder is None else folder
    found = PhotoFolder(place, SIDE)
    files = found.files if folder is not None else [Path(place) / name for name in PHOTOS]
    if len(files) < 2:
        raise UsageError(f"photos {folder}: expected two photographs or more, one of which is held back")
    found.files = [path for index, path in enumerate(files) if (index % 4 == 3 or index == len(files) - 1) == held]
    return found
