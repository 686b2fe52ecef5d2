"""What may be asked, field by field."""

from __future__ import annotations

import dataclasses
import json
import typing
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from brushwork.api import presets
from brushwork.api.presets import PRESETS, film_preset, preset_method, preset_options
from brushwork.errors import UsageError
from brushwork.options.film import FilmOptions
from brushwork.options.methods import AdaINLite, Gatys
from brushwork.options.stylize import StylizeOptions
from brushwork.registry import OPTIONS
from brushwork.studio import schemas
from brushwork.studio.schemas import (
    SERVER_ONLY,
    Batch,
    Credentials,
    Grid,
    JobAsk,
    NewStyle,
    Picture,
    Preview,
    Video,
    methods,
    parse_request,
)

PHOTO = "0" * 32
asked = TypeAdapter[Any](JobAsk).validate_python


def test_a_job_is_what_its_kind_says() -> None:
    assert isinstance(asked({"kind": "picture", "photo": PHOTO, "style": "great-wave"}), Picture)
    assert isinstance(asked({"kind": "video", "film": PHOTO, "style": "great-wave"}), Video)
    assert isinstance(asked({"kind": "batch", "photos": [PHOTO], "style": "great-wave"}), Batch)
    assert isinstance(asked({"kind": "grid", "photo": PHOTO, "styles": ["a", "b"]}), Grid)


def test_settings_are_those_of_the_method() -> None:
    ask = Picture(photo=PHOTO, style="great-wave", method="gatys", settings={"steps": 7, "style_layers": ["relu1_1"]})
    assert ask.to_settings() == Gatys(steps=7, style_layers=("relu1_1",))
    assert Preview(photo=PHOTO, style="great-wave").to_settings() == AdaINLite()


@pytest.mark.parametrize("method", methods())
def test_each_method_takes_its_own_defaults(method: str) -> None:
    defaults = vars(OPTIONS[method]())
    given = {name: list(value) if isinstance(value, tuple) else value for name, value in defaults.items()}
    ask = Picture(photo=PHOTO, style="great-wave", method=method, settings=given)
    assert ask.to_settings() == OPTIONS[method]()


def asks(**more: Any) -> list[Any]:
    """A picture, a batch and a preview."""
    ask = {"style": "great-wave", **more}
    picture, batch = {"kind": "picture", "photo": PHOTO, **ask}, {"kind": "batch", "photos": [PHOTO], **ask}
    return [asked(picture), asked(batch), Preview.model_validate({"photo": PHOTO, **ask})]


def test_presets_are_those_of_the_command() -> None:
    assert typing.get_args(schemas.Preset) == tuple(PRESETS)
    for name in PRESETS:
        for ask in asks(preset=name):
            assert (ask.method, ask.to_settings()) == (preset_method(name), preset_options(name))


def test_settings_beside_a_preset_win() -> None:
    for ask in asks(preset="good", method="gatys", settings={"steps": 7, "style_layers": ["relu1_1"]}):
        assert ask.to_settings() == preset_options("good", steps=7, style_layers=("relu1_1",))


def test_a_preset_of_another_method_and_its_wrong_settings_are_refused() -> None:
    for ask in asks(preset="good", method="adain-lite"):
        with pytest.raises(UsageError, match="preset good is of gatys, not of adain-lite"):
            ask.to_settings()
    for settings, words in (
        ({"steps": 0}, "at least 1"),
        ({"model": "x"}, "not an option"),
        ({"init": "/x"}, "file names"),
    ):
        for ask in asks(preset="good", settings=settings):
            with pytest.raises(UsageError, match=words):
                ask.to_settings()
    with pytest.raises(ValidationError):
        asks(preset="great")


def test_a_stored_job_keeps_its_settings_when_its_preset_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = preset_options("good", strength=0.5)
    ask = asks(preset="good", settings={"strength": 0.5})[0]
    stored = json.loads(json.dumps(ask.to_stored()))
    monkeypatch.setattr(presets, "PRESETS", {**PRESETS, "good": Gatys(steps=3, pooling="average")})
    assert parse_request(stored).to_settings() == wanted  # type: ignore[union-attr]


def test_a_preview_is_a_draft() -> None:
    for ask in asks(preset="best", settings={"strength": 0.5, "style_scale": 2.0}):
        assert ask.preview_settings() == preset_options("draft", strength=0.5, style_scale=2.0)


