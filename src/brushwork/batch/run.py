"""A batch that runs: what is planned, told and recorded. Imports no torch, for a small driver."""

from __future__ import annotations

import csv
import dataclasses
import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import NamedTuple

from brushwork.batch.listing import list_pictures
from brushwork.batch.manifest import Entry, Manifest, Row
from brushwork.batch.naming import dotted
from brushwork.batch.painting import Measured, Measuring, Painted, Painting, Task
from brushwork.batch.places import join, plain, remove, written_whole
from brushwork.batch.shards import STAGED, Shards, shard_pattern
from brushwork.engines.base import Engine
from brushwork.engines.choice import engine_for
from brushwork.engines.local import LocalEngine
from brushwork.errors import BrushworkError, Interrupted, UsageError
from brushwork.options.batch import BatchOptions
from brushwork.options.methods import Settings
from brushwork.options.stylize import with_changes
from brushwork.runtime.atomic_files import replacing
from brushwork.runtime.progress import Pace

__all__ = ["FAILURES", "BatchResult", "BatchStep", "Plan", "run_batch"]

FAILURES = "failures.csv"
CHUNK_SECONDS, CHUNK = 1.0, 32  # work that a worker is given at once: about so much time, at most so many pictures


@dataclass(frozen=True)
class BatchStep:
    """The progress of a batch.

    Args:
        done: Results that are done, including those of earlier runs.
        failed: Results that failed, likewise.
        total: All results.
        rate: Results per second, lately; 0 before the first.
        seconds_left: Estimated time remaining; 0 before the first.
        output: Address of the latest result; empty at the start.
        picture: Its picture.
        style: Its style.
        why: Why it failed; empty if it didn't.
        seconds: Time that it took.
    """

    done: int
    failed: int
    total: int
    rate: float = 0.0
    seconds_left: float = 0.0
    output: str = ""
    picture: str = ""
    style: str = ""
    why: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class BatchResult:
    """The result of `stylize_batch`.

    Args:
        output: The folder.
        done: Number of results that are done.
        failed: Number of those that failed; FOLDER/failures.csv says why.
        painted: Number of those that this run made.
        seconds: Run time.
        failures: The first of the failures.
    """

    output: str
    done: int
    failed: int
    painted: int
    seconds: float
    failures: tuple[Entry, ...]


class Plan(NamedTuple):
    """What is made of each picture.

    Args:
        recipes: What identifies each of its results, see `Entry`.
        task: Returns the task for a listed picture and the number of a recipe.
    """

    recipes: list[str]
    task: Callable[[Row, int], Task]


def run_batch(
    photos: list[str],
    work: Painting,
    plan: Plan,
    options: BatchOptions,
    *,
    engine: Engine | None = None,
    progress: Callable[[BatchStep], None] | None = None,
) -> BatchResult:
    """Make what is planned of each picture, exactly once; see `stylize_batch` for errors.

    Args:
        photos: What is listed.
        work: What workers do, with the output as the user named it.
        plan: What is made of each picture.
        options: Engine, workers, resume.
        engine: Instead of the one that `options` name.
        progress: See `stylize_batch`.
    """
    started = time.perf_counter()
    place, pattern = shard_pattern(work.output)
    folder = plain(place)
    if folder in map(plain, photos):
        raise UsageError(f"-o {folder} is the folder of the photos; choose another one, or one in it")
    work = dataclasses.replace(work, output=folder if pattern is None else join(folder, STAGED))
    with Manifest.opened(folder) as manifest:
        run = _Run(manifest, work, plan, options, progress or (lambda _: None))
        run.shards = None if pattern is None else Shards(manifest, pattern, options.shard_size)
        run.total = manifest.add_pictures(list_pictures(photos, folder)) * len(plan.recipes)
        run.check_resume()
        run.paint(engine)
        return run.finish(time.perf_counter() - started)


