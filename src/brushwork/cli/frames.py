"""Saving intermediate results: as files next to the result, and as an animation."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brushwork.errors import BrushworkError

if TYPE_CHECKING:
    from brushwork.image import Picture
    from brushwork.runtime.progress import Step

__all__ = ["Frames", "frame_path", "frames_folder"]

MOST = 40  # approximate number of frames in an animation without --save-every


def frame_path(output: Path, step: int) -> Path:
    """Return the path of a step's intermediate result, next to the result.

    >>> frame_path(Path("out/boat.jpg"), 50).name
    'boat_00050.jpg'
    """
    return output.with_name(f"{output.stem}_{step:05d}{output.suffix}")


def frames_folder(animation: Path) -> Path:
    """Return the folder of an animation's frames until it is written; a resumed job finds them there."""
    return animation.with_name(f"{animation.name}.frames")


class Frames:
    """Progress callback that saves intermediate results at regular intervals.

    Args:
        output: The result's path; the names of the intermediate results derive from it.
        every: Steps between intermediate results; None saves none.
        animation: The animation to write at the end; None writes none.
        steps: Total number of steps.
        written: Output settings: depth, quality, strip_metadata.
        failed: Called with a one-line message if saving fails, after which nothing more is saved.
    """

    def __init__(
        self,
        output: Path,
        *,
        every: int | None,
        animation: Path | None,
        steps: int,
        written: dict[str, Any],
        failed: Callable[[str], None],
    ) -> None:
        self.output, self.saving, self.animation = output, every is not None, animation
        self.every = every or max(1, steps // MOST)
        self.written, self.failed = written, failed

    def __call__(self, step: Step) -> None:
        """Save this step's image if it is due; a failure doesn't stop the job."""
        try:
            if self.animation is not None and step.step == 1:
                self.discard()  # frames of an earlier job
            if self.saving and step.step % self.every == 0:
                self._write(step, frame_path(self.output, step.step), **self.written)
            if self.animation is not None and self._shown(step.step):
                folder = frames_folder(self.animation)
                folder.mkdir(exist_ok=True)
                self._write(step, folder / f"{step.step:05d}.png")
        except (BrushworkError, OSError) as error:
            self.failed(f"intermediate results are no longer saved: {error}")
            self.saving, self.animation = False, None

    def animate(self, result: Picture, *, beside: Path) -> Path | None:
        """Write the animation, ending with the result, and return its path; None if none was requested.

        Args:
            result: The last frame.
            beside: The input file; the animation is saved next to it if its own path can't be written.

        Raises:
            SavedElsewhereError: It was saved to a different file.
            BrushworkError: It can't be written.
        """
        if self.animation is None:
            return None
        from brushwork.io import save, write_animation, write_image

        folder = frames_folder(self.animation)
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise BrushworkError(f"{self.animation} can't be written: {error.strerror or error}") from error
        write_image(result, folder / "result.png", strip_metadata=True)
        frames = [path for path in self._kept() if self._shown(int(path.stem))] + [folder / "result.png"]
        quality = self.written["quality"]
        save(self.animation, lambda path: write_animation(frames, path, quality=quality), beside=beside)
        self.discard()
        return self.animation

    def discard(self) -> None:
        """Delete the saved frames, and their folder unless it contains other files."""
        if self.animation is None:
            return
        folder = frames_folder(self.animation)
        for path in [*self._kept(), folder / "result.png"]:
            path.unlink(missing_ok=True)
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()

    def _shown(self, step: int) -> bool:
        """Return whether this step is in the animation, which starts with step 1."""
        return step == 1 or step % self.every == 0

    def _kept(self) -> list[Path]:
        assert self.animation is not None
        folder = frames_folder(self.animation)
        found = folder.iterdir() if folder.is_dir() else ()
        return sorted(path for path in found if re.fullmatch(r"\d{5,}\.png", path.name))

    def _write(self, step: Step, path: Path, **written: Any) -> None:
        from brushwork.image import Picture
        from brushwork.io import write_image

        alpha = None if step.alpha is None else step.alpha.cpu()
        write_image(Picture(step.preview().cpu(), alpha), path, **written)
