"""What strangers, other users and other sites' pages get out of a studio: nothing."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from studios import PASSWORDS, PATIENCE

from brushwork.studio.command import studio as command
from brushwork.studio.database import Database
from brushwork.studio.devices import DEVICE_COOKIE
from brushwork.studio.guard import COOKIE

FAILURES = 3  # as in conftest.py
Sent = Callable[[httpx.Client, Path], str]
Until = Callable[..., Any]
Done = Callable[..., str]
MARK = b"<script>alert('mark')</script>"
NONE = "0" * 32


def refused(*flags: str) -> str:
    """What the command says that doesn't start a studio."""
    arguments = ["studio", "--api-only", "--port", "0", *flags]
    ended = subprocess.run(
        [sys.executable, "-m", "brushwork", *arguments], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert ended.returncode == 2
    return ended.stderr.splitlines()[-1]


def test_a_studio_for_others_is_not_opened_without_users(tmp_path: Path) -> None:
    for host in ("0.0.0.0", "::", "studio.example"):
        said = refused("--folder", str(tmp_path / "studio"), "--host", host)
        assert f"--host {host} is reachable from other machines" in said
        assert "add a user first: brushwork studio users add NAME" in said


def test_a_second_studio_in_the_same_folder_is_refused(running: Any) -> None:
    assert "use another --folder" in refused("--folder", str(running.folder))


def test_users_are_added_and_removed_by_the_command_and_their_file_holds_no_password(tmp_path: Path) -> None:
    def run(*arguments: str, typed: str = "") -> str:
        ended = CliRunner().invoke(command, ["--folder", str(tmp_path / "studio"), "users", *arguments], input=typed)
        assert ended.exit_code == 0, ended.output
        return ended.output

    said = run("add", "ada", typed="correct horse\ncorrect horse\n")
    file = tmp_path / "studio" / "users.json"
    assert "ada can log in" in said
    assert "correct horse" not in said
    assert "correct horse" not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    Database(tmp_path / "studio" / "studio.sqlite").add_upload("0" * 32, "ada", "picture", "boat.jpg", 2_000_000, {})
    asked = CliRunner().invoke(command, ["users", "remove", "ada", "--folder", str(tmp_path / "studio")], input="n\n")
    assert asked.exit_code == 1
    assert "ada's files, results and styles (2.0 MB) will be deleted too" in asked.output
    assert list(json.loads(file.read_text())) == ["ada"]
    assert "no longer" in run("remove", "ada", typed="y\n")
    assert json.loads(file.read_text()) == {}
    assert Database(tmp_path / "studio" / "studio.sqlite").users() == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"), ("GET", "/metrics"), ("GET", "/api/openapi.json"), ("GET", "/api/jobs"), ("POST", "/api/jobs"),
        ("GET", f"/api/jobs/{NONE}/events"), ("GET", f"/api/jobs/{NONE}/result"), ("GET", "/api/styles"),
        ("POST", "/api/uploads"), ("GET", f"/api/uploads/{NONE}/thumbnail"), ("POST", "/api/previews"),
        ("DELETE", f"/api/jobs/{NONE}"), ("POST", "/logout"), ("GET", "/login/../api/jobs"), ("GET", "//api/jobs"),
        ("GET", "/health/../metrics"), ("GET", "/nothing"),
    ],
)  # fmt: skip
def test_who_has_not_logged_in_gets_nothing(method: str, path: str, stranger: httpx.Client) -> None:
    assert stranger.request(method, path).status_code == 401


def test_whether_a_studio_is_well_anybody_may_ask(stranger: httpx.Client) -> None:
    assert stranger.get("/health").status_code == 200
    assert stranger.get("/ready").status_code == 200


