"""Validated schemas of request bodies and jobs."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, create_model, model_validator

from brushwork.api.presets import film_preset, preset_method, preset_options
from brushwork.errors import UsageError
from brushwork.options.base import option_of
from brushwork.options.film import FilmOptions
from brushwork.options.methods import DRAFT_MODEL, FILM_MODEL, AdaINLite, Gatys, Quilting, Settings
from brushwork.options.stylize import StylizeOptions
from brushwork.registry import OPTIONS, TRAINED, settings_from
from brushwork.weights.records import RECORDS

__all__ = [
    "SERVER_ONLY",
    "Batch",
    "Clip",
    "Credentials",
    "Grid",
    "JobAsk",
    "JobRequest",
    "NewStyle",
    "Painting",
    "Picture",
    "Preview",
    "Still",
    "Texture",
    "Video",
    "film_styles",
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
FaceMask = Annotated[
    Id | None, Field(description="a mask of what is protected, white the most, instead of the faces that are found")
]
SERVER_ONLY = ("device", "max_memory", "max_pixels", "strict")  # fields of StylizeOptions that no request sets
MOST_TEXTURE = 4096  # sides of a texture in pixels; a larger one takes minutes
Preset = Literal["draft", "good", "best"]  # written here again, since a type must be; a test compares them
Value = str | float | int | list[str] | list[float]


def methods() -> dict[str, type[Any]]:
    """The methods that the studio offers: those that work without prior training."""
    return {name: kind for name, kind in OPTIONS.items() if name not in TRAINED}


class _Ask(BaseModel):
    model_config = ConfigDict(extra="forbid")

    def to_stored(self) -> dict[str, Any]:
        """The request as it is stored with its job; `parse_request` reads it."""
        return self.model_dump()


class Painting(_Ask):
    """A style and the method that applies it.

    A preset gives the method, which may then be left out, and its settings, which `settings` changes.
    """

    style: Style
    method: Annotated[str, Field(json_schema_extra={"enum": list(methods())})] = "adain-lite"
    settings: dict[Annotated[str, Field(max_length=40)], Value] = Field(default={}, max_length=40)
    preset: Annotated[
        Preset | None, Field(description="settings by time: draft, a moment; good, seconds; best, a minute")
    ] = None

    @model_validator(mode="after")
    def _method_of_preset(self) -> Painting:
        if self.preset is not None and "method" not in self.model_fields_set:
            self.method = preset_method(self.preset)
        return self

    def to_stored(self) -> dict[str, Any]:
        """The request as it is stored: with all settings of its preset, so that presets may change."""
        settings = self.settings if self.preset is None else dataclasses.asdict(self.to_settings())
        return {**self.model_dump(), "settings": settings}

    def to_settings(self) -> Settings:
        """The method's settings.

        Raises:
            UsageError: Invalid value, or a file name, which is not allowed here.
        """
        if self.method not in methods():
            raise UsageError(f"method {self.method[:40]!r} is not available here; choose from {', '.join(methods())}")
        self._refuse_files()
        return self._settings()

    def _settings(self) -> Settings:
        if self.preset is None:
            settings: Settings = settings_from(self.method, self.settings)
            return settings
        preset_method(self.preset, self.method)
        return preset_options(self.preset, **self.settings)

    def _refuse_files(self) -> None:
        options, defaults = option_of(OPTIONS[self.method]), OPTIONS[self.method]()
        for name, value in self.settings.items():
            named = (*RECORDS, DRAFT_MODEL, FILM_MODEL, getattr(defaults, name, ""))
            known = (*named, "content", "recolored", "style", "noise")
            if name in options and options[name].file and value not in known:
                raise UsageError(f"{name}: file names are not allowed here; got {str(value)[:40]!r}")

    def preview_settings(self) -> Settings:
        """Settings for a preview: those of the method, or instead of Gatys' a draft's, equally strong and coarse."""
        settings = self.to_settings()
        if isinstance(settings, Gatys):
            return preset_options("draft", strength=settings.strength, style_scale=settings.style_scale)
        return settings


def _shared_fields() -> dict[str, Any]:
    """A request's fields for those of `StylizeOptions`; files are not among them, since requests name uploads."""
    hints, found = typing.get_type_hints(StylizeOptions), dict[str, Any]()
    for field in dataclasses.fields(StylizeOptions):
        option, kind = option_of(StylizeOptions)[field.name], hints[field.name]
        parts = (kind, *typing.get_args(kind))
        if field.name in SERVER_ONLY or option.kind == "files" or option.file or Path in parts:
            continue
        if option.choices:
            kind = Literal[option.choices] | None if type(None) in parts else Literal[option.choices]
        limits = Field(ge=option.low, le=option.high, description=option.help)
        found[field.name] = Annotated[kind, limits], field.default
    return found


_SHARED = _shared_fields()
_WithShared: Any = create_model("_WithShared", __base__=Painting, **_SHARED)


class Still(_WithShared):  # type: ignore[misc]  # its fields are those of StylizeOptions
    """What all requests for pictures have in common: a painting, and the options that all methods share."""

    size: Size = None

    def to_options(self, **more: Any) -> StylizeOptions:
        """The options that all methods share.

        Args:
            more: Other fields of `StylizeOptions`, or other values: files of masks, limits.

        Raises:
            UsageError: Invalid combination of values.
        """
        return StylizeOptions(**{name: getattr(self, name) for name in _SHARED} | more)


