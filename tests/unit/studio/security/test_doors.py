"""Ways into a studio other than its usual address: IPv6, WebSockets, and what there is without the page."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from studios import PASSWORDS, PATIENCE

from brushwork.studio.users import Users

Serve = Callable[..., Any]
UPGRADE = (
    "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
    "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
)


def ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as found:
            found.bind(("::1", 0))
    except OSError:
        return False
    return True


def shaken(url: str, path: str, more: str) -> str:
    """The status line with which a WebSocket is answered."""
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port), timeout=PATIENCE) as connection:
        connection.sendall(UPGRADE.format(path=path, host=place.netloc, more=more).encode())
        return connection.recv(4096).decode().splitlines()[0]


def test_no_websocket_is_opened_with_a_login_or_without(running: Any, ada: httpx.Client) -> None:
    login = f"authorization: {ada.headers['authorization']}\r\n"
    for path in ("/", "/api/v1/jobs", "/ws"):
        for more in ("", login, f"{login}origin: http://evil.example\r\n"):
            assert shaken(running.url, path, more).split()[1] != "101", (path, more)
    assert ada.get("/health").status_code == 200


@pytest.fixture(scope="module")
def alone(serve: Serve) -> Any:
    return serve("--host", "::1" if ipv6() else "127.0.0.1")


@pytest.fixture(scope="module")
def http(alone: Any) -> Iterator[httpx.Client]:
    with alone.http() as client:
        yield client


@pytest.mark.skipif(not ipv6(), reason="needs IPv6")
def test_a_studio_is_reached_by_ipv6(alone: Any, http: httpx.Client, samples: Path) -> None:
    assert alone.url.startswith("http://[::1]:")
    assert http.get("/ready").status_code == 200
    sent = http.post("/api/v1/uploads", files={"file": ("photo.png", (samples / "photo.png").read_bytes())})
    assert sent.status_code == 201
    for host in ("[::1]", "LOCALHOST:80"):
        assert http.get("/health", headers={"host": host}).status_code == 200
    for host in ("[::2]", "[::ffff:127.0.0.1]", "evil.example", "[::1].evil.example"):
        assert http.get("/health", headers={"host": host}).status_code == 403
    origin = {"origin": alone.url}
    assert http.post("/api/v1/jobs", json={}, headers=origin).status_code == 422
    assert http.post("/api/v1/jobs", json={}, headers={"origin": "http://[::1]:1"}).status_code == 403


def test_without_the_page_there_is_only_the_interface(http: httpx.Client) -> None:
    for path in ("/", "/app.js", "/texts/en.json", "/samples/coffee.png", "/login", "/docs", "/redoc"):
        answer = http.get(path, headers={"accept": "text/html"})
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json"), path
    for path in ("/api/v1/openapi.json", "/api/v1/jobs", "/api/v1/account", "/health", "/metrics"):
        assert http.get(path).status_code == 200
    assert http.get("/api/v1/account").json()["role"] == "admin"


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("POST", "/"), ("HEAD", "/nothing"), ("OPTIONS", "/jobs"),
     ("TRACE", "/jobs"), ("GET", "//jobs"), ("GET", "/uploads/%00"), ("DELETE", "/account"), ("PUT", "/admin/audit")],
)  # fmt: skip
def test_each_refusal_under_v1_has_one_shape(method: str, path: str, http: httpx.Client) -> None:
    answer = http.request(method, f"/api/v1{path}")
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"
    if method != "HEAD":
        assert {"type", "title", "status", "detail", "instance"} <= set(answer.json())


def test_a_role_holds_at_once(serve: Serve, samples: Path) -> None:
    running = serve(users=("ada", "bob"))
    Users(running.folder / "users.json").set("bob", role="viewer")
    with running.logged_in("bob") as bob:
        assert PASSWORDS["bob"] not in bob.get("/api/v1/account").text
        assert bob.get("/api/v1/account").json()["role"] == "viewer"
        assert bob.get("/api/v1/uploads").json() == {"items": [], "next": None}
        content = {"file": ("photo.png", (samples / "photo.png").read_bytes())}
        for path in ("/api/uploads", "/api/v1/uploads"):
            assert bob.post(path, files=content).status_code == 403
        assert bob.get("/api/v1/admin/jobs").status_code == 403
    with running.logged_in("ada") as ada:
        assert ada.post("/api/v1/uploads", files=content).status_code == 201
