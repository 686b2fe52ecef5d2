"""The work on one job, which can be resumed."""

from __future__ import annotations

import shutil
import threading
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from brushwork.api.presets import for_saved_styles, going_on
from brushwork.errors import BrushworkError, Interrupted, SavedElsewhereError
from brushwork.runtime.atomic_files import replacing, write_whole
from brushwork.studio.database import Database
from brushwork.studio.files import StudioFiles, folder_bytes, stem_of
from brushwork.studio.limits import Limits
from brushwork.studio.log import logger
from brushwork.studio.records import Job
from brushwork.studio.schemas import Batch, Grid, Painting, Picture, Texture, Video, film_styles, parse_request

if TYPE_CHECKING:
    from brushwork.api.stylize import Result
    from brushwork.options.stylize import StylizeOptions
    from brushwork.runtime.progress import Step
    from brushwork.runtime.provenance import Recipe

__all__ = ["Post", "Work"]

Value = TypeVar("Value")
TOLD_EVERY = 0.25  # seconds between progress updates, each with an intermediate picture
SHOWN_SHARE = 0.2  # of the time, at most, goes into these; large ones are shown less often
PREVIEW = 768  # longer side of intermediate pictures, in pixels
KEPT_EVERY = 10  # optimization steps between checkpoints
LEAVING = ("pause", "stop")  # wishes after which a job goes on later
TIME_IS_UP = "paused after {:g} hours, the maximum run time; you can resume this job"


@dataclass(frozen=True)
class Post:
    """Where a worker works.

    Args:
        name: The worker's name, under which it takes jobs.
        device: Its device, such as "cpu" or "cuda:0".
        devices: Those of all workers.
    """

    name: str = ""
    device: str = "auto"
    devices: tuple[str, ...] = ("auto",)