class Preview(Still):
    """A quick preview, at most 1024 px, by a feed-forward method."""

    photo: Id
    masks: list[Id] = Field(default=[], max_length=4)
    face_mask: FaceMask = None
    size: Annotated[int, Field(ge=64, le=1024, description="longer side in pixels")] = 768
    frame: Annotated[int, Field(ge=0, le=10_000_000, description="of a film, counted from 0")] = 0


class Picture(Still):
    """One photo in one style, in full quality."""

    kind: Literal["picture"] = "picture"
    photo: Id
    masks: list[Id] = Field(
        default=[], max_length=4, description="one for each style; those that share one are blended"
    )
    face_mask: FaceMask = None
    depth: Literal[8, 16] = 8
    start: Annotated[
        Id | None, Field(description="a job that has painted this photo: this one goes on from its result (gatys)")
    ] = None


class FilmKeyframe(_Ask):
    """What is reached at a time of a film; between keyframes, style and strength change smoothly."""

    seconds: Annotated[float, Field(ge=0, le=100_000)]
    style: Style
    strength: Annotated[float | None, Field(ge=0, le=1, description="null: that of the settings")] = None


class PaintedFrame(_Ask):
    """A frame of a film that is painted, and whose strokes are carried to all others."""

    frame: Annotated[int, Field(ge=0, le=10_000_000, description="counted from 0")]
    picture: Annotated[Id | None, Field(description="null: the method paints it")] = None


class Video(Painting):
    """A video in one style, or in several, one after another.

    Keyframes replace `style`. After painted frames, whose strokes are carried to all others, style and method only
    paint frames that have no picture, and scenes without a painted frame.
    """

    kind: Literal["video"]
    film: Id
    size: Size = None
    keyframes: Annotated[list[FilmKeyframe], Field(max_length=100)] = []
    painted: Annotated[list[PaintedFrame], Field(max_length=40)] = []
    smoothing: Annotated[float, Field(ge=0, le=0.99)] = 0.97
    frame_steps: Annotated[
        int | None, Field(ge=1, description="steps for each frame after the first (gatys); null: the preset's")
    ] = None
    keep_color: Literal["luminance"] | None = None

    @model_validator(mode="after")
    def _once(self) -> Video:
        for name, places in (
            ("keyframes", [key.seconds for key in self.keyframes]), ("painted", [one.frame for one in self.painted]),
        ):  # fmt: skip
            if len(set(places)) < len(places):
                raise ValueError(f"{name}: two at the same place of the film; give each its own")
        return self

    def _settings(self) -> Settings:
        """The method's settings; AdaIN-lite uses its video model unless another one is given."""
        if self.preset is not None:
            preset_method(self.preset, self.method)
            return film_preset(self.preset, FilmOptions(), (), **self.settings)[0]
        settings = super()._settings()
        if isinstance(settings, AdaINLite) and "model" not in self.settings:
            return dataclasses.replace(settings, model=FILM_MODEL)
        return settings

    def to_options(self, **more: Any) -> FilmOptions:
        """The options of the video, with other fields of `FilmOptions` in `more`."""
        options = FilmOptions(
            size=self.size, smoothing=self.smoothing, keep_color=self.keep_color is not None,
            frame_steps=self.frame_steps, **more,
        )  # fmt: skip
        return options if self.preset is None else film_preset(self.preset, options)[1]

    def to_stored(self) -> dict[str, Any]:
        """The request as it is stored: with all settings of its preset."""
        return {**super().to_stored(), "frame_steps": self.to_options().frame_steps}


def film_styles(ask: Video) -> list[str]:
    """The styles of a video, in their order."""
    return [key.style for key in sorted(ask.keyframes, key=lambda key: key.seconds)] or [ask.style]


class Clip(Video):
    """Two seconds of a video, painted by a feed-forward method."""

    start: Annotated[float, Field(ge=0, le=100_000, description="in seconds")] = 0.0
    side: Annotated[int, Field(ge=64, le=480, description="longer side in pixels")] = 480

    def preview_settings(self) -> Settings:
        """Settings of the network for videos, as strong and coarse as asked."""
        found = super().preview_settings()
        if isinstance(found, AdaINLite) and "model" not in self.settings:
            return dataclasses.replace(found, model=FILM_MODEL)
        return found


class Batch(Still):
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


QUILTED = ("block", "block_tolerance", "style_scale", "seed")  # the options of quilting that shape a texture


def _quilting_fields() -> dict[str, Any]:
    """A request's fields for the options of quilting without a photo."""
    hints, options = typing.get_type_hints(Quilting), option_of(Quilting)
    return {
        name: (
            Annotated[hints[name], Field(ge=options[name].low, le=options[name].high, description=options[name].help)],
            getattr(Quilting(), name),
        )
        for name in QUILTED
    }


_WithQuilting: Any = create_model("_WithQuilting", __base__=_Ask, **_quilting_fields())


class Texture(_WithQuilting):  # type: ignore[misc]  # its fields are those of Quilting
    """A texture of any size, quilted from a swatch."""

    kind: Literal["texture"]
    swatch: Id
    width: Annotated[int, Field(ge=16, le=MOST_TEXTURE, description="in pixels")] = 1024
    height: Annotated[int, Field(ge=16, le=MOST_TEXTURE, description="in pixels")] = 1024
    tileable: Annotated[bool, Field(description="its right edge goes on at the left, its bottom at the top")] = True
    depth: Literal[8, 16] = 8

    def to_settings(self) -> Quilting:
        """The settings of quilting.

        Raises:
            UsageError: Invalid value.
        """
        return Quilting(**{name: getattr(self, name) for name in QUILTED})


JobRequest: TypeAlias = Picture | Video | Batch | Grid | Texture
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
