"""Jobs of a real studio, by its client and by hand."""

from __future__ import annotations

import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from studios import picture

from brushwork import read_recipe
from brushwork.errors import BrushworkError
from brushwork.io.film_formats import open_film
from brushwork.studio.client import Studio

from .conftest import JOBS, Sent, Until

LONG = {"method": "gatys", "settings": {"steps": 100_000, "tolerance": 0}, "size": 64}


@pytest.mark.parametrize(("suffix", "form"), [(".png", "PNG"), (".jpg", "JPEG"), (".tif", "TIFF")])
def test_a_photo_is_painted_into_a_file_that_tells_how(
    suffix: str, form: str, studio: Studio, samples: Path, tmp_path: Path
) -> None:
    output = tmp_path / f"painted{suffix}"
    done = studio.stylize(
        samples / "photo.png", samples / "wave.jpg", output, preset="draft", size=96, settings={"strength": 0.8}
    )
    assert done["status"] == "done"
    with Image.open(output) as opened:
        assert (opened.format, opened.size) == (form, (96, 72))
    recipe = dict(read_recipe(output) or {})
    assert recipe["content"]["name"] == "photo.png"
    assert "wave.jpg" in json.dumps(recipe)
    assert [path.name for path in tmp_path.iterdir()] == [output.name]


def test_a_preset_gives_method_and_settings(studio: Studio, http: httpx.Client, photo: str) -> None:
    ask: dict[str, Any] = {"photo": photo, "style": "great-wave", "preset": "good", "size": 64}
    preview = http.post("/api/previews", json=ask | {"settings": {"strength": 0.5}})
    draft = http.post("/api/previews", json=ask | {"preset": "draft", "settings": {"strength": 0.5}})
    assert preview.content == draft.content
    job = studio.submit("picture", **ask, settings={"steps": 8})
    assert (job["request"]["method"], job["request"]["settings"]["steps"]) == ("gatys", 8)
    assert studio.wait(job["id"])["status"] == "done"
    for wrong, status in (
        ({"method": "adain"}, 400),
        ({"settings": {"model": "adain-lite"}}, 400),
        ({"preset": "x"}, 422),
    ):
        answer = http.post("/api/jobs", json={"kind": "picture", **ask, **wrong})
        assert (answer.status_code, list(answer.json())) == (status, ["error"])


def test_a_film_is_shown_and_painted(
    studio: Studio, http: httpx.Client, samples: Path, tmp_path: Path, sent: Sent
) -> None:
    film = sent(http, samples / "film.mp4")
    ask = {"kind": "video", "film": film, "style": "great-wave"}
    assert picture(http.post("/api/previews/video", json=ask).content).shape == (128, 288, 3)
    job = studio.submit(**ask)
    assert studio.wait(job["id"])["progress"]["step"] == 8
    answer = http.get(f"/api/jobs/{job['id']}/result")
    assert answer.headers["content-type"] == "video/mp4"
    (tmp_path / "film.mp4").write_bytes(answer.content)
    assert len(list(open_film(tmp_path / "film.mp4").frames())) == 8


def test_a_batch_and_a_grid(studio: Studio, http: httpx.Client, photo: str) -> None:
    batch = studio.submit("batch", photos=[photo, photo], style="great-wave", preset="draft", size=64)
    grid = studio.submit("grid", photo=photo, styles=["great-wave", "feminine-wave"], steps=2, size=64)
    studio.wait(batch["id"])
    answer = http.get(f"/api/jobs/{batch['id']}/result")
    assert answer.headers["content-type"] == "application/zip"
    assert zipfile.ZipFile(io.BytesIO(answer.content)).namelist() == ["0001_photo.png", "0002_photo.png"]
    assert studio.wait(grid["id"])["progress"]["share"] == 1
    assert picture(http.get(f"/api/jobs/{grid['id']}/result").content).shape[1] >= 128


def test_a_job_s_events_go_up_to_its_end(studio: Studio, http: httpx.Client, photo: str) -> None:
    job = studio.submit("picture", photo=photo, style="great-wave", method="gatys", settings={"steps": 40}, size=64)
    told = list(studio.events(job["id"]))
    shares = [facts["progress"].get("share", 0) for facts in told]
    assert shares == sorted(shares)
    assert (shares[-1], told[-1]["status"], told[-1]["result"]) == (1, "done", True)
    with http.stream("GET", f"/api/jobs/{job['id']}/events") as answer:  # of one that has ended: how it ended
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.read().decode().splitlines()
    assert [line.partition(":")[0] for line in lines] == ["event", "data", ""]