def test_a_browser_logs_in_by_the_form_and_out_again(running: Any, hooks: Any) -> None:
    with running.http(event_hooks=hooks) as browser:
        asked = browser.get("/", headers={"accept": "text/html"})
        assert (asked.status_code, asked.headers["location"]) == (303, "/login")
        form = browser.get("/login")
        assert form.headers["content-type"].startswith("text/html")
        assert 'type="password"' in form.text
        wrong = browser.post("/login", data={"name": "ada", "password": MARK.decode()})
        assert wrong.status_code == 401
        assert "alert" in wrong.text
        assert MARK.decode() not in wrong.text
        right = browser.post("/login", data={"name": "ada", "password": PASSWORDS["ada"]})
        assert (right.status_code, right.headers["location"]) == (303, "/")
        session = next(cookie for cookie in right.headers.get_list("set-cookie") if cookie.startswith(COOKIE))
        flags = {part.strip().lower() for part in session.split(";")[1:]}
        assert {"httponly", "samesite=lax", "path=/", "max-age=86400"} <= flags
        token = browser.cookies[COOKIE]
        assert browser.get("/api/jobs").status_code == 200
        assert browser.post("/logout").status_code == 303
        assert browser.get("/api/jobs").status_code == 401
        assert browser.get("/api/jobs", headers={"cookie": f"{COOKIE}={token}"}).status_code == 401


def test_a_login_over_https_is_kept_to_https(running: Any) -> None:
    with running.http(headers={"x-forwarded-proto": "https"}) as browser:
        answer = browser.post("/login", data={"name": "ada", "password": PASSWORDS["ada"]})
    assert "secure" in [part.strip().lower() for part in answer.headers["set-cookie"].split(";")]


def test_wrong_passwords_are_refused_and_soon_the_name_has_to_wait(stranger: httpx.Client) -> None:
    def attempt(name: str, password: str) -> list[httpx.Response]:
        both = {"name": name, "password": password}
        return [stranger.post("/api/sessions", json=both), stranger.post("/login", data=both)]

    assert [answer.status_code for answer in attempt("nobody", "wrong")] == [401, 401]
    assert [answer.status_code for answer in attempt("nobody", "wrong")] == [401, 429]
    for answer in attempt("nobody", "another"):
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) == 300
    assert stranger.post("/api/sessions", json={"name": "bob", "password": PASSWORDS["bob"]}).status_code == 201


def test_many_who_guess_keep_nobody_out(running: Any, hooks: Any) -> None:
    ending, statuses = threading.Event(), list[int]()
    guessed = {"name": "ada", "password": "a wrong one"}

    def guess() -> None:
        with running.http(event_hooks=hooks, headers={"x-forwarded-for": "203.0.113.7"}) as client:
            while not ending.is_set():
                statuses.append(client.post("/api/sessions", json=guessed).status_code)

    guessing = [threading.Thread(target=guess) for _ in range(24)]
    for thread in guessing:
        thread.start()
    with running.http(event_hooks=hooks, headers={"x-forwarded-for": "198.51.100.1"}) as owner:
        right = {"name": "ada", "password": PASSWORDS["ada"]}
        answers = [owner.post("/api/sessions", json=right) for _ in range(5)]
    ending.set()
    for thread in guessing:
        thread.join()
    assert [answer.status_code for answer in answers] == [201] * 5
    assert set(statuses) <= {401, 429}
    assert statuses.count(401) <= FAILURES


def test_a_browser_that_logged_in_before_is_let_in_where_others_guess(running: Any, hooks: Any) -> None:
    with running.http(event_hooks=hooks, headers={"x-forwarded-for": "192.0.2.9"}) as browser:
        right, wrong = {"name": "bob", "password": PASSWORDS["bob"]}, {"name": "bob", "password": "a wrong one"}
        cookies = browser.post("/login", data=right).headers.get_list("set-cookie")
        device = next(cookie for cookie in cookies if cookie.startswith(DEVICE_COOKIE))
        assert {"httponly", "samesite=strict", "path=/"} <= {part.strip().lower() for part in device.split(";")}
        browser.cookies.delete(COOKIE)
        assert browser.get("/api/jobs").status_code == 401  # being known lets nobody in
        with running.http(event_hooks=hooks, headers=dict(browser.headers)) as stranger:
            for _ in range(FAILURES):
                assert stranger.post("/login", data=wrong).status_code == 401
            assert stranger.post("/login", data=right).status_code == 429
        assert browser.post("/login", data=right).status_code == 303


