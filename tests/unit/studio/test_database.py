"""Jobs, files and logins, as several threads and processes see them."""

from __future__ import annotations

import sqlite3
import stat
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from brushwork.studio.database import Database
from brushwork.studio.files import StudioFiles
from brushwork.studio.records import Job, JobFilter
from brushwork.studio.workers import interrupt

Submit = Callable[..., Job]


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "studio.sqlite")


@pytest.fixture
def submit(database: Database) -> Submit:
    def submit(user: str = "ada", of_user: int = 100, of_all: int = 100) -> Job:
        job = database.add_job(user, "picture", "boat.jpg", {"style": "great-wave"}, of_user, of_all)
        assert job is not None
        return job

    return submit


def test_jobs_are_done_in_the_order_in_which_they_came(database: Database, submit: Submit) -> None:
    jobs = [submit() for _ in range(3)]
    assert [database.ahead_of(job) for job in jobs] == [0, 1, 2]
    claimed = [database.claim() for _ in jobs]
    assert [job and job.id for job in claimed] == [job.id for job in jobs]
    assert all(job and job.status == "running" and job.started and job.tries == 1 for job in claimed)
    assert database.claim() is None


def test_users_take_turns_however_many_jobs_one_has(database: Database, submit: Submit) -> None:
    jobs = [submit(user) for user in ("ada", "ada", "ada", "bob", "bob", "eve")]
    assert [database.ahead_of(job) for job in jobs] == [0, 3, 5, 1, 4, 2]
    first = database.claim()
    assert first is not None
    assert first.id == jobs[0].id
    assert [database.ahead_of(job) for job in jobs[1:]] == [3, 5, 1, 4, 2]
    late = submit("zoe")
    order = (jobs[3], jobs[5], late, jobs[1], jobs[4], jobs[2])
    claimed = [database.claim() for _ in order]
    assert [job and job.id for job in claimed] == [job.id for job in order]


def test_whoever_has_fewer_jobs_running_goes_first(database: Database, submit: Submit) -> None:
    for user in ("ada", "ada", "ada"):
        submit(user)
    assert [database.claim(f"jobs-{number}") for number in (1, 2)]
    for user in ("bob", "bob"):
        submit(user)
    claimed = [database.claim(f"jobs-{number}") for number in (3, 4)]
    assert [job and job.user for job in claimed] == ["bob", "bob"]  # ada has two


def test_a_job_goes_on_only_where_it_was_begun_while_that_is_there(database: Database, submit: Submit) -> None:
    job, both = submit(), ("cpu", "cuda:0")
    assert database.claim("jobs-2", "cuda:0", both) is not None
    database.end(job.id, "waiting", worker="jobs-2")
    assert database.claim("jobs-1", "cpu", both) is None
    assert database.claim("jobs-1", "cpu", ("cpu",)) is not None


def test_only_who_runs_a_job_ends_it(database: Database, submit: Submit) -> None:
    job, other = submit(), submit()
    assert database.claim("jobs-1")
    assert database.claim("jobs-2")
    database.end(job.id, "done", worker="jobs-2")
    assert database.interrupt_running("gone", worker="jobs-2") == [other.id]
    found = database.job(job.id)
    assert found is not None
    assert (found.status, found.worker) == ("running", "jobs-1")
    database.end(job.id, "done", worker="jobs-1")
    assert database.counts() == {"done": 1, "interrupted": 1}


def test_a_database_of_an_earlier_version_is_taken_over(database: Database, submit: Submit) -> None:
    job = submit()
    connection = sqlite3.connect(database.path)
    for column in ("worker", "device"):
        connection.execute(f"ALTER TABLE jobs DROP COLUMN {column}")
    connection.close()
    assert Database(database.path).jobs("ada") == [job]


def test_a_job_is_claimed_once_however_many_ask(database: Database, submit: Submit) -> None:
    jobs = [submit() for _ in range(20)]
    with ThreadPoolExecutor(8) as pool:
        claimed = [job.id for job in pool.map(lambda _: database.claim(), range(40)) if job is not None]
    assert sorted(claimed) == sorted(job.id for job in jobs)


