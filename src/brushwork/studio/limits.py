"""What the studio lets anyone ask of it: one frozen dataclass, whose fields make the command's flags and the docs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from brushwork.options.base import Checked, Option

__all__ = ["Limits"]


@dataclass(frozen=True)
class Limits(Checked):
    """Limits of a studio, for each user unless it says otherwise."""

    upload_mb: Annotated[int, Option("megabytes of one file that is sent", 1)] = 200
    megapixels: Annotated[float, Option("of a picture, or of a frame of a film", 0.01)] = 120.0
    video_seconds: Annotated[float, Option("of a film", 1)] = 600.0
    batch: Annotated[int, Option("photos of one batch", 1)] = 200
    jobs: Annotated[int, Option("jobs of one user that wait or run", 1)] = 20
    queue: Annotated[int, Option("jobs of all users that wait or run", 1)] = 100
    job_hours: Annotated[float, Option("hours that a job may work; then it waits until it is gone on with", 0.1)] = 24.0
    previews: Annotated[int, Option("previews of all users that wait for their turn", 1)] = 16
    body_kb: Annotated[int, Option("kilobytes of a request that sends no file", 1)] = 64
    storage_gb: Annotated[float, Option("gigabytes of what one user has; the oldest goes first", 0.01)] = 20.0
    keep_days: Annotated[float, Option("days after which results and files are deleted; 0 never", 0)] = 0.0
    session_hours: Annotated[float, Option("hours after which one has to log in again", 0.1)] = 24.0
    login_failures: Annotated[
        int, Option("wrong passwords for a name that one address may send in five minutes", 1)
    ] = 10
