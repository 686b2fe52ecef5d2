"""The HTTP interface under requests that are drawn from its own description: none may fail inside."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from studios import PATIENCE

EXAMPLES = {GenerationMode.POSITIVE: 15, GenerationMode.NEGATIVE: 6}  # of each operation
ONLY_UNKNOWN = ("/api/jobs/{identity}/events", "/jobs/{identity}/events")  # of a job that waits it ends when that does
ENDLESS = ("/jobs/events",)  # until none of the jobs that are submitted here runs any more


@pytest.fixture(scope="module")
def running(serve: Callable[..., Any]) -> Any:
    return serve("--jobs", "10", "--upload-mb", "1", "--megapixels", "0.1", "--requests", "1000000")


@pytest.fixture(scope="module")
def known(running: Any, samples: Path, sent: Callable[..., str]) -> dict[str, list[str]]:
    """Ids that are there: files that stay, files that may be deleted, a job that is done."""
    with running.http() as http:
        files = [sent(http, samples / name) for name in ("photo.png", "film.mp4", "wave.jpg")]
        ask = {"kind": "picture", "photo": files[0], "style": "great-wave", "size": 64}
        return {"stay": files[:2], "path": [files[2], http.post("/api/jobs", json=ask).json()["id"]]}


def with_known(case: Any, draw: Any, known: dict[str, list[str]]) -> None:
    """Put ids of what is there into a request, in some places, so that it gets further than to 404."""
    if case.path_parameters and "identity" in case.path_parameters and case.path not in ONLY_UNKNOWN and draw():
        case.path_parameters["identity"] = known["path"]["/jobs/" in case.path]
    if isinstance(case.body, dict):
        for field, value in (
            ("photo", known["stay"][0]), ("picture", known["stay"][0]), ("film", known["stay"][1]),
            ("photos", known["stay"]), ("style", "great-wave"), ("styles", ["great-wave", f"@{known['stay'][0]}"]),
            ("start", None),
        ):  # fmt: skip
            if field in case.body and draw():
                case.body[field] = value


def attack(operation: Any, mode: GenerationMode, known: dict[str, list[str]]) -> int:
    """Send requests of one operation; how many."""
    count = 0

    @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
    @settings(
        max_examples=EXAMPLES[mode], deadline=None, derandomize=True, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def requests(case: Any, data: st.DataObject) -> None:
        nonlocal count
        with_known(case, lambda: data.draw(st.integers(0, 5)) > 0, known)
        case.call_and_validate(checks=[not_a_server_error], timeout=PATIENCE)
        count += 1

    with suppress(Unsatisfiable):  # what takes nothing can be given nothing wrong
        requests()
    return count


@pytest.mark.filterwarnings("ignore")  # what schemathesis thinks of its own dependencies
@pytest.mark.parametrize("root", ["/api/", "/api/v1/"], ids=["before", "v1"])
@pytest.mark.parametrize("mode", list(EXAMPLES), ids=lambda mode: mode.value)
def test_no_request_fails_inside(mode: GenerationMode, root: str, running: Any, known: dict[str, list[str]]) -> None:
    with running.http() as http:  # names of styles are free again
        for style in http.get("/api/styles").json():
            if style["own"]:
                http.delete(f"/api/styles/{style['name']}")
    schema = schemathesis.openapi.from_url(f"{running.url}{root}openapi.json")
    operations: list[Any] = list(schema.get_all_operations())
    finite = [found.ok() for found in operations if found.ok().path not in ENDLESS]
    sent = {operation.label: attack(operation, mode, known) for operation in finite}
    assert len(sent) > 15
    assert sum(sent.values()) > 40
    asked = [event for event in running.events() if event["event"] == "request" and event["path"].startswith(root)]
    assert [event for event in asked if event["status"] >= 500] == []
    assert {200, 201, 202, 404} <= {event["status"] for event in asked}
    assert httpx.get(f"{running.url}/health", timeout=PATIENCE).status_code == 200


def test_the_description_names_every_route(running: Any) -> None:
    with running.http() as http:
        paths, v1 = http.get("/api/openapi.json").json()["paths"], http.get("/api/v1/openapi.json").json()
    assert {"/uploads", "/jobs", "/jobs/{identity}/result", "/previews", "/styles", "/webhooks"} <= set(v1["paths"])
    assert v1["servers"] == [{"url": "/api/v1"}]
    described = [answer for path in v1["paths"].values() for operation in path.values()
                 for status, answer in operation["responses"].items() if status >= "400"]  # fmt: skip
    assert {tuple(answer["content"]) for answer in described} == {("application/problem+json",)}
    assert "Problem" in v1["components"]["schemas"]
    assert all(operation["deprecated"] for path in paths.values() for operation in path.values())
    assert {"/api/uploads", "/api/jobs", "/api/jobs/{identity}/result", "/api/previews", "/api/styles"} <= set(paths)
    assert "429" in paths["/api/jobs"]["post"]["responses"]
