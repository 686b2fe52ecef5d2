"""Valid files with flipped bits, cuts, and removed, repeated, zeroed or foreign blocks; how reading them ends."""

from __future__ import annotations

import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from supervised import Supervised

__all__ = ["mutated", "run"]

PAINTED_EVERY = 100  # of the pictures that can be read, one of so many is painted, too
MAX_PIXELS = 4_000_000  # so that a mutated header that claims a huge picture doesn't fill the machine
KEPT = 12  # failures described in the results


def mutated(content: bytes, draw: random.Random) -> bytes:
    """Return the content, damaged in one to three ways; half of them near its beginning, where headers are."""
    new = bytearray(content)
    for _ in range(draw.choice((1, 1, 2, 3))):
        size = max(1, len(new))
        at = draw.randrange(min(size, 400) if draw.random() < 0.5 else size)
        length = min(size - at, draw.choice((1, 2, 4, 16, 64, 512, 4096)))
        match draw.randrange(8):
            case 0 | 1:
                for _ in range(draw.choice((1, 3, 20))):
                    if new:
                        new[draw.randrange(len(new))] ^= 1 << draw.randrange(8)
            case 2:
                del new[at:]
            case 3:
                del new[at : at + length]
            case 4:
                new[at:at] = draw.randbytes(length)
            case 5:
                new[at : at + length] = draw.randbytes(length)
            case 6:
                new[at : at + length] = bytes(length)
            case 7:
                value = draw.choice((0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF))
                new[at : at + 4] = value.to_bytes(4, draw.choice(("big", "little")))
    return bytes(new)


def warm() -> None:
    """Import what reading needs."""
    import warnings

    from brushwork import stylize  # noqa: F401
    from brushwork.io.film_formats import open_film  # noqa: F401

    warnings.simplefilter("ignore")


def read_picture(path: Path, painted: bool) -> str:
    """Read a picture in all ways; return "read", "read with a note" or "refused"."""
    from brushwork import AdaINLite, BrushworkError, stylize
    from brushwork.io import PictureReader, read_image, read_recipe, read_size

    def read() -> str:
        picture = read_image(path, max_pixels=MAX_PIXELS)
        if painted:
            stylize(picture, "great-wave", AdaINLite(), size=32)
        return "read with a note" if any("is damaged" in note for note in picture.notes) else "read"

    def read_parts() -> None:
        reader = PictureReader(path, max_pixels=MAX_PIXELS)
        reader.read(0, 0, min(8, reader.size[1]), min(8, reader.size[0]))

    found = "refused"
    for way in (lambda: read_size(path, max_pixels=MAX_PIXELS), read_parts, lambda: read_recipe(path), read):
        try:
            found = way()
        except BrushworkError:
            found = "refused"
    return found


def read_film(path: Path, painted: bool) -> str:
    """Read a film, or paint it; return "read", "read with a note" or "refused"."""
    from brushwork import BrushworkError, stylize_video
    from brushwork.io.film_formats import open_film

    try:
        film = open_film(path, max_pixels=MAX_PIXELS)
        for _ in film.frames():
            pass
        damage = film.damage
        if painted:
            stylize_video(path, "great-wave", path.with_suffix(".out.mkv"), size=32, max_pixels=MAX_PIXELS)
    except BrushworkError:
        return "refused"
    return "read with a note" if damage else "read"


def run(
    seeds: list[tuple[str, bytes]], count: int, function: Callable[[Path, bool], str], seed: int, workers: int = 2,
    painted_every: int = PAINTED_EVERY,
) -> dict[str, Any]:  # fmt: skip
    """Read this many mutations in some processes; return how often reading ended how, and what failed.

    Args:
        seeds: Names and contents of valid files.
        count: How many mutations.
        function: `read_picture` or `read_film`.
        seed: Of the first mutation; the others follow.
        workers: Processes.
        painted_every: One of so many is painted, too.
    """
    ends: Counter[str] = Counter()
    failures: list[dict[str, Any]] = []
    longest = 0.0
    numbers = iter(range(seed, seed + count))
    lock = threading.Lock()

    def work(folder: Path) -> None:
        nonlocal longest
        process = Supervised(warm)
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                break
            draw = random.Random(number)
            name, content = seeds[draw.randrange(len(seeds))]
            path = folder / f"{number}{Path(name).suffix}"
            path.write_bytes(mutated(content, draw))
            started = time.perf_counter()
            end, value = process.call(function, path, number % painted_every == 0)
            seconds = time.perf_counter() - started
            with lock:
                longest = max(longest, seconds)
                ends[value if end == "returned" else end] += 1
                if end != "returned":
                    failures.append({"seed": number, "file": name, "end": end, "told": str(value)[:300]})
                    print(failures[-1], flush=True)
            for left in folder.iterdir():
                if left.is_file():
                    left.unlink()
        process.stop()

    with tempfile.TemporaryDirectory() as place:
        folders = [Path(place) / str(k) for k in range(workers)]
        for folder in folders:
            folder.mkdir()
        threads = [threading.Thread(target=work, args=(folder,)) for folder in folders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return {
        "mutations": count, "first seed": seed, "ends": dict(ends), "failures": failures[:KEPT],
        "longest seconds": round(longest, 2),
    }  # fmt: skip
