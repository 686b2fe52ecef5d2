"""What the guard lets through, and what every answer carries, before a small application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY
from starlette.requests import Request

from brushwork.studio.database import Database
from brushwork.studio.guard import COOKIE, HEADERS, Guard, token_in
from brushwork.studio.limits import Limits
from brushwork.studio.users import Logins, Users

LOCAL_NAMES = ("127.0.0.1", "localhost", "[::1]")
PASSWORD = "correct horse"
OTHERS = {name: words for name, words in HEADERS.items() if name != "content-security-policy"}


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answer with who asks and how much was sent."""
    body = await Request(scope, receive).body()
    path = scope["path"]
    text = f"{scope['state']['user']} {len(body)}".encode()
    await send({"type": "http.response.start", "status": 404 if path == "/api/none" else 200, "headers": []})
    await send({"type": "http.response.body", "body": text})


def ask(guard: Guard, method: str, path: str, host: str = "127.0.0.1:7860", **options: Any) -> httpx.Response:
    async def asking() -> httpx.Response:
        transport = httpx.ASGITransport(guard)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            return await client.request(method, path, **options)

    return asyncio.run(asking())


@pytest.fixture
def guard() -> Guard:
    return Guard(application, Limits(upload_mb=1, body_kb=2), None, LOCAL_NAMES)


@pytest.fixture
def logins(tmp_path: Path) -> Logins:
    users = Users(tmp_path / "users.json")
    for name in ("ada", "bob"):
        users.add(name, PASSWORD)
    return Logins(users, Database(tmp_path / "studio.sqlite"), hours=1, failures=3)


@pytest.fixture
def locked(logins: Logins) -> Guard:
    return Guard(application, Limits(), logins)


def test_who_needs_no_login_is_local(guard: Guard) -> None:
    assert ask(guard, "GET", "/api/jobs").text == "local 0"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 200), ("GET", "/api/none", 404), ("POST", "/api/jobs", 200)],
)
def test_every_answer_carries_what_keeps_browsers_from_harm(
    method: str, path: str, status: int, guard: Guard, locked: Guard
) -> None:
    answers = [ask(guard, method, path), ask(locked, method, path), ask(guard, method, path, host="evil.example")]
    assert answers[0].status_code == status
    for answer in answers:
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert {name: answer.headers[name] for name in OTHERS} == OTHERS


def test_nothing_but_the_page_runs_scripts(guard: Guard) -> None:
    for path in ("/api/jobs", "/api/none", "/login", "/app.js"):
        policy = ask(guard, "GET", path).headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "script-src" not in policy


def test_what_the_api_says_is_not_kept_by_anybody(guard: Guard) -> None:
    assert ask(guard, "GET", "/api/jobs").headers["cache-control"] == "no-store"
    assert "cache-control" not in ask(guard, "GET", "/").headers


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost", "localhost:80", "[::1]:7860", "[::1]"])
def test_this_machine_s_own_names_are_answered(host: str, guard: Guard) -> None:
    assert ask(guard, "GET", "/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", "localhost.evil.example:7860", "", "0"]
)
def test_other_names_for_this_machine_are_refused(host: str, guard: Guard) -> None:
    answer = ask(guard, "GET", "/api/jobs", headers={"host": host})
    assert answer.status_code == 403
    assert answer.json() == {"error": "unknown host name"}


def test_who_logs_in_may_call_the_studio_as_they_like(locked: Guard, logins: Logins) -> None:
    headers = {"authorization": f"Bearer {logins.log_in('ada', PASSWORD)}"}
    assert ask(locked, "GET", "/api/jobs", host="studio.example", headers=headers).text == "ada 0"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:8080"},
        {"origin": "null"},
        {"origin": ""},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "http://127.0.0.1:7860", "sec-fetch-site": "cross-site"},
    ],
)
def test_other_sites_pages_change_nothing(headers: dict[str, str], guard: Guard) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert ask(guard, method, "/api/jobs", headers=headers).status_code == 403


