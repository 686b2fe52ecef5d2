"""Large pictures in tiles, of uploads and of results."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from brushwork.studio.api import JPEG, User
from brushwork.studio.service import Service
from brushwork.studio.v1.etags import tagged_file
from brushwork.studio.v1.models import TileFacts

__all__ = ["tile_routes"]

Level = Annotated[int, Path(ge=0, le=15, description="0: the full size; each next one is half as wide and high")]
Place = Annotated[int, Path(ge=0, le=1000, description="counted from 0, from the left or the top")]


def tile_routes(router: APIRouter, service: Service, picture: Callable[[str, str], pathlib.Path], of: str) -> None:
    """Add the routes of tiles to those of uploads or jobs.

    Args:
        router: Gets them.
        service: The studio.
        picture: User and ID → the picture's file.
        of: What the pictures are, in words.
    """

    @router.get("/{identity}/tiles", summary=f"Get the size of {of} and of its tiles, which are made if need be")
    def grid(user: User, identity: str) -> TileFacts:
        return TileFacts(**dataclasses.asdict(service.tile_grid(user, picture(user, identity), identity)))

    @router.get(
        "/{identity}/tiles/{level}/{column}/{row}",
        summary=f"Get a tile of {of}",
        response_class=Response,
        responses=JPEG,
    )
    def tile(request: Request, user: User, identity: str, level: Level, column: Place, row: Place) -> Response:
        path = service.tile(user, picture(user, identity), identity, (level, column, row))
        return tagged_file(request, path, "image/jpeg", path.name, inline=True)
