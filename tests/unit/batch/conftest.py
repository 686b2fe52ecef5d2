"""A batch in this process, and small pictures in a folder with folders in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from brushwork.image import Picture
from brushwork.io import write_image


class InProcess:
    """An engine without processes; it counts what it was given."""

    def __init__(self) -> None:
        self.tasks: list[Any] = []

    def run(self, work: Any, chunks: Iterator[list[Any]]) -> Iterator[list[Any]]:
        do: Callable[[list[Any]], list[Any]] = work.start("cpu")
        for chunk in chunks:
            self.tasks += chunk
            yield do(chunk)


@pytest.fixture
def engine() -> InProcess:
    return InProcess()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """photos/ with a.png, b.jpg, deep/er/a.png, a hidden one and a text."""
    folder = tmp_path / "photos"
    for name in ("a.png", "b.jpg", "deep/er/a.png", ".hidden.png", ".trash/c.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_image(Picture(torch.rand(1, 3, 24, 32)), folder / name)
    (folder / "notes.txt").write_text("not a picture")
    return folder
