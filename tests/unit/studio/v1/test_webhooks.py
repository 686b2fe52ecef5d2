"""Webhooks: where they may go, what they carry, and that they come again until they are heard."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from brushwork.errors import BrushworkError, UsageError
from brushwork.studio.client import Studio, verified
from brushwork.studio.database import Database
from brushwork.studio.errors import NotAllowedError
from brushwork.studio.files import StudioFiles
from brushwork.studio.v1 import webhooks as module
from brushwork.studio.v1.signing import signature
from brushwork.studio.v1.webhooks import WAITS, Webhooks

from .conftest import Receiver


@pytest.fixture
def files(tmp_path: Path) -> StudioFiles:
    return StudioFiles(tmp_path / "studio")


@pytest.fixture
def database(files: StudioFiles) -> Database:
    return files.database()


@pytest.fixture
def ended(database: Database) -> Callable[[str], str]:
    """A job that has ended and whose webhook goes to a URL; its ID."""

    def ended(url: str) -> str:
        job = database.add_job("ada", "picture", "a cat", {}, 9, 9, webhook=url)
        assert job is not None
        assert database.due_webhooks() == []
        database.claim()
        database.end(job.id, "done", result="result.png")
        return job.id

    return ended


def test_the_end_of_a_job_is_told_once_and_signed(
    files: StudioFiles, database: Database, ended: Callable[[str], str], receiver: Receiver
) -> None:
    job, webhooks = ended(f"{receiver.url}?of=ada"), Webhooks(files, (receiver.place,))
    webhooks.deliver()
    webhooks.deliver()
    ((headers, body),) = receiver.heard
    secret = webhooks.secret("ada")
    told = verified(secret, headers, body)
    assert (told["type"], told["data"]["id"], told["data"]["result"]) == ("job.done", job, True)
    assert headers["host"] == receiver.place
    assert secret == Webhooks(files).secret("ada") != webhooks.secret("bob")
    for wrong_secret, wrong_headers, wrong_body in (
        (webhooks.secret("bob"), headers, body),
        (secret, headers, body + b" "),
        (secret, {**headers, "webhook-id": "other"}, body),
        (secret, {**headers, "webhook-timestamp": "1"}, body),
        (secret, {}, body),
    ):
        with pytest.raises(BrushworkError, match="not signed"):
            verified(wrong_secret, wrong_headers, wrong_body)
    old = {**headers, "webhook-timestamp": "1000"}
    old["webhook-signature"] = signature(secret, old["webhook-id"], "1000", body)
    with pytest.raises(BrushworkError, match="too old"):
        verified(secret, old, body)


def test_the_signature_is_that_of_standard_webhooks() -> None:
    # The example of https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    secret, identity, stamp = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330"
    assert (
        signature(secret, identity, stamp, b'{"test": 2432232314}') == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


@pytest.mark.parametrize("answer", [500, 404, 307])
def test_it_comes_again_until_it_is_heard(
    answer: int, files: StudioFiles, ended: Callable[[str], str], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended(receiver.url)
    webhooks, now = Webhooks(files, (receiver.place,)), time.time()
    receiver.answers += [answer, answer]
    for attempt, later in enumerate((0, 3, WAITS[0] + 1, WAITS[0] + 2, WAITS[0] + WAITS[1] + 9, 999)):
        monkeypatch.setattr(time, "time", lambda later=later: now + later)
        webhooks.deliver()
        assert len(receiver.heard) == (1, 1, 2, 2, 3, 3)[attempt]
    assert len({headers["webhook-id"] for headers, _ in receiver.heard}) == 1


@pytest.mark.parametrize(("answer", "tries"), [(500, len(WAITS) + 1), (410, 1)])
def test_it_is_given_up_in_the_end(
    answer: int, tries: int, files: StudioFiles, ended: Callable[[str], str], receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(module, "WAITS", (0,) * len(WAITS))
    ended(receiver.url)
    webhooks = Webhooks(files, (receiver.place,))
    receiver.answers += [answer] * 20
    for _ in range(len(WAITS) + 4):
        webhooks.deliver()
    assert len(receiver.heard) == tries


def test_a_job_that_is_resumed_is_told_again(
    files: StudioFiles, database: Database, ended: Callable[[str], str], receiver: Receiver
) -> None:
    webhooks = Webhooks(files, (receiver.place,))
    job = database.job(ended(receiver.url))
    assert job is not None
    webhooks.deliver()
    database.queue_again(job, 9, 9)
    webhooks.deliver()
    database.claim()
    database.end(job.id, "failed")
    webhooks.deliver()
    assert [json.loads(body)["type"] for _, body in receiver.heard] == ["job.done", "job.failed"]


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("https://hooks.example.org/x", None), ("https://HOOKS.example.org:443/x", None),
        ("http://hooks.example.org/x", None), ("http://[::1]:9000/", None), ("http://other.example:8443/", None),
        ("https://hooks.example.org:8443/x", NotAllowedError), ("https://evil.example/", NotAllowedError),
        ("https://other.example/", NotAllowedError), ("http://127.0.0.1/", NotAllowedError),
        ("https://hooks.example.org.evil.example/", NotAllowedError), ("file:///etc/passwd", UsageError),
        ("https://hooks.example.org@evil.example/", UsageError), ("https://user@hooks.example.org/", UsageError),
        ("hooks.example.org", UsageError), ("https://hooks.example.org:x/", UsageError), ("", UsageError),
        ("http://hooks.example.org/\r\nx: y", UsageError), ("http://[::1/", UsageError),
    ],
)  # fmt: skip
def test_only_what_the_operator_allows_is_told(url: str, error: type[Exception] | None, files: StudioFiles) -> None:
    webhooks = Webhooks(files, ("hooks.example.org", "Other.example:8443", "[::1]:9000"))
    if error is None:
        webhooks.check(url)
    else:
        with pytest.raises(error):
            webhooks.check(url)


@pytest.mark.parametrize("entry", ["", "http://a.example", "a.example/x", "a example", "*", "a.example:x"])
def test_what_is_allowed_is_checked_when_the_studio_starts(entry: str, files: StudioFiles) -> None:
    with pytest.raises(UsageError, match="webhook-allow"):
        Webhooks(files, (entry,))


@pytest.mark.parametrize("allowed", [False, True])
def test_a_name_leads_to_no_private_address_unless_that_is_allowed_too(
    allowed: bool, files: StudioFiles, ended: Callable[[str], str], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(receiver.place.partition(":")[2])
    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers)
    ended(f"http://hooks.example.org:{port}/hook")
    Webhooks(files, (f"hooks.example.org:{port}", *((receiver.place,) if allowed else ()))).deliver()
    assert len(receiver.heard) == allowed


def test_a_real_studio_tells_of_its_jobs(
    http: httpx.Client, studio: Studio, photo: str, receiver: Receiver, until: Callable[..., Any]
) -> None:
    ask = {"photo": photo, "style": "great-wave", "preset": "draft", "size": 64}
    job = studio.submit("picture", **ask, webhook=receiver.url)
    until(lambda: receiver.heard)
    told = verified(studio.webhook_secret(), *receiver.heard[0])
    assert told["data"]["id"] == job["id"]
    assert told["data"]["status"] == "done"
    refused = http.post("jobs", json={"kind": "picture", **ask, "webhook": "http://169.254.169.254/"})
    assert (refused.status_code, refused.json()["title"]) == (403, "Not allowed")
    assert http.get("webhooks").json()["allowed"] == [receiver.place]