def test_a_job_waits_while_it_is_paused_and_goes_on(
    studio: Studio, http: httpx.Client, photo: str, until: Until
) -> None:
    job = studio.submit("picture", photo=photo, style="great-wave", **LONG)["id"]
    until(lambda: studio.job(job)["progress"].get("step", 0) > 12)
    studio.job(job, "pause")
    with pytest.raises(BrushworkError, match="is paused"):
        studio.wait(job)
    steps = studio.job(job)["progress"]["step"]
    assert picture(http.get(f"/api/jobs/{job}/preview").content).shape == (48, 64, 3)
    with pytest.raises(BrushworkError, match="paused and has no result"):
        studio.fetch(job, "nowhere.png")
    assert studio.job(job, "resume")["status"] in ("waiting", "running")
    first = until(lambda: [facts for facts in [studio.job(job)] if facts["progress"]["step"] != steps])[0]
    assert first["progress"]["step"] > 10


def test_what_is_canceled_while_it_is_optimized_is_kept(
    studio: Studio, photo: str, tmp_path: Path, until: Until
) -> None:
    job = studio.submit("picture", photo=photo, style="great-wave", **LONG)["id"]
    until(lambda: studio.job(job)["progress"].get("step", 0) > 3)
    studio.job(job, "cancel")
    assert studio.wait(job)["status"] == "stopped"
    studio.fetch(job, tmp_path / "so-far.png")
    assert dict(read_recipe(tmp_path / "so-far.png") or {})["stopped_early"] is True


def test_a_job_that_waits_is_canceled_at_once(studio: Studio, http: httpx.Client, photo: str) -> None:
    studio.submit("picture", photo=photo, style="great-wave", **LONG)
    job = studio.submit("picture", photo=photo, style="great-wave")["id"]
    assert studio.job(job, "cancel")["status"] == "canceled"
    for action in ("pause", "resume", "cancel"):
        assert http.post(f"/api/jobs/{job}/{action}").status_code == 409
    assert http.get(f"/api/jobs/{job}/result").status_code == 409
    assert http.get(f"/api/jobs/{job}/preview").status_code == 404


def test_the_history_is_there_the_newest_first_until_it_is_deleted(
    studio: Studio, http: httpx.Client, photo: str
) -> None:
    jobs = [studio.submit("picture", photo=photo, style="great-wave", preset="draft", size=64)["id"] for _ in range(2)]
    for job in jobs:
        studio.wait(job)
    history = studio.jobs()
    assert [job["id"] for job in history[:2]] == jobs[::-1]
    assert history[0]["title"] == "photo.png in the style of great-wave"
    assert history[0]["request"]["size"] == 64
    assert history[0]["made"] <= history[0]["started"] <= history[0]["ended"]
    for job in jobs:
        assert http.delete(f"/api/jobs/{job}").status_code == 204
        assert http.get(f"/api/jobs/{job}").status_code == 404
        assert http.get(f"/api/jobs/{job}/result").status_code == 404
    assert not {job["id"] for job in studio.jobs()} & set(jobs)


def test_a_running_job_and_what_it_needs_can_t_be_deleted(studio: Studio, http: httpx.Client, photo: str) -> None:
    job = studio.submit("picture", photo=photo, style="great-wave", **LONG)["id"]
    assert http.delete(f"/api/jobs/{job}").status_code == 409
    answer = http.delete(f"/api/uploads/{photo}")
    assert answer.status_code == 409
    assert answer.json()["error"] == "an unfinished job needs this file; cancel the job first"


def test_a_result_is_saved_under_its_title_or_shown(studio: Studio, http: httpx.Client, photo: str) -> None:
    job = studio.submit("picture", photo=photo, style="great-wave", preset="draft", size=64)["id"]
    studio.wait(job)
    saved, shown = (http.get(f"/api/jobs/{job}/result", params=p) for p in ({"format": "jpeg"}, {"inline": "true"}))
    assert saved.headers["content-disposition"] == 'attachment; filename="photo_great-wave.jpg"'
    assert saved.headers["content-type"] == "image/jpeg"
    assert shown.headers["content-disposition"].startswith("inline")
    assert saved.headers["x-content-type-options"] == "nosniff"
    assert http.get(f"/api/jobs/{job}/result", params={"format": "svg"}).status_code == 400
    part = http.get(f"/api/jobs/{job}/result", headers={"range": "bytes=0-7"})
    assert (part.status_code, part.content) == (206, b"\x89PNG\r\n\x1a\n")


def test_too_many_jobs_are_told_when_to_come_again(
    studio: Studio, http: httpx.Client, photo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask: dict[str, Any] = {"kind": "picture", "photo": photo, "style": "great-wave"}
    jobs = [studio.submit(**ask, **LONG)["id"] for _ in range(JOBS)]
    answer = http.post("/api/jobs", json=ask)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert "4 jobs per user" in answer.json()["error"]
    waited = list[float]()

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        studio.job(jobs[-1], "cancel")

    monkeypatch.setattr(time, "sleep", sleep)
    assert studio.submit(**ask)["status"] == "waiting"  # the client comes again
    assert waited == [int(answer.headers["retry-after"])]
