"""Gradio as the page imports it."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import ast, os
took_apart = []
ast.parse, parse = lambda *source, **options: took_apart.append(source) or parse(*source, **options), ast.parse
from brushwork.studio.quiet_gradio import gr
import gradio
assert gr is gradio and gr.Image.EVENTS and callable(gr.Image.change)
assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False" and os.environ["HF_HUB_OFFLINE"] == "1"
print(sum("class Image(" in str(source[0]) for source in took_apart))
"""


def test_components_are_whole_and_no_interface_file_is_made_of_them() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"
