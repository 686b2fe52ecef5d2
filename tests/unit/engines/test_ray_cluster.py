from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any, cast

import pytest
import torch

from brushwork import Picture, write_image
from brushwork.engines.ray_cluster import RayEngine
from brushwork.errors import BrushworkError, UsageError

SCRIPT = """
import json, os, signal, sys
from dataclasses import dataclass
from brushwork.engines.ray_cluster import RayEngine
from brushwork.errors import BrushworkError
sys.modules["doubling"] = sys.modules["__main__"]

@dataclass(frozen=True)
class Doubling:
    unable: bool = False

    def start(self, device):
        if self.unable:
            raise BrushworkError("no weights here")
        return lambda chunk: [self.double(number) for number in chunk]

    def double(self, number):
        if number == 13:
            os.kill(os.getpid(), signal.SIGKILL)
        return 2 * number

    def lost(self, task, why):
        return f"{task} lost"

taken = []
def chunks():
    for number in range(0, 40, 2):
        taken.append(number)
        yield [number, number + 1]

engine = RayEngine(None, workers=2)
running = engine.run(Doubling(), chunks())
first = next(running)
early = len(taken)
found = first + [outcome for outcomes in running for outcome in outcomes]
try:
    list(engine.run(Doubling(unable=True), iter([[1]])))
except BrushworkError as error:
    told = str(error)
print(json.dumps([sorted(map(str, found)), early, told]))
"""


def test_without_ray_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"pip install 'brushwork\[ray\]'"):
        RayEngine()


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "ray://127.0.0.1:{}", "[::1]:{}", "localhost:{}"])
def test_an_address_nobody_answers_is_told(form: str) -> None:
    pytest.importorskip("ray")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = form.format(free.getsockname()[1])
        with pytest.raises(BrushworkError, match=r"nobody answers at .*ray start --head"):
            RayEngine(address)


def test_no_cluster_on_this_machine_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)

    def nobody(**keywords: object) -> None:
        raise ConnectionError("Could not find any running Ray instance")

    monkeypatch.setattr(ray, "init", nobody)
    with pytest.raises(BrushworkError, match="no Ray cluster runs on this machine; start one with: ray start --head"):
        RayEngine("auto")


@pytest.mark.slow
def test_actors_do_all_and_survive_one_that_dies() -> None:
    pytest.importorskip("ray")
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, env=environment, timeout=180)
    assert done.returncode == 0, done.stderr
    found, early, told = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("[[")))
    assert found == sorted(["13 lost", *(str(2 * number) for number in range(40) if number != 13)])
    assert early <= 6  # chunks are taken when an actor needs them
    assert told == "no weights here"


@pytest.mark.slow
def test_an_augmented_data_set_is_the_same_on_a_cluster(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    for number in range(4):
        file = tmp_path / f"dataset/{('cat', 'dog')[number % 2]}/{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        write_image(Picture(torch.rand(1, 3, 24, 32)), file)
    for engine in ("local", "ray"):
        line = [sys.executable, "-m", "brushwork", "augment", str(tmp_path / "dataset"), "--method", "adain-lite"]
        line += ["--engine", engine, "--workers", "2", "-o", str(tmp_path / engine / "%05d.tar")]
        environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
        subprocess.run(line, check=True, capture_output=True, env=environment, timeout=180)
    found = [tarred(tmp_path / engine) for engine in ("local", "ray")]
    assert set(found[0]) == {"cat/0.png", "dog/1.png", "cat/2.png", "dog/3.png"}
    assert found[0] == found[1]


def tarred(folder: Path) -> dict[str, bytes]:
    """What is in a folder's shards."""
    files: dict[str, bytes] = {}
    for path in folder.glob("*.tar"):
        with tarfile.open(path) as shard:
            files |= {member.name: cast("Any", shard.extractfile(member)).read() for member in shard if member.isfile()}
    return files
