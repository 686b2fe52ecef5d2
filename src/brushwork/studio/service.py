"""The studio's service layer, shared by the page and the API."""

from __future__ import annotations

import threading
from pathlib import Path

from brushwork.errors import UsageError
from brushwork.runtime.atomic_files import write_whole
from brushwork.studio.errors import BusyError, ConflictError, NotFoundError
from brushwork.studio.files import StudioFiles, folder_bytes, stem_of
from brushwork.studio.limits import Limits
from brushwork.studio.log import logger
from brushwork.studio.metrics import SUBMITTED
from brushwork.studio.picture_service import THUMBNAIL, PictureService
from brushwork.studio.quota import RECORD
from brushwork.studio.records import ACTIVE, ENDED, RESUMABLE, IdempotencyKey, Job
from brushwork.studio.schemas import JobRequest
from brushwork.studio.workers import JobWorkers

__all__ = ["FORMATS", "Service"]

FORMATS = {"png": "image/png", "jpeg": "image/jpeg", "tiff": "image/tiff", "mp4": "video/mp4", "zip": "application/zip"}
SUFFIXES = {"png": ".png", "jpeg": ".jpg", "tiff": ".tif", "mp4": ".mp4", "zip": ".zip"}


class Service(PictureService):
    """The studio behind the page and the API.

    Args:
        files: The studio's folder.
        limits: Its limits.
        devices: One for each job worker.
    """

    def __init__(self, files: StudioFiles, limits: Limits, devices: tuple[str, ...] = ("auto",)) -> None:
        super().__init__(files, limits)
        self.job_workers = JobWorkers(files, limits, devices)

    def start(self) -> None:
        """Start the workers."""
        self.checks.start()
        self.previews.start()
        self.job_workers.start()
        threading.Thread(target=self.quota.keep_swept, args=(self._closing,), name="sweeper", daemon=True).start()
        threading.Thread(target=self._paint_swatches, name="swatches", daemon=True).start()

    def close(self) -> None:
        """Stop the workers; jobs go on at the next start."""
        self._closing.set()
        self.checks.close()
        self.previews.close()
        self.job_workers.close()

    # Jobs

    def submit(self, user: str, ask: JobRequest, *, key: IdempotencyKey | None = None, webhook: str = "") -> Job:
        """Put a job at the end of the queue; `webhook` is told when it has ended.

        Raises:
            BusyError: The user, or all users together, have too many jobs.
            UsageError, NotFoundError, TooLargeError: Invalid value; no such file or style; no space left.
            NotAllowedError: A viewer's.
            sqlite3.IntegrityError: Another request with this key was faster.
        """
        self.users.check_maker(user)
        self.quota.make_room(user, RECORD)  # first, because it may delete files that the job needs
        title = self.requests.title(user, ask)
        most = self.quota.of(user).jobs, self.limits.queue
        job = self.database.add_job(user, ask.kind, title, ask.to_stored(), *most, key=key, webhook=webhook)
        if job is None:
            raise self._busy(user)
        self.audit.add(user, "submit", job=job.id, kind=job.kind)
        SUBMITTED.labels(ask.kind).inc()
        logger.info("job submitted", extra={"job": job.id, "kind": job.kind, "user": user})
        return job

    def _busy(self, user: str) -> BusyError:
        limits = self.quota.of(user)
        return BusyError(
            f"the queue is full: {limits.jobs} jobs per user, {limits.queue} in total; try again when a job is done", 30
        )

    def job(self, user: str, identity: str) -> Job:
        """A user's job.

        Raises:
            NotFoundError: It does not exist, or belongs to another user.
        """
        found = self.database.job(identity, user)
        if found is None:
            raise NotFoundError(f"there is no job {identity[:40]!r} of yours")
        return found

    def jobs(self, user: str) -> list[Job]:
        """A user's jobs, newest first."""
        return self.database.jobs(user)

    def pause(self, user: str, identity: str) -> Job:
        """Pause a job until it is resumed."""
        job = self.job(user, identity)
        if not self.database.move(job.id, ("waiting",), "paused") and not self.database.want(job.id, "pause"):
            raise ConflictError(f"Cannot pause a job with status {job.status!r}")
        self.audit.add(user, "pause", job=job.id)
        return self.job(user, identity)

    def cancel(self, user: str, identity: str) -> Job:
        """Cancel a job; a running picture or batch keeps the result so far."""
        self._cancel(self.job(user, identity))
        self.audit.add(user, "cancel", job=identity)
        return self.job(user, identity)

    def _cancel(self, job: Job) -> None:
        if self.database.move(job.id, ("waiting", *RESUMABLE), "canceled"):
            self.files.remove(job)
        elif not self.database.want(job.id, "cancel"):
            raise ConflictError(f"Cannot cancel a job with status {job.status!r}")

    def resume(self, user: str, identity: str) -> Job:
        """Resume a paused or interrupted job, or retry a failed one."""
        self.users.check_maker(user)
        job = self.job(user, identity)
        if job.status not in (*RESUMABLE, "failed"):
            raise ConflictError(f"Cannot resume a job with status {job.status!r}")
        if not self.database.queue_again(job, self.quota.of(user).jobs, self.limits.queue):
            raise self._busy(user)
        self.audit.add(user, "resume", job=job.id)
        return self.job(user, identity)

    def remove_job(self, user: str, identity: str, *, cancel: bool = False) -> None:
        """Delete a job and its result; with `cancel`, also one that is waiting or running.

        Raises:
            ConflictError: It has not ended.
        """
        if cancel:
            self.database.move(self.job(user, identity).id, ("waiting",), "canceled")
            if self.database.want(identity, "discard"):
                self.audit.add(user, "delete job", job=identity)
                return  # its worker deletes it
        job = self.job(user, identity)
        if job.status in ACTIVE:
            raise ConflictError(f"Cannot delete a job with status {job.status!r}; cancel it first")
        self.database.remove_job(job.id)
        self.files.remove(job)
        self.audit.add(user, "delete job", job=job.id)

    # What admins do

    def queue(self, admin: str) -> list[Job]:
        """Running and waiting jobs of all users, in the order in which they run.

        Raises:
            NotAllowedError: The user is not an admin.
        """
        self.users.check_admin(admin)
        return self.database.queue()

    def cancel_any(self, admin: str, identity: str) -> Job:
        """Cancel a job of any user; see `cancel`.

        Raises:
            NotAllowedError: The user is not an admin.
            NotFoundError: The job does not exist.
        """
        self.users.check_admin(admin)
        job = self.database.job(identity)
        if job is None:
            raise NotFoundError(f"there is no job {identity[:40]!r}")
        self._cancel(job)
        self.audit.add(admin, "cancel", job=job.id, of=job.user)
        return self.job(job.user, identity)

    # Results

    def result(self, user: str, identity: str, form: str | None = None) -> tuple[Path, str, str]:
        """A result's file, a file name for the download, and the media type.

        Args:
            user: The job's user.
            identity: The job's ID.
            form: "png", "jpeg" or "tiff" for a picture; None: the original format.

        Raises:
            ConflictError: There is no result yet.
            UsageError: The result is not available in this format.
        """
        job = self.job(user, identity)
        if not job.result:
            raise ConflictError(f"this job is {job.status} and has no result")
        made = self.files.job(job.id) / job.result
        own = next(name for name, suffix in SUFFIXES.items() if suffix == made.suffix)
        form = form or own
        if form != own and (own != "png" or form not in ("jpeg", "tiff")):
            raise UsageError(f"this result is {own} and not available as {form[:20]}")
        path = made.with_suffix(SUFFIXES[form])
        if not path.exists():
            self._quick(user, "convert", source=str(made), target=str(path))
            self.database.resize(job.id, folder_bytes(path.parent))
        self.audit.add(user, "download", job=job.id, format=form)
        return path, f"{stem_of(job.title)}{path.suffix}", FORMATS[form]

    def result_picture(self, user: str, identity: str) -> Path:
        """The file of a job's result that is a picture.

        Raises:
            ConflictError: There is no result yet.
            UsageError: It is no picture.
        """
        job = self.job(user, identity)
        if not job.result:
            raise ConflictError(f"this job is {job.status} and has no result")
        if not job.result.endswith(".png"):
            raise UsageError(f"this result is a {job.kind}, and only pictures have tiles")
        return self.files.job(job.id) / job.result

    def live_preview(self, user: str, identity: str) -> bytes:
        """The latest intermediate result, as JPEG.

        Raises:
            NotFoundError: There is none yet.
        """
        job = self.job(user, identity)
        try:
            return (self.files.job(job.id) / "preview.jpg").read_bytes()
        except FileNotFoundError:
            raise NotFoundError("this job has no preview yet") from None

    def job_thumbnail(self, user: str, identity: str) -> bytes:
        """A small picture of a job: of its result, or of the latest intermediate one, as JPEG; of a series, a mosaic.

        Raises:
            NotFoundError: There is neither.
        """
        job = self.job(user, identity)
        folder = self.files.job(job.id)
        kept = folder / "thumbnail.jpg"
        if kept.exists():
            return kept.read_bytes()
        made = folder / job.result if job.result and job.kind != "batch" else folder / "preview.jpg"
        if not made.exists():
            raise NotFoundError("this job has no picture yet")
        views = [str(self.files.series_picture(job.id, number)) for number, _ in self._series(job)[:4]]
        if len(views) > 1:
            content = bytes(self._quick(user, "mosaic", paths=views, size=THUMBNAIL))
        else:
            content = bytes(self._quick(user, "thumbnail", path=str(made), size=THUMBNAIL))
        if job.result and job.status in ENDED:  # else the picture changes
            write_whole(kept, content)
        return content

    def series(self, user: str, identity: str) -> list[tuple[int, str, str]]:
        """The pictures of a series that can be seen: number from 1, ID and name of the photo; "" if it was deleted."""
        found = self._series(self.job(user, identity))
        names = {upload.id: upload.name for upload in self.database.uploads(user)}
        return [(number, photo, names.get(photo, "")) for number, photo in found]

    def _series(self, job: Job) -> list[tuple[int, str]]:
        photos = enumerate(job.request.get("photos", []), 1)
        return [(number, photo) for number, photo in photos if self.files.series_picture(job.id, number).exists()]

    def series_picture(self, user: str, identity: str, number: int) -> bytes:
        """A picture of a series, as JPEG.

        Raises:
            NotFoundError: There is none yet, or it could not be painted.
        """
        try:
            return self.files.series_picture(self.job(user, identity).id, number).read_bytes()
        except FileNotFoundError:
            raise NotFoundError(f"there is no picture {number} in this series") from None
