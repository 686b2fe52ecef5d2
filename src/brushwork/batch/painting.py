"""What the workers of a batch do: load the method once, then paint picture after picture from file to file."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from brushwork.batch.places import fetched, is_remote, join, written_whole
from brushwork.errors import BrushworkError, PictureError, first_line
from brushwork.options.stylize import OutputOptions, StylizeOptions

if TYPE_CHECKING:
    from brushwork.image import Picture
    from brushwork.methods import Method
    from brushwork.styles.references import ResolvedStyle

__all__ = ["Measured", "Measuring", "Painted", "Painting", "Task"]

REMEMBERED = 16  # encoded styles that a worker keeps


class Task(NamedTuple):
    """A picture to paint in a style.

    Args:
        picture: The picture's address.
        number: Which of the picture's results it is.
        output: The result's name below the folder of results.
        style: The style's number.
        strength: The strength; None for that of the method's options.
    """

    picture: str
    number: int
    output: str
    style: int
    strength: float | None = None

    def __str__(self) -> str:
        return self.output


class Painted(NamedTuple):
    """The outcome of a task.

    Args:
        task: The task.
        seconds: Time that it took.
        why: Why it failed; empty if it is done.
        stop: Why the batch can't go on; then the task is neither done nor failed.
    """

    task: Task
    seconds: float
    why: str = ""
    stop: str = ""


@dataclass(frozen=True)
class Painting:
    """Paints pictures in styles; a `Work` for an engine.

    Args:
        settings: The method's options.
        options: Settings of the results.
        written: Settings of the output files.
        styles: The styles, as the user named them.
        output: The folder of the results.
        threads: Threads of each worker.
    """

    settings: Any
    options: StylizeOptions
    written: OutputOptions
    styles: tuple[str, ...]
    output: str
    threads: int

    def start(self, device: str) -> Callable[[list[Task]], list[Painted]]:
        """Load the method, and return the function that paints a chunk."""
        from brushwork.styles.references import resolve_text

        painter = _Painter(self, _loaded(self.settings, device, self.threads), [resolve_text(s) for s in self.styles])
        return painter.paint

    def lost(self, task: Task, why: str) -> Painted:
        """Return the outcome of a task whose workers died."""
        return Painted(task, 0.0, f"{task.picture}: {why}")


class _Painter:
    """A worker: the loaded method, the photo that was read last, and styles that are encoded."""

    def __init__(self, work: Painting, method: Method, styles: list[ResolvedStyle]) -> None:
        self._work, self._method, self._styles = work, method, styles
        self._encoded: dict[tuple[int, tuple[int, ...]], tuple[Any, list[str]]] = {}

    def paint(self, chunk: list[Task]) -> list[Painted]:
        """Paint a chunk; photos that several tasks share are read once if they follow one another."""
        outcomes: list[Painted] = []
        while chunk:
            same = [task for task in chunk if task.picture == chunk[0].picture]
            chunk = [task for task in chunk if task.picture != same[0].picture]
            outcomes += self._paint_all(same)
        return outcomes

    def _paint_all(self, tasks: list[Task]) -> list[Painted]:
        """Paint one photo in several styles."""
        from brushwork.api.stylize import read_content

        address, started = tasks[0].picture, time.perf_counter()
        outcomes: list[Painted] = []
        try:
            with fetched(address) as file:
                photo = read_content(file, self._work.options)
                for task in tasks:
                    outcomes.append(self._painted(task, file, photo, started))
                    started = time.perf_counter()
        except Exception as error:
            stop = _vanished(address)
            why = _told(address, error)
            rest = tasks[len(outcomes) :]
            outcomes += [Painted(task, time.perf_counter() - started, "" if stop else why, stop) for task in rest]
        return outcomes

    def _painted(self, task: Task, file: Path, photo: Picture, started: float) -> Painted:
        from brushwork.api.stylize import stylize_photo

        work, method = self._work, self._method
        try:
            if task.strength is not None:
                method = method.with_strength(task.strength)  # type: ignore[attr-defined]  # of methods of one pass
            result = stylize_photo(
                file, self._styles[task.style], method=method, options=work.options, picture=photo,
                encoded=self._style(task.style, photo.size),
            )  # fmt: skip
        except Exception as error:
            return Painted(task, time.perf_counter() - started, _told(task.picture, error))
        try:
            with written_whole(join(work.output, task.output)) as path:
                result.save(path, **work.written.written, strip_metadata=work.written.strip_metadata)
        except (PictureError, OSError) as error:  # a full disk or an expired password would fail all the others too
            words = str(error) if isinstance(error, BrushworkError) else f"{work.output}: {first_line(error)}"
            return Painted(task, 0.0, stop=words)
        return Painted(task, time.perf_counter() - started)

    def _style(self, number: int, size: tuple[int, int]) -> tuple[Any, list[str]] | None:
        """Return an encoded style, if it is the same for all photos of a size."""
        from brushwork.api.color_control import ColorControl
        from brushwork.api.style_encoding import style_value

        options = self._work.options
        if options.keep_color_when == "before" or options.masks:
            return None
        sizes = self._method.sizes(*size)
        key = (number, tuple(sizes))
        if key not in self._encoded:
            import torch

            plain = ColorControl(torch.zeros(1, 3, 1, 1), None, None, None)
            if len(self._encoded) >= REMEMBERED:
                del self._encoded[next(iter(self._encoded))]
            self._encoded[key] = style_value(self._method, self._styles[number], sizes, plain, options)
        return self._encoded[key]


def _loaded(settings: Any, device: str, threads: int) -> Method:
    import torch

    from brushwork.methods import load
    from brushwork.runtime.device import choose_device

    torch.set_num_threads(threads)
    return load(settings, choose_device(device))


def _told(address: str, error: Exception) -> str:
    """Return why a picture failed, in one line that names it."""
    words = str(error) if isinstance(error, BrushworkError) else f"{type(error).__name__}: {first_line(error)}"
    if is_remote(address) and address not in words:
        return f"{address}: {words.partition(': ')[2] or words}"  # without the name of the local copy
    return words if address in words else f"{address}: {words}"


def _vanished(address: str) -> str:
    """Return a line if the folder of a picture isn't there any more, as when a drive is gone; else nothing."""
    if is_remote(address) or Path(address).parent.is_dir():
        return ""
    return f"{Path(address).parent}: this folder has vanished"


