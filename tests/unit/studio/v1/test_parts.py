"""Parts of API v1 by themselves: limits of requests, keys, deadlines, advice."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from brushwork.studio import connections, guard
from brushwork.studio.advice import in_request_terms
from brushwork.studio.connections import PunctualProtocol
from brushwork.studio.guard import Guard
from brushwork.studio.limits import Limits
from brushwork.studio.records import Upload
from brushwork.studio.service import Service
from brushwork.studio.v1.rate_limit import RateLimited


async def application(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"here"})


def test_who_asks_too_often_waits_and_the_others_do_not() -> None:
    limited = RateLimited(application, most=3)

    async def asked(user: str | None) -> httpx.Response:
        async def by(scope: Any, receive: Any, send: Any) -> None:
            await limited({**scope, "state": {"user": user}}, receive, send)

        async with httpx.AsyncClient(transport=httpx.ASGITransport(by), base_url="http://studio") as client:
            return await client.get("/api/v1/jobs")

    async def all_asked() -> list[httpx.Response]:
        return [await asked(user) for user in ("ada", "ada", "ada", "ada", "bob", *[None] * 9)]

    *answers, stranger = asyncio.run(all_asked())
    assert stranger.status_code == 200  # the guard limits those who aren't logged in
    del answers[5:]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 200]
    assert [answer.headers["ratelimit"].split(";t=")[0] for answer in answers] == [
        f'"requests";r={left}' for left in (2, 1, 0, 0, 2)
    ]
    assert answers[3].headers["content-type"] == "application/problem+json"
    assert 0 < int(answers[3].headers["retry-after"]) <= 60


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("b.png: is large", "b.png: is large"),
        ("no memory; use a smaller size or --preset draft, or allow more with --max-memory",
         "no memory; use a smaller size or preset draft"),
        ("device cuda is not there; use --device cpu, or install a torch build with cuda",
         "device cuda is not there; install a torch build with cuda"),
        ("a painting can't; use keep_color_when 'after' (--keep-color-when after)",
         "a painting can't; use keep_color_when 'after' (keep_color_when after)"),
        ("it is damaged, and only a part could be read; copy it again, or refuse such files with --strict",
         "it is damaged, and only a part could be read; copy it again"),
    ],
)  # fmt: skip
def test_advice_is_in_terms_of_a_request(message: str, expected: str) -> None:
    assert in_request_terms(message) == expected


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The port of a server that waits a fifth of a second for the head of a request."""
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.2)
    app = FastAPI()
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    bound.listen()  # early connections wait
    config = uvicorn.Config(app, http=PunctualProtocol, log_config=None, lifespan="off", timeout_keep_alive=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    yield bound.getsockname()[1]
    server.should_exit = True
    thread.join()
    bound.close()


@pytest.mark.parametrize("before", [b"", b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"], ids=["first", "second"])
@pytest.mark.parametrize("start", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nhost: x\r\n"], ids=["nothing", "line", "head"])
def test_a_request_whose_head_does_not_come_is_given_up(before: bytes, start: bytes, served: int) -> None:
    with socket.create_connection(("127.0.0.1", served), timeout=60) as connection:
        if before:
            connection.sendall(before)
            assert b"404" in connection.recv(65536)
        connection.sendall(start)
        with suppress(ConnectionResetError):
            while connection.recv(65536):
                pass


def test_a_request_whose_body_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "SILENCE", 0.05)
    sent = list[Any]()

    async def reading(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    async def receive() -> Any:
        await asyncio.sleep(60)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "path": "/api/v1/uploads", "method": "POST", "headers": [(b"content-length", b"9")]}
    asyncio.run(Guard(reading, Limits(), None)(scope, receive, send))
    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]


def test_tiny_files_take_room(service: Service, take: Callable[..., Upload], samples: Path) -> None:
    for _ in range(3):
        service.database.add_upload(f"{_}" * 32, "ada", "picture", "tiny.png", 70, {})
    assert service.quota.used("ada") > 3 * 10_000
