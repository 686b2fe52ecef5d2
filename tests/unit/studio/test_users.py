"""Who may log in, and for how long."""

from __future__ import annotations

import json
import stat
import time
from pathlib import Path

import pytest

from brushwork.errors import UsageError
from brushwork.studio import users as module
from brushwork.studio.faults import BusyError
from brushwork.studio.store import Store
from brushwork.studio.users import Logins, Users

PASSWORD = "correct horse"


@pytest.fixture
def users(tmp_path: Path) -> Users:
    found = Users(tmp_path / "users.json")
    found.add("ada", PASSWORD)
    return found


@pytest.fixture
def logins(users: Users, tmp_path: Path) -> Logins:
    return Logins(users, Store(tmp_path / "studio.sqlite"), hours=24, failures=3)


def test_the_right_password_is_known_and_no_other(users: Users) -> None:
    assert users.knows("ada", PASSWORD)
    assert not users.knows("ada", PASSWORD + " ")
    assert not users.knows("ada", "")
    assert not users.knows("bob", PASSWORD)
    assert users.names() == ["ada"]


def test_another_password_takes_the_place_of_the_first(users: Users) -> None:
    users.add("ada", "another password")
    assert users.knows("ada", "another password")
    assert not users.knows("ada", PASSWORD)


def test_who_is_removed_is_known_no_longer(users: Users) -> None:
    users.remove("ada")
    assert not users.knows("ada", PASSWORD)
    with pytest.raises(UsageError, match="no user 'ada'; there are none"):
        users.remove("ada")


def test_the_file_holds_no_password_and_is_for_its_owner_only(users: Users) -> None:
    users.add("bob", PASSWORD)
    text = users.path.read_text()
    assert PASSWORD not in text
    assert stat.S_IMODE(users.path.stat().st_mode) == 0o600
    entries = json.loads(text)
    assert entries["ada"]["hash"] != entries["bob"]["hash"]  # each has a salt of its own


@pytest.mark.parametrize("name", ["", "local", "../x", "Ada", "a b", "a/b", "-a", "a" * 33, "ada\n"])
def test_names_that_could_be_something_else_are_refused(name: str, users: Users) -> None:
    with pytest.raises(UsageError, match="user"):
        users.add(name, PASSWORD)
    assert users.names() == ["ada"]


def test_short_passwords_are_refused(users: Users) -> None:
    with pytest.raises(UsageError, match="at least 8 characters, got 7"):
        users.add("bob", "1234567")


def test_a_damaged_file_lets_nobody_in_and_says_so(users: Users) -> None:
    users.path.write_text("{")
    with pytest.raises(UsageError, match=r"users\.json can't be read"):
        users.knows("ada", PASSWORD)


def test_a_token_is_its_user_s_until_logging_out(logins: Logins) -> None:
    token = logins.log_in("ada", PASSWORD)
    assert token
    assert logins.user_of(token) == "ada"
    assert logins.user_of(token[:-1]) is None
    assert logins.user_of("") is None
    logins.log_out(token)
    assert logins.user_of(token) is None


def test_each_login_has_a_token_of_its_own_which_the_file_doesn_t_hold(logins: Logins) -> None:
    tokens = [logins.log_in("ada", PASSWORD) or "" for _ in range(2)]
    assert tokens[0] != tokens[1]
    held = b"".join(path.read_bytes() for path in logins.store.path.parent.glob("studio.sqlite*"))
    assert not any(token.encode() in held for token in tokens)


def test_a_login_ends_with_its_hours_and_with_its_user(users: Users, tmp_path: Path) -> None:
    store = Store(tmp_path / "studio.sqlite")
    token = Logins(users, store, hours=-1, failures=3).log_in("ada", PASSWORD)
    logins = Logins(users, store, hours=1, failures=3)
    assert logins.user_of(token or "") is None
    token = logins.log_in("ada", PASSWORD)
    users.remove("ada")
    assert logins.user_of(token or "") is None


def test_wrong_passwords_make_their_name_wait_and_no_other(
    logins: Logins, users: Users, monkeypatch: pytest.MonkeyPatch
) -> None:
    users.add("bob", PASSWORD)
    assert [logins.log_in("ada", "wrong") for _ in range(3)] == [None] * 3
    with pytest.raises(BusyError, match="wait five minutes") as refused:
        logins.log_in("ada", PASSWORD)
    assert refused.value.seconds == 300
    assert logins.log_in("bob", PASSWORD)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 301)
    assert logins.log_in("ada", PASSWORD)


def test_a_right_password_forgives_the_wrong_ones(logins: Logins) -> None:
    for _ in range(3):
        assert logins.log_in("ada", "wrong") is None
        assert logins.log_in("ada", "wrong") is None
        assert logins.log_in("ada", PASSWORD)


def test_guesses_at_the_same_time_are_refused_rather_than_queued_without_end(logins: Logins) -> None:
    for _ in range(module.TURNS):
        logins._turns.acquire()
    with pytest.raises(BusyError, match="in a moment"):
        logins.log_in("ada", PASSWORD)
    logins._turns.release()
    assert logins.log_in("ada", PASSWORD)


def test_a_name_that_nobody_has_takes_as_long_as_another(users: Users) -> None:
    def seconds(name: str) -> float:
        began = time.perf_counter()
        users.knows(name, "wrong password")
        return time.perf_counter() - began

    known, unknown = (sorted(seconds(name) for _ in range(5))[2] for name in ("ada", "nobody"))
    assert unknown > known / 2
