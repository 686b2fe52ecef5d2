"""API v1 of a real studio: jobs, lists, keys, ETags, events, and what it refuses."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import stat
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from studios import picture

from brushwork import preset_options
from brushwork.registry import method_name
from brushwork.studio.client import Studio

Done = Callable[..., str]
LONG = {"method": "gatys", "settings": {"steps": 100_000, "tolerance": 0}, "size": 64}


def test_what_names_neither_a_preset_nor_a_method_is_painted_by_good(http: httpx.Client, photo: str) -> None:
    ask = {"photo": photo, "style": "great-wave", "size": 64, "settings": {"steps": 2}}
    for more, method in (
        ({}, "gatys"),
        ({"preset": None}, "gatys"),
        ({"preset": "draft", "settings": {}}, "adain-lite"),
    ):
        answer = http.post("jobs", json={"kind": "picture", **ask, **more})
        assert answer.status_code == 202, answer.text
        assert answer.json()["request"]["method"] == method
        assert "webhook" not in answer.json()["request"]
        http.post(answer.headers["location"].removeprefix("/api/v1/") + "/cancel")
    old = httpx.post(
        f"{str(http.base_url).removesuffix('v1/')}jobs", json={"kind": "picture", **ask, "settings": {}}, timeout=60
    )
    assert old.json()["request"]["method"] == "adain-lite"
    assert old.headers["deprecation"].startswith("@")
    assert "successor-version" in old.headers["link"]
    assert "deprecation" not in http.get("jobs").headers


def test_a_list_comes_in_parts_without_gaps_even_if_something_is_deleted(
    http: httpx.Client, studio: Studio, samples: Path
) -> None:
    sent = [studio.send(samples / "photo.png") for _ in range(5)][::-1]
    first = http.get("uploads", params={"limit": 2}).json()
    assert [upload["id"] for upload in first["items"]] == sent[:2]
    for gone in (sent[1], sent[3]):
        assert http.delete(f"uploads/{gone}").status_code == 204
    second = http.get("uploads", params={"limit": 2, "cursor": first["next"]}).json()
    assert [upload["id"] for upload in second["items"]] == [sent[2], sent[4]]
    assert [upload["id"] for upload in studio.uploads()][:3] == [sent[0], sent[2], sent[4]]


def test_an_upload_is_shown_in_all_styles(http: httpx.Client, studio: Studio, photo: str) -> None:
    with http.stream("GET", f"uploads/{photo}/styles") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = [block.split("\n") for block in answer.read().decode().split("\n\n") if block]
    assert events[-1] == ["event: end", 'data: {"retry_after": null}']
    found = [json.loads(data.removeprefix("data: ")) for name, data in events[:-1] if name == "event: thumbnail"]
    assert [thumbnail["style"] for thumbnail in found] == [style["name"] for style in studio.styles()]
    for thumbnail in found:
        assert picture(base64.b64decode(thumbnail["jpeg"])).shape == (120, 160, 3)
    assert http.get(f"uploads/{'0' * 32}/styles").status_code == 404


def test_a_job_is_discarded_whatever_its_state(http: httpx.Client, photo: str, running: Any, until: Any) -> None:
    def gone(job: str) -> bool:
        return http.get(f"jobs/{job}").status_code == 404 and not (running.folder / "jobs" / job).exists()

    asked = {"kind": "picture", "photo": photo, "style": "great-wave", **LONG}
    first, second = (http.post("jobs", json=asked).json()["id"] for _ in range(2))
    until(lambda: http.get(f"jobs/{first}").json()["progress"].get("step"))
    assert http.delete(f"jobs/{first}").status_code == 409
    assert http.delete(f"jobs/{second}?cancel=true").status_code == 204  # it waits
    assert gone(second)
    assert http.delete(f"jobs/{first}?cancel=true").status_code == 204  # it runs
    until(lambda: gone(first))


def test_presets_are_listed_with_their_settings(http: httpx.Client) -> None:
    found = http.get("presets").json()
    assert list(found) == ["draft", "good", "best"]
    for name, preset in found.items():
        settings = preset_options(name)
        assert preset == {
            "method": method_name(settings),
            "settings": json.loads(json.dumps(dataclasses.asdict(settings))),
        }


def test_all_styles_and_jobs_are_listed_once(http: httpx.Client, studio: Studio, done: Done) -> None:
    names = [style["name"] for style in studio.styles()]
    assert names == sorted(set(names))
    found, cursor = [], ""
    while cursor is not None:
        page = http.get("styles", params={"limit": 40, "cursor": cursor}).json()
        found += [style["name"] for style in page["items"]]
        cursor = page["next"]
    assert found == names
    jobs = [done(), done()]
    assert [job["id"] for job in studio.jobs()][:2] == jobs[::-1]


def test_a_request_that_comes_again_is_done_once(http: httpx.Client, photo: str, samples: Path) -> None:
    ask = {"kind": "picture", "photo": photo, "style": "great-wave", **LONG}
    key = {"idempotency-key": f"job-{time.monotonic_ns()}"}
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: http.post("jobs", json=ask, headers=key), range(4)))
    assert {answer.status_code for answer in answers} == {202}
    (job,) = {answer.json()["id"] for answer in answers}
    assert sum(answer.headers.get("idempotency-replayed") == "true" for answer in answers) == 3
    other = http.post("jobs", json={**ask, "style": "feminine-wave"}, headers=key)
    assert (other.status_code, other.json()["title"]) == (422, "Idempotency-Key reused")
    file = {"file": ("photo.png", (samples / "photo.png").read_bytes())}
    assert http.post("uploads", files=file, headers=key).status_code == 422
    http.post(f"jobs/{job}/cancel")
    while http.delete(f"jobs/{job}").status_code == 409:
        time.sleep(0.05)
    assert http.post("jobs", json=ask, headers=key).status_code == 409
    uploads = [http.post("uploads", files=file, headers={"idempotency-key": f"{key}"}).json()["id"] for _ in range(2)]
    assert uploads[0] == uploads[1]


def test_a_picture_that_is_there_already_is_not_sent_again(http: httpx.Client, photo: str, done: Done) -> None:
    job = done()
    for path in (f"jobs/{job}/result", f"jobs/{job}/result?format=jpeg", f"jobs/{job}/preview", f"uploads/{photo}/view",
                 "styles/great-wave/swatch", f"uploads/{photo}/tiles/0/0/0", f"jobs/{job}/tiles/0/0/0"):  # fmt: skip
        whole = http.get(path)
        again = http.get(path, headers={"if-none-match": f'"other", W/{whole.headers["etag"]}'})
        assert (whole.status_code, again.status_code, again.content) == (200, 304, b"")
        assert again.headers["etag"] == whole.headers["etag"]
        assert whole.headers["cache-control"] == "private, no-cache"
        assert http.get(path, headers={"if-none-match": '"other"'}).status_code == 200
    tags = [http.get(f"jobs/{job}/result", params={"format": form}).headers["etag"] for form in ("png", "jpeg")]
    assert tags[0] != tags[1]


def test_the_picture_develops_in_the_events(studio: Studio, http: httpx.Client, photo: str) -> None:
    ask = {"kind": "picture", "photo": photo, "style": "great-wave", "size": 160, "settings": {"steps": 12}}
    job = http.post("jobs", json=ask).json()["id"]
    events = list[tuple[str, dict[str, Any]]]()
    with http.stream("GET", f"jobs/{job}/events?pictures=true") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                events.append((name, json.loads(line.removeprefix("data: "))))
    assert [name for name, _ in events][-1] == "end"
    assert events[-1][1]["status"] == "done"
    assert events[-1][1]["preview"].startswith(f"/api/v1/jobs/{job}/preview?at=")
    pictures = list(studio.pictures(job))
    assert len(pictures) == 1  # of a job that has ended: the last one
    assert picture(pictures[0]).shape == (120, 160, 3)
    steps = [content["step"] for name, content in events if name == "picture"]
    assert len(steps) > 2
    assert steps == sorted(steps)


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "kind"),
    [
        ("PUT", "jobs/x", {}, 405, "method-not-allowed"),
        ("PATCH", "jobs", {}, 405, "method-not-allowed"),
        ("GET", "nothing", {}, 404, "not-found"),
        ("GET", "jobs/x", {}, 404, "not-found"),
        ("GET", "jobs/..%2f..%2fstudio.sqlite/result", {}, 404, "not-found"),
        ("POST", "jobs", {"content": b"{", "headers": {"content-type": "application/json"}}, 400, "invalid-request"),
        ("POST", "jobs", {"json": {}}, 422, "invalid-content"),
        ("POST", "jobs", {"json": []}, 422, "invalid-content"),
        ("POST", "uploads", {}, 422, "invalid-content"),
        ("POST", "jobs", {"json": {}, "headers": {"idempotency-key": "x" * 256}}, 422, "invalid-content"),
        ("GET", "jobs?cursor=%00", {}, 400, "invalid-request"),
        ("GET", "jobs?cursor=WzEsMl0", {}, 400, "invalid-request"),
        ("GET", "styles?cursor=W1tb", {}, 400, "invalid-request"),
        ("GET", "jobs?limit=0", {}, 422, "invalid-content"),
        ("GET", "jobs", {"headers": {"host": "evil.example"}}, 403, "not-allowed"),
        ("POST", "jobs", {"json": {}, "headers": {"origin": "http://evil.example"}}, 403, "not-allowed"),
        ("POST", "previews", {"json": {"photo": "x" * 20_000}}, 413, "too-large"),
        ("POST", "sessions", {"json": {}}, 404, "not-found"),
    ],
)  # fmt: skip
def test_each_refusal_is_a_problem(
    method: str, path: str, options: dict[str, Any], status: int, kind: str, http: httpx.Client
) -> None:
    answer = http.request(method, path, **options)
    found = answer.json()
    assert (answer.status_code, found["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert found["type"] == f"/api/v1/problems/{kind}"
    assert found["instance"].startswith("/api/v1/")
    assert "\n" not in found["detail"]
    assert http.get(f"problems/{kind}").json()["title"] == found["title"]
    assert ("allow" in answer.headers) == (status == 405)
    assert ("errors" in found) == (kind == "invalid-content")


def test_a_problem_names_each_invalid_field(http: httpx.Client, photo: str) -> None:
    ask = {"kind": "picture", "photo": photo, "style": "", "size": -1}
    found = http.post("jobs", json=ask).json()
    assert {error["pointer"].split("/")[-1] for error in found["errors"]} == {"style", "size"}


def test_too_many_jobs_are_told_when_to_come_again(http: httpx.Client, studio: Studio, photo: str) -> None:
    ask = {"kind": "picture", "photo": photo, "style": "great-wave", **LONG}
    answers = [http.post("jobs", json=ask) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [202] * 4 + [429]
    left = [answer.headers["ratelimit"].split(", ")[0] for answer in answers[:4]]
    assert left == [f'"jobs";r={number}' for number in (3, 2, 1, 0)]
    assert answers[0].headers["ratelimit-policy"].startswith('"jobs";q=4, "requests";q=100000;w=60')
    assert answers[4].headers["retry-after"] == str(answers[4].json()["retry_after"])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("page.html", b"<!doctype html><script>alert(1)</script>"),
        ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
    ],
)
def test_pages_and_drawings_are_not_taken(name: str, content: bytes, http: httpx.Client) -> None:
    answer = http.post("uploads", files={"file": (name, content)})
    assert (answer.status_code, answer.json()["title"]) == (400, "Invalid request")


def test_what_is_served_is_no_page_whatever_it_was_called(http: httpx.Client, samples: Path) -> None:
    script = b"<script>alert(1)</script>"
    content = (samples / "photo.png").read_bytes() + script
    sent = http.post("uploads", files={"file": ("<script>.html", content, "text/html")}).json()["id"]
    view = http.get(f"uploads/{sent}/view")
    ask = {"kind": "picture", "photo": sent, "style": "great-wave", "preset": "draft", "size": 64}
    job = http.post("jobs", json=ask).json()["id"]
    http.get(f"jobs/{job}/events")
    result, facts = http.get(f"jobs/{job}/result"), http.get(f"jobs/{job}")
    assert script not in view.content + result.content
    assert result.headers["content-disposition"].startswith("attachment; ")
    for answer, kind in ((view, "image/jpeg"), (result, "image/png"), (facts, "application/json")):
        assert answer.headers["content-type"] == kind
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_advice_names_no_flags_of_the_command(http: httpx.Client) -> None:
    file = io.BytesIO()
    Image.new("RGB", (300, 200)).save(file, "PNG")
    found = http.post("uploads", files={"file": ("large.png", file.getvalue())}).json()
    assert found["detail"] == "large.png: 300 x 200 pixels are more than the limit of 50,000"


def test_the_name_of_this_machine_may_be_written_large(http: httpx.Client) -> None:
    for host in ("LOCALHOST", "LocalHost:1", "localhost.", "[::1]:7860"):
        assert http.get("styles", headers={"host": host}, params={"limit": 1}).status_code == 200


def test_files_are_their_owner_s_alone_and_none_is_left_over(
    running: Any, http: httpx.Client, photo: str, done: Done
) -> None:
    done()
    http.get(f"uploads/{photo}/view")
    http.get("webhooks")
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in running.folder.rglob("*")}
    assert stat.S_IMODE(running.folder.stat().st_mode) == 0o700
    assert {path: mode for path, mode in modes.items() if mode != (0o700 if path.is_dir() else 0o600)} == {}
    assert not list(running.folder.glob(".sent-*"))


def test_all_jobs_are_followed_until_none_runs(http: httpx.Client, studio: Studio, photo: str, done: Done) -> None:
    before = done()
    ask = {"kind": "picture", "photo": photo, "style": "great-wave"}
    paused = http.post("jobs", json=ask | LONG).json()["id"]  # the others wait for it until they are followed
    asks = [ask | {"preset": "draft", "size": 64}] * 2
    first, second = (http.post("jobs", json=asked).json()["id"] for asked in asks)
    events = followed(http, begun=lambda: http.post(f"jobs/{paused}/pause"))
    last = {facts["id"]: facts for name, facts in events if name == "job"}
    assert before not in last
    assert [last[job]["status"] for job in (first, second, paused)] == ["done", "done", "paused"]
    assert last[first]["request"]["style"] == "great-wave"
    assert last[first]["preview"].startswith(f"/api/v1/jobs/{first}/preview?at=")
    assert events[-1] == ("end", {})
    thumbnail = http.get(f"jobs/{first}/thumbnail")
    assert picture(thumbnail.content).shape == (48, 64, 3)
    again = http.get(f"jobs/{first}/thumbnail", headers={"if-none-match": thumbnail.headers["etag"]})
    assert again.status_code == 304
    assert [name for name, _ in followed(http)] == ["job", "end"]  # what is paused doesn't run
    page = http.get("jobs", params={"status": ["paused", "failed"], "search": "photo great wave", "kind": "picture"})
    assert [job["id"] for job in page.json()["items"]] == [paused]


def followed(http: httpx.Client, begun: Callable[[], object] = bool) -> list[tuple[str, dict[str, Any]]]:
    """The events of all jobs; `begun` is called after the first one."""
    events, name = list[tuple[str, dict[str, Any]]](), ""
    with http.stream("GET", "jobs/events") as answer:
        for line in answer.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                events.append((name, json.loads(line.removeprefix("data: "))))
                if len(events) == 1:
                    begun()
    return events


def test_a_texture_is_made_of_a_swatch(http: httpx.Client, studio: Studio, samples: Path) -> None:
    swatch = studio.send(samples / "wave.jpg")
    job = studio.wait(studio.submit("texture", swatch=swatch, width=120, height=90, seed=1)["id"])
    assert (job["status"], job["kind"]) == ("done", "texture")
    assert picture(http.get(f"jobs/{job['id']}/result").content).shape == (90, 120, 3)
    assert http.post("jobs", json={"kind": "texture", "swatch": swatch, "width": 5000}).status_code == 422
    assert http.post("jobs", json={"kind": "texture", "swatch": swatch, "width": 900}).status_code == 413
