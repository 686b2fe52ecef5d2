"""stylize_batch: many pictures in several styles, each painted exactly once. Imports no torch, for a small driver."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from brushwork.api.presets import default_settings, preset_options
from brushwork.batch.listing import list_pictures
from brushwork.batch.manifest import Entry, Manifest
from brushwork.batch.naming import style_names
from brushwork.batch.painting import Measured, Measuring, Painted, Painting, Task
from brushwork.batch.places import join, plain, remove, written_whole
from brushwork.batch.shards import STAGED, Shards, shard_pattern
from brushwork.engines.base import Engine
from brushwork.engines.choice import engine_for
from brushwork.engines.local import LocalEngine
from brushwork.errors import BrushworkError, Interrupted, UsageError
from brushwork.options.base import option_of
from brushwork.options.batch import BatchOptions
from brushwork.options.methods import Settings
from brushwork.options.stylize import OutputOptions, StylizeOptions, with_changes
from brushwork.registry import method_name, settings_from
from brushwork.runtime.atomic_files import replacing
from brushwork.runtime.progress import Pace
from brushwork.runtime.tensor_files import sha256_of
from brushwork.styles.references import resolve_text

__all__ = ["FAILURES", "BatchResult", "BatchStep", "stylize_batch"]

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


def stylize_batch(
    photos: str | Path | Sequence[str | Path],
    styles: str | Path | Sequence[str | Path],
    output: str | Path,
    method: Any = None,
    *,
    preset: str | None = None,
    options: StylizeOptions | None = None,
    written: OutputOptions | None = None,
    batch: BatchOptions | None = None,
    runner: Engine | None = None,
    progress: Callable[[BatchStep], None] | None = None,
    **keywords: Any,
) -> BatchResult:
    """Stylize many pictures in one or several styles, each exactly once, however often the work is interrupted.

    A manifest in the folder of results says what is done, so that `resume=True` goes on after any kind of end.
    Failures don't stop the others; they are listed in FOLDER/failures.csv.

    Args:
        photos: Files, folders with all folders in them, patterns, .zip and .tar archives, lists of names
            ("@names.txt"), as paths or as addresses that fsspec opens ("s3://bucket/photos").
        styles: See `stylize`; files, names and blends, as strings.
        output: The folder of results, a path or an address. Folders of photos are kept in it. Or the pattern of
            shards, "painted/%05d.tar": tar files as WebDataset reads them.
        method: A method's name or its options. None: as for `stylize`.
        preset: Instead of a method: "draft", "good" or "best".
        options: `StylizeOptions`.
        written: `OutputOptions`.
        batch: `BatchOptions`: engine, workers, resume.
        runner: An engine of yours, instead of the one that `batch` names.
        progress: Called after each result, and once at the start; an exception from it stops the batch.
        **keywords: Fields of `BatchOptions`, which override `batch`: `resume=True`, `workers=4`.

    Raises:
        UsageError: An invalid value, or results of this batch exist and `resume` is False.
        PictureError: A folder or store can't be read or written; the message names it.
        Interrupted: Ctrl-C; what is done is kept.
        BrushworkError: The engine can't start, or no result can be written any more; what is done is kept.
    """
    started = time.perf_counter()
    chosen: BatchOptions = with_changes(batch or BatchOptions(), keywords)
    names, texts = _strings(photos), list(dict.fromkeys(_strings(styles)))
    settings = _settings(method, preset, texts)
    place, pattern = shard_pattern(str(output))
    folder = plain(place)
    look, out = options or StylizeOptions(), written or OutputOptions()
    _check(names, texts, folder)
    painted = folder if pattern is None else join(folder, STAGED)
    work = Painting(settings, look, out, tuple(texts), painted, chosen.threads)
    with Manifest.opened(folder) as manifest:
        run = _Run(manifest, work, chosen, progress or (lambda _: None))
        run.shards = None if pattern is None else Shards(manifest, pattern, chosen.shard_size)
        run.total = manifest.add_pictures(list_pictures(names, folder)) * len(texts)
        run.check_resume()
        run.paint(runner)
        return run.finish(time.perf_counter() - started)


class _Run:
    """A batch that runs: what is planned, what is told, what is recorded."""

    def __init__(
        self,
        manifest: Manifest,
        work: Painting,
        options: BatchOptions,
        tell: Callable[[BatchStep], None],
    ) -> None:
        self.manifest, self.work, self.options, self.tell = manifest, work, options, tell
        self.recipes = [_recipe(work, style, options.suffix) for style in work.styles]
        self.total = self.done = self.failed = self.painted = 0
        self.shards: Shards | None = None
        self._suffix = "." + options.suffix.lstrip(".")
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
        work = Measuring(
            self.work.settings, self.work.options, self.work.written, self._suffix, self.work.threads
        )  # fmt: skip
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
        names = style_names(list(self.work.styles))
        for row in self.manifest.rows(self.recipes):
            for number, recipe in enumerate(self.recipes):
                if row.states.get(recipe) not in finished:
                    output = f"{row.stem}_{names[number]}{self._suffix}"
                    yield Task(row.address, number, output)

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
        return Entry(task.picture, self.recipes[task.style], style, state, outcome.why, task.output, seconds)

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


def _strings(names: str | Path | Sequence[str | Path]) -> list[str]:
    return [str(name) for name in ([names] if isinstance(names, str | Path) else names)]


def _settings(method: Any, preset: str | None, styles: list[str]) -> Settings:
    if preset is not None and method is not None:
        raise UsageError(f"preset and method are both given; pass preset_options({preset!r}, …) as the method")
    if preset is not None:
        return preset_options(preset)
    if method is None:
        return default_settings(styles)
    settings: Settings = settings_from(method, {}) if isinstance(method, str) else method
    return settings


def _check(photos: list[str], styles: list[str], output: str) -> None:
    """Check what can be checked before anything is listed.

    Raises:
        UsageError: No photo, no or an unknown style, or the photos' own folder as output.
    """
    if not photos or not styles:
        raise UsageError(f"expected at least one {'photo' if not photos else 'style'}, got none")
    for style in styles:
        resolve_text(style)
    if output in map(plain, photos):
        raise UsageError(f"-o {output} is the folder of the photos; choose another one, or one in it")


def _recipe(work: Painting, style: str, suffix: str) -> str:
    """Return what identifies everything but the picture that decides a result, as far as the user asked for it."""
    settings = dataclasses.asdict(work.settings)
    for name, option in option_of(type(work.settings)).items():
        if option.file and os.path.isfile(str(settings[name])):  # noqa: PTH113 - Path fails at very long names
            settings[name] = sha256_of(Path(settings[name]))
    values = {
        "method": method_name(work.settings),
        "settings": settings,
        "style": [
            [sha256_of(source) if isinstance(source, Path) else None, weight]
            for source, weight in resolve_text(style).parts
        ],
        "size": work.options.size,
        **work.options.recorded,
        "masks": [sha256_of(Path(mask)) for mask in work.options.masks],
        "written": {**work.written.written, "strip": work.written.strip_metadata, "suffix": suffix},
        "threads": work.threads,
    }
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()[:20]


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
