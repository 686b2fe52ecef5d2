"""Gradio's components, so that files stay as they were sent and results come by the studio's own routes."""

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

KEPT = 32  # drawings that wait for a click


def raw(content: str = "", **given: Any) -> gr.Markdown:
    """A place for HTML made here; gr.HTML would evaluate it as a template, and with it the name of a file."""
    return gr.Markdown(content, sanitize_html=False, latex_delimiters=[], **given)


def status_line(words: str) -> str:
    """HTML of a line that is read out when it appears, for `raw`; empty if there are no words."""
    return f'<p role="status">{html.escape(words)}</p>' if words else ""


def photo(**given: Any) -> gr.Image:
    """A place for a picture that somebody sends; gives the path of its file, which is not decoded here."""
    return PhotoFile(type="filepath", **given)


def film(**given: Any) -> gr.Video:
    """A place for a film that somebody sends; gives the path of its file, as it is."""
    return FilmFile(**given)


def comparison(**given: Any) -> gr.ImageSlider:
    """Two pictures, by their addresses, under one handle."""
    return Comparison(type="filepath", interactive=False, **given)


def editor(**given: Any) -> gr.ImageEditor:
    """A picture, by its address, in which regions are painted; gives the painted layer's file, which isn't decoded."""
    return RegionEditor(type="filepath", layers=False, transforms=(), format="png", **given)


# Subclasses, because Gradio makes a component anew, from its class, whenever an event updates a property of it:
# methods that were set on the first instance would be lost. `is_template` has the browser draw the base class.


class PhotoFile(gr.Image):
    """An image that is not decoded."""

    is_template = True

    def preprocess(self, payload: ImageData | None) -> str | None:
        """The path of the file."""
        return payload.path if payload is not None else None


class FilmFile(gr.Video):
    """A video that is not decoded."""

    is_template = True

    def preprocess(self, payload: FileData | None) -> str | None:
        """The path of the file."""
        return payload.path if payload is not None else None


class Comparison(gr.ImageSlider):
    """Two images that the browser fetches from the studio's own routes."""

    is_template = True

    def postprocess(self, value: Any) -> SliderData | None:
        """The images at two addresses, a pair of str."""
        if value is None:
            return None
        first, second = (ImageData(path=url, url=url) for url in value)
        return SliderData(root=(first, second))


class RegionEditor(gr.ImageEditor):
    """An editor whose background comes from the studio's own routes, and whose first layer alone is kept."""

    is_template = True

    def preprocess(self, payload: EditorData | None) -> Any:
        """The first layer as bytes, or the path of the file that it is sent again as; None if nothing was painted."""
        if payload is None:
            return None
        if payload.id is None:
            return payload.layers[0].path if payload.layers else None  # the desk checks whose file that is
        kept: EditorDataBlobs | None = self.blob_storage.pop(payload.id, None)
        return kept.layers[0] if kept is not None and kept.layers else None

    def postprocess(self, value: Any) -> EditorData | None:
        """A background at an address, a str."""
        if value is None:
            return None
        picture = FileData(path=value, url=value)
        return EditorData(background=picture, layers=[], composite=None)

    @server  # type: ignore[untyped-decorator]
    def accept_blobs(self, data: AcceptBlobs) -> None:
        """Keep the first layer of a drawing, of `KEPT` drawings at most."""
        if data.data["type"] == "layer" and str(data.data["index"]) == "0":
            super().accept_blobs(data)
        with suppress(KeyError, RuntimeError, StopIteration):
            while len(self.blob_storage) > KEPT:
                self.blob_storage.pop(next(iter(self.blob_storage)))


class Shown:
    """Previews in memory, each for its user only, by a name that is used once."""

    def __init__(self, most: int = 200) -> None:
        self._most, self._kept, self._lock = most, dict[str, tuple[str, bytes]](), threading.Lock()

    def keep(self, user: str, content: bytes) -> str:
        """Keep a JPEG; the path at which it is."""
        token = secrets.token_hex(16)
        with self._lock:
            self._kept[token] = user, content
            while len(self._kept) > self._most:
                self._kept.pop(next(iter(self._kept)))
        return f"/shown/{token}.jpg"

    def get(self, user: str, token: str) -> bytes | None:
        """A JPEG of this user's."""
        owner, content = self._kept.get(token.removesuffix(".jpg"), ("", b""))
        return content if owner == user and content else None
