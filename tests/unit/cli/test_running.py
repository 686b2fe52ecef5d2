from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from brushwork.cli import running
from brushwork.cli.jobs import Job
from brushwork.image import Picture
from brushwork.io import write_image
from brushwork.options.stylize import OutputOptions, RunOptions, StylizeOptions
from brushwork.styles.references import ResolvedStyle


@pytest.mark.parametrize(("kind", "ahead"), [("cuda", True), ("cpu", False)])
def test_a_gpu_s_next_photo_is_decoded_beforehand(
    kind: str, ahead: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [Job(tmp_path / f"{k}.png", ResolvedStyle(()), tmp_path / f"out{k}.png") for k in range(3)]
    for k, job in enumerate(jobs):
        write_image(Picture(torch.rand(1, 3, 8, 10 + k)), job.photo)
    seen: list[tuple[int, int]] = []
    threads: set[str] = set()
    read = running._photo

    def reading(job: Job, options: StylizeOptions) -> Picture | None:
        threads.add(threading.current_thread().name)
        return read(job, options)

    def run(job: Job, runner: Any, photos: Any) -> None:
        seen.append(photos(job).size)

    monkeypatch.setattr(running, "_photo", reading)
    monkeypatch.setattr(running, "_run_job", run)
    method = SimpleNamespace(device=torch.device(kind))
    runner = running.Runner(method, StylizeOptions(), OutputOptions(), RunOptions(), SimpleNamespace())  # type: ignore[arg-type]
    running.run_jobs(jobs, runner)
    assert seen == [(10, 8), (11, 8), (12, 8)]
    assert any(name.startswith("ahead") for name in threads) == ahead


def test_what_wants_a_plan_is_not_decoded_beforehand(tmp_path: Path) -> None:
    job = Job(tmp_path / "photo.png", ResolvedStyle(()), tmp_path / "out.png")
    write_image(Picture(torch.rand(1, 3, 8, 10)), job.photo)
    assert running._photo(job, StylizeOptions(max_memory=10**9)) is None
