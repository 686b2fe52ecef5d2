from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brushwork import AdaINLite, AugmentOptions, BatchOptions

BATCH = ["--style", "great-wave", "--preset", "draft", "--precision", "float32", "--workers", "1", "-o", "out"]


def test_a_batch_from_the_command_line(here: Path, run: Callable[..., Any]) -> None:
    (here / "in" / "deep").mkdir(parents=True)
    (here / "photo.png").rename(here / "in/deep/photo.png")
    (here / "in/broken.png").write_text("no picture")
    done = run("batch", "in", *BATCH, "--log-json")
    assert done.code == 1
    first, second, summary, error = done.objects
    assert {first["photo"], second["photo"]} == {str(here / "in/broken.png"), str(here / "in/deep/photo.png")}
    assert (here / "out/deep/photo_great-wave.png").exists()
    assert (summary["done"], summary["failed"], summary["painted"]) == (1, 1, 1)
    assert error["error"].startswith("1 of 2 failed, see ")

    again = run("batch", "in", *BATCH, "--resume")
    assert again.code == 1
    assert "1 results, 0 of them painted now" in again.err
    assert "broken.png: is not in a supported format" in again.err
    refused = run("batch", "in", *BATCH)
    assert (refused.code, "go on with --resume" in refused.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["gone", *BATCH], 1, "Error: gone: no such file or folder; check the name"),
        ([".", *BATCH, "--engine", "ray", "--address", "127.0.0.1:1"], 1, "nobody answers at 127.0.0.1:1"),
        ([".", *BATCH, "--address", "auto"], 2, "address: is for the engine ray"),
        ([".", "--style", "great-wave"], 2, "Missing option"),
    ],
)
def test_bad_input_is_told_in_one_line(
    arguments: list[str], code: int, words: str, here: Path, run: Callable[..., Any]
) -> None:
    done = run("batch", *arguments)
    assert done.code == code
    assert words in done.err
    assert done.err.count("\n") == 1


def test_flags_of_augment_arrive(here: Path, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from brushwork.batch.run import BatchResult

    given: dict[str, Any] = {}

    def augment_dataset(*arguments: Any, progress: Any, **keywords: Any) -> BatchResult:
        given.update(keywords, arguments=arguments)
        return BatchResult("out", 2, 0, 2, 1.0, ())

    monkeypatch.setattr("brushwork.batch.augment_dataset.augment_dataset", augment_dataset)
    more = ["--styles", "gaussian", "--per-image", "2", "--strength", "0.5..1", "--precision", "float32", "--resume"]
    done = run("augment", "in", "-o", "out", "--method", "adain-lite", *more, "--seed", "3", "--format", "jpg")
    assert done.code == 0
    assert "out: 2 results, 2 of them painted now" in done.err
    assert given["arguments"] == (("in",), "out", AdaINLite(precision="float32"))
    assert given["styles"] == ("gaussian",)
    assert given["augment"] == AugmentOptions(per_image=2, seed=3, strength=(0.5, 1.0))
    assert given["batch"] == BatchOptions(resume=True, suffix="jpg")


@pytest.mark.slow
def test_a_killed_batch_goes_on_and_paints_nothing_twice(here: Path) -> None:
    from brushwork.image import Picture
    from brushwork.io import read_image, write_image

    photo: Picture = read_image(here / "photo.png")
    for number in range(60):
        (here / "in").mkdir(exist_ok=True)
        write_image(photo, here / f"in/{number:02}.png")
    line = [sys.executable, "-m", "brushwork", "batch", "in", *BATCH, "--log-json"]
    driver = subprocess.Popen(line, stdout=subprocess.PIPE, text=True, cwd=here)
    assert driver.stdout is not None
    for text in driver.stdout:
        if json.loads(text)["done"] == 20:
            driver.send_signal(signal.SIGKILL)
            break
    driver.communicate()
    time.sleep(2)
    database = sqlite3.connect(here / "out/.brushwork/manifest.sqlite")
    marked = [name for (name,) in database.execute("SELECT output FROM result WHERE picture != ''")]
    database.close()
    times = {name: (here / "out" / name).stat().st_mtime_ns for name in marked}
    done = subprocess.run([*line, "--resume"], capture_output=True, text=True, cwd=here, check=True)
    assert json.loads(done.stdout.splitlines()[-1])["done"] == 60
    assert len(list((here / "out").glob("*.png"))) == 60
    assert times == {name: (here / "out" / name).stat().st_mtime_ns for name in marked}
