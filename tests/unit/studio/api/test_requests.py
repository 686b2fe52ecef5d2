"""Files, previews and styles of a real studio, by its client and by hand, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from studios import picture

from brushwork.errors import BrushworkError
from brushwork.studio.client import Studio

from .conftest import BODY_KB, UPLOAD_MB, Sent


def test_a_studio_says_that_it_is_well(http: httpx.Client) -> None:
    assert http.get("/health").json()["status"] == "ok"
    assert http.get("/ready").json() == {
        "ready": True, "workers": {"jobs": True, "checks": True, "previews": True},
    }  # fmt: skip


def test_what_was_sent_is_listed_shown_and_deleted(http: httpx.Client, samples: Path, sent: Sent) -> None:
    film = sent(http, samples / "film.mp4")
    facts = next(upload for upload in http.get("/api/uploads").json() if upload["id"] == film)
    assert (facts["kind"], facts["name"], facts["facts"]["frames"]) == ("film", "film.mp4", 8)
    for path, size in (("thumbnail", (96, 64)), ("view.jpg?size=64", (64, 43))):
        answer = http.get(f"/api/uploads/{film}/{path}")
        assert answer.headers["content-type"] == "image/jpeg"
        assert picture(answer.content).shape[1::-1] == size
    assert http.delete(f"/api/uploads/{film}").status_code == 204
    assert http.get(f"/api/uploads/{film}/thumbnail").status_code == 404
    assert film not in http.get("/api/uploads").text


def test_a_preview_shows_what_the_result_will_be(
    studio: Studio, http: httpx.Client, photo: str, tmp_path: Path
) -> None:
    shown = picture(studio.preview(photo, "great-wave:0.5+feminine-wave:0.5", preset="draft", size=160))
    job = studio.submit("picture", photo=photo, style="great-wave:0.5+feminine-wave:0.5", preset="draft")
    studio.wait(job["id"])
    studio.fetch(job["id"], tmp_path / "painted.png")
    painted = picture((tmp_path / "painted.png").read_bytes())
    assert shown.shape == painted.shape
    assert np.abs(shown - painted).mean() < 12  # JPEG


def test_a_style_is_added_shown_painted_with_and_removed(studio: Studio, http: httpx.Client, photo: str) -> None:
    answer = http.post("/api/styles", json={"picture": photo, "name": "breakfast", "title": "Breakfast"})
    assert answer.status_code == 201
    assert answer.json()["own"] is True
    mine = next(style for style in studio.styles() if style["name"] == "breakfast")
    assert mine["title"] == "Breakfast"
    assert "gatys" in mine["methods"]
    assert picture(http.get("/api/styles/breakfast/swatch").content).shape[1] == 112
    assert picture(studio.preview(photo, "breakfast", size=64)).shape == (48, 64, 3)
    assert http.post("/api/styles", json={"picture": photo, "name": "breakfast"}).status_code == 400
    assert http.delete("/api/styles/breakfast").status_code == 204
    assert http.get("/api/styles/breakfast/swatch").status_code == 404
    assert http.delete("/api/styles/breakfast").status_code == 404
    assert "breakfast" not in [style["name"] for style in studio.styles()]


def test_the_library_comes_with_swatches(studio: Studio, http: httpx.Client) -> None:
    styles = studio.styles()
    assert len(styles) > 10
    assert all(style["methods"] and not style["own"] for style in styles)
    answer = http.get(f"/api/styles/{styles[0]['name']}/swatch")
    assert picture(answer.content).std() > 5
    assert "max-age" in answer.headers["cache-control"]
    assert http.delete(f"/api/styles/{styles[0]['name']}").status_code == 400


def test_options_are_described_and_their_defaults_are_taken(http: httpx.Client, photo: str) -> None:
    found = http.get("/api/methods").json()
    assert {"adain-lite", "gatys"} <= set(found)
    assert "johnson" not in found
    strength = next(option for option in found["adain-lite"] if option["name"] == "strength")
    assert (strength["default"], strength["low"], strength["high"]) == (1.0, 0, 1)
    settings = {option["name"]: option["default"] for option in found["adain-lite"]}
    ask = {"photo": photo, "style": "great-wave", "size": 64, "settings": settings}
    assert http.post("/api/previews", json=ask).status_code == 200


def measures(http: httpx.Client) -> dict[str, float]:
    lines = [line.rpartition(" ") for line in http.get("/metrics").text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def test_measures_count_what_happens(studio: Studio, http: httpx.Client, photo: str) -> None:
    before = measures(http)
    studio.preview(photo, "great-wave", size=64)
    studio.wait(studio.submit("picture", photo=photo, style="great-wave", preset="draft", size=64)["id"])
    http.get("/api/jobs/none")
    after = measures(http)
    for name in (
        'brushwork_jobs_submitted_total{kind="picture"}', 'brushwork_jobs{status="done"}',
        "brushwork_preview_seconds_count",
    ):  # fmt: skip
        assert after[name] == before.get(name, 0) + 1
    refused = 'brushwork_requests_total{method="GET",route="/api/jobs",status="404"}'
    assert after[refused] == before.get(refused, 0) + 1
    for worker in ("jobs", "checks", "previews"):
        assert after[f'brushwork_workers_alive{{worker="{worker}"}}'] == 1


def test_too_many_previews_are_refused_and_the_others_come(http: httpx.Client, samples: Path, sent: Sent) -> None:
    photos = [sent(http, samples / "photo.png") for _ in range(6)]

    def ask(number: int) -> httpx.Response:
        wanted = {
            "photo": photos[number % 6],
            "style": "great-wave",
            "size": 160,
            "settings": {"strength": number / 20},
        }
        return http.post("/api/previews", json=wanted)

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(ask, range(12)))
    codes = [answer.status_code for answer in answers]
    assert {200, 429} <= set(codes) <= {200, 409, 429}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in answers if answer.status_code == 429)


def test_the_newest_preview_of_a_photo_replaces_those_that_wait(http: httpx.Client, photo: str) -> None:
    def ask(number: int) -> httpx.Response:
        wanted = {"photo": photo, "style": "great-wave", "size": 320, "settings": {"strength": number / 20}}
        return http.post("/api/previews", json=wanted)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    assert {answer.status_code for answer in answers} == {200, 409}
    assert {answer.json()["error"] for answer in answers if answer.status_code == 409} == {
        "superseded by a newer request"
    }


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>", "an SVG drawing"),
        (b"%PDF-1.7", "a PDF document"),
    ],
    ids=["svg", "pdf"],
)
def test_a_drawing_that_calls_itself_a_picture_is_refused(http: httpx.Client, content: bytes, kind: str) -> None:
    answer = http.post("/api/uploads", files={"file": ("drawing.png", content)})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(f"drawing.png: is {kind}, which is not in a supported format; save it as")


def test_the_client_says_what_the_studio_refuses(studio: Studio, photo: str) -> None:
    with pytest.raises(BrushworkError, match="there is no style 'nothing'"):
        studio.submit("picture", photo=photo, style="nothing")
    with pytest.raises(BrushworkError, match=r"photo: "):
        studio.preview("x", "great-wave")
    with pytest.raises(BrushworkError, match="there is no job"):
        list(studio.events("0" * 32))
    with (
        Studio("http://127.0.0.1:9", timeout=5) as nowhere,
        pytest.raises(BrushworkError, match="can't be reached"),
    ):
        nowhere.jobs()


def test_large_files_are_refused_whether_their_size_is_told_or_not(http: httpx.Client) -> None:
    content = b"x" * (UPLOAD_MB * 1_000_000 + 200_000)
    head = b'--cut\r\ncontent-disposition: form-data; name="file"; filename="a.png"\r\n\r\n'

    def parts() -> Iterator[bytes]:
        yield head
        for start in range(0, len(content), 50_000):
            yield content[start : start + 50_000]

    told = http.post("/api/uploads", files={"file": ("a.png", content)})
    untold = http.post("/api/uploads", content=parts(), headers={"content-type": "multipart/form-data; boundary=cut"})
    nearly = http.post("/api/uploads", files={"file": ("a.png", content[:1_050_000])})
    for answer in (told, untold, nearly):
        assert answer.status_code == 413
        assert "limit" in answer.json()["error"]


def test_long_bodies_are_refused_whether_their_length_is_told_or_not(http: httpx.Client, photo: str) -> None:
    body = json.dumps({"photo": photo, "style": "great-wave", "settings": {"strength": [0.5] * 4000}}).encode()
    headers = {"content-type": "application/json"}
    told = http.post("/api/previews", content=body, headers=headers)
    untold = http.post("/api/previews", content=(body[k : k + 999] for k in range(0, len(body), 999)), headers=headers)
    assert (told.status_code, untold.status_code) == (413, 413)
    assert f"limit of {BODY_KB},000" in untold.json()["error"]


def test_large_pictures_and_long_films_are_refused(
    http: httpx.Client, film: Callable[[Path, int], Path], tmp_path: Path
) -> None:
    Image.new("RGB", (240, 210)).save(tmp_path / "large.png")
    for path, words in (
        (tmp_path / "large.png", "large.png: 240 x 210 pixels are more than the limit of 50,000"),
        (film(tmp_path / "long.mp4", 40), "long.mp4: 5 seconds are more than the limit of 3"),
    ):
        answer = http.post("/api/uploads", files={"file": (path.name, path.read_bytes())})
        assert answer.status_code == 400
        assert answer.json()["error"].startswith(words)


def test_large_batches_are_refused(http: httpx.Client, photo: str) -> None:
    answer = http.post("/api/jobs", json={"kind": "batch", "photos": [photo] * 4, "style": "great-wave"})
    assert answer.status_code == 413
    assert answer.json() == {"error": "4 photos are more than the limit of 3 for a batch"}


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("GET", "/api/nothing", {}, 404),
        ("GET", "/api/jobs/%00%0a", {}, 404),
        ("GET", "/api/jobs/..%2f..%2fstudio.sqlite/result", {}, 404),
        ("GET", "/api/uploads/../studio.sqlite/thumbnail", {}, 404),
        ("GET", "/api/styles/%2e%2e/swatch", {}, 404),
        ("PUT", "/api/jobs", {}, 405),
        ("POST", "/api/jobs", {"json": {}}, 422),
        ("POST", "/api/jobs", {"json": []}, 422),
        ("POST", "/api/jobs", {"content": b"{", "headers": {"content-type": "application/json"}}, 422),
        ("POST", "/api/jobs", {"content": b"\xff", "headers": {"content-type": "application/json"}}, 400),
        ("POST", "/api/jobs", {"content": b"a=b"}, 422),
        ("POST", "/api/uploads", {}, 422),
        ("POST", "/api/uploads", {"data": {"file": "text"}}, 422),
        ("POST", "/api/uploads", {"content": b"x", "headers": {"content-type": "multipart/form-data"}}, 400),
        ("GET", "/api/uploads/x/view.jpg?size=99999", {}, 422),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(
    method: str, path: str, options: dict[str, Any], status: int, http: httpx.Client
) -> None:
    answer = http.request(method, path, **options)
    assert answer.status_code == status
    assert set(answer.json()) == {"error"}
    assert "\n" not in answer.json()["error"]
    assert "Traceback" not in answer.text
