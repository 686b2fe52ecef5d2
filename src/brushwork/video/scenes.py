"""A film's scenes painted side by side: at a cut nothing is carried over, so they don't depend on each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import torch

from brushwork.color import keep_luminance
from brushwork.engines.base import Engine
from brushwork.errors import BrushworkError, PictureError
from brushwork.flow import Estimator, dis_flow
from brushwork.io.film_formats import open_film
from brushwork.io.films import Film
from brushwork.methods import load
from brushwork.methods.base import FrameMethod
from brushwork.options.film import FilmOptions
from brushwork.runtime.device import choose_device
from brushwork.video.keyframes import Keyframe, Styles
from brushwork.video.multi_pass import FrameFiles, FrameState
from brushwork.video.smoothing import TemporalSmoother, starts_scene, with_flow

__all__ = ["Scene", "ScenePainting", "find_scenes", "paint_scenes"]


class Scene(NamedTuple):
    """Frames from a cut to the next.

    Args:
        start: Number of its first frame.
        stop: Number of the frame after its last.
        first_time: Time of the film's first frame, in units of its time base.
    """

    start: int
    stop: int
    first_time: int

    def __str__(self) -> str:
        return f"frames {self.start} to {self.stop - 1}"


class ScenePainted(NamedTuple):
    """The outcome of a scene: painted, or why not."""

    scene: Scene
    why: str = ""


@dataclass(frozen=True)
class ScenePainting:
    """Paints scenes into a folder, a file for each frame; a `Work` for an engine.

    Args:
        film: The film.
        keys: Its keyframes.
        settings: The method's options.
        options: The film's.
        size: (width, height) of the frames.
        folder: Where frames are kept.
    """

    film: Path
    keys: list[Keyframe]
    settings: Any
    options: FilmOptions
    size: tuple[int, int]
    folder: Path

    def start(self, device: str) -> Callable[[list[Scene]], list[ScenePainted]]:
        """Load the method, and return the function that paints scenes."""
        torch.set_num_threads(1)
        method = load(self.settings, choose_device(device))
        styles = Styles(method, self.keys, self.size, self.options.max_pixels)
        assert isinstance(method, FrameMethod)  # paint_scenes has checked it
        return lambda scenes: [self._paint(scene, method, styles) for scene in scenes]

    def lost(self, task: Scene, why: str) -> ScenePainted:
        """Return the outcome of a scene whose workers died."""
        return ScenePainted(task, f"{task}: {why}")

    def _paint(self, scene: Scene, method: FrameMethod, styles: Styles) -> ScenePainted:
        try:
            film = open_film(self.film, max_pixels=self.options.max_pixels)
            frames = islice(film.frames(scene.start, self.size), scene.stop - scene.start)
            steady, files = TemporalSmoother(method, self.options.smoothing), FrameFiles(self.folder)
            for number, seen in enumerate(with_flow(frames, dis_flow()), scene.start):
                frame = seen.frame
                seconds = float((frame.time - scene.first_time) * film.time_base)
                painted = steady.paint(seen, styles.at(seconds), styles.change(seconds) / float(film.rate))
                painted = keep_luminance(painted, frame.pixels) if self.options.keep_color else painted
                files[number] = FrameState(frame, painted, number == scene.start, 1)
        except BrushworkError as error:
            return ScenePainted(scene, str(error))
        return ScenePainted(scene)


def find_scenes(film: Film, size: tuple[int, int], estimator: Estimator | None = None) -> list[Scene]:
    """Return a film's scenes, cut where `TemporalSmoother` starts anew.

    Args:
        film: The film, which is read once.
        size: (width, height) of the frames, at which it will be painted.
        estimator: Optical flow estimator, used where the brightness changes much.

    Raises:
        PictureError: It has no frames.
    """
    flow, before, starts, count, first_time = estimator or dis_flow(), None, [0], 0, 0
    for frame in film.frames(0, size):
        first_time = frame.time if before is None else first_time
        if before is not None and starts_scene(before, frame.pixels, flow):
            starts.append(count)
        before, count = frame.pixels, count + 1
    if not count:
        raise PictureError(f"{film.path}: contains no readable frames")
    return [Scene(start, stop, first_time) for start, stop in pairwise([*starts, count])]


def paint_scenes(work: ScenePainting, scenes: list[Scene], engine: Engine) -> Iterator[tuple[int, int]]:
    """Paint the scenes whose frames aren't all in their files; yield how many frames are done, and the scene's first.

    Raises:
        BrushworkError: A scene can't be painted; the others are finished first.
    """
    files = FrameFiles(work.folder)
    missing = [scene for scene in scenes if not all(files.path(k).exists() for k in range(scene.start, scene.stop))]
    done = scenes[-1].stop - sum(scene.stop - scene.start for scene in missing)
    longest = sorted(missing, key=lambda scene: scene.start - scene.stop)  # first, so that none is left to the end
    failed = []
    for outcomes in engine.run(work, ([scene] for scene in longest)):
        for scene, why in outcomes:
            if why:
                failed.append(why)
                continue
            done += scene.stop - scene.start
            yield done, scene.start
    if failed:
        raise BrushworkError(failed[0])
