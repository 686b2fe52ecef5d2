"""Gradio components that leave uploads undecoded and load results from the studio's own routes."""

from __future__ import annotations

import html
import secrets
import threading
from contextlib import suppress
from typing import Any

from brushwork.studio.ui.gradio_import import (
    AcceptBlobs,
    EditorData,
    EditorDataBlobs,
    FileData,
    ImageData,
    SliderData,
    gr,
    server,
)  # fmt: skip

__all__ = ["Shown", "comparison", "editor", "film", "photo", "raw", "status_line"]

KEPT = 32  # drawings kept until the user submits them


def raw(content: str = "", **given: Any) -> gr.Markdown:
    """A component for trusted HTML; gr.HTML would evaluate it as a template, including any file name in it."""
    return gr.Markdown(content, sanitize_html=False, latex_delimiters=[], **given)


def status_line(words: str) -> str:
    """HTML of a line that screen readers announce, for `raw`; "" if there are no words."""
    return f'<p role="status">{html.escape(words)}</p>' if words else ""


def photo(**given: Any) -> gr.Image:
    """An image upload; its value is the path of the file, which is not decoded."""
    return PhotoFile(type="filepath", **given)


def film(**given: Any) -> gr.Video:
    """A video upload; its value is the path of the file, which is not decoded."""
    return FilmFile(**given)


def comparison(**given: Any) -> gr.ImageSlider:
    """A slider that compares two pictures, given by their URLs."""
    return Comparison(type="filepath", interactive=False, **given)


def editor(**given: Any) -> gr.ImageEditor:
    """An editor for painting regions on a picture, given by its URL; its value is the painted layer, undecoded."""
    return RegionEditor(type="filepath", layers=False, transforms=(), format="png", **given)


# Subclasses, because Gradio creates a new instance of the class whenever an event updates a property: methods set on
# the first instance would be lost. `is_template` makes the browser render the base class.


class PhotoFile(gr.Image):
    """An image upload that is not decoded."""

    is_template = True

    def preprocess(self, payload: ImageData | None) -> str | None:
        """The path of the file."""
        return payload.path if payload is not None else None


class FilmFile(gr.Video):
    """A video upload that is not decoded."""

    is_template = True

    def preprocess(self, payload: FileData | None) -> str | None:
        """The path of the file."""
        return payload.path if payload is not None else None


class Comparison(gr.ImageSlider):
    """Two images that the browser loads from the studio's own routes."""

    is_template = True

    def postprocess(self, value: Any) -> SliderData | None:
        """The images at a pair of URLs."""
        if value is None:
            return None
        first, second = (ImageData(path=url, url=url) for url in value)
        return SliderData(root=(first, second))


class RegionEditor(gr.ImageEditor):
    """An editor whose background comes from the studio's own routes, and of which only the first layer is kept."""

    is_template = True

    def preprocess(self, payload: EditorData | None) -> Any:
        """The first layer as bytes or as the path of its file; None if nothing was painted."""
        if payload is None:
            return None
        if payload.id is None:
            return payload.layers[0].path if payload.layers else None  # PageContext checks who owns the file
        kept: EditorDataBlobs | None = self.blob_storage.pop(payload.id, None)
        return kept.layers[0] if kept is not None and kept.layers else None

    def postprocess(self, value: Any) -> EditorData | None:
        """The background image at a URL."""
        if value is None:
            return None
        picture = FileData(path=value, url=value)
        return EditorData(background=picture, layers=[], composite=None)

    @server  # type: ignore[untyped-decorator]
    def accept_blobs(self, data: AcceptBlobs) -> None:
        """Store the first layer of a drawing, for the last `KEPT` drawings."""
        if data.data["type"] == "layer" and str(data.data["index"]) == "0":
            super().accept_blobs(data)
        with suppress(KeyError, RuntimeError, StopIteration):
            while len(self.blob_storage) > KEPT:
                self.blob_storage.pop(next(iter(self.blob_storage)))


class Shown:
    """Previews in memory, each under a random name and for its user only."""

    def __init__(self, most: int = 200) -> None:
        self._most, self._kept, self._lock = most, dict[str, tuple[str, bytes]](), threading.Lock()

    def keep(self, user: str, content: bytes) -> str:
        """Store a JPEG and return its URL path."""
        token = secrets.token_hex(16)
        with self._lock:
            self._kept[token] = user, content
            while len(self._kept) > self._most:
                self._kept.pop(next(iter(self._kept)))
        return f"/shown/{token}.jpg"

    def get(self, user: str, token: str) -> bytes | None:
        """A JPEG of this user, or None."""
        owner, content = self._kept.get(token.removesuffix(".jpg"), ("", b""))
        return content if owner == user and content else None