def test_no_more_jobs_than_there_may_be_however_many_ask(database: Database) -> None:
    def add(number: int) -> bool:
        return database.add_job(f"user{number % 4}", "grid", "", {}, 3, 10) is not None

    with ThreadPoolExecutor(8) as pool:
        added = sum(pool.map(add, range(60)))
    assert added == 10
    assert all(len(database.jobs(f"user{number}")) <= 3 for number in range(4))


def test_a_done_job_makes_room_for_another(database: Database, submit: Submit) -> None:
    first = submit(of_user=1)
    assert database.add_job("ada", "grid", "", {}, 1, 10) is None
    database.claim()
    assert database.add_job("ada", "grid", "", {}, 1, 10) is None
    database.end(first.id, "done", result="result.png", size=7)
    assert database.add_job("ada", "grid", "", {}, 1, 10) is not None


def test_one_user_sees_nothing_of_another(database: Database, submit: Submit) -> None:
    job, upload = submit("ada"), database.add_upload("f" * 32, "ada", "picture", "boat.jpg", 10, {"width": 4})
    assert database.job(job.id, "ada") == job
    assert database.upload(upload.id, "ada") == upload
    assert database.job(job.id, "bob") is None
    assert database.upload(upload.id, "bob") is None
    assert database.jobs("bob") == []
    assert database.uploads("bob") == []


def test_what_a_worker_tells_is_kept_and_its_user_s_wish_reaches_it(database: Database, submit: Submit) -> None:
    job = submit()
    assert not database.want(job.id, "pause")  # it doesn't run yet
    database.claim()
    database.tell(job.id, {"step": 3, "steps": 10})
    assert database.want(job.id, "pause")
    assert database.wish_of(job.id) == "pause"
    found = database.job(job.id, "ada")
    assert found is not None
    assert found.progress == {"step": 3, "steps": 10}
    database.end(job.id, "paused")
    assert database.wish_of(job.id) == ""


def test_a_job_that_was_deleted_is_to_be_canceled(database: Database, submit: Submit) -> None:
    job = submit()
    database.remove_job(job.id)
    assert database.wish_of(job.id) == "cancel"


@pytest.mark.parametrize(("wish", "after"), [("", "interrupted"), ("pause", "paused"), ("cancel", "canceled")])
def test_a_worker_that_dies_interrupts_its_job_as_its_user_wished(
    wish: str, after: str, database: Database, submit: Submit
) -> None:
    running, waiting = submit(), submit()
    database.claim()
    if wish:
        database.want(running.id, wish)
    assert database.interrupt_running("its process ended") == [running.id]
    jobs = {job.id: job for job in database.jobs("ada")}
    assert (jobs[running.id].status, jobs[running.id].message) == (after, "" if wish else "its process ended")
    assert jobs[waiting.id].status == "waiting"
    assert database.interrupt_running("again") == []


def test_what_was_to_be_discarded_is_neither_ended_nor_listed_as_canceled(
    database: Database, submit: Submit, tmp_path: Path
) -> None:
    files = StudioFiles(tmp_path / "studio")
    discarded, other = submit(), submit()
    for name in ("jobs-1", "jobs-2"):
        database.claim(name)
    files.job(discarded.id).mkdir()
    database.want(discarded.id, "discard")
    database.end(discarded.id, "done", result="result.png", worker="jobs-1")  # while it was told so
    interrupt(files, database, "its process ended", worker="jobs-2")
    assert [(job.id, job.status) for job in database.jobs("ada")] == [
        (other.id, "interrupted"), (discarded.id, "running"),
    ]  # fmt: skip
    interrupt(files, database, "the studio was stopped")
    assert [job.id for job in database.jobs("ada")] == [other.id]
    assert not files.job(discarded.id).exists()


