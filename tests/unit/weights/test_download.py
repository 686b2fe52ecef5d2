from __future__ import annotations

from pathlib import Path

import pytest
from weights_samples import Server

from brushwork.weights.download import download

BODY = bytes(range(256)) * 5000


def test_progress_goes_from_nothing_to_all(tmp_path: Path, server: Server) -> None:
    server.body = BODY
    seen: list[tuple[int, int | None]] = []
    download(server.url, tmp_path / "part", lambda done, total: seen.append((done, total)))
    assert (tmp_path / "part").read_bytes() == BODY
    assert seen[0] == (0, len(BODY))
    assert seen[-1] == (len(BODY), len(BODY))
    assert seen == sorted(seen)


def test_a_broken_connection_is_taken_up_where_it_broke(tmp_path: Path, server: Server) -> None:
    server.body, server.break_after = BODY, [1000, 2000]
    download(server.url, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == BODY
    assert server.ranges == [None, "bytes=1000-", "bytes=3000-"]


def test_it_gives_up_after_five_goes_and_keeps_what_came(tmp_path: Path, server: Server) -> None:
    server.body, server.break_after = BODY, [100] * 5
    with pytest.raises(ConnectionError, match=f"at 500 of {len(BODY)} bytes"):
        download(server.url, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == BODY[:500]


def test_a_server_that_ignores_the_range_makes_it_start_over(tmp_path: Path, server: Server) -> None:
    server.body, server.ignore_range = BODY, True
    (tmp_path / "part").write_bytes(BODY[:1000])
    download(server.url, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == BODY


def test_a_complete_part_needs_nothing_more(tmp_path: Path, server: Server) -> None:
    server.body = BODY
    (tmp_path / "part").write_bytes(BODY)
    download(server.url, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == BODY


def test_a_part_longer_than_the_file_is_replaced(tmp_path: Path, server: Server) -> None:
    server.body = BODY
    (tmp_path / "part").write_bytes(BODY + b"more")
    download(server.url, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == BODY


def test_an_http_error_is_passed_on(tmp_path: Path, server: Server) -> None:
    server.status = 404
    with pytest.raises(OSError, match="404"):
        download(server.url, tmp_path / "part")
