"""Validated schemas of request bodies and jobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from brushwork.errors import UsageError
from brushwork.options.base import option_of
from brushwork.options.methods import FILM_MODEL, AdaINLite, Settings
from brushwork.registry import OPTIONS, TRAINED, settings_from
from brushwork.weights.records import RECORDS

__all__ = [
    "Batch",
    "Credentials",
    "Grid",
    "JobAsk",
    "JobRequest",
    "NewStyle",
    "Painting",
    "Picture",
    "Preview",
    "Video",
    "methods",
    "parse_request",
]

Id = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$", description="ID returned by an upload")]
Style = Annotated[
    str,
    Field(
        min_length=1, max_length=400, description='a style name, "@" and a picture ID, or a blend: "great-wave:0.7+@…"'
    ),
]
Size = Annotated[
    int | None, Field(ge=0, le=30_000, description="longer side in pixels; 0: original; null: at most 1024")
]
Value = str | float | int | list[str] | list[float]


def methods() -> dict[str, type[Any]]:
    """The methods that the studio offers: those that work without prior training."""
    return {name: kind for name, kind in OPTIONS.items() if name not in TRAINED}


class _Ask(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Painting(_Ask):
    """A style and the method that applies it."""

    style: Style
    method: Annotated[str, Field(json_schema_extra={"enum": list(methods())})] = "adain-lite"
    settings: dict[Annotated[str, Field(max_length=40)], Value] = Field(default={}, max_length=40)
    keep_color: Literal["luminance", "cholesky", "histogram"] | None = None
    size: Size = None

    def to_settings(self) -> Settings:
        """The method's settings.

        Raises:
            UsageError: Invalid value, or a file name, which is not allowed here.
        """
        if self.method not in methods():
            raise UsageError(f"method {self.method[:40]!r} is not available here; choose from {', '.join(methods())}")
        options, defaults = option_of(OPTIONS[self.method]), OPTIONS[self.method]()
        for name, value in self.settings.items():
            known = (*RECORDS, "content", "style", "noise", getattr(defaults, name, ""))
            if name in options and options[name].file and value not in known:
                raise UsageError(f"{name}: file names are not allowed here; got {str(value)[:40]!r}")
        settings: Settings = settings_from(self.method, self.settings)
        return settings


class Preview(Painting):
    """A quick preview, at most 1024 px, by a feed-forward method."""

    photo: Id
    masks: list[Id] = Field(default=[], max_length=4)
    size: Annotated[int, Field(ge=64, le=1024, description="longer side in pixels")] = 768


class Picture(Painting):
    """One photo in one style, in full quality."""

    kind: Literal["picture"] = "picture"
    photo: Id
    masks: list[Id] = Field(default=[], max_length=4, description="one mask per style of the blend")
    depth: Literal[8, 16] = 8


class Video(Painting):
    """A video in one style."""

    kind: Literal["video"]
    film: Id
    smoothing: Annotated[float, Field(ge=0, le=0.99)] = 0.97
    keep_color: Literal["luminance"] | None = None

    def to_settings(self) -> Settings:
        """The method's settings; AdaIN-lite uses its video model unless another one is given."""
        settings = super().to_settings()
        if isinstance(settings, AdaINLite) and "model" not in self.settings:
            return replace(settings, model=FILM_MODEL)
        return settings


class Batch(Painting):
    """Many photos in one style, as a ZIP file."""

    kind: Literal["batch"]
    photos: list[Id] = Field(min_length=1, max_length=10_000)
    depth: Literal[8, 16] = 8


class Grid(_Ask):
    """One photo in a grid of blends between two to four styles."""

    kind: Literal["grid"]
    photo: Id
    styles: list[Style] = Field(min_length=2, max_length=4)
    steps: Annotated[int, Field(ge=2, le=9)] = 5
    size: Annotated[int, Field(ge=64, le=512, description="longer side of each picture in pixels")] = 256


JobRequest: TypeAlias = Picture | Video | Batch | Grid
JobAsk = Annotated[JobRequest, Field(discriminator="kind")]


def parse_request(request: Mapping[str, Any]) -> JobRequest:
    """Parse a job's stored request."""
    found: JobRequest = TypeAdapter(JobAsk).validate_python(request)
    return found


class NewStyle(_Ask):
    """A painting to add to the library."""

    picture: Id
    name: str = Field(min_length=1, max_length=40, pattern=r"^\w[\w-]*$")
    title: str = Field(default="", max_length=120)
    artist: str = Field(default="", max_length=120)


class Credentials(_Ask):
    """Login credentials."""

    name: str = Field(max_length=64)
    password: str = Field(max_length=1024)
