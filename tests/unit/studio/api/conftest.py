"""A studio with low limits, and who asks it: its client, and requests by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from studios import cancel_all

from brushwork.studio.client import Studio

Sent = Callable[[httpx.Client, Path], str]
Until = Callable[..., Any]
JOBS, BODY_KB, UPLOAD_MB = 4, 16, 1
LIMITS = ("--jobs", JOBS, "--body-kb", BODY_KB, "--upload-mb", UPLOAD_MB, "--previews", 2, "--batch", 3)
LIMITS_OF_FILES = ("--megapixels", 0.05, "--video-seconds", 3)


@pytest.fixture(scope="module")
def running(serve: Callable[..., Any]) -> Any:
    return serve(*map(str, (*LIMITS, *LIMITS_OF_FILES)))


@pytest.fixture
def studio(running: Any) -> Iterator[Studio]:
    with Studio(running.url) as client:
        yield client
        cancel_all(client)


@pytest.fixture
def http(running: Any) -> Iterator[httpx.Client]:
    with running.http() as client:
        yield client


@pytest.fixture(scope="module")
def photo(running: Any, samples: Path, sent: Sent) -> str:
    with running.http() as client:
        return sent(client, samples / "photo.png")
