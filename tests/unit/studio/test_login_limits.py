"""How often somebody may try a password, and who waits for whom."""

from __future__ import annotations

import threading

import pytest
from studios import PATIENCE

from brushwork.studio import login_limits as module
from brushwork.studio.errors import BusyError
from brushwork.studio.login_limits import LoginLimits, client_of


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("192.0.2.1", "192.0.2.1", True), ("192.0.2.1", "192.0.2.2", False), ("2001:db8::1", "2001:db8::ffff:1", True),
     ("2001:db8::1", "2001:db8:0:1::1", False), ("::ffff:192.0.2.1", "192.0.2.1", True),
     ("fe80::1%eth0", "fe80::2", True)],
)  # fmt: skip
def test_a_client_is_an_address_or_a_network(one: str, other: str, same: bool) -> None:
    assert (client_of(one) == client_of(other)) is same


def attempt(limits: LoginLimits, client: str, *, right: bool = False, known: bool = False) -> None:
    with limits.attempt(client, {client: 5}, known=known) as trying:
        trying.right = right


def test_wrong_ones_count_and_right_ones_don_t() -> None:
    limits = LoginLimits()
    for _ in range(20):
        attempt(limits, "a", right=True)
    for _ in range(5):
        attempt(limits, "a")
    with pytest.raises(BusyError):
        attempt(limits, "a", right=True)
    limits.forgive("a")
    attempt(limits, "a")


def test_an_attempt_that_fails_inside_counts_as_wrong() -> None:
    limits = LoginLimits()
    for _ in range(5):
        with pytest.raises(ZeroDivisionError), limits.attempt("a", {"a": 5}, known=False):
            raise ZeroDivisionError
    with pytest.raises(BusyError):
        attempt(limits, "a")


def test_whoever_guesses_waits_for_other_guessers_alone() -> None:
    limits, held, go = LoginLimits(), threading.Event(), threading.Event()

    def hold() -> None:
        with limits.attempt("guesser", {"guesser": 10}, known=False):
            held.set()
            go.wait(PATIENCE)

    for _ in range(module.FEW):
        attempt(limits, "guesser")
    holding = threading.Thread(target=hold)
    holding.start()
    assert held.wait(PATIENCE)
    attempt(limits, "somebody", right=True)  # each of these would wait for good
    attempt(limits, "device", right=True, known=True)
    go.set()
    holding.join()


def test_one_client_has_few_attempts_at_once_and_no_more_than_its_limit_whatever_their_number() -> None:
    limits, tried, refused = LoginLimits(), list[int](), list[int]()
    start = threading.Barrier(24)

    def guess(number: int) -> None:
        start.wait(PATIENCE)
        try:
            attempt(limits, "a")
            tried.append(number)
        except BusyError:
            refused.append(number)

    guessing = [threading.Thread(target=guess, args=(number,)) for number in range(24)]
    for thread in guessing:
        thread.start()
    for thread in guessing:
        thread.join()
    assert 1 <= len(tried) <= 5
    assert len(tried) + len(refused) == 24


def test_what_is_remembered_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 3)
    limits = LoginLimits()
    for name in "abcde":
        attempt(limits, name)
    assert len(limits._wrong) == 3
    assert not limits._under_way
