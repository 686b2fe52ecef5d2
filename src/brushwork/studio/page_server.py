"""The page's files: built from web/ into the folder `page`, and photos to try it with."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from fastapi import FastAPI, Response
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from starlette.types import Scope

from brushwork.studio.errors import NotFoundError

__all__ = ["SAMPLES", "serve_page"]

FOLDER = Path(__file__).with_name("page")
SAMPLES = ("chelsea", "coffee", "astronaut")  # photographs in the public domain that come with scikit-image


class _PageFiles(StaticFiles):
    """Files that a browser keeps, but asks for each time, so that a new version is seen at once."""

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        answer = super().file_response(full_path, stat_result, scope, status_code)
        answer.headers["cache-control"] = "no-cache"
        return answer


def serve_page(app: FastAPI) -> None:
    """Serve the page at /, and the sample photos at /samples/NAME.png; to be called last, since it takes all paths."""

    @app.get("/samples/{name}.png", include_in_schema=False)
    def sample(name: str) -> Response:
        found = importlib.util.find_spec("skimage")
        if name not in SAMPLES or found is None or found.origin is None:
            raise NotFoundError(f"there is no sample {name[:40]!r}")
        path = Path(found.origin).parent / "data" / f"{name}.png"
        return FileResponse(path, media_type="image/png", headers={"cache-control": "private, max-age=86400"})

    app.mount("/", _PageFiles(directory=FOLDER, html=True), name="page")
