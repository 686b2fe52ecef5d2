"""Resumable file downloads."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError

__all__ = ["download"]

_TRIES = 5
_TIMEOUT = 30  # seconds without data
_BLOCK = 1 << 18


def download(url: str, part: Path, progress: Callable[[int, int | None], None] | None = None) -> None:
    """Download a file, resuming a partial download; a broken connection is retried a few times.

    Args:
        url: http or https.
        part: The output file: absent, empty, or a partial download. It is kept if this attempt fails too.
        progress: Called with the bytes received and the total, which is None if the server doesn't report it.

    Raises:
        OSError: No connection, an HTTP error, a full disk; with the reason.
    """
    for left in reversed(range(_TRIES)):
        response = _open(url, part)
        if response is None:
            return
        try:
            with response:
                _receive(response, part, progress)
            return
        except (HTTPException, ConnectionError, TimeoutError) as error:
            if not left:
                raise ConnectionError(f"the connection was lost {_TRIES} times, {error}") from error


def _open(url: str, part: Path) -> HTTPResponse | None:
    """Return the server's response for the rest of the file; None if the file is complete."""
    start = part.stat().st_size if part.exists() else 0
    try:
        response = _request(url, start)
    except HTTPError as error:
        if error.code != 416 or not start:
            raise
        if error.headers.get("Content-Range", "").endswith(f"/{start}"):
            return None
        part.unlink()  # longer than the file, so it belongs to an older version
        return _request(url, 0)
    if start and response.status == 206 and not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
        response.close()
        part.unlink()  # the server sent another range: start over without a range
        return _request(url, 0)
    return response


def _request(url: str, start: int) -> HTTPResponse:
    headers = {"User-Agent": "brushwork"}
    if start:
        headers["Range"] = f"bytes={start}-"
    answer = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=_TIMEOUT)
    assert isinstance(answer, HTTPResponse)
    return answer


def _receive(response: HTTPResponse, part: Path, progress: Callable[[int, int | None], None] | None) -> None:
    resumed = response.status == 206
    total = _total(response)
    with part.open("ab" if resumed else "wb") as file:  # status 200: the range was ignored, this is the whole file
        done = file.tell()
        while True:
            if progress is not None:
                progress(done, total)
            block = response.read(_BLOCK)
            if not block:
                break
            file.write(block)
            done += len(block)
    if total is not None and done < total:
        raise ConnectionError(f"at {done} of {total} bytes")


def _total(response: HTTPResponse) -> int | None:
    if response.status == 206:
        found = re.search(r"/(\d+)$", response.headers.get("Content-Range", ""))
        return int(found[1]) if found else None
    length = response.headers.get("Content-Length")
    return int(length) if length else None
