"""Gradio as the page imports it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import ast, os
took_apart = []
ast.parse, parse = lambda *source, **options: took_apart.append(source) or parse(*source, **options), ast.parse
from brushwork.studio.ui.gradio_import import gr
import gradio
assert gr is gradio and gr.Image.EVENTS and callable(gr.Image.change)
assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False" and os.environ["HF_HUB_OFFLINE"] == "1"
print(sum("class Image(" in str(source[0]) for source in took_apart))
"""


def test_components_are_whole_and_no_interface_file_is_made_of_them() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"


def test_nothing_is_fetched_from_an_address(tmp_path: Path) -> None:
    from brushwork.studio.ui.gradio_import import gr, processing_utils

    for fetch in (
        lambda: asyncio.run(processing_utils.async_ssrf_protected_download("https://example.org/a.png", str(tmp_path))),
        lambda: processing_utils.save_url_to_cache("https://example.org/a.png", str(tmp_path)),
    ):
        with pytest.raises(
            gr.Error, match=r"files must be uploaded; nothing is fetched from 'https://example\.org/a\.png'"
        ):
            fetch()
