"""The command in this process, in a folder of its own with small pictures."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from brushwork.cli.main import main
from brushwork.image import Picture
from brushwork.io import write_image


@dataclass(frozen=True)
class Outcome:
    """What a user sees of a command."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Outcome]]:
    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(int(stop.value.code or 0), captured.out, captured.err)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield run
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with photo.png (48×36), wave.jpg and sea.png."""
    for name, size in {"photo.png": (36, 48), "wave.jpg": (40, 40), "sea.png": (32, 44)}.items():
        write_image(Picture(torch.rand(1, 3, *size)), tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BRUSHWORK_WEIGHTS", raising=False)
    monkeypatch.setenv("BRUSHWORK_HOME", str(tmp_path / "home"))
    return tmp_path
