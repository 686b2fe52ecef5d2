"""A studio for three users, and clients whose every answer is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import brushwork
from brushwork.studio.guard import HEADERS

Sent = Callable[[httpx.Client, Path], str]
Until = Callable[..., Any]
FAILURES = 3
OTHERS = {name: words for name, words in HEADERS.items() if name != "content-security-policy"}


@pytest.fixture(scope="module")
def running(serve: Callable[..., Any]) -> Any:
    limits = ("--login-failures", FAILURES, "--upload-mb", 2, "--megapixels", 1, "--body-kb", 16)
    return serve(*map(str, limits), users=("ada", "bob", "eve"))


@pytest.fixture(scope="module")
def hooks(running: Any) -> dict[str, list[Callable[[httpx.Response], None]]]:
    """What holds for every answer of this module."""
    inside = [str(running.folder), str(Path(brushwork.__file__).parent), "Traceback", "site-packages"]

    def check(answer: httpx.Response) -> None:
        answer.read()
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "script-src" not in policy or answer.url.path == "/"
        assert {name: answer.headers[name] for name in OTHERS} == OTHERS
        assert answer.status_code < 500
        if answer.status_code >= 400:
            assert not any(words in answer.text for words in inside), answer.text

    return {"response": [check]}


@pytest.fixture(scope="module")
def stranger(running: Any, hooks: Any) -> Iterator[httpx.Client]:
    with running.http(event_hooks=hooks) as client:
        yield client


@pytest.fixture(scope="module")
def ada(running: Any, hooks: Any) -> Iterator[httpx.Client]:
    with running.logged_in("ada", event_hooks=hooks) as client:
        yield client


@pytest.fixture(scope="module")
def bob(running: Any, hooks: Any) -> Iterator[httpx.Client]:
    with running.logged_in("bob", event_hooks=hooks) as client:
        yield client


@pytest.fixture(scope="module")
def photo(ada: httpx.Client, samples: Path, sent: Sent) -> str:
    return sent(ada, samples / "photo.png")


@pytest.fixture(scope="session", name="done")
def done_fixture() -> Callable[..., str]:
    return done


def done(client: httpx.Client, until: Until, **ask: Any) -> str:
    """A job's id, as soon as it is done."""
    answer = client.post("/api/jobs", json=ask)
    assert answer.status_code == 202, answer.text
    job = str(answer.json()["id"])
    until(lambda: client.get(f"/api/jobs/{job}").json()["status"] == "done")
    return job