@pytest.mark.parametrize(
    "body", [{}, {"name": "ada"}, {"name": ["ada"], "password": "x"}, {"name": "a" * 65, "password": "x"},
             {"name": "ada", "password": "x" * 1025}, {"name": "ada", "password": "correct horse", "admin": True}],
)  # fmt: skip
def test_logins_of_another_form_are_refused(body: dict[str, Any], stranger: httpx.Client) -> None:
    assert stranger.post("/api/sessions", json=body).status_code == 422


def test_another_password_ends_the_logins_of_the_old_one(running: Any, hooks: Any) -> None:
    with running.logged_in("eve", event_hooks=hooks) as eve:
        assert eve.get("/api/jobs").status_code == 200
        arguments = ["users", "add", "eve", "--folder", str(running.folder)]
        assert CliRunner().invoke(command, arguments, input="another one\nanother one\n").exit_code == 0
        assert eve.get("/api/jobs").status_code == 401
        old = {"name": "eve", "password": PASSWORDS["eve"]}
        assert eve.post("/api/sessions", json=old).status_code == 401
        assert eve.post("/api/sessions", json={**old, "password": "another one"}).status_code == 201


# What is one's own


def test_users_see_nothing_of_each_other(
    ada: httpx.Client, bob: httpx.Client, photo: str, samples: Path, sent: Sent, until: Until, done: Done
) -> None:
    job = done(ada, until, kind="picture", photo=photo, style="great-wave", size=64)
    assert ada.post("/api/styles", json={"picture": photo, "name": "adas"}).status_code == 201
    own = sent(bob, samples / "wave.jpg")
    for path in (f"uploads/{photo}", f"jobs/{job}"):  # made already: they are not given out from the shelf, either
        assert ada.get(f"/api/v1/{path}/tiles/0/0/0").status_code == 200
    theirs = [
        ("GET", f"/api/uploads/{photo}/thumbnail"), ("GET", f"/api/uploads/{photo}/view.jpg"),
        ("GET", f"/api/v1/uploads/{photo}/faces"), ("GET", f"/api/v1/uploads/{photo}/face-mask"),
        ("GET", f"/api/v1/uploads/{photo}/tiles"), ("GET", f"/api/v1/uploads/{photo}/tiles/0/0/0"),
        ("GET", f"/api/v1/jobs/{job}/tiles"), ("GET", f"/api/v1/jobs/{job}/tiles/0/0/0"),
        ("DELETE", f"/api/uploads/{photo}"), ("GET", f"/api/jobs/{job}"), ("GET", f"/api/jobs/{job}/events"),
        ("GET", f"/api/jobs/{job}/preview"), ("GET", f"/api/jobs/{job}/result"),
        ("GET", f"/api/jobs/{job}/result?format=jpeg"), ("POST", f"/api/jobs/{job}/pause"),
        ("POST", f"/api/jobs/{job}/resume"), ("POST", f"/api/jobs/{job}/cancel"), ("DELETE", f"/api/jobs/{job}"),
        ("GET", "/api/styles/adas/swatch"), ("DELETE", "/api/styles/adas"),
    ]  # fmt: skip
    for method, path in theirs:
        assert bob.request(method, path).status_code == 404, path
    for path, ask in (
        ("/api/jobs", {"kind": "picture", "photo": photo, "style": "great-wave"}),
        ("/api/jobs", {"kind": "picture", "photo": own, "style": f"@{photo}"}),
        ("/api/jobs", {"kind": "picture", "photo": own, "style": "great-wave", "masks": [photo]}),
        ("/api/jobs", {"kind": "batch", "photos": [own, photo], "style": "great-wave"}),
        ("/api/jobs", {"kind": "grid", "photo": own, "styles": ["great-wave", "adas"]}),
        ("/api/previews", {"photo": photo, "style": "great-wave"}),
        ("/api/previews", {"photo": own, "style": f"great-wave+@{photo}"}),
        ("/api/previews", {"photo": own, "style": "adas"}),
        ("/api/previews", {"photo": own, "style": "great-wave", "masks": [photo]}),
        ("/api/jobs", {"kind": "picture", "photo": own, "style": "great-wave", "protect_faces": 1, "face_mask": photo}),
        ("/api/previews", {"photo": own, "style": "great-wave", "protect_faces": 1, "face_mask": photo}),
        ("/api/previews/video", {"kind": "video", "film": photo, "style": "great-wave"}),
        ("/api/styles", {"picture": photo, "name": "stolen"}),
    ):
        assert bob.post(path, json=ask).status_code == 404, ask
    listed = [bob.get(f"/api/{what}").text for what in ("uploads", "jobs", "styles")]
    assert not any(secret in text for text in listed for secret in (photo, job, '"adas"', '"stolen"'))
    for path in (f"/api/uploads/{photo}/thumbnail", f"/api/jobs/{job}/result", "/api/styles/adas/swatch"):
        assert ada.get(path).status_code == 200


