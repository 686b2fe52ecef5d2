"""API v1 for several users, in this process: who has logged in, and what is whose."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from brushwork.studio.files import StudioFiles
from brushwork.studio.guard import Guard
from brushwork.studio.limits import Limits
from brushwork.studio.service import Service
from brushwork.studio.users import Logins, Users
from brushwork.studio.v1.application import api_v1
from brushwork.studio.v1.webhooks import Webhooks

PASSWORD = "correct horse"
PHOTO = "a" * 32


@pytest.fixture
def visit(tmp_path: Path, home: None) -> Callable[[Callable[[httpx.AsyncClient], Awaitable[None]]], None]:
    """Do something with a client of a studio of ada, who has a photo and a job, and of bob."""
    files, limits = StudioFiles(tmp_path / "studio"), Limits()
    users = Users(files.root / "users.json")
    for name in ("ada", "bob"):
        users.add(name, PASSWORD)
    service = Service(files, limits)
    service.database.add_upload(PHOTO, "ada", "picture", "cat.png", 9, {"width": 64, "height": 48})
    logins, app = Logins(users, service.database, hours=1, failures=9), FastAPI()
    app.mount("/api/v1", api_v1(service, Webhooks(files), logins))

    def visit(act: Callable[[httpx.AsyncClient], Awaitable[None]]) -> None:
        async def visiting() -> None:
            transport = httpx.ASGITransport(Guard(app, limits, logins))
            async with httpx.AsyncClient(transport=transport, base_url="http://studio/api/v1") as client:
                await act(client)

        asyncio.run(visiting())

    return visit


async def log_in(client: httpx.AsyncClient, name: str) -> dict[str, str]:
    answer = await client.post("/sessions", json={"name": name, "password": PASSWORD})
    assert answer.status_code == 201
    return {"authorization": f"Bearer {answer.json()['token']}"}


def test_who_has_not_logged_in_gets_a_problem_and_the_client(visit: Any) -> None:
    async def act(client: httpx.AsyncClient) -> None:
        for path in ("/jobs", "/openapi.json", "/problems/too-large", "/webhooks"):
            answer = await client.get(path)
            assert (answer.status_code, answer.json()["title"]) == (401, "Login required")
        wrong = await client.post("/sessions", json={"name": "ada", "password": "wrong"})
        assert (wrong.status_code, wrong.json()["title"]) == (401, "Wrong password")
        assert "class Studio" in (await client.get("/client.js")).text

    visit(act)


def test_users_see_nothing_of_each_other(visit: Any) -> None:
    async def act(client: httpx.AsyncClient) -> None:
        ada, bob = await log_in(client, "ada"), await log_in(client, "bob")
        ask = {"kind": "picture", "photo": PHOTO, "style": "great-wave"}
        key = {"idempotency-key": "one"}
        job = (await client.post("/jobs", json=ask, headers=ada | key)).json()["id"]
        again = await client.post("/jobs", json=ask, headers=ada | key)
        assert (again.json()["id"], again.status_code) == (job, 202)
        assert (await client.post("/jobs", json=ask, headers=bob | key)).status_code == 404
        for path in (
            f"/uploads/{PHOTO}", f"/uploads/{PHOTO}/view", f"/jobs/{job}", f"/jobs/{job}/events",
            f"/jobs/{job}/preview", f"/jobs/{job}/result",
        ):  # fmt: skip
            assert (await client.get(path, headers=bob)).status_code == 404
        for path in ("/uploads", "/jobs"):
            assert (await client.get(path, headers=bob)).json() == {"items": [], "next": None}
            assert len((await client.get(path, headers=ada)).json()["items"]) == 1
        secrets = [(await client.get("/webhooks", headers=user)).json()["secret"] for user in (ada, bob)]
        assert secrets[0] != secrets[1]

    visit(act)
