"""Backups: whole, verified, made while the studio runs, and restored as a whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from brushwork.errors import BrushworkError, UsageError
from brushwork.studio.audit import AuditLog
from brushwork.studio.backups import back_up, restore
from brushwork.studio.command import studio as command
from brushwork.studio.database import Database
from brushwork.studio.files import StudioFiles
from brushwork.studio.records import Job, Upload
from brushwork.studio.schemas import NewStyle, Picture
from brushwork.studio.server import run
from brushwork.studio.service import Service

Take = Callable[..., Upload]
Do = Callable[..., Job]


@pytest.fixture
def filled(service: Service, take: Take, do: Do) -> Service:
    """A studio with a user, a style, a result and a job that waits."""
    photo = take()
    service.users.add("ada", "correct horse")
    service.add_style("ada", NewStyle(picture=photo.id, name="mine"))
    do(Picture(photo=photo.id, style="mine", size=64))
    service.submit("ada", Picture(photo=photo.id, style="great-wave", size=64))
    service.database.add_session("token", "ada", 4e9)
    return service


def contents(files: StudioFiles) -> dict[str, bytes]:
    """All that a backup must keep."""
    folders = (files.uploads, files.jobs, files.root / "users")
    found = {path for folder in folders for path in folder.rglob("*") if path.is_file()}
    return {str(path.relative_to(files.root)): path.read_bytes() for path in {*found, files.root / "users.json"}}


def rows(database: Database) -> list[Any]:
    return [*database.uploads("ada"), *database.jobs("ada")]


def test_what_is_restored_is_what_was_backed_up(filled: Service, tmp_path: Path) -> None:
    summary = back_up(filled.files, tmp_path / "backup.tar")
    assert (tmp_path / "backup.tar").stat().st_mode & 0o777 == 0o600
    other = StudioFiles(tmp_path / "other")
    assert restore(other, tmp_path / "backup.tar") == summary
    assert contents(other) == contents(filled.files)
    assert rows(other.database()) == rows(filled.database)
    assert other.database().session("token") is None  # everybody logs in again
    modes = {path.stat().st_mode & 0o777 for path in other.root.rglob("*") if path.is_file()}
    assert modes == {0o600}
    assert not other.restoring.exists()


def test_a_studio_is_replaced_only_if_that_is_asked_for(filled: Service, take: Take, tmp_path: Path) -> None:
    back_up(filled.files, tmp_path / "backup.tar")
    before, kept = contents(filled.files), rows(filled.database)
    later = take()
    with pytest.raises(UsageError, match="--replace to delete it"):
        restore(filled.files, tmp_path / "backup.tar")
    assert filled.files.upload(later.id).exists()
    held = filled.files.claim()
    with pytest.raises(UsageError, match="already running"):
        restore(filled.files, tmp_path / "backup.tar", replace=True)
    held.release()
    filled.database.close()
    restore(filled.files, tmp_path / "backup.tar", replace=True)
    assert contents(filled.files) == before
    assert rows(filled.files.database()) == kept


def test_a_job_at_work_begins_anew_and_the_audit_log_that_is_there_stays(filled: Service, tmp_path: Path) -> None:
    job = filled.database.claim("jobs-1")
    assert job is not None
    back_up(filled.files, tmp_path / "backup.tar")
    other = StudioFiles(tmp_path / "other")
    AuditLog(other.audit).add("bob", "upload")
    restore(other, tmp_path / "backup.tar")
    found = other.database().job(job.id)
    assert found is not None
    assert (found.status, found.progress) == ("waiting", {})
    assert [line["user"] for line in AuditLog(other.audit).lines()] == ["bob"]


def test_the_commands_do_it_and_say_so(filled: Service, tmp_path: Path) -> None:
    def run(*arguments: object, code: int = 0) -> Result:
        ended = CliRunner().invoke(command, [*map(str, arguments)])
        assert ended.exit_code == code, ended.output
        return ended

    backup, root = tmp_path / "backup.tar", filled.files.root
    assert "files" in run("--folder", root, "backup", backup).output
    assert "exists; use another name, or --replace" in str(run("backup", backup, "--folder", root, code=1).exception)
    run("backup", backup, "--folder", root, "--replace")
    assert "MB" in run("restore", backup, "--folder", tmp_path / "other").output
    events = [line["event"] for line in AuditLog(tmp_path / "other" / "audit").lines()]
    assert events[-2:] == ["backup", "restore"]  # of the two backups, the second one holds the first one's line


def damages(path: Path) -> Iterator[bytes]:
    content = path.read_bytes()
    yield content[: len(content) // 2]
    yield content[:-12_000]  # without the manifest
    middle = content.index(b"\x89PNG") + 200
    yield content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    yield b"no tar"


def test_a_damaged_backup_changes_nothing(filled: Service, tmp_path: Path) -> None:
    back_up(filled.files, tmp_path / "backup.tar")
    before = contents(filled.files)
    for number, content in enumerate(damages(tmp_path / "backup.tar")):
        (tmp_path / f"{number}.tar").write_bytes(content)
        with pytest.raises(BrushworkError, match="no backup of a studio, or damaged"):
            restore(filled.files, tmp_path / f"{number}.tar", replace=True)
    assert contents(filled.files) == before
    assert not filled.files.restoring.exists()


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "uploads/../../evil", "uploads/..", "lock", "uploads//x"])
def test_no_name_leads_out_of_the_folder(name: str, filled: Service, tmp_path: Path) -> None:
    back_up(filled.files, tmp_path / "backup.tar")
    with tarfile.open(tmp_path / "backup.tar") as tar, tarfile.open(tmp_path / "evil.tar", "w") as evil:
        for member in tar:
            file = tar.extractfile(member)
            assert file is not None
            content = file.read()
            if member.name == "users.json":
                member.name = name
            if member.name == "manifest.json":
                content = content.replace(b'"users.json"', b'"%b"' % name.encode())
                member.size = len(content)
            (tmp_path / "part").write_bytes(content)
            with (tmp_path / "part").open("rb") as part:
                evil.addfile(member, part)
    with pytest.raises(BrushworkError, match="is wrong or missing"):
        restore(StudioFiles(tmp_path / "other"), tmp_path / "evil.tar")
    assert not list(tmp_path.rglob("evil"))


def test_what_comes_and_goes_meanwhile_leaves_the_backup_whole(filled: Service, take: Take, tmp_path: Path) -> None:
    ending = threading.Event()

    def come_and_go() -> None:
        while not ending.is_set():
            path = filled.files.root / ".sent-again"
            path.write_bytes(b"x" * 50_000)
            upload = filled.database.add_upload(os.urandom(16).hex(), "ada", "picture", "a.png", 50_000, {})
            path.rename(filled.files.upload(upload.id))
            time.sleep(0.002)
            filled.quota.forget(upload)

    thread = threading.Thread(target=come_and_go)
    thread.start()
    try:
        for number in range(10):
            back_up(filled.files, tmp_path / f"{number}.tar")
    finally:
        ending.set()
        thread.join()
    for number in range(10):
        other = StudioFiles(tmp_path / f"other{number}")
        restore(other, tmp_path / f"{number}.tar")
        assert len(other.database().jobs("ada")) == 2
        assert all(other.upload(upload.id).exists() for upload in other.database().uploads("ada"))


def test_a_killed_backup_leaves_the_old_one_and_a_killed_restore_is_done_again(filled: Service, tmp_path: Path) -> None:
    filler = filled.database.add_upload("f" * 32, "ada", "film", "long.mp4", 60_000_000, {"width": 1, "height": 1})
    filled.files.upload(filler.id).write_bytes(os.urandom(60_000_000))
    backup = tmp_path / "backup.tar"
    back_up(filled.files, backup)
    before, old = contents(filled.files), backup.read_bytes()
    other, states = StudioFiles(tmp_path / "other"), set[str]()

    def killed(*arguments: object, after: Callable[[], bool]) -> None:
        command = [sys.executable, "-m", "brushwork", "studio", *map(str, arguments)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and not after():
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def large(path: Path, size: int) -> bool:
        return path.exists() and path.stat().st_size >= size

    written = lambda: any(large(path, 10_000_000) for path in tmp_path.glob(".backup.tar.*.tmp"))  # noqa: E731
    killed("backup", backup, "--replace", "--folder", filled.files.root, after=written)
    assert backup.read_bytes() == old
    for size in (0, 1, 20_000_000, 40_000_000):
        begun = partial(large, other.upload(filler.id) if size else other.restoring, size)
        killed("restore", backup, "--replace", "--folder", other.root, after=begun)
        states.add("in part" if other.restoring.exists() else "whole")
        if other.restoring.exists():
            with pytest.raises(UsageError, match="only restored in part"):
                run(other, filled.limits, port=0)
    assert "in part" in states
    restore(other, backup, replace=True)
    assert contents(other) == before
    back_up(filled.files, backup)
    assert not list(tmp_path.glob(".backup.tar.*"))  # what the killed one left


def test_uploads_and_results_may_be_on_other_disks(tmp_path: Path, filled: Service) -> None:
    back_up(filled.files, tmp_path / "backup.tar")
    root, disks = tmp_path / "other", [tmp_path / "disk1", tmp_path / "disk2"]
    root.mkdir()
    for name, disk in zip(("uploads", "jobs"), disks, strict=True):
        disk.mkdir()
        (root / name).symlink_to(disk)
    other = StudioFiles(root)
    restore(other, tmp_path / "backup.tar")
    assert all(any(path.is_file() for path in disk.rglob("*")) for disk in disks)
    back_up(other, tmp_path / "again.tar")
    restore(other, tmp_path / "again.tar", replace=True)
    assert (root / "jobs").is_symlink()
    assert contents(other).keys() - {"users.json"} == contents(filled.files).keys() - {"users.json"}