# Other sites' pages


@pytest.mark.parametrize(
    "headers",
    [{"origin": "http://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"},
     {"sec-fetch-site": "same-site"}],
)  # fmt: skip
def test_other_sites_pages_do_nothing_in_a_user_s_name(
    headers: dict[str, str], running: Any, hooks: Any, photo: str
) -> None:
    with running.http(event_hooks=hooks) as browser:
        browser.post("/login", data={"name": "ada", "password": PASSWORDS["ada"]})
        before = browser.get("/api/uploads").text
        for method, path in (
            ("DELETE", f"/api/uploads/{photo}"), ("POST", "/api/jobs"), ("POST", "/api/uploads"), ("POST", "/logout"),
            ("POST", "/login"), ("POST", "/api/sessions"),
        ):  # fmt: skip
            assert browser.request(method, path, headers=headers).status_code == 403
        assert browser.get("/api/uploads").text == before
        preflight = browser.options("/api/jobs", headers={**headers, "access-control-request-method": "POST"})
        assert not any(name.startswith("access-control") for name in preflight.headers)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", "localhost.evil.example"])
def test_other_names_for_this_machine_lead_nowhere(host: str, ada: httpx.Client, stranger: httpx.Client) -> None:
    assert ada.get("/api/jobs", headers={"host": host}).status_code == 403
    assert stranger.get("/login", headers={"host": host}).status_code == 403


def test_the_log_holds_no_password_and_no_token(running: Any, stranger: httpx.Client, ada: httpx.Client) -> None:
    stranger.post("/api/sessions", json={"name": "who", "password": "a-wrong-password"})
    stranger.post("/login", data={"name": "who2", "password": "a-wrong-password"})
    token = ada.headers["authorization"].split()[1]
    stranger.get(f"/api/jobs?token={token}", headers={"authorization": f"Bearer {token}"})
    log = running.log.read_text()
    assert '"path": "/api/sessions"' in log
    assert not any(secret in log for secret in (*PASSWORDS.values(), "a-wrong-password", token, "Bearer"))


def test_the_studio_s_own_files_hold_no_secret(running: Any, ada: httpx.Client) -> None:
    users = running.folder / "users.json"
    assert stat.S_IMODE(users.stat().st_mode) == 0o600
    token = ada.headers["authorization"].split()[1].encode()
    for path in (path for path in running.folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        assert token not in content
        assert not any(password.encode() in content for password in PASSWORDS.values())


def test_nothing_of_all_this_failed_inside_or_ended_a_worker(running: Any) -> None:
    events = running.events()
    assert [event for event in events if event["level"] == "error"] == []
    assert [event for event in events if event.get("status") == "failed"] == []
    assert "Traceback" not in running.log.read_text()
