"""The studio's limits: a frozen dataclass whose fields define the command's flags and the docs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from brushwork.options.base import Checked, Option

__all__ = ["Limits"]


@dataclass(frozen=True)
class Limits(Checked):
    """Limits of a studio; per user unless stated otherwise."""

    upload_mb: Annotated[int, Option("maximum size of an uploaded file, in megabytes", 1)] = 200
    megapixels: Annotated[float, Option("maximum size of a picture or video frame, in megapixels", 0.01)] = 120.0
    video_seconds: Annotated[float, Option("maximum length of a video, in seconds", 1)] = 600.0
    batch: Annotated[int, Option("maximum number of photos in a batch", 1)] = 200
    jobs: Annotated[int, Option("maximum number of waiting and running jobs per user", 1)] = 20
    queue: Annotated[int, Option("maximum number of waiting and running jobs of all users", 1)] = 100
    job_hours: Annotated[
        float, Option("maximum run time in hours; the job is then paused until you resume it", 0.1)
    ] = 24.0
    stop_seconds: Annotated[
        float, Option("seconds that running jobs have to save themselves when the studio stops", 0)
    ] = 6.0
    previews: Annotated[int, Option("maximum number of waiting previews of all users", 1)] = 16
    requests: Annotated[int, Option("maximum number of requests to API v1 per user and minute", 1)] = 3000
    body_kb: Annotated[int, Option("maximum size of a request without a file, in kilobytes", 1)] = 64
    storage_gb: Annotated[float, Option("storage per user in gigabytes; the oldest files are deleted first", 0.01)] = (
        20.0
    )
    keep_days: Annotated[float, Option("days after which results and files are deleted; 0 keeps them", 0)] = 0.0
    session_hours: Annotated[float, Option("hours until users must log in again", 0.1)] = 24.0
    login_failures: Annotated[int, Option("wrong passwords per name and address in five minutes", 1)] = 10