@pytest.mark.parametrize(
    "headers", [{}, {"origin": "http://127.0.0.1:7860"}, {"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}]
)
def test_the_page_itself_and_programs_may(headers: dict[str, str], guard: Guard) -> None:
    assert ask(guard, "POST", "/api/jobs", headers=headers).status_code == 200


def parts(size: int, count: int) -> AsyncIterator[bytes]:
    async def sending() -> AsyncIterator[bytes]:
        for _ in range(count):
            yield b"x" * size

    return sending()


@pytest.mark.parametrize(("path", "most"), [("/api/jobs", 2_000), ("/api/uploads", 1_100_000)])
def test_what_is_too_long_is_refused_whether_its_length_is_told_or_not(path: str, most: int, guard: Guard) -> None:
    assert ask(guard, "POST", path, content=b"x" * most).text == f"local {most}"
    assert ask(guard, "POST", path, content=parts(most // 10, 10)).text == f"local {most}"
    for content in (b"x" * (most + 1), parts(most // 10, 11)):
        answer = ask(guard, "POST", path, content=content)
        assert answer.status_code == 413
        assert f"limit of {most:,}" in answer.json()["error"]
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("length", ["-1", "1e3", "x", "", "²"])
def test_a_length_is_a_number(length: str, guard: Guard) -> None:
    answer = ask(guard, "POST", "/api/jobs", headers={"content-length": length.encode()}, content=b"")
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer x"},
        {"authorization": "Basic YWRhOmNvcnJlY3QgaG9yc2U="},
        {"cookie": f"{COOKIE}=x"},
        {"cookie": f'{COOKIE}="'},
        {"cookie": "\x7f=;;;==\\"},
    ],
)
def test_who_has_not_logged_in_gets_nothing(headers: dict[str, str], locked: Guard) -> None:
    for path in ("/", "/api/jobs", "/metrics", "/api/openapi.json", "/app.js", "/login/x"):
        answer = ask(locked, "GET", path, headers=headers)
        assert (answer.status_code, answer.json()) == (401, {"error": "log in first"})


def test_browsers_are_led_to_the_login(locked: Guard) -> None:
    answer = ask(locked, "GET", "/", headers={"accept": "text/html,*/*"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert ask(locked, "GET", "/api/jobs", headers={"accept": "text/html"}).status_code == 401
    assert ask(locked, "GET", "/login").text == "None 0"


@pytest.mark.parametrize("name", ["ada", "bob"])
def test_a_token_says_who_asks_in_a_cookie_or_a_header(name: str, locked: Guard, logins: Logins) -> None:
    token = logins.log_in(name, PASSWORD)
    assert ask(locked, "GET", "/api/jobs", headers={"cookie": f"a=b; {COOKIE}={token}"}).text == f"{name} 0"
    assert ask(locked, "GET", "/api/jobs", headers={"authorization": f"bearer {token}"}).text == f"{name} 0"
    assert token_in({"authorization": f"Bearer {token}", "cookie": f"{COOKIE}=other"}) == token


def test_websockets_are_closed(guard: Guard) -> None:
    told = list[Any]()

    async def send(message: Any) -> None:
        told.append(message)

    asyncio.run(guard({"type": "websocket", "path": "/", "headers": []}, None, send))  # type: ignore[arg-type]
    assert told == [{"type": "websocket.close", "code": 1008}]


def test_strangers_make_no_measures_of_their_own(guard: Guard, locked: Guard) -> None:
    def measures() -> set[tuple[str, str]]:
        return {
            (sample.labels["method"], sample.labels["route"])
            for metric in REGISTRY.collect()
            for sample in metric.samples
            if sample.name == "brushwork_requests_total"
        }

    for number in range(20):
        ask(locked, "GET", f"/api/secret{number}")
        ask(guard, "GET", f"/page{number}")
        ask(guard, f"ODD{number}", "/api/jobs")
    assert {("GET", "other"), ("other", "/api/jobs")} <= measures()
    assert not any("secret" in route or "page" in route or "ODD" in method for method, route in measures())
