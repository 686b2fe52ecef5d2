"""Measure painted pictures against their photos and paintings: per picture, and in the mean with an interval."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from torch import Tensor

from brushwork.errors import BrushworkError, PictureError, UsageError
from brushwork.evaluation import artifacts, pictures
from brushwork.evaluation.features import FeatureMeasures, Seen
from brushwork.evaluation.pairs import Pair, read_pairs
from brushwork.evaluation.published import PublishedMeasures
from brushwork.evaluation.sets import frechet_of_sets, kernel_distance
from brushwork.image import resize
from brushwork.io import read_image
from brushwork.runtime.tensor_files import sha256_of

__all__ = ["DIRECTIONS", "OPTIONAL", "RECOMMENDED", "SETS", "Evaluation", "evaluate_pictures"]

RESAMPLES = 2000  # of the bootstrap
LEVEL = 0.95  # of the interval
SMALLEST = 32  # pixels of the shorter side, of features at relu5_1
FOLDER, FILE = ".brushwork", "evaluation.jsonl"  # beside the pictures
SHARED = 64  # photos and paintings that are remembered
ROUNDING = 2  # pixels by which a picture may differ from its photo: some networks cut sides to multiples of 4
PERIODS = (2, 4, 8)  # pixels, of grids that networks leave

Measured: TypeAlias = Callable[[int, int, str], None]

# Which direction is better: -1 lower, 1 higher, 0 neither (near the value in parentheses).
DIRECTIONS: dict[str, int] = {
    "content": -1, "style": -1, "places": -1, "palette": -1, "patches": -1, "structure": -1, "single_frechet": -1,
    "ssim": 1, "ms_ssim": 1, "edges_kept": 1, "chroma_spread": 0, "stroke_scale": 0, "halo": -1, "speckle": -1,
    "clipped": -1, "flat_texture": 0, **{f"grid_{period}": -1 for period in PERIODS},
}  # fmt: skip
# Only where the weights of their papers are on this machine, and they are asked for; lower is better.
OPTIONAL = ("lpips", "lpips_vgg")
SETS = ("frechet", "kernel", "fid", "kid", "art_fid")  # of all pictures together; lower is better

# Those that together notice every fault, and follow each order: docs/evaluation.md.
RECOMMENDED = ("content", "style", "places", "palette", "patches", "ssim")


@dataclass(frozen=True)
class Evaluation:
    """What was measured.

    Args:
        pictures: Per picture: its name and all measures.
        failed: Name and reason of each picture that couldn't be measured.
        sets: Distances between all painted pictures and all paintings.
        settings: Size, network and its SHA-256.
    """

    pictures: list[dict[str, Any]]
    failed: list[dict[str, str]]
    sets: dict[str, float] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Names of the measures."""
        return [name for name in self.pictures[0] if name != "name"] if self.pictures else []

    @property
    def mean(self) -> dict[str, float]:
        """Mean of each measure over the pictures."""
        return {name: float(np.mean([row[name] for row in self.pictures])) for name in self.names}

    @property
    def interval(self) -> dict[str, tuple[float, float]]:
        """95 % interval of each mean, by the bootstrap over pictures (Efron 1979; percentiles of 2000 resamples)."""
        count = len(self.pictures)
        drawn = np.random.default_rng(0).integers(count, size=(RESAMPLES, count)) if count else None
        found = {}
        for name in self.names:
            means = np.array([row[name] for row in self.pictures])[drawn].mean(1)
            low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
            found[name] = (float(low), float(high))
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return everything, for JSON."""
        return {
            "mean": self.mean, "interval": self.interval, "sets": self.sets, "settings": self.settings,
            "pictures": self.pictures, "failed": self.failed,
        }  # fmt: skip


def evaluate_pictures(
    pairs: str | Path | Sequence[Pair],
    folder: str | Path = ".",
    *,
    size: int = 384,
    network: str = "vgg19-slim",
    resized: bool = False,
    published: Sequence[str] = (),
    progress: Measured | None = None,
) -> Evaluation:
    """Measure painted pictures.

    Results are kept in the folder of the pictures, so that a stopped run continues, and only what has changed is
    measured again.

    Args:
        pairs: A table, see `read_pairs`; or pairs.
        folder: Of the painted pictures.
        size: Longer side to which all pictures are resized (Lanczos), in pixels; marks of another size than the
            network sees there count less.
        network: "vgg19-slim", "vgg19.int8" (both embedded), … or a weights file.
        resized: Whether to resize a picture of other proportions than its photo's; otherwise it is listed as failed.
        published: Also measure "lpips", "lpips-vgg", "fid" (and KID) or "art-fid", through their papers' networks.
        progress: Called after each picture with how many are done, how many there are, and its name.

    Raises:
        UsageError: The table can't be read, or the size is too small.
        WeightsError: Weights aren't on this machine; the message says where to get them.
    """
    if size < SMALLEST:
        raise UsageError(f"size: expected at least {SMALLEST} pixels, got {size}")
    table = read_pairs(pairs, folder) if isinstance(pairs, str | Path) else list(pairs)
    features, more = FeatureMeasures(network), PublishedMeasures(published)
    settings = {"size": size, "network": network, "sha256": features.sha256, "resized": resized}
    settings |= {"published": more.sha256} if published else {}
    kept, failed, rows, vectors = _Kept(table, settings), list[dict[str, str]](), list[dict[str, Any]](), []
    reference = lru_cache(SHARED)(partial(_Reference, features=features, published=more, size=size))
    for number, pair in enumerate(table, 1):
        try:
            row = kept.get(pair)
            if row is None:
                photo = reference(pair.photo)
                picture = _read(pair.picture, photo.pixels, size, resized)
                row = kept.add(pair, _measured(picture, photo, reference(pair.painting)))
            vectors.append(row["vectors"])
            rows.append({"name": pair.name, **row["measures"]})
        except (BrushworkError, OSError) as error:
            failed.append({"name": pair.name, "why": str(error)})
        if progress is not None:
            progress(number, len(table), pair.name)
    perceptual = float(np.mean([row.get("lpips", 0.0) for row in rows])) if rows else 0.0
    return Evaluation(rows, failed, _of_sets(vectors, more, perceptual), settings)


def _of_sets(vectors: Sequence[dict[str, Any]], published: PublishedMeasures, perceptual: float) -> dict[str, float]:
    """Return the distances between all painted pictures and all different paintings.

    Features are divided by the root mean square of the paintings', so that the range of a network doesn't matter.
    """
    different = {json.dumps(found["painting"]): found for found in vectors}.values()
    made = np.array([found["picture"] for found in vectors])
    paintings = np.array([found["painting"] for found in different])
    if min(len(made), len(paintings)) < 2:
        return {}
    unit = max(float(np.sqrt(np.square(paintings).mean())), 1e-12)
    made, paintings = made / unit, paintings / unit
    return {
        "frechet": frechet_of_sets(made, paintings),
        "kernel": kernel_distance(made, paintings),
        **published.of_sets(
            [found.get("published picture", {}) for found in vectors],
            [found.get("published painting", {}) for found in different],
            perceptual,
        ),
    }


class _Reference:
    """A photo or a painting, which many pictures may share; what they don't ask for isn't computed.

    Args:
        path: The file.
        features: The network.
        published: See `PublishedMeasures`.
        size: Longer side in pixels.
    """

    def __init__(self, path: Path, features: FeatureMeasures, published: PublishedMeasures, size: int) -> None:
        self.pixels, self.features, self.published = read_image(path, size=size).visible(), features, published

    @cached_property
    def seen(self) -> Seen:
        """What the network sees."""
        return self.features.look(self.pixels)

    @cached_property
    def vectors(self) -> dict[str, list[float]]:
        """What the published measures of sets need to know."""
        return self.published.vectors(self.pixels)

    @cached_property
    def colors(self) -> list[Tensor]:
        """See `pictures.color_quantiles`."""
        return pictures.color_quantiles(self.pixels)

    @cached_property
    def patches(self) -> list[Tensor]:
        """See `pictures.patch_quantiles`."""
        return pictures.patch_quantiles(self.pixels)


def _read(path: Path, photo: Tensor, size: int, resized: bool) -> Tensor:
    """Read a painted picture, in its photo's size."""
    picture = read_image(path, size=size).visible()
    height, width = photo.shape[2:]
    off = max(abs(a - b) for a, b in zip(picture.shape, photo.shape, strict=True))
    if off > ROUNDING and not resized:
        raise PictureError(
            f"{path}: has other proportions than its photo ({picture.shape[3]}×{picture.shape[2]} instead of "
            f"{width}×{height} at this size); resize it with --resize"
        )
    if min(height, width) < SMALLEST:
        raise PictureError(f"{path}: is too small at this size ({width}×{height}); raise --size")
    return resize(picture, (width, height)).clamp(0, 1) if off else picture