class Measured(NamedTuple):
    """What is to be known before a batch starts.

    Args:
        device: Kind of the device that would be used on this machine: "cpu", "cuda" or "mps".
        precision: The network's precision; "" for a method without this option.
        memory: Bytes that a worker needs at most for a picture of the requested size.
    """

    device: str
    precision: str
    memory: int


@dataclass(frozen=True)
class Measuring:
    """Measures what is to be known before a batch starts; a `Work`.

    The precision "auto" is settled once for all workers and runs, by a measurement that could end differently in
    each of them, and then the results would not have the same bytes.
    """

    settings: Any
    options: StylizeOptions
    written: OutputOptions
    suffix: str
    threads: int

    def start(self, device: str) -> Callable[[list[str]], list[Measured]]:
        """Check the format, load the method, and return the function that measures."""
        from brushwork.io.picture_writer import check_format

        check_format(Path(f"result{self.suffix}"), self.written.depth)
        method = _loaded(self.settings, device, self.threads)
        return lambda _: [
            Measured(method.device.type, str(method.recipe().get("dtype", "")), _memory(method, self.options))
        ]

    def lost(self, task: str, why: str) -> Measured:
        """Raise the reason: nothing can be painted here."""
        raise BrushworkError(f"the method can't be loaded: {why}")


def _memory(method: Method, options: StylizeOptions) -> int:
    """Return the bytes of a worker while it paints the largest picture of the batch, as far as that is known."""
    from brushwork.options.stylize import DEFAULT_SIZE
    from brushwork.runtime.memory import resident_memory
    from brushwork.tiling.plan import FIRST_USE, PICTURE

    side = options.size or DEFAULT_SIZE
    demand = method.demand()
    return int(resident_memory() + FIRST_USE + demand.fixed + side**2 * (PICTURE + demand.whole + demand.pixel))
