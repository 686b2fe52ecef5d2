"""Who may log in, and for how long."""

from __future__ import annotations

import hashlib
import json
import stat
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from brushwork.errors import UsageError
from brushwork.studio import users as module
from brushwork.studio.database import Database
from brushwork.studio.errors import BusyError
from brushwork.studio.users import Logins, Users

PASSWORD = "correct horse"
HOME, ATTACKER = "198.51.100.1", "203.0.113.7"


@pytest.fixture
def users(tmp_path: Path) -> Users:
    found = Users(tmp_path / "users.json")
    found.add("ada", PASSWORD)
    return found


@pytest.fixture
def logins(users: Users, tmp_path: Path) -> Logins:
    return Logins(users, Database(tmp_path / "studio.sqlite"), hours=24, failures=3)


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
    with pytest.raises(UsageError, match="no user 'ada'; existing users: none"):
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
    held = b"".join(path.read_bytes() for path in logins.database.path.parent.glob("studio.sqlite*"))
    assert not any(token.encode() in held for token in tokens)


def test_a_login_ends_with_its_hours_and_with_its_user(users: Users, tmp_path: Path) -> None:
    database = Database(tmp_path / "studio.sqlite")
    token = Logins(users, database, hours=-1, failures=3).log_in("ada", PASSWORD)
    logins = Logins(users, database, hours=1, failures=3)
    assert logins.user_of(token or "") is None
    token = logins.log_in("ada", PASSWORD)
    users.remove("ada")
    assert logins.user_of(token or "") is None


def test_wrong_passwords_make_their_sender_wait(logins: Logins, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [logins.log_in("ada", "wrong", ATTACKER) for _ in range(3)] == [None] * 3
    with pytest.raises(BusyError, match="wait five minutes") as refused:
        logins.log_in("ada", PASSWORD, ATTACKER)
    assert refused.value.seconds == 300
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 301)
    assert logins.log_in("ada", PASSWORD, ATTACKER)


def test_nobody_locks_out_the_owner_of_a_name(logins: Logins) -> None:
    for number in range(10):
        with suppress(BusyError):
            logins.log_in("ada", "wrong", ATTACKER)
        with suppress(BusyError):
            logins.log_in("ada", "wrong", f"203.0.113.{number}")
    assert logins.log_in("ada", PASSWORD, HOME)


def test_an_address_that_guesses_at_many_names_has_to_wait(logins: Logins) -> None:
    for number in range(15):
        assert logins.log_in(f"name{number}", "wrong", ATTACKER) is None
    with pytest.raises(BusyError):
        logins.log_in("ada", PASSWORD, ATTACKER)
    with pytest.raises(BusyError):
        logins.log_in("another", "wrong", ATTACKER)
    assert logins.log_in("ada", PASSWORD, HOME)


def test_a_known_device_passes_while_its_address_has_to_wait(logins: Logins, users: Users) -> None:
    device = logins.device("ada")
    for number in range(20):
        with suppress(BusyError):
            logins.log_in(("ada", "bob", "eve")[number % 3], "wrong", HOME)
    with pytest.raises(BusyError):
        logins.log_in("ada", PASSWORD, HOME)
    assert logins.log_in("ada", PASSWORD, HOME, device)
    users.add("bob", PASSWORD)
    with pytest.raises(BusyError):  # it is known as ada's alone
        logins.log_in("bob", PASSWORD, HOME, device)


def test_a_known_device_has_no_more_guesses_than_another(logins: Logins) -> None:
    device = logins.device("ada")
    assert [logins.log_in("ada", "wrong", HOME, device) for _ in range(3)] == [None] * 3
    with pytest.raises(BusyError):
        logins.log_in("ada", PASSWORD, HOME, device)
    assert logins.log_in("ada", PASSWORD, HOME, logins.device("ada"))


def test_another_password_makes_devices_unknown(logins: Logins, users: Users) -> None:
    device = logins.device("ada")
    users.add("ada", "another password")
    for _ in range(3):
        logins.log_in("ada", "wrong", HOME)
    with pytest.raises(BusyError):
        logins.log_in("ada", "another password", HOME, device)


def test_who_has_to_wait_costs_no_work(logins: Logins, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        logins.log_in("ada", "wrong", ATTACKER)
    monkeypatch.setattr(module, "_hashed", lambda *secret: pytest.fail("a password was hashed"))
    with pytest.raises(BusyError):
        logins.log_in("ada", "wrong", ATTACKER)


def test_guesses_from_many_threads_are_counted_and_nobody_else_waits_for_them(
    logins: Logins, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed, started, go = list[str](), threading.Event(), threading.Event()

    def hashing(password: str, salt: bytes) -> bytes:
        if password == "endless":
            started.set()
            go.wait(60)
        hashed.append(password)
        return b"right" if password == PASSWORD else b"wrong"

    def guess(number: int) -> None:
        for _ in range(20):
            with suppress(BusyError):
                logins.log_in(f"name{number}", "endless", ATTACKER)

    monkeypatch.setattr(module, "_hashed", hashing)
    monkeypatch.setattr(logins.users, "_read", lambda: {"ada": {"salt": "00", "hash": b"right".hex()}})
    for name in ("one", "two", "three"):
        assert logins.log_in(name, "wrong", ATTACKER) is None
    guessing = [threading.Thread(target=guess, args=(number,), daemon=True) for number in range(24)]
    for thread in guessing:
        thread.start()
    assert started.wait(60)
    for _ in range(10):  # while a guess is hashed, for as long as that may take
        assert logins.log_in("ada", PASSWORD, HOME)
    assert "endless" not in hashed
    go.set()
    for thread in guessing:
        thread.join()
    assert 1 <= hashed.count("endless") <= 12  # with the three before, as many as an address may send


def test_a_right_password_forgives_the_wrong_ones(logins: Logins) -> None:
    for _ in range(3):
        assert logins.log_in("ada", "wrong") is None
        assert logins.log_in("ada", "wrong") is None
        assert logins.log_in("ada", PASSWORD)


def test_a_name_that_nobody_has_takes_the_same_work_as_another(users: Users, monkeypatch: pytest.MonkeyPatch) -> None:
    work, scrypt = list[dict[str, int]](), hashlib.scrypt

    def counted(password: bytes, *, salt: bytes, **cost: int) -> bytes:
        work.append({**cost, "salt": len(salt)})
        return scrypt(password, salt=salt, **cost)

    monkeypatch.setattr(hashlib, "scrypt", counted)
    for name in ("ada", "nobody"):
        assert not users.knows(name, "wrong password")
    assert len(work) == 2
    assert work[0] == work[1]
