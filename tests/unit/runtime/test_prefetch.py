from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from brushwork.runtime.prefetch import BackgroundWriter, Prefetcher, in_advance


def test_the_next_one_is_fetched_before_it_is_asked_for() -> None:
    fetched, second = list[int](), threading.Event()

    def fetch(key: int) -> int:
        fetched.append(key)
        if key == 2:
            second.set()
        return 10 * key

    with Prefetcher(fetch, [1, 2, 3]) as ahead:
        assert ahead(1) == 10
        assert second.wait(60)
        assert [ahead(key) for key in (2, 3, 1)] == [20, 30, 10]
        assert ahead(3) == 30  # out of order
    assert fetched[:4] == [1, 2, 3, 1]


def test_one_alone_is_fetched_when_it_is_asked_for() -> None:
    fetched = list[str]()
    with Prefetcher(fetched.append, ["a"]) as ahead:
        ahead("a")
    assert fetched == ["a"]


def test_what_goes_wrong_is_told_to_the_one_who_asked() -> None:
    def fetch(key: int) -> int:
        return 6 // key

    with Prefetcher(fetch, [1, 0]) as ahead:
        assert ahead(1) == 6  # what comes next has failed already
        assert ahead(2) == 3
        assert ahead(1) == 6
        with pytest.raises(ZeroDivisionError):
            ahead(0)


def test_items_come_in_order_and_no_more_than_wanted_wait() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    coming = in_advance(items(), 2)
    assert [next(coming), next(coming)] == [0, 1]
    time.sleep(0.1)
    assert len(made) <= 6
    coming.close()  # type: ignore[attr-defined]
    ended = len(made)
    time.sleep(0.2)
    assert len(made) == ended < 10


def test_what_the_maker_raises_comes_when_its_turn_is() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    coming = in_advance(items())
    assert next(coming) == 1
    with pytest.raises(ValueError, match="no more"):
        next(coming)


def test_what_is_left_is_done_in_order_in_another_thread() -> None:
    done: list[tuple[int, bool]] = []

    def work(number: int) -> None:
        time.sleep(0.01)
        done.append((number, threading.current_thread() is threading.main_thread()))

    with BackgroundWriter(2) as later:
        for number in range(5):
            later(work, number)
    assert done == [(number, False) for number in range(5)]


def test_what_goes_wrong_afterwards_is_not_lost() -> None:
    def work() -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"), BackgroundWriter() as later:
        later(work)
