"""Pictures of the way to a result: files beside it, and an animation."""

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

MOST = 40  # frames of an animation, about, unless --save-every says otherwise


def frame_path(output: Path, step: int) -> Path:
    """The picture of a step, beside the result.

    >>> frame_path(Path("out/boat.jpg"), 50).name
    'boat_00050.jpg'
    """
    return output.with_name(f"{output.stem}_{step:05d}{output.suffix}")


def frames_folder(animation: Path) -> Path:
    """Where the frames of an animation wait, so that a job that is killed and goes on has them all."""
    return animation.with_name(f"{animation.name}.frames")


class Frames:
    """Keeps the picture of each so many steps.

    Args:
        output: The result, whose name the pictures have.
        every: Steps from one picture to the next, None: no pictures beside the result.
        animation: The file to write in the end, None: no animation.
        steps: Of the whole work.
        written: How pictures are written: depth, quality, strip_metadata.
        failed: Is told in one line why there will be no more pictures.
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
        """Write the pictures that are due; failing to is no reason to give up the work."""
        try:
            if self.animation is not None and step.step == 1:
                self.discard()  # of an earlier job
            if self.saving and step.step % self.every == 0:
                self._write(step, frame_path(self.output, step.step), **self.written)
            if self.animation is not None and self._shown(step.step):
                folder = frames_folder(self.animation)
                folder.mkdir(exist_ok=True)
                self._write(step, folder / f"{step.step:05d}.png")
        except (BrushworkError, OSError) as error:
            self.failed(f"no more pictures of the way: {error}")
            self.saving, self.animation = False, None

    def animate(self, result: Picture, *, beside: Path) -> Path | None:
        """Write the animation, which ends with the result; its path, or None where none is wanted.

        Args:
            result: The last frame.
            beside: The input, beside which the animation goes if its file can't be written.

        Raises:
            SavedElsewhereError: It is in another file.
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
        """Delete the frames that wait, and their folder unless something else lies there."""
        if self.animation is None:
            return
        folder = frames_folder(self.animation)
        for path in [*self._kept(), folder / "result.png"]:
            path.unlink(missing_ok=True)
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()

    def _shown(self, step: int) -> bool:
        """Whether the animation has this step; it begins with the first picture."""
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