def _measured(picture: Tensor, photo: _Reference, painting: _Reference) -> dict[str, Any]:
    """Measure a picture."""
    seen = photo.features.look(picture)
    measures = {
        **photo.features.of_pair(seen, photo.seen, painting.seen),
        "palette": pictures.quantile_distance(pictures.color_quantiles(picture), painting.colors, 1),
        "patches": pictures.quantile_distance(pictures.patch_quantiles(picture), painting.patches, 2),
        "ssim": pictures.ssim(picture, photo.pixels),
        "ms_ssim": pictures.ms_ssim(picture, photo.pixels),
        "edges_kept": pictures.edges_kept(picture, photo.pixels),
        "chroma_spread": pictures.chroma_spread(picture, painting.pixels),
        "stroke_scale": pictures.stroke_scale(picture, painting.pixels),
        "halo": artifacts.halo(picture, photo.pixels),
        "speckle": artifacts.speckle(picture, photo.pixels),
        "clipped": artifacts.clipped(picture, photo.pixels),
        "flat_texture": artifacts.flat_texture(picture, photo.pixels),
        **{f"grid_{period}": artifacts.grid_jump(picture, period) for period in PERIODS},
        **photo.published.of_pair(picture, photo.pixels),
    }
    vectors: dict[str, Any] = {"picture": seen.pooled.tolist(), "painting": painting.seen.pooled.tolist()}
    if painting.vectors:
        vectors |= {"published picture": photo.published.vectors(picture), "published painting": painting.vectors}
    return {"measures": measures, "vectors": vectors}