def test_requests_for_pictures_have_the_options_that_all_methods_share() -> None:
    shared = {field.name for field in dataclasses.fields(StylizeOptions)} - {*SERVER_ONLY, "masks", "face_mask"}
    for kind in (Picture, Batch, Preview):
        assert shared <= set(kind.model_fields)
        assert not set(SERVER_ONLY) & set(kind.model_fields)


def test_shared_options_are_passed_on_as_they_are() -> None:
    wanted = {"size": 640, "keep_color": "luminance", "keep_color_when": "before"}
    ask = Picture(photo=PHOTO, style="great-wave", **wanted)  # type: ignore[arg-type]
    assert ask.to_options(max_pixels=9) == StylizeOptions(**wanted, max_pixels=9)  # type: ignore[arg-type]
    assert Picture(photo=PHOTO, style="great-wave").to_options() == StylizeOptions()
    with pytest.raises(UsageError, match="keep_color_when: 'before' needs keep_color"):
        Picture(photo=PHOTO, style="great-wave", keep_color_when="before").to_options()


OLD = {"style": "great-wave", "method": "adain-lite", "settings": {"strength": 0.8}, "keep_color": None, "size": None}


@pytest.mark.parametrize(
    ("stored", "kind"),
    [
        ({**OLD, "kind": "picture", "photo": PHOTO, "masks": [], "depth": 8}, Picture),
        ({**OLD, "kind": "video", "film": PHOTO, "smoothing": 0.97}, Video),
        ({**OLD, "kind": "batch", "photos": [PHOTO], "depth": 16}, Batch),
        ({"kind": "grid", "photo": PHOTO, "styles": ["great-wave", "bell-tower"], "steps": 5, "size": 256}, Grid),
    ],
)
def test_jobs_that_the_first_version_stored_are_read(stored: dict[str, Any], kind: type[Any]) -> None:
    ask = parse_request(stored)
    assert type(ask) is kind
    assert stored.items() <= ask.model_dump().items()


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("gatys", {"network": "/etc/passwd"}),
        ("gatys", {"network": "x.safetensors"}),
        ("gatys", {"network": "../vgg19-slim"}),
        ("gatys", {"init": "/etc/passwd"}),
        ("gatys", {"init": "photo.png"}),
        ("adain", {"decoder": "./decoder.pth"}),
        ("adain", {"network": "VGG19-SLIM"}),
        ("adain-lite", {"model": "x.safetensors"}),
        ("adain-lite", {"model": ["/etc/passwd"]}),
        ("conditional-instance-norm", {"model": "/dev/zero"}),
        ("microast", {"model": "~/x.safetensors"}),
    ],
)
def test_files_of_the_server_can_t_be_named(method: str, settings: dict[str, Any]) -> None:
    ask = Picture(photo=PHOTO, style="great-wave", method=method, settings=settings)
    with pytest.raises(UsageError, match="file names are not allowed here"):
        ask.to_settings()


def test_every_option_that_takes_a_file_is_guarded() -> None:
    guarded = 0
    for method in methods():
        for name, value in vars(OPTIONS[method]()).items():
            if isinstance(value, str):
                ask = Picture(photo=PHOTO, style="great-wave", method=method, settings={name: "/etc/passwd"})
                with pytest.raises(UsageError):
                    ask.to_settings()
                guarded += 1
    assert guarded > 8


@pytest.mark.parametrize(
    ("method", "settings", "words"),
    [
        ("adain-lite", {"strength": 2}, "strength: expected a number from 0 to 1"),
        ("adain-lite", {"strength": float("nan")}, "strength"),
        ("adain-lite", {"strength": 10**400}, "too large"),
        ("adain-lite", {"steps": 3}, "steps is not an option of adain-lite"),
        ("adain-lite", {"__class__": "x"}, "not an option"),
        ("gatys", {"steps": "many"}, "a whole number"),
        ("gatys", {"steps": 0}, "at least 1"),
        ("gatys", {"style_layers": "relu1_1"}, "a list"),
        ("johnson", {}, "method 'johnson' is not available here"),
        ("texture-nets", {}, "is not available here"),
        ("/etc/passwd", {}, "is not available here"),
    ],
)
def test_wrong_values_are_refused_in_plain_words(method: str, settings: dict[str, Any], words: str) -> None:
    ask = Picture(photo=PHOTO, style="great-wave", method=method, settings=settings)
    with pytest.raises(UsageError, match=words):
        ask.to_settings()


