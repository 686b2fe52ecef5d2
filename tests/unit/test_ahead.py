from __future__ import annotations

import threading

import pytest

from brushwork.ahead import Ahead


def test_the_next_one_is_fetched_before_it_is_asked_for() -> None:
    fetched, second = list[int](), threading.Event()

    def fetch(key: int) -> int:
        fetched.append(key)
        if key == 2:
            second.set()
        return 10 * key

    with Ahead(fetch, [1, 2, 3]) as ahead:
        assert ahead(1) == 10
        assert second.wait(10)
        assert [ahead(key) for key in (2, 3, 1)] == [20, 30, 10]
        assert ahead(3) == 30  # out of order
    assert fetched[:4] == [1, 2, 3, 1]


def test_one_alone_is_fetched_when_it_is_asked_for() -> None:
    fetched = list[str]()
    with Ahead(fetched.append, ["a"]) as ahead:
        ahead("a")
    assert fetched == ["a"]


def test_what_goes_wrong_is_told_to_the_one_who_asked() -> None:
    def fetch(key: int) -> int:
        return 6 // key

    with Ahead(fetch, [1, 0]) as ahead:
        assert ahead(1) == 6  # what comes next has failed already
        assert ahead(2) == 3
        assert ahead(1) == 6
        with pytest.raises(ZeroDivisionError):
            ahead(0)
