"""Gradio's components, so that files stay as they were sent and results come by the studio's own routes."""

from __future__ import annotations

import secrets
import threading
from contextlib import suppress
from typing import Any, TypeVar

from brushwork.studio.quiet_gradio import (
    AcceptBlobs,
    EditorData,
    EditorDataBlobs,
    FileData,
    ImageData,
    SliderData,
    gr,
)  # fmt: skip

__all__ = ["Shown", "comparison", "editor", "film", "photo", "raw"]

Part = TypeVar("Part", bound=gr.components.Component)
KEPT = 32  # drawings that wait for a click


def raw(content: str = "", **given: Any) -> gr.Markdown:
    """A place for HTML made here; gr.HTML would evaluate it as a template, and with it the name of a file."""
    return gr.Markdown(content, sanitize_html=False, latex_delimiters=[], **given)


def photo(**given: Any) -> gr.Image:
    """A place for a picture that somebody sends; gives the path of its file, which is not decoded here."""
    return _with(gr.Image(type="filepath", **given), preprocess=_path)


def film(**given: Any) -> gr.Video:
    """A place for a film that somebody sends; gives the path of its file, as it is."""
    return _with(gr.Video(**given), preprocess=_path)


def comparison(**given: Any) -> gr.ImageSlider:
    """Two pictures, by their addresses, under one handle."""
    return _with(gr.ImageSlider(type="filepath", interactive=False, **given), postprocess=_two_addresses)


def editor(**given: Any) -> gr.ImageEditor:
    """A picture, by its address, in which regions are painted; gives the painted layer's content, or its file's path."""
    made = gr.ImageEditor(type="filepath", layers=False, transforms=(), format="png", **given)
    setattr(made, "accept_blobs", _only_layers(made))  # noqa: B010 - a method
    return _with(made, preprocess=lambda payload: _layer(made, payload), postprocess=_background)


def _with(component: Part, **functions: Any) -> Part:
    """A component that reads or writes its value in another way; a subclass would have Gradio write a stub of it."""
    for name, function in functions.items():
        setattr(component, name, function)
    return component


def _path(payload: Any) -> str | None:
    return payload.path if payload is not None else None


def _two_addresses(value: Any) -> SliderData | None:
    if value is None:
        return None
    first, second = (ImageData(path=url, url=url) for url in value)
    return SliderData(root=(first, second))


def _layer(component: gr.ImageEditor, payload: EditorData | None) -> bytes | str | None:
    if payload is None:
        return None
    if payload.id is None:  # a drawing that was taken once is sent as a file; whose that is, is not known here
        return payload.layers[0].path if payload.layers else None
    kept: EditorDataBlobs | None = component.blob_storage.pop(payload.id, None)
    return kept.layers[0] if kept is not None and kept.layers else None


def _only_layers(component: gr.ImageEditor) -> Any:
    """What takes the drawing that is sent: the first layer, of so many people at the most."""
    accept = component.accept_blobs

    def accept_blobs(data: AcceptBlobs) -> None:
        if data.data["type"] == "layer" and str(data.data["index"]) == "0":
            accept(data)
        with suppress(KeyError, RuntimeError, StopIteration):
            while len(component.blob_storage) > KEPT:
                component.blob_storage.pop(next(iter(component.blob_storage)))

    setattr(accept_blobs, "_is_server_fn", True)  # noqa: B010 - as gradio.utils.server does
    return accept_blobs


def _background(value: str | None) -> EditorData | None:
    if value is None:
        return None
    picture = FileData(path=value, url=value)
    return EditorData(background=picture, layers=[], composite=None)


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