class _Run:
    """A batch that runs: what is planned, what is told, what is recorded."""

    def __init__(
        self,
        manifest: Manifest,
        work: Painting,
        plan: Plan,
        options: BatchOptions,
        tell: Callable[[BatchStep], None],
    ) -> None:
        self.manifest, self.work, self.options, self.tell = manifest, work, options, tell
        self.recipes, self._task = plan
        self.total = self.done = self.failed = self.painted = 0
        self.shards: Shards | None = None
        self._pace = Pace()
        self._seconds = CHUNK_SECONDS  # of a task, a moving average

    def check_resume(self) -> None:
        """Refuse to begin what has begun, unless it is to be resumed.

        Raises:
            UsageError: There are results of this batch already.
        """
        done, packed, failed = (self.manifest.count(state, self.recipes) for state in ("done", "packed", "failed"))
        self.done, self.failed = done + packed, failed
        if self.options.retry_failed:
            self.failed = 0
        elif not self.options.resume and self.done + self.failed:
            raise UsageError(
                f"{self.manifest.output} holds {self.done} of these {self.total} results already; "
                "go on with --resume, or choose another folder with -o"
            )

    def paint(self, engine: Engine | None) -> None:
        """Paint what is open."""
        self.tell(BatchStep(self.done, self.failed, self.total))
        try:
            if self.done + self.failed < self.total:
                self._paint(engine)
            if self.shards is not None:
                self.shards.finish()
        except KeyboardInterrupt:
            raise Interrupted(f"stopped early; {self._so_far()}") from None
        finally:
            self.manifest.save()
            self._write_failures()

    def _paint(self, engine: Engine | None) -> None:
        engine, measured = self._engine(engine)
        work = dataclasses.replace(self.work, settings=_settled(self.work.settings, measured))
        self._pace = Pace(self.done + self.failed)
        for outcomes in engine.run(work, self._chunks()):
            self._record(outcomes)

    def finish(self, seconds: float) -> BatchResult:
        """Return the result."""
        failures = tuple(islice(self.manifest.failures(self.recipes), 20))
        return BatchResult(self.manifest.output, self.done, self.failed, self.painted, seconds, failures)

    def _engine(self, given: Engine | None) -> tuple[Engine, Measured]:
        """Return the engine, and what workers agree on; a cluster's address is tried first, a GPU has one worker."""
        options, device = self.options, self.work.options.device
        choose = partial(engine_for, options.engine, options.address, device=device, threads=options.threads)
        if given is not None or options.engine == "ray":
            engine = given or choose(options.workers)
            return engine, self._measured(given)
        choose(1)  # raises if the options don't fit
        measured = self._measured(None)
        workers = options.workers or (None if measured.device == "cpu" else 1)
        return choose(workers, memory=measured.memory), measured

    def _measured(self, engine: Engine | None) -> Measured:
        """Return what workers agree on, measured by the first run of the batch, on this machine."""
        kept = self.manifest.fact(f"measured {self.recipes[0]}")
        if kept is not None:
            return Measured(*json.loads(kept))
        suffix = dotted(self.options.suffix)
        work = Measuring(self.work.settings, self.work.options, self.work.written, suffix, self.work.threads)
        found = next((engine or LocalEngine(1, self.work.options.device)).run(work, iter([["measure"]])))[0]
        self.manifest.keep_fact(f"measured {self.recipes[0]}", json.dumps(found))
        self.manifest.save()  # a store that accepts nothing is told before anything is painted
        return found

    def _chunks(self) -> Iterator[list[Task]]:
        """Yield open tasks in portions of about a second's work."""
        tasks = self._tasks()
        while chunk := list(islice(tasks, max(1, min(CHUNK, int(CHUNK_SECONDS / max(self._seconds, 1e-3)))))):
            yield chunk

    def _tasks(self) -> Iterator[Task]:
        finished = ("done", "packed") if self.options.retry_failed else ("done", "packed", "failed")
        for row in self.manifest.rows(self.recipes):
            for number, recipe in enumerate(self.recipes):
                if row.states.get(recipe) not in finished:
                    yield self._task(row, number)

    def _record(self, outcomes: list[Painted]) -> None:
        self.manifest.record([self._entry(outcome) for outcome in outcomes if not outcome.stop])
        for outcome in outcomes:
            if outcome.stop:
                raise BrushworkError(f"{outcome.stop}; {self._so_far()}")
            self.done, self.failed = self.done + (not outcome.why), self.failed + bool(outcome.why)
            self.painted += not outcome.why
            self._seconds += 0.2 * (outcome.seconds - self._seconds)
            self._tell(outcome)
        if self.shards is not None:
            self.shards.add(sum(not outcome.why for outcome in outcomes))

    def _entry(self, outcome: Painted) -> Entry:
        task = outcome.task
        state, style = "failed" if outcome.why else "done", self.work.styles[task.style]
        seconds = round(outcome.seconds, 3)
        return Entry(task.picture, self.recipes[task.number], style, state, outcome.why, task.output, seconds)

    def _tell(self, outcome: Painted) -> None:
        finished, task = self.done + self.failed, outcome.task
        left = self._pace.seconds_left(finished, self.total - finished)
        rate = (self.total - finished) / left if left else 0.0
        self.tell(
            BatchStep(
                self.done, self.failed, self.total, rate, left, join(self.work.output, task.output), task.picture,
                self.work.styles[task.style], outcome.why, outcome.seconds,
            )
        )  # fmt: skip

    def _so_far(self) -> str:
        return f"{self.done} of {self.total} results are done; go on with --resume"

    def _write_failures(self) -> None:
        """Write down what failed and why; a list of an earlier run goes away."""
        address = join(self.manifest.output, FAILURES)
        if not self.manifest.count("failed", self.recipes):
            remove(address)
            return
        with written_whole(address) as path, replacing(path) as file:
            for row in (("photo", "style", "why"), *((e.picture, e.style, e.why) for e in self._all_failures())):
                file.write(_line(row).encode())

    def _all_failures(self) -> Iterator[Entry]:
        return self.manifest.failures(self.recipes)


def _settled(settings: Settings, measured: Measured) -> Settings:
    if measured.device != "cpu" or getattr(settings, "precision", None) != "auto":
        return settings
    settled: Settings = with_changes(settings, {"precision": measured.precision})
    return settled


def _line(values: Iterable[str]) -> str:
    import io

    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()