class _Kept:
    """Results of earlier runs, one line of JSON per picture, beside the first picture.

    Args:
        pairs: All pairs.
        settings: What the values depend on, besides the files.
    """

    def __init__(self, pairs: Sequence[Pair], settings: dict[str, Any]) -> None:
        self._path = pairs[0].picture.parent / FOLDER / FILE
        self._settings = json.dumps([settings, *DIRECTIONS], sort_keys=True)
        self._rows: dict[str, dict[str, Any]] = {}
        self._sha256 = lru_cache(SHARED)(sha256_of)
        if self._path.exists():
            for line in self._path.read_text(encoding="utf-8", errors="replace").splitlines():
                try:
                    row = json.loads(line)
                    self._rows[row["key"]] = row["found"]
                except (ValueError, KeyError, TypeError):
                    continue  # the last line of a run that was killed

    def _key(self, pair: Pair) -> str:
        """Return what identifies the contents of the three files, wherever they lie, and the settings."""
        facts = [self._sha256(path) for path in pair]
        return hashlib.sha256("\n".join([self._settings, *facts]).encode()).hexdigest()

    def get(self, pair: Pair) -> dict[str, Any] | None:
        """Return what was measured before; OSError if a file is missing."""
        for path in pair:
            if not path.is_file():
                raise PictureError(f"{path}: no such file")
        return self._rows.get(self._key(pair))

    def add(self, pair: Pair, found: dict[str, Any]) -> dict[str, Any]:
        """Keep what was measured, if the folder can be written."""
        try:
            self._path.parent.mkdir(exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"key": self._key(pair), "found": found}) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            pass  # it only saves time
        return found
