"""Styles, methods, presets and previews."""

from __future__ import annotations

import dataclasses
from typing import Any

from fastapi import APIRouter, Request, Response

from brushwork.api.presets import PRESETS, preset_options
from brushwork.options.base import option_of
from brushwork.registry import method_name
from brushwork.studio.api import JPEG, User
from brushwork.studio.errors import NotFoundError
from brushwork.studio.schemas import Clip, NewStyle, Video, methods
from brushwork.studio.service import Service
from brushwork.studio.v1.etags import tagged
from brushwork.studio.v1.models import MethodOption, Page, PresetFacts, PreviewAsk, StyleFacts, style_facts
from brushwork.studio.v1.paging import Cursor, Most, name_in, page_of

__all__ = ["previews_router", "styles_router"]


MP4: dict[int | str, dict[str, Any]] = {200: {"content": {"video/mp4": {}}, "description": "An MP4 video"}}


def styles_router(service: Service) -> APIRouter:
    """The routes of styles and methods."""
    router = APIRouter(tags=["styles"])

    @router.get("/styles", summary="List the style library, by name")
    def styles(user: User, most: Most = 200, cursor: Cursor = None) -> Page[StyleFacts]:
        library, after = service.styles(user), name_in(cursor)
        found = [library[name] for name in sorted(library) if name > after]
        return page_of(found, most, style_facts, lambda style: [style.name])

    @router.get("/styles/{name}", summary="Get a style's properties")
    def style(user: User, name: str) -> StyleFacts:
        found = service.styles(user).get(name)
        if found is None:
            raise NotFoundError(f"there is no style {name[:40]!r}")
        return style_facts(found)

    @router.post("/styles", status_code=201, summary="Add a painting to your library")
    def add(user: User, ask: NewStyle) -> StyleFacts:
        return style_facts(service.add_style(user, ask))

    @router.get(
        "/styles/{name}/swatch", summary="Get a small picture of a style", response_class=Response, responses=JPEG
    )
    def swatch(request: Request, user: User, name: str) -> Response:
        return tagged(request, service.swatch(user, name))

    @router.delete("/styles/{name}", status_code=204, summary="Remove one of your styles from the library")
    def remove(user: User, name: str) -> None:
        service.remove_style(user, name)

    @router.get("/methods", summary="List methods and their options")
    def options(user: User) -> dict[str, list[MethodOption]]:
        return {name: _options(kind) for name, kind in methods().items()}

    @router.get("/presets", summary="List presets: the method and settings of each")
    def presets(user: User) -> dict[str, PresetFacts]:
        found = {name: preset_options(name) for name in PRESETS}
        return {
            name: PresetFacts(method=method_name(settings), settings=dataclasses.asdict(settings))
            for name, settings in found.items()
        }

    return router


def _options(kind: type[Any]) -> list[MethodOption]:
    return [
        MethodOption(
            name=name, help=option.help, default=getattr(kind(), name), low=option.low, high=option.high,
            choices=list(option.choices),
        )
        for name, option in option_of(kind).items()
    ]  # fmt: skip


def previews_router(service: Service) -> APIRouter:
    """The routes of previews."""
    router = APIRouter(prefix="/previews", tags=["previews"])

    @router.post("", summary="Preview a photo in a style at screen size", response_class=Response, responses=JPEG)
    def preview(user: User, ask: PreviewAsk) -> Response:
        return Response(service.preview(user, ask), media_type="image/jpeg")

    @router.post(
        "/video", summary="Preview three frames of a video in a style", response_class=Response, responses=JPEG
    )
    def film_preview(user: User, ask: Video) -> Response:
        return Response(service.preview(user, ask), media_type="image/jpeg")

    @router.post("/clip", summary="Paint two seconds of a video by a draft", response_class=Response, responses=MP4)
    def clip(user: User, ask: Clip) -> Response:
        return Response(service.clip(user, ask), media_type="video/mp4")

    return router
