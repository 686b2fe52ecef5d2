"""A studio for a team: roles, quotas and the audit log, by the command and by the API."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
from click.testing import CliRunner, Result
from fastapi import FastAPI

from brushwork.errors import UsageError
from brushwork.studio import audit as audit_module
from brushwork.studio import team_command
from brushwork.studio.audit import AuditLog, moment_of
from brushwork.studio.command import studio as command
from brushwork.studio.errors import NotAllowedError, TooLargeError
from brushwork.studio.files import StudioFiles
from brushwork.studio.guard import Guard
from brushwork.studio.quota import RECORD
from brushwork.studio.records import Job, Upload
from brushwork.studio.schemas import NewStyle, Picture, Preview
from brushwork.studio.service import Service
from brushwork.studio.users import ROLES, Logins, Users
from brushwork.studio.v1.application import api_v1
from brushwork.studio.v1.models import AccountFacts
from brushwork.studio.v1.webhooks import Webhooks

PASSWORD = "correct horse"
Take = Callable[..., Upload]
Do = Callable[..., Job]
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, home: None) -> Run:
    """Run a command about the studio in tmp_path/studio."""

    def run(*arguments: str, typed: str = "", code: int = 0) -> Result:
        ended = CliRunner().invoke(command, [*arguments, "--folder", str(tmp_path / "studio")], input=typed)
        assert ended.exit_code == code, ended.output
        return ended

    return run


def team(service: Service) -> Logins:
    """Ada is an admin, bob a member, eve a viewer."""
    for name, role in (("ada", "admin"), ("bob", "member"), ("eve", "viewer")):
        service.users.add(name, PASSWORD)
        service.users.set(name, role=role)
    return Logins(service.users, service.database, 1, 9, service.audit)


# The command


def test_users_are_added_changed_listed_and_removed(run: Run) -> None:
    def listed() -> dict[str, Any]:
        return {row.pop("name"): row for row in json.loads(run("users", "list", "--json").output)}

    run("users", "add", "anna", "--role", "admin", typed=f"{PASSWORD}\n{PASSWORD}\n")
    run("users", "add", "ben", "--password-stdin", "--storage-gb", "1.5", "--jobs", "3", typed=f"{PASSWORD}\n")
    assert listed()["anna"] == {"role": "admin", "storage_gb": None, "jobs": None, "used_bytes": 0}
    assert listed()["ben"] == {"role": "member", "storage_gb": 1.5, "jobs": 3, "used_bytes": 0}
    run("users", "set", "ben", "--role", "viewer", "--storage-gb", "0")
    run("users", "add", "ben", "--password-stdin", typed="another one\n")  # keeps role and quotas
    assert listed()["ben"] == {"role": "viewer", "storage_gb": None, "jobs": 3, "used_bytes": 0}
    assert "viewer" in run("users", "list").output
    run("users", "remove", "ben", "--yes")
    assert list(listed()) == ["anna"]
    done = [(line["event"], line.get("of")) for line in map(json.loads, run("audit").output.splitlines())]
    assert done == [
        ("add user", "anna"), ("add user", "ben"), ("change user", "ben"), ("change password", "ben"),
        ("remove user", "ben"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("set", "nobody", "--jobs", "3"), "there is no user 'nobody'"),
        (("set", "nobody"), "nothing to set"),
        (("token", "nobody"), "there is no user 'nobody'"),
        (("set", "anna", "--storage-gb", "0.001"), "storage_gb: expected a number of at least 0.01"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: tuple[str, ...], words: str, run: Run) -> None:
    run("users", "add", "anna", "--password-stdin", typed=f"{PASSWORD}\n")
    ended = run("users", *arguments, code=1)
    assert isinstance(ended.exception, UsageError)
    assert words in str(ended.exception)


def test_a_token_is_good_until_there_is_a_new_password(run: Run, tmp_path: Path) -> None:
    run("users", "add", "anna", "--password-stdin", typed=f"{PASSWORD}\n")
    token = run("users", "token", "anna", "--days", "1").output.strip()
    files = StudioFiles(tmp_path / "studio")
    logins = Logins(Users(files.root / "users.json"), files.database(), 1, 3)
    assert logins.user_of(token) == "anna"
    run("users", "add", "anna", "--password-stdin", typed="another one\n")
    assert logins.user_of(token) is None


def test_the_roles_are_the_same_everywhere() -> None:
    assert ROLES == team_command.ROLES == get_args(AccountFacts.model_fields["role"].annotation)


# Roles


def test_a_viewer_looks_and_downloads_and_makes_nothing(service: Service, take: Take) -> None:
    photo = take(user="eve")
    job = service.submit("eve", Picture(photo=photo.id, style="great-wave", size=64))
    team(service)
    attempts: list[Callable[[], Any]] = [
        lambda: take(user="eve"),
        lambda: service.submit("eve", Picture(photo=photo.id, style="great-wave")),
        lambda: service.preview("eve", Preview(photo=photo.id, style="great-wave", size=64)),
        lambda: service.add_style("eve", NewStyle(picture=photo.id, name="mine")),
        lambda: service.resume("eve", job.id),
    ]
    for attempt in attempts:
        with pytest.raises(NotAllowedError, match="viewers may look"):
            attempt()
    assert not list(service.files.root.glob(".sent-*"))
    assert service.thumbnail("eve", photo.id)
    assert service.job("eve", job.id).status == "waiting"


@pytest.fixture
def visit(service: Service) -> Callable[[Callable[[Any], Awaitable[None]]], None]:
    """Do something with a function that asks API v1 in the name of one of the three."""
    logins = team(service)
    app = FastAPI()
    app.mount("/api/v1", api_v1(service, Webhooks(service.files), logins))

    async def ask(name: str, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {logins.log_in(name, PASSWORD)}"}
        transport = httpx.ASGITransport(Guard(app, service.limits, logins))
        async with httpx.AsyncClient(transport=transport, base_url="http://studio/api/v1", headers=headers) as client:
            return await client.request(method, path, **options)

    return lambda act: asyncio.run(act(ask))  # type: ignore[arg-type, return-value]


def test_admins_see_and_cancel_the_jobs_of_all_and_nobody_else_does(service: Service, take: Take, visit: Any) -> None:
    photo = take(user="bob").id
    jobs = [service.submit("bob", Picture(photo=photo, style="great-wave")).id for _ in range(2)]

    async def act(ask: Any) -> None:
        for name in ("bob", "eve"):
            for method, path in (("GET", "jobs"), ("POST", f"jobs/{jobs[0]}/cancel"), ("GET", "audit")):
                answer = await ask(name, method, f"/admin/{path}")
                assert (answer.status_code, answer.json()["title"]) == (403, "Not allowed")
        queue = (await ask("ada", "GET", "/admin/jobs")).json()["items"]
        assert [(job["id"], job["user"], job["status"]) for job in queue] == [(job, "bob", "waiting") for job in jobs]
        assert queue[0]["request"] is None
        assert (await ask("ada", "POST", f"/admin/jobs/{jobs[1]}/cancel")).json()["status"] == "canceled"
        assert (await ask("ada", "POST", f"/admin/jobs/{'0' * 32}/cancel")).status_code == 404
        assert (await ask("bob", "GET", f"/jobs/{jobs[1]}")).json()["status"] == "canceled"
        lines = (await ask("ada", "GET", "/admin/audit?since=1h")).json()
        assert ("ada", "cancel", "bob") in [(line["user"], line["event"], line.get("of")) for line in lines]
        assert (await ask("ada", "GET", "/admin/audit?since=yesterday")).status_code == 400

    visit(act)


def test_everybody_sees_their_role_and_quotas(service: Service, take: Take, visit: Any) -> None:
    service.users.set("bob", storage_gb=0.5, jobs=2)
    upload = take(user="bob")

    async def act(ask: Any) -> None:
        assert (await ask("bob", "GET", "/account")).json() == {
            "name": "bob", "role": "member", "storage": 500_000_000, "storage_used": upload.bytes + RECORD, "jobs": 2,
            "jobs_used": 0,
        }  # fmt: skip
        sent = await ask("eve", "POST", "/uploads", files={"file": ("a.png", b"x")})
        assert (sent.status_code, sent.json()["title"]) == (403, "Not allowed")
        assert (await ask("eve", "GET", "/uploads")).status_code == 200
        wanted = {"kind": "picture", "photo": upload.id, "style": "great-wave"}
        answers = [await ask("bob", "POST", "/jobs", json=wanted) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [202, 202, 429]
        assert answers[0].headers["ratelimit"].startswith('"jobs";r=1')
        assert (await ask("eve", "POST", "/jobs", json=wanted)).status_code == 403

    visit(act)


# Quotas


def test_tiny_files_then_large_ones_stay_within_the_quota_of_their_user(service: Service, take: Take) -> None:
    object.__setattr__(service.limits, "storage_gb", 0.19)
    rows = [(f"{number:032x}", "ada", "picture", "tiny.png", 70, "{}", float(number)) for number in range(11_400)]
    service.database._connection.executemany("INSERT INTO uploads VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    theirs = take(user="bob")
    for number in range(8):
        service.quota.make_room("ada", 8_000_000)
        service.database.add_upload(f"{number + 20_000:032x}", "ada", "picture", "large.png", 7_950_000, {})
        assert service.quota.used("ada") <= 190_000_000
    stored = service.database.uploads("ada")
    assert sum(upload.bytes + RECORD for upload in stored) == service.quota.used("ada")
    assert [upload.name for upload in stored].count("large.png") == 8  # the oldest are gone
    assert service.upload("bob", theirs.id)


def test_files_that_come_at_once_do_not_share_their_room(service: Service, samples: Path) -> None:
    content = (samples / "photo.png").read_bytes()
    object.__setattr__(service.limits, "storage_gb", 2.5 * (len(content) + RECORD) / 1e9)
    failed = list[BaseException]()

    def send(number: int) -> None:
        path = service.files.root / f".sent-{number}"
        path.write_bytes(content)
        try:
            service.take("ada", path, "photo.png")
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(service.database.uploads("ada")) == len(list(service.files.uploads.iterdir())) == 2


def test_all_that_a_user_has_on_the_disk_counts(service: Service, take: Take, do: Do) -> None:
    service.users.add("ada", PASSWORD)
    service.users.set("ada", storage_gb=0.01, jobs=1)
    job = do(Picture(photo=take().id, style="great-wave", size=64))
    service.thumbnail("ada", take("wave.jpg").id)
    service.add_style("ada", NewStyle(picture=take("wave.jpg").id, name="mine"))
    service.swatch("ada", "mine")
    folders = (service.files.uploads, service.files.job(job.id), service.files.user("ada"),
               service.files.swatches_of("ada"))  # fmt: skip
    on_disk = sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())
    assert on_disk <= service.quota.used("ada")
    assert service.quota.of("bob").storage_gb == 20
    with pytest.raises(TooLargeError, match=r"fill the 0\.01 GB limit"):
        service.quota.make_room("ada", 10_000_000)


def test_results_over_the_quota_are_swept_the_oldest_first(service: Service, take: Take, do: Do) -> None:
    photo = take()
    jobs = [do(Picture(photo=photo.id, style="great-wave", size=64)) for _ in range(2)]
    object.__setattr__(service.limits, "storage_gb", (service.quota.used("ada") - 1) / 1e9)
    service.quota.sweep()
    assert [job.id for job in service.jobs("ada")] == [job.id for job in jobs[::-1]]
    assert service.database.uploads("ada") == []  # the photo was older


def test_files_without_a_record_are_swept(service: Service, take: Take) -> None:
    kept, orphan = take(), service.files.upload("e" * 32)
    service.thumbnail("ada", kept.id)
    orphan.write_bytes(b"left by a crash")
    for path in service.files.uploads.iterdir():
        os.utime(path, (0, 0))
    service.quota.sweep()
    assert {path.name for path in service.files.uploads.iterdir()} == {kept.id, f"{kept.id}.jpg"}


# The audit log


def test_who_did_what_and_when_is_recorded_without_secrets(service: Service, take: Take, do: Do) -> None:
    photo = take()
    job = do(Picture(photo=photo.id, style="great-wave", size=64))
    service.result("ada", job.id, "jpeg")
    waiting = service.submit("ada", Picture(photo=photo.id, style="great-wave"))
    for act in (service.pause, service.resume, service.cancel):
        act("ada", waiting.id)
    service.remove_job("ada", job.id)
    service.remove_upload("ada", photo.id)
    logins = team(service)
    assert logins.log_in("ada", "wrong password", "192.0.2.1") is None
    assert logins.log_in(PASSWORD, "x", "192.0.2.1") is None  # typed into the wrong field
    token = logins.log_in("ada", PASSWORD, "192.0.2.1")
    assert token is not None
    logins.log_out(token)
    lines = list(service.audit.lines())
    assert [line["event"] for line in lines] == [
        "upload", "submit", "download", "submit", "pause", "resume", "cancel", "delete job", "delete upload",
        "login failed", "login failed", "login", "logout",
    ]  # fmt: skip
    assert [line["user"] for line in lines] == ["ada"] * 10 + ["unknown", "ada", "ada"]
    assert (lines[0]["upload"], lines[1]["job"], lines[2]["format"]) == (photo.id, job.id, "jpeg")
    assert lines[-1]["time"] >= lines[0]["time"] > "2026"
    text = service.audit.path.read_text()
    assert not any(secret in text for secret in (PASSWORD, "wrong password", token))
    assert stat.S_IMODE(service.audit.path.stat().st_mode) == 0o600


def test_the_log_begins_new_files_and_keeps_the_last_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_module, "LARGEST", 500)
    monkeypatch.setattr(audit_module, "KEPT", 3)
    logs = [AuditLog(tmp_path / "audit") for _ in range(2)]

    def write(log: AuditLog) -> None:
        for number in range(40):
            log.add("ada", "upload", number=number)

    threads = [threading.Thread(target=write, args=(log,)) for log in logs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    logs[0].add("ada", "last")
    assert len(list((tmp_path / "audit").glob("*.jsonl"))) <= 3
    lines = list(logs[1].lines())
    assert lines[-1]["event"] == "last"
    assert list(logs[1].lines(time.time() + 1)) == []


def test_a_log_that_can_t_be_written_stops_nobody(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit")
    log.path.mkdir()
    log.add("ada", "upload")
    assert log.path.is_dir()


def test_times_are_dates_or_ago() -> None:
    assert moment_of("2026-11-30T01:00Z") - moment_of("2026-11-30") == 3600
    assert time.time() - moment_of("90m") == pytest.approx(5400, abs=5)
    with pytest.raises(UsageError, match="expected a date"):
        moment_of("now")