@pytest.mark.parametrize(
    "ask",
    [
        {"kind": "picture", "style": "great-wave"},
        {"kind": "picture", "photo": PHOTO},
        {"kind": "picture", "photo": "../../etc/passwd", "style": "great-wave"},
        {"kind": "picture", "photo": PHOTO.upper().replace("0", "A"), "style": "great-wave"},
        {"kind": "picture", "photo": PHOTO + "0", "style": "great-wave"},
        {"kind": "picture", "photo": PHOTO + "\n", "style": "great-wave"},
        {"kind": "picture", "photo": PHOTO, "style": ""},
        {"kind": "picture", "photo": PHOTO, "style": "a" * 401},
        {"kind": "picture", "photo": PHOTO, "style": "great-wave", "size": -1},
        {"kind": "picture", "photo": PHOTO, "style": "great-wave", "size": 30_001},
        {"kind": "picture", "photo": PHOTO, "style": "great-wave", "depth": 12},
        {"kind": "picture", "photo": PHOTO, "style": "great-wave", "output": "/etc/passwd"},
        {"kind": "picture", "photo": PHOTO, "style": "great-wave", "keep_color": "all"},
        {"kind": "picture", "photo": PHOTO, "style": "great-wave", "keep_color_when": "never"},
        {"kind": "picture", "photo": PHOTO, "style": "great-wave", "device": "cuda"},
        {"kind": "picture", "photo": PHOTO, "style": "great-wave", "max_pixels": 10**9},
        {"kind": "picture", "photo": PHOTO, "style": "great-wave", "masks": [PHOTO] * 5},
        {"kind": "picture", "photo": PHOTO, "style": "great-wave", "settings": {"a": {"b": 1}}},
        {"kind": "picture", "photo": PHOTO, "style": "great-wave", "settings": {"a" * 41: 1}},
        {"kind": "picture", "photo": PHOTO, "style": "great-wave", "settings": {str(k): 1 for k in range(41)}},
        {"kind": "video", "film": PHOTO, "style": "great-wave", "smoothing": 1.0},
        {"kind": "video", "film": PHOTO, "style": "great-wave", "smoothing": float("nan")},
        {"kind": "video", "film": PHOTO, "style": "great-wave", "keep_color": "cholesky"},
        {"kind": "batch", "photos": [], "style": "great-wave"},
        {"kind": "grid", "photo": PHOTO, "styles": ["great-wave"]},
        {"kind": "grid", "photo": PHOTO, "styles": ["great-wave"] * 5},
        {"kind": "grid", "photo": PHOTO, "styles": ["great-wave"] * 2, "steps": 10},
        {"kind": "grid", "photo": PHOTO, "styles": ["great-wave"] * 2, "size": 513},
        {"kind": "shell", "photo": PHOTO},
        {},
    ],
)
def test_jobs_that_make_no_sense_are_refused(ask: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        asked(ask)


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".x", "-a", "a.png", "a b", "a\0", "a" * 41, "mine\n"])
def test_a_new_style_s_name_is_no_path(name: str) -> None:
    with pytest.raises(ValidationError):
        NewStyle(picture=PHOTO, name=name)


def test_long_passwords_are_refused_before_they_are_hashed() -> None:
    with pytest.raises(ValidationError):
        Credentials(name="ada", password="x" * 1025)


def test_a_preview_is_no_larger_than_a_screen() -> None:
    with pytest.raises(ValidationError):
        Preview(photo=PHOTO, style="great-wave", size=1025)


@pytest.mark.parametrize(("preset", "frame_steps"), [("draft", None), ("good", 2), ("best", 20)])
def test_a_film_by_a_preset_is_stored_with_all_of_its_settings(preset: str, frame_steps: int | None) -> None:
    ask = Video(kind="video", film="0" * 32, style="great-wave", preset=preset)  # type: ignore[arg-type]
    settings, options = film_preset(preset, FilmOptions())
    assert (ask.to_settings(), ask.to_options()) == (settings, options)
    assert options.frame_steps == frame_steps
    again = parse_request(ask.to_stored())
    assert (again.to_settings(), again.to_options()) == (settings, options)  # type: ignore[union-attr]
    assert Video(kind="video", film="0" * 32, style="great-wave").to_options().frame_steps is None
