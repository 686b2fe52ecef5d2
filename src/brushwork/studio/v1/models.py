"""Requests and answers of API v1.

Requests are those of `schemas`, with two differences: what names neither a preset nor a method is painted by the
preset "good", and a job may have a webhook.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from brushwork.studio import schemas
from brushwork.studio.records import Job, Upload
from brushwork.studio.users import Role
from brushwork.styles.library import LibraryStyle

if TYPE_CHECKING:
    from brushwork.api.faces import Face

__all__ = [
    "Cuts",
    "FaceFacts",
    "JobAsk",
    "JobFacts",
    "JobRequest",
    "Kind",
    "MethodOption",
    "Page",
    "PresetFacts",
    "PreviewAsk",
    "SeriesPicture",
    "Status",
    "StyleFacts",
    "TileFacts",
    "Token",
    "UploadFacts",
    "WebhookFacts",
    "face_facts",
    "job_facts",
    "style_facts",
    "upload_facts",
]

Item = TypeVar("Item")
PRESET = "good"  # of pictures that name neither a preset nor a method
Kind = Literal["picture", "video", "batch", "grid", "texture"]
Status = Literal["waiting", "running", "paused", "interrupted", "done", "stopped", "failed", "canceled"]


class _Preset(schemas.Still):
    @model_validator(mode="before")
    @classmethod
    def _preset_first(cls, ask: Any) -> Any:
        if isinstance(ask, dict) and ask.get("preset") is None and "method" not in ask:
            return {**ask, "preset": PRESET}
        return ask


class _Job(BaseModel):
    webhook: Annotated[
        str | None, Field(max_length=2000, description="a URL to tell when the job has ended; see /webhooks")
    ] = None

    def to_stored(self) -> dict[str, Any]:
        """The request as it is stored with its job."""
        stored: dict[str, Any] = super().to_stored()  # type: ignore[misc]  # of the request that this is mixed into
        del stored["webhook"]
        return stored


class PreviewAsk(_Preset, schemas.Preview):
    """A quick preview, at most 1024 px, by a feed-forward method."""


class PictureAsk(_Job, _Preset, schemas.Picture):
    """One photo in one style, in full quality."""


class VideoAsk(_Job, schemas.Video):
    """A video in one style."""


class BatchAsk(_Job, _Preset, schemas.Batch):
    """Many photos in one style, as a ZIP file."""


class GridAsk(_Job, schemas.Grid):
    """One photo in a grid of blends between two to four styles."""


class TextureAsk(_Job, schemas.Texture):
    """A texture of any size, quilted from a swatch."""


JobRequest: TypeAlias = PictureAsk | VideoAsk | BatchAsk | GridAsk | TextureAsk
JobAsk = Annotated[JobRequest, Field(discriminator="kind")]


class Page(BaseModel, Generic[Item]):
    """A part of a list."""

    items: list[Item]
    next: str | None = Field(description="the cursor of the next part; null: this is the last one")


class UploadFacts(BaseModel):
    """An uploaded file."""

    id: str
    kind: Literal["picture", "film"]
    name: str
    bytes: int
    made: float = Field(description="seconds since 1970")
    width: int
    height: int
    frames: int | None = Field(default=None, description="of a film or an animation")
    seconds: float | None = Field(default=None, description="of a film or an animation")


class Point(BaseModel):
    """A place in a picture."""

    x: float = Field(description="share of the width")
    y: float = Field(description="share of the height")


class FaceFacts(BaseModel):
    """A face in a picture."""

    center: Point = Field(description="of the box from the brows to the chin")
    width: float = Field(description="of the box, as a share of the picture's width")
    height: float = Field(description="of the box, as a share of the picture's height")
    eyes: list[Point]
    mouth: Point
    probability: float = Field(description="0 to 1")


class Cuts(BaseModel):
    """The cuts of a film."""

    seconds: list[float] = Field(description="times at which another scene begins")


class TileFacts(BaseModel):
    """A picture in tiles."""

    width: int = Field(description="of the picture at full size, in pixels")
    height: int
    side: int = Field(description="of a tile, in pixels; those at the right and at the bottom may be smaller")


class Progress(BaseModel):
    """How far a job is; without fields before its first step."""

    share: float | None = Field(default=None, description="0 to 1")
    step: int | None = Field(default=None, description="of the current picture: evaluations, tiles or frames")
    steps: int | None = None
    seconds: float | None = Field(default=None, description="spent on the current picture")
    seconds_left: float | None = None
    done: int | None = Field(default=None, description="finished pictures")
    all: int | None = Field(default=None, description="pictures in total")

    @model_serializer(mode="wrap")
    def _known(self, whole: SerializerFunctionWrapHandler):  # type: ignore[no-untyped-def]  # else OpenAPI forgets them
        return {name: value for name, value in whole(self).items() if value is not None}


class JobFacts(BaseModel):
    """A job and its progress."""

    id: str
    kind: Kind
    title: str
    status: Status
    progress: Progress
    message: str = Field(description="remarks, or why it failed")
    made: float = Field(description="seconds since 1970")
    started: float | None
    ended: float | None
    result: bool = Field(description="whether there is a result to download")
    request: dict[str, Any] | None = Field(default=None, description="what was asked for; not part of events")


class SeriesPicture(BaseModel):
    """A picture of a series."""

    number: int = Field(description="in the order of its photos, from 1")
    photo: str = Field(description="the photo's ID")
    name: str = Field(description="the photo's name; empty if it was deleted")


class OwnedJobFacts(JobFacts):
    """A job and whose it is, for admins."""

    user: str


class AccountFacts(BaseModel):
    """What a user may do, and has used."""

    name: str
    role: Role = Field(description="viewers look and download; admins see all jobs")
    storage: int = Field(description="bytes that fit in; the oldest files go first")
    storage_used: int = Field(description="bytes")
    jobs: int = Field(description="jobs that may wait and run at a time")
    jobs_used: int


class StyleFacts(BaseModel):
    """A style of the library."""

    name: str
    title: str
    artist: str
    own: bool = Field(description="whether you have added it")
    methods: list[str]


class MethodOption(BaseModel):
    """An option of a method."""

    name: str
    help: str
    default: Any
    low: float | None
    high: float | None
    choices: list[str | int]


class PresetFacts(BaseModel):
    """A preset."""

    method: str
    settings: dict[str, Any] = Field(description="all settings of the method")


class Token(BaseModel):
    """A login."""

    token: str = Field(description="for Authorization: Bearer")


class WebhookFacts(BaseModel):
    """Your webhooks."""

    secret: str = Field(description="signs what is sent to you; keep it to yourself")
    allowed: list[str] = Field(description="HOST or HOST:PORT that webhooks may name")


def upload_facts(upload: Upload) -> UploadFacts:
    """An upload as it is answered."""
    own = {name: getattr(upload, name) for name in ("id", "kind", "name", "bytes", "made")}
    found = {name: upload.facts.get(name) for name in ("width", "height", "frames", "seconds")}
    return UploadFacts.model_validate(own | found)


def face_facts(face: Face) -> FaceFacts:
    """A face as it is answered."""

    def point(place: tuple[float, float]) -> Point:
        return Point(x=place[0], y=place[1])

    width, height = face.size
    return FaceFacts(
        center=point(face.center), width=width, height=height, eyes=[point(eye) for eye in face.eyes],
        mouth=point(face.mouth), probability=face.probability,
    )  # fmt: skip


def job_facts(job: Job, *, request: bool = True) -> JobFacts:
    """A job as it is answered, with or without its request."""
    names = set(JobFacts.model_fields) - {"result", "request"}
    facts: dict[str, Any] = {name: getattr(job, name) for name in names}
    return JobFacts(**facts, result=bool(job.result), request=dict(job.request) if request else None)


def style_facts(style: LibraryStyle) -> StyleFacts:
    """A style as it is answered."""
    title, artist = style.about.get("title", ""), style.about.get("artist", "")
    return StyleFacts(name=style.name, title=title, artist=artist, own=style.own, methods=list(style.methods))
