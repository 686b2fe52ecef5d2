"""Whose request goes to a worker next."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from studios import PATIENCE

from brushwork.studio.errors import BusyError, SupersededError, UnavailableError
from brushwork.studio.turns import Turns

Until = Callable[..., Any]


class Crowd:
    """Requests that wait in threads of their own, and the order in which they had their turns."""

    def __init__(self, until: Until) -> None:
        self.turns, self.order = Turns[str](most=4, patience=PATIENCE), list[str]()
        self.pool, self._until = ThreadPoolExecutor(10), until

    def ask(self, user: str, topic: str = "", waiting: int | None = None) -> Future[None]:
        """Let a request wait; so many wait then, by default one more than before."""
        wanted = self.turns.waiting + 1 if waiting is None else waiting
        future = self.pool.submit(self._turn, user, topic)
        self._until(lambda: self.turns.waiting == wanted or future.done())
        return future

    def _turn(self, user: str, topic: str) -> None:
        with self.turns.turn(user, topic) as worker:
            self.order.append(f"{user} {topic}".strip())
            self.turns.add(worker)


@pytest.fixture
def crowd(until: Until) -> Iterator[Crowd]:
    crowd = Crowd(until)
    yield crowd
    crowd.turns.close()
    crowd.pool.shutdown()


def test_users_take_turns_and_the_requests_of_one_stay_in_order(crowd: Crowd) -> None:
    asked = [crowd.ask(user, topic) for user, topic in (("ada", "1"), ("ada", "2"), ("ada", "3"), ("bob", "1"))]
    crowd.turns.add("worker")
    for one in asked:
        one.result(PATIENCE)
    assert crowd.order == ["ada 1", "bob 1", "ada 2", "ada 3"]


def test_the_newest_request_replaces_the_same_users_older_one_of_the_same_topic(crowd: Crowd) -> None:
    older, others = crowd.ask("ada", "boat"), [crowd.ask("bob", "boat"), crowd.ask("ada", "cat")]
    newer = crowd.ask("ada", "boat", waiting=3)
    with pytest.raises(SupersededError, match="superseded"):
        older.result(PATIENCE)
    assert SupersededError.status == 409
    crowd.turns.add("worker")
    for one in (newer, *others):
        one.result(PATIENCE)
    assert sorted(crowd.order) == ["ada boat", "ada cat", "bob boat"]


def test_requests_without_a_topic_replace_none(crowd: Crowd) -> None:
    asked = [crowd.ask("ada"), crowd.ask("ada")]
    crowd.turns.add("worker")
    for one in asked:
        one.result(PATIENCE)
    assert crowd.order == ["ada", "ada"]


def test_when_as_many_wait_as_may_the_next_one_is_refused_at_once(crowd: Crowd) -> None:
    for user in ("ada", "bob", "cleo", "dan"):
        crowd.ask(user)
    with pytest.raises(BusyError, match="4 requests are already waiting") as caught, crowd.turns.turn("eve"):
        pass  # who waits in vain hears UnavailableError
    assert (caught.value.status, caught.value.seconds > 0) == (429, True)


def test_a_user_with_many_requests_makes_room_for_one_with_none(crowd: Crowd) -> None:
    many = [crowd.ask("ada", str(number)) for number in range(4)]
    one = crowd.ask("bob", waiting=4)
    with pytest.raises(BusyError, match="4 requests are already waiting"):
        many[-1].result(PATIENCE)
    crowd.turns.add("worker")
    one.result(PATIENCE)
    assert crowd.order[:2] == ["ada 0", "bob"]


def test_who_would_probably_wait_too_long_is_refused_at_once(crowd: Crowd) -> None:
    crowd.turns._seconds = 0.75 * PATIENCE  # that turns took lately
    crowd.ask("ada")
    with pytest.raises(BusyError, match="1 requests are already waiting") as caught, crowd.turns.turn("bob"):
        pass
    assert caught.value.seconds == 1.5 * PATIENCE


def test_a_turn_that_took_long_is_forgotten_in_time() -> None:
    turns = Turns[str](most=4, patience=5)
    turns._seconds = 1000.0
    for _ in range(50):
        turns.add("worker")
        with turns.turn("ada"):
            pass
    assert turns._seconds < 1


def test_a_request_that_no_worker_takes_is_told_to_come_again() -> None:
    turns = Turns[str](most=4, patience=0.05)
    with pytest.raises(UnavailableError, match="busy") as caught, turns.turn("ada"):
        pass
    assert (caught.value.status, caught.value.seconds > 0, turns.waiting) == (503, True, 0)
    turns.add("worker")
    with turns.turn("ada") as worker:
        assert worker == "worker"


def test_one_user_never_has_all_workers_where_there_are_others(crowd: Crowd) -> None:
    turns = crowd.turns
    turns.add("first")
    with turns.turn("bob") as worker:
        turns.add(worker)
    turns.add("second")
    with turns.turn("ada"):
        second = crowd.ask("ada", "2")
        with turns.turn("bob") as worker:
            assert not second.done()
        turns.add(worker)
    second.result(PATIENCE)


def test_a_user_who_is_alone_may_have_all_workers() -> None:
    turns = Turns[str](most=4, patience=5)
    turns.add("first")
    turns.add("second")
    with turns.turn("ada") as first, turns.turn("ada") as second:
        assert {first, second} == {"first", "second"}


def test_whoever_waits_when_the_studio_closes_is_told_so(crowd: Crowd) -> None:
    waiting = crowd.ask("ada")
    crowd.turns.close()
    with pytest.raises(UnavailableError, match="shutting down"):
        waiting.result(PATIENCE)
    with pytest.raises(UnavailableError, match="shutting down"), crowd.turns.turn("ada"):
        pass
