"""What is done, what failed and why: so that a batch that was killed goes on and paints nothing twice.

Beside results on this machine it is an SQLite file. Beside results in a store, where files can't be changed and there
are no locks, it is a growing number of part files, which SQLite reads into a temporary file. Reading them in any order
gives the same: what is done once stays done.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from brushwork.batch.naming import apart
from brushwork.batch.places import file_system, is_remote, join, reaching, write_text, written_whole
from brushwork.errors import BrushworkError, first_line
from brushwork.runtime.locking import locked
from brushwork.runtime.uninterrupted import uninterrupted

__all__ = ["FOLDER", "Entry", "Manifest", "Row"]

FOLDER = ".brushwork"  # in the folder of the results
PAGE = 2000  # rows read at a time
PARTS = 100  # part files that are read one by one; more are joined
COMMIT, PART = 0.5, 10.0  # seconds between two commits, and between two part files
_TABLES = """
CREATE TABLE IF NOT EXISTS result(
    picture TEXT, recipe TEXT, style TEXT, state TEXT, why TEXT, output TEXT, seconds REAL,
    PRIMARY KEY(picture, recipe)) WITHOUT ROWID;
CREATE TEMP TABLE picture(address TEXT PRIMARY KEY, folder TEXT, name TEXT, stem TEXT) WITHOUT ROWID;
"""
_KEEP = "INSERT INTO result VALUES(?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET state=excluded.state, why=excluded.why, \
output=excluded.output, seconds=excluded.seconds WHERE result.state = 'failed' OR excluded.state = 'packed'"


class Entry(NamedTuple):
    """The outcome of a picture in a style.

    Args:
        picture: Address of the picture.
        recipe: What identifies everything else that decides the result.
        style: The style, in words.
        state: "done", "packed" (done, and in a shard) or "failed"; what is open has no entry.
        why: Why it failed.
        output: The result's name below the folder of results.
        seconds: Time that it took.
    """

    picture: str
    recipe: str
    style: str
    state: str
    why: str
    output: str
    seconds: float


class Row(NamedTuple):
    """A picture that was listed.

    Args:
        address: Its address.
        name: Its name, with its folder.
        stem: The beginning of its results' names, with their folder.
        states: Recipe → state, see `Entry`; what is open is missing.
    """

    address: str
    name: str
    stem: str
    states: dict[str, str]


class Manifest:
    """The manifest of a folder of results; open it with `opened`.

    Args:
        output: The folder.
        database: SQLite's connection.
    """

    def __init__(self, output: str, database: sqlite3.Connection) -> None:
        self.output, self._database = output, database
        self._unsaved: list[str] = []  # lines of the next part file
        self._committed = self._written = time.monotonic()
        database.executescript(_TABLES)
        database.execute("BEGIN")
        if is_remote(output):
            self._read_parts()

    @classmethod
    @contextmanager
    def opened(cls, output: str) -> Iterator[Manifest]:
        """Open the manifest of a folder of results, which is created if it doesn't exist; one process at a time.

        Raises:
            BrushworkError: The folder can't be written, or another process works on it.
        """
        remote, folder = is_remote(output), Path(output) / FOLDER
        with _telling(output):
            if not remote:
                folder.mkdir(parents=True, exist_ok=True)
        with locked(None if remote else folder / "manifest", Path(output)):
            with _telling(output):
                database = sqlite3.connect("" if remote else folder / "manifest.sqlite", isolation_level=None)
            try:
                with _telling(output):
                    manifest = cls(output, database)
                yield manifest
            except sqlite3.Error as error:
                raise _cant_be_written(output, error) from error
            finally:
                with uninterrupted():
                    if database.in_transaction:
                        database.execute("COMMIT")
                    database.close()

    def _read_parts(self) -> None:
        with reaching(self.output):
            system, path = file_system(join(self.output, FOLDER))
            parts = system.ls(path, detail=False) if system.exists(path) else []
            for part in parts:
                with system.open(part, "r", encoding="utf-8") as lines:
                    self._database.executemany(_KEEP, (json.loads(line) for line in lines))
            if len(parts) > PARTS:
                self._join_parts()
                system.rm(parts)

    def _join_parts(self) -> None:
        """Write all results into one part file; the others can then be removed."""
        name = f"{FOLDER}/{_part_name()}"
        with written_whole(join(self.output, name)) as path, path.open("w", encoding="utf-8") as lines:
            for row in self._database.execute("SELECT * FROM result"):
                lines.write(f"{json.dumps(row)}\n")

    def add_pictures(self, pictures: Iterable[tuple[str, str, str]]) -> int:
        """Take in the pictures of this run, and find a name for each; return their number.

        Args:
            pictures: Address, folder and name of each; a picture given twice is taken once.
        """
        rows = ((address, folder, name, name.rpartition(".")[0] or name) for address, folder, name in pictures)
        self._database.executemany("INSERT OR IGNORE INTO picture VALUES(?,?,?,?)", rows)
        self._database.execute("CREATE INDEX temp.stems ON picture(folder, stem COLLATE NOCASE)")
        same = "SELECT folder, stem FROM picture GROUP BY folder, stem COLLATE NOCASE HAVING count(*) > 1"
        for folder, stem in self._database.execute(same).fetchall():
            self._tell_apart(folder, stem)
        count: int = self._database.execute("SELECT count(*) FROM picture").fetchone()[0]
        return count

    def _tell_apart(self, folder: str, stem: str) -> None:
        """Give pictures of one folder and stem different stems."""
        where = "FROM picture WHERE folder=? AND stem=? COLLATE NOCASE"
        found = self._database.execute(f"SELECT address, name {where} ORDER BY address", (folder, stem)).fetchall()
        for (address, _), new in zip(found, apart([(stem, name.replace(".", "-")) for _, name in found]), strict=True):
            free, number = new, 1
            while self._database.execute(f"SELECT 1 {where}", (folder, free)).fetchone():
                number += 1
                free = f"{new}-{number}"
            self._database.execute("UPDATE picture SET stem=? WHERE address=?", (free, address))

    def rows(self, recipes: Iterable[str]) -> Iterator[Row]:
        """Yield the listed pictures in the order of their addresses, with what is known of them."""
        recipes, last = list(recipes), ""
        marks = ",".join("?" * len(recipes))
        page = f"""SELECT p.address, p.folder, p.name, p.stem, r.recipe, r.state FROM
            (SELECT * FROM picture WHERE address > ? ORDER BY address LIMIT {PAGE}) p
            LEFT JOIN result r ON r.picture = p.address AND r.recipe IN ({marks}) ORDER BY p.address"""
        while found := self._database.execute(page, (last, *recipes)).fetchall():
            known: dict[str, Row] = {}
            for address, folder, name, stem, recipe, state in found:
                row = known.setdefault(address, Row(address, join(folder, name), join(folder, stem), {}))
                row.states.update({recipe: state} if recipe is not None else {})
            yield from known.values()
            last = found[-1][0]

    def count(self, state: str, recipes: Iterable[str]) -> int:
        """Return how many results of listed pictures are in a state."""
        recipes = list(recipes)
        query = f"""SELECT count(*) FROM result JOIN picture ON picture = address
            WHERE state=? AND recipe IN ({",".join("?" * len(recipes))})"""
        count: int = self._database.execute(query, (state, *recipes)).fetchone()[0]
        return count

    def failures(self, recipes: Iterable[str]) -> Iterator[Entry]:
        """Yield what failed, of the listed pictures."""
        recipes = list(recipes)
        query = f"""SELECT result.* FROM result JOIN picture ON picture = address
            WHERE state='failed' AND recipe IN ({",".join("?" * len(recipes))}) ORDER BY picture"""
        for picture, recipe, style, state, why, output, seconds in self._database.execute(query, recipes):
            yield Entry(picture, recipe, style, state, why, output, seconds)

    def waiting(self) -> int:
        """Return how many results are done and not packed into a shard."""
        count: int = self._database.execute(
            "SELECT count(*) FROM result WHERE state='done' AND picture!=''"
        ).fetchone()[0]
        return count

    def unpacked(self, count: int) -> list[Entry]:
        """Return so many results that are done and not packed, in the order of their pictures."""
        query = "SELECT * FROM result WHERE state='done' AND picture!='' ORDER BY picture, recipe LIMIT ?"
        return [
            Entry(picture, recipe, style, state, why, output, seconds)
            for picture, recipe, style, state, why, output, seconds in self._database.execute(query, (count,))
        ]

    def shards(self) -> int:
        """Return how many shards there are."""
        query = "SELECT count(DISTINCT substr(output, 1, instr(output, '.tar/'))) FROM result WHERE state='packed'"
        count: int = self._database.execute(query).fetchone()[0]
        return count

    def record(self, entries: Iterable[Entry]) -> None:
        """Record outcomes; they are on the disk or in the store within seconds.

        Raises:
            BrushworkError: They can't be written.
        """
        entries = list(entries)
        with uninterrupted():
            self._database.executemany(_KEEP, entries)
            if is_remote(self.output):
                self._unsaved += [json.dumps(entry) for entry in entries]
        now = time.monotonic()
        if now - self._committed > COMMIT or (self._unsaved and now - self._written > PART):
            self.save(parts=now - self._written > PART)

    def save(self, *, parts: bool = True) -> None:
        """Write down what was recorded.

        Raises:
            BrushworkError: It can't be written.
        """
        with uninterrupted():
            self._database.execute("COMMIT")
            self._database.execute("BEGIN")
            self._committed = time.monotonic()
            if parts and self._unsaved:
                name = f"{FOLDER}/{_part_name()}"
                write_text(join(self.output, name), "\n".join([*self._unsaved, ""]))
                self._unsaved, self._written = [], time.monotonic()

    def fact(self, name: str) -> str | None:
        """Return a fact of the batch that an earlier run recorded."""
        found = self._database.execute("SELECT why FROM result WHERE picture='' AND recipe=?", (name,)).fetchone()
        return None if found is None else str(found[0])

    def keep_fact(self, name: str, value: str) -> None:
        """Record a fact of the batch for later runs."""
        self.record([Entry("", name, "", "done", value, "", 0.0)])


@contextmanager
def _telling(output: str) -> Iterator[None]:
    """Turn the system's and SQLite's errors into one line."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise _cant_be_written(output, error) from error


def _cant_be_written(output: str, error: Exception) -> BrushworkError:
    return BrushworkError(f"{output}: the manifest can't be written: {first_line(error)}")


def _part_name() -> str:
    """Return the name of a new part file; they sort by time, and no two processes choose the same."""
    return f"part-{time.time_ns():020}-{secrets.token_hex(4)}.jsonl"
