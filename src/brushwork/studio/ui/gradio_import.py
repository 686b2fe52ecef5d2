"""Imports Gradio without telemetry and without generated files in its package folder."""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import Any, NoReturn

__all__ = ["AcceptBlobs", "EditorData", "EditorDataBlobs", "FileData", "ImageData", "SliderData", "gr", "server"]

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when Gradio is imported; no request leaves the machine
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"


def _without_interfaces() -> None:
    """Import Gradio without generating a .pyi file for each component, which takes half of the import time.

    The function that does so is replaced before the package's own code, which defines the components, runs.
    """
    spec: Any = importlib.util.find_spec("gradio")
    package = sys.modules["gradio"] = importlib.util.module_from_spec(spec)
    try:
        import gradio.component_meta

        gradio.component_meta.create_or_modify_pyi = lambda *about: None
        spec.loader.exec_module(package)
    except BaseException:
        del sys.modules["gradio"]
        raise


if "gradio" not in sys.modules:
    _without_interfaces()

import gradio as gr  # noqa: E402 - after that
from gradio import component_meta, processing_utils  # noqa: E402
from gradio.components.base import server  # noqa: E402
from gradio.components.image_editor import AcceptBlobs, EditorData, EditorDataBlobs  # noqa: E402
from gradio.components.imageslider import SliderData  # noqa: E402
from gradio.data_classes import FileData, ImageData  # noqa: E402


async def _refuse(url: str) -> NoReturn:
    """Replaces Gradio's download of files that a request gives by URL, which the page never needs."""
    raise gr.Error(f"files must be uploaded; nothing is fetched from {url[:40]!r}", print_exception=False)


component_meta.create_or_modify_pyi = lambda *about: None  # also for our components, if Gradio was imported before
processing_utils.async_ssrf_protected_get = _refuse