def test_what_ended_meanwhile_stays_as_it_ended(database: Database, submit: Submit) -> None:
    job = submit()
    database.claim()
    database.interrupt_running("its process ended")
    database.end(job.id, "done", result="result.png")  # the old worker, late
    found = database.job(job.id)
    assert found is not None
    assert (found.status, found.result) == ("interrupted", "")


def test_a_paused_job_waits_again_only_where_there_is_room(database: Database, submit: Submit) -> None:
    paused = submit()
    database.move(paused.id, ("waiting",), "paused")
    found = database.job(paused.id)
    assert found is not None
    submit()
    assert not database.queue_again(found, 1, 10)
    assert not database.queue_again(found, 10, 1)
    assert database.queue_again(found, 2, 2)
    assert not database.queue_again(found, 10, 10)  # it waits already
    assert database.counts() == {"waiting": 2}


def test_a_job_moves_only_from_the_states_that_are_meant(database: Database, submit: Submit) -> None:
    job = submit()
    assert not database.move(job.id, ("paused", "failed"), "waiting")
    assert database.move(job.id, ("waiting",), "canceled")
    found = database.job(job.id)
    assert found is not None
    assert found.status == "canceled"
    assert found.ended


def test_a_login_lasts_until_it_ends(database: Database) -> None:
    database.add_session("one", "ada", 4e9)
    database.add_session("old", "ada", 1.0)
    database.add_session("other", "bob", 4e9)
    assert [database.session(token) for token in ("one", "old", "other", "none")] == ["ada", None, "bob", None]
    database.remove_sessions_of("ada")
    assert [database.session(token) for token in ("one", "other")] == [None, "bob"]
    database.remove_session("other")
    assert database.session("other") is None


def test_all_of_it_is_still_there_when_it_is_opened_again(database: Database, submit: Submit) -> None:
    job = submit()
    database.add_upload("f" * 32, "bob", "film", "sea.mp4", 10, {"frames": 8, "seconds": 1.0})
    again = Database(database.path)
    assert again.jobs("ada") == [job]
    assert again.uploads("bob")[0].facts == {"frames": 8, "seconds": 1.0}
    assert sorted(again.users()) == ["ada", "bob"]


def test_the_file_is_for_its_owner_only(database: Database, submit: Submit) -> None:
    submit()
    files = list(database.path.parent.glob("studio.sqlite*"))
    assert len(files) > 1
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)


def test_threads_write_at_the_same_time(database: Database, submit: Submit) -> None:
    job = submit()
    database.claim()
    errors = list[BaseException]()

    def write(number: int) -> None:
        try:
            for k in range(20):
                database.tell(job.id, {"step": k})
                database.add_upload(f"{number:016x}{k:016x}", "ada", "picture", "a.png", 1, {})
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(database.uploads("ada")) == 160


def test_jobs_are_found_by_kind_status_and_words(database: Database) -> None:
    def add(kind: str, title: str, **request: Any) -> str:
        job = database.add_job("ada", kind, title, request, 20, 100)
        assert job is not None
        return job.id

    wave = add("picture", "Boat.png in the style of great-wave")
    night = add("picture", "boat.png in the style of starry-night")
    database.add_upload("b" * 32, "ada", "picture", "Lighthouse.png", 1, {})
    photos = ["a" * 32, "b" * 32]
    ten = add("batch", "a.png and 9 more in the style of great-wave", photos=photos)
    database.move(night, ("waiting",), "paused")

    def found(**only: Any) -> list[str]:
        return [job.id for job in database.jobs_after("ada", 10, None, JobFilter(**only))]

    assert found() == [ten, night, wave]
    assert found(kind="picture") == [night, wave]
    assert found(search="Great wave") == [ten, wave]
    assert found(search="boat.PNG") == [night, wave]
    assert found(search="lighthouse great") == [ten]
    assert found(search="lighthouse starry") == []
    assert found(search="%") == []
    assert found(status=("paused", "done")) == [night]
    assert found(kind="batch", status=("waiting",), search="great-wave") == [ten]
    assert [job.id for job in database.unfinished("ada")] == [wave, night, ten]
    assert database.unfinished("bob") == []