class Work:
    """Runs one job.

    Args:
        job: A job with status "running".
        files: The studio's folder.
        database: The database to report to.
        limits: Limits of pictures, videos and run time.
        post: Where the worker works.
        stopping: Set when the studio stops.
    """

    def __init__(
        self, job: Job, files: StudioFiles, database: Database, limits: Limits,
        *, post: Post | None = None, stopping: threading.Event | None = None,
    ) -> None:  # fmt: skip
        self.job, self.files, self.database, self.limits = job, files, database, limits
        self.device, self.stopping = (post or Post()).device, stopping or threading.Event()
        self.pixels = round(limits.megapixels * 1e6)
        # A grid or a texture starts again if it is resumed, and is small.
        small = job.kind in ("grid", "texture")
        self._until = float("inf") if small else time.monotonic() + 3600 * limits.job_hours
        self.folder = files.job(job.id)
        self.names: dict[str, str] = {}
        self._told = self._show_at = 0.0
        self._facts: dict[str, Any] = {}  # of the last step, reported or not
        self._before, self._all = 0, 1  # finished pictures of a batch, and their total number

    def run(self) -> None:
        """Run the job and record how it ended."""
        logger.info("job started", extra={"job": self.job.id, "kind": self.job.kind, "user": self.job.user})
        kinds: dict[str, Callable[[Any], tuple[str, str]]] = {
            "picture": self._picture, "video": self._video, "batch": self._batch, "grid": self._grid,
            "texture": self._texture,
        }  # fmt: skip
        status, result = "failed", ""
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            result, message = kinds[self.job.kind](parse_request(self.job.request))
            status = "stopped" if self._wish() == "cancel" else "done"
        except Interrupted:
            status = {"pause": "paused", "stop": "waiting"}.get(self._wish(), "canceled")
            time_is_up = status == "paused" and not self.database.wish_of(self.job.id)
            message = TIME_IS_UP.format(self.limits.job_hours) if time_is_up else ""
        except SavedElsewhereError as error:
            error.path.unlink(missing_ok=True)  # a server stores its users' pictures only in its own folder
            message = self._plain(str(error.__cause__))
        except BrushworkError as error:
            message = self._plain(str(error))
        except MemoryError:
            message = "not enough memory; use a smaller size"
        except Exception:
            logger.exception("job failed", extra={"job": self.job.id})
            message = "internal error; see the log for details"
        if status == "canceled":
            self.files.remove(self.job)
        if self._facts:
            finished = {"share": 1, "seconds_left": 0} if status == "done" else {}
            self.database.tell(self.job.id, self._facts | finished)
        self.database.end(self.job.id, status, message, result, folder_bytes(self.folder), self.job.worker)
        if self.database.wish_of(self.job.id) == "discard":
            self.database.remove_job(self.job.id)
            self.files.remove(self.job)
        logger.info("job ended", extra={"job": self.job.id, "status": status})

    def _wish(self) -> str:
        """The action requested by the user; "stop" when the studio stops; "pause" when the run time is used up."""
        wish = self.database.wish_of(self.job.id) or ("stop" if self.stopping.is_set() else "")
        return wish or ("pause" if time.monotonic() > self._until else "")

    def _progress(self, step: Step) -> None:
        now = time.monotonic()
        last = step.step == step.steps
        share = (self._before + step.step / step.steps) / self._all
        self._facts = {
            "step": step.step, "steps": step.steps, "share": round(share, 4), "seconds": round(step.seconds, 2),
            "seconds_left": round(step.seconds_left, 2), "done": self._before, "all": self._all,
        }  # fmt: skip
        if now - self._told < TOLD_EVERY and not last:
            return
        self._told = now
        if now >= self._show_at or last:
            self._show(step.preview())
            shown = time.monotonic()
            self._show_at = shown + (shown - now) * (1 / SHOWN_SHARE - 1)
        self.database.tell(self.job.id, self._facts)
        if self._wish() and not last:
            raise Interrupted()

    def _show(self, pixels: Any) -> None:
        """Write the intermediate picture for the page and the API."""
        from brushwork.image import fit_size, resize
        from brushwork.studio.quick_worker import jpeg

        height, width = pixels.shape[2:]
        size = fit_size((width, height), min(PREVIEW, max(width, height)))
        write_whole(self.folder / "preview.jpg", jpeg(resize(pixels.float().cpu(), size)))

    def _upload(self, identity: str) -> Path:
        upload = self.files.owned(identity, self.job.user, self.database)
        self.names[identity] = upload.name
        return self.files.upload(identity)

    def _style(self, style: str) -> Any:
        return self.files.parts(style, self.job.user, self.database)

    def _method(self, ask: Painting, start: Path | None = None) -> Any:
        from brushwork.methods import load
        from brushwork.runtime.device import choose_device

        settings = ask.to_settings()
        if ask.preset is not None:
            styles = film_styles(ask) if isinstance(ask, Video) else [ask.style]
            settings = for_saved_styles(settings, [self._style(style) for style in styles], ask.settings)
        return load(settings if start is None else going_on(settings, str(start)), choose_device(self.device))

    def _plain(self, message: str) -> str:
        """A message with the users' file names in place of the server's paths."""
        return self.files.plain(message.replace(f"{self.folder}/", ""), self.job.user, self.database)

    def _picture(self, ask: Picture) -> tuple[str, str]:
        masks = [self._upload(mask) for mask in ask.masks]
        face_mask = None if ask.face_mask is None else self._upload(ask.face_mask)
        options = ask.to_options(masks=masks, face_mask=face_mask, max_pixels=self.pixels)
        start = None if ask.start is None else self._start(ask.start)
        method, output = self._method(ask, start), self.folder / "result.png"
        notes = list(self._painted(ask, self._upload(ask.photo), method, options, output))
        if ask.start is not None and start is None:
            notes.append("the picture to go on from was deleted; painted from the photo instead")
        shutil.rmtree(self.folder / "start", ignore_errors=True)
        return "result.png", "; ".join(notes)

    def _start(self, identity: str) -> Path | None:
        """A copy of an earlier result, called as in its download, so that `rerun` finds it; None if it was deleted."""
        kept = self.folder / "start"
        if not kept.exists():  # otherwise this job is resumed, whatever became of the other one
            job = self.database.job(identity, self.job.user)
            if job is None or not job.result:
                return None
            made = self.folder / ".start"
            made.mkdir(exist_ok=True)
            shutil.copyfile(self.files.job(job.id) / job.result, made / f"{stem_of(job.title)}.png")
            made.rename(kept)
        return next(kept.iterdir())

    def _painted(
        self, ask: Picture | Batch, photo: Path, method: Any, options: StylizeOptions, output: Path
    ) -> tuple[str, ...]:
        """Stylize one picture into a file; returns its notes."""
        kept = self.folder / f"{output.stem}.checkpoint"
        return self._gone_on(lambda: self._paint(ask, photo, method, options, output, kept), kept)

    def _gone_on(self, work: Callable[[], Value], kept: Path) -> Value:
        """Run work that resumes from a checkpoint; an incompatible checkpoint is deleted first."""
        from brushwork.runtime.checkpoints import AnotherJobError

        try:
            return work()
        except AnotherJobError as error:
            logger.warning("restarted from scratch", extra={"job": self.job.id, "reason": str(error)[:200]})
            for path in kept.parent.glob(f"{kept.name}*"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            return work()

    def _paint(
        self, ask: Picture | Batch, photo: Path, method: Any, options: StylizeOptions, output: Path, kept: Path
    ) -> tuple[str, ...]:
        from brushwork.api.stylize import result_size, stylize
        from brushwork.api.stylize_file import stylize_file
        from brushwork.io import read_image, read_size, write_image
        from brushwork.runtime.checkpoints import Checkpoint
        from brushwork.tiling.plan import plan_job, worth_a_plan

        style = self._style(ask.style)
        size = result_size(read_size(photo, max_pixels=options.max_pixels), options.size)
        plan = plan_job(method, size, file=output) if worth_a_plan(size, None) else None
        checkpoint = Checkpoint(kept, every=KEPT_EVERY, resume=True, failed=lambda error: None)
        common: dict[str, Any] = {
            "method": method, "options": options, "plan": plan, "progress": self._progress, "checkpoint": checkpoint,
        }  # fmt: skip
        if plan is not None and plan.way == "streamed":
            notes = stylize_file(photo, style, output, depth=ask.depth, **common).notes
            self._show(read_image(output, size=PREVIEW).pixels)
            return notes
        try:
            result = stylize(photo, style, **common)
        except Interrupted as stop:
            if self._wish() in (*LEAVING, "discard") or stop.best is None:
                raise
            result = stop.best  # keep the result so far
        write_image(result.picture, output, depth=ask.depth, recipe=self._recipe(result))
        self._show(result.picture.pixels)
        checkpoint.remove()
        return tuple(result.picture.notes)

    def _recipe(self, result: Result) -> Recipe:
        """The recipe for the output file, with the users' file names."""
        from brushwork.runtime.provenance import Recipe

        recipe = {**result.recipe, "stopped_early": True} if self._wish() == "cancel" else result.recipe
        return Recipe(self._named(recipe))

    def _named(self, value: Any) -> Any:
        """A recipe's values, with the users' file names in each string."""
        if isinstance(value, Mapping):
            return {name: self._named(part) for name, part in value.items()}
        if isinstance(value, list | tuple):
            return [self._named(part) for part in value]
        return self._plain(value) if isinstance(value, str) else value

    def _video(self, ask: Video) -> tuple[str, str]:
        from brushwork.video.stylize_video import stylize_video, work_folder

        film = self._upload(ask.film)
        facts = self.files.owned(ask.film, self.job.user, self.database).facts
        rate = facts["frames"] / facts["seconds"] if facts.get("seconds") else 25.0

        def progress(step: Step) -> None:
            if step.step > self.limits.video_seconds * rate + 1:
                raise BrushworkError(f"the video is longer than the limit of {self.limits.video_seconds:.0f} seconds")
            # The last frame is not known in advance: some videos don't report a frame count, or report too few.
            self._progress(replace(step, steps=max(step.steps, step.step + 1)))

        output, method, style = self.folder / "result.mp4", self._method(ask), self._film_style(ask)
        painted = {one.frame: self._upload(one.picture) if one.picture else None for one in ask.painted}
        work = partial(
            stylize_video, film, style, output, method=method, options=ask.to_options(max_pixels=self.pixels),
            painted=painted or None, progress=progress, resume=True,
        )  # fmt: skip
        done = self._gone_on(work, work_folder(output))
        if self._facts:
            self._facts["steps"] = self._facts["step"]
        return "result.mp4", self._plain("; ".join(done.notes))

    def _film_style(self, ask: Video) -> Any:
        from brushwork.video.stylize_video import Keyframe

        keys = [Keyframe(key.seconds, self._style(key.style), key.strength) for key in ask.keyframes]
        return keys or self._style(ask.style)

    def _batch(self, ask: Batch) -> tuple[str, str]:
        made, method, failed = self.folder / "made", self._method(ask), list[str]()
        options = ask.to_options(max_pixels=self.pixels)
        made.mkdir(exist_ok=True)
        self._all = len(ask.photos)
        for number, identity in enumerate(ask.photos, 1):
            output = made / f"{number:04d}.png"
            try:
                photo = self._upload(identity)
                if not output.exists():
                    self._painted(ask, photo, method, options, output)
                self._keep_view(output, self.files.series_picture(self.job.id, number))
            except Interrupted:
                if self._wish() in LEAVING or not any(made.iterdir()):
                    raise
                break
            except BrushworkError as error:
                failed.append(self._plain(str(error)))
            self._before = number
            if self._wish() in LEAVING and number < self._all:
                raise Interrupted()
            if self._wish():
                break
        if not any(made.glob("*.png")):
            raise BrushworkError("; ".join(failed))
        self._zip(made, ask.photos)
        return "result.zip", "; ".join(failed)

    def _keep_view(self, made: Path, view: Path) -> None:
        """Keep what is shown of a picture, because the picture itself goes into the ZIP file."""
        from brushwork.studio.quick_worker import thumbnail

        view.parent.mkdir(exist_ok=True)
        if not view.exists():
            write_whole(view, thumbnail(str(made), PREVIEW))

    def _zip(self, made: Path, photos: list[str]) -> None:
        with replacing(self.folder / "result.zip") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for path in sorted(made.glob("*.png")):
                identity = photos[int(path.stem) - 1]
                archive.write(path, f"{path.stem}_{Path(self.names.get(identity, 'photo')).stem}.png")
        shutil.rmtree(made)

    def _grid(self, ask: Grid) -> tuple[str, str]:
        from brushwork.api.interpolate import interpolate, shares
        from brushwork.io import write_image

        photo, styles = self._upload(ask.photo), [self._style(style) for style in ask.styles]
        self._all = sum(map(len, shares(len(styles), ask.steps)))

        def progress(step: Step) -> None:
            self._progress(step)
            self._before = min(self._all - 1, self._before + (step.step == step.steps))

        picture = interpolate(photo, styles, steps=ask.steps, size=ask.size, max_pixels=self.pixels, progress=progress)
        write_image(picture, self.folder / "result.png")
        self._show(picture.pixels)
        return "result.png", ""

    def _texture(self, ask: Texture) -> tuple[str, str]:
        from brushwork.api.quilt import quilt
        from brushwork.io import write_image

        made = quilt(
            self._upload(ask.swatch), (ask.width, ask.height), ask.to_settings(), tileable=ask.tileable,
            max_pixels=self.pixels, progress=self._progress,
        )  # fmt: skip
        write_image(made.picture, self.folder / "result.png", depth=ask.depth, recipe=self._recipe(made))
        self._show(made.picture.pixels)
        return "result.png", "; ".join(made.picture.notes)
