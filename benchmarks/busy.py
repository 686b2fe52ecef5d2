#!/usr/bin/env python3
"""How much slower work gets when two other programs keep a core busy each, with threads that spin and that sleep.

    python benchmarks/busy.py [--only gatys,draft,film,training,studio] [--loads quiet,busy] [--rounds 9] [--tries 2]

"spinning" is how threads wait where nobody says otherwise: GNU's OpenMP spins for 300,000 rounds. "sleeping" is how
they wait in the command. Runs of both alternate. Commands are timed as a whole, imports included; of the studio a
preview at 768 px. A run is tried again if other programs took more than a tenth of a core meanwhile, and the try with
the least of that counts. Figures join those of the same day in benchmarks/results.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import skimage
from report import RESULTS, write
from studio import photo, studio, until

from brushwork import read_image, write_image

DATA = Path(skimage.__file__).parent / "data"
WAITS = {"spinning": {"GOMP_SPINCOUNT": "300000"}, "sleeping": {}}
LOOPS = 2  # other programs
FRAMES, SIDE = 24, 384  # of the film, and its frames' side in pixels
DISTURBED = 0.1  # cores that others took
TICK = os.sysconf("SC_CLK_TCK")
COMMANDS = {
    "gatys": "stylize astronaut.png --style coffee.png --method gatys --steps 40 --size 192 -o out.png",
    "draft": "stylize astronaut.png --style feminine-wave --size 1024 -o out.png",
    "film": "video frames --style feminine-wave -o out.mp4",
    "training": "train johnson --style coffee.png --photos photos --steps 6 --batch 2 --side 128 --style-size 256"
    " --precision float32 -o out.safetensors",
}
CASES = (*COMMANDS, "studio")


@contextmanager
def environment(changes: dict[str, str]) -> Iterator[None]:
    """Variables as they are here, but for those of OpenMP, which are these."""
    kept = dict(os.environ)
    for name in [name for name in os.environ if name.startswith(("OMP_", "GOMP_", "KMP_", "MKL_"))]:
        del os.environ[name]
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)


@contextmanager
def loops(count: int) -> Iterator[None]:
    """So many other programs that never rest."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def cpu_seconds() -> tuple[float, float]:
    """CPU time that the whole machine has spent, and that this program and all it started has."""
    user, nice, system = (int(word) for word in Path("/proc/stat").read_text().split()[1:4])
    spent, parents = dict[int, int](), dict[int, int]()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        parents[int(folder.name)], spent[int(folder.name)] = int(words[1]), sum(map(int, words[11:15]))

    def ours(process: int) -> bool:
        return process == os.getpid() or (process in parents and ours(parents[process]))

    return (user + nice + system) / TICK, sum(ticks for process, ticks in spent.items() if ours(process)) / TICK


def timed(work: Callable[[], object], tries: int) -> dict[str, float]:
    """Seconds of the run that other programs disturbed least, and the cores that these took."""
    found = []
    for _ in range(tries):
        (all_before, ours_before), started = cpu_seconds(), time.perf_counter()
        work()
        seconds = time.perf_counter() - started
        all_after, ours_after = cpu_seconds()
        others = max(0.0, all_after - all_before - (ours_after - ours_before)) / seconds
        found.append((round(others, 2), round(seconds, 3)))
        if others < DISTURBED:
            break
    others, seconds = min(found)
    return {"seconds": seconds, "others": others}


def prepared(folder: Path) -> None:
    """Pictures for the commands: photos to train on, and a film that pans."""
    for name in ("astronaut", "coffee"):
        (folder / f"{name}.png").symlink_to(DATA / f"{name}.png")
    for name in ("photos", "frames"):
        (folder / name).mkdir()
    for name in ("astronaut", "chelsea", "coffee"):
        (folder / "photos" / f"{name}.png").symlink_to(DATA / f"{name}.png")
    picture = read_image(DATA / "astronaut.png")
    for number in range(FRAMES):
        left = 2 * number
        part = type(picture)(picture.pixels[..., :SIDE, left : left + SIDE].clone())
        write_image(part, folder / "frames" / f"{number:03d}.png")


def command(line: str, folder: Path) -> None:
    for left in folder.glob("out*"):
        left.unlink()
    subprocess.run([sys.executable, "-m", "brushwork", *line.split()], cwd=folder, check=True, capture_output=True)


@contextmanager
def works(case: str, folder: Path) -> Iterator[dict[str, Callable[[], object]]]:
    """What is timed, for each way to wait."""
    with ExitStack() as stack:
        found: dict[str, Callable[[], object]] = {}
        for waits, variables in WAITS.items():
            if case == "studio":
                (folder / waits).mkdir(exist_ok=True)
                with environment(variables):
                    url, _ = stack.enter_context(studio(folder / waits, "--api-only"))
                found[waits] = preview(stack.enter_context(httpx.Client(base_url=url, timeout=120)))
            else:

                def run(variables: dict[str, str] = variables) -> None:
                    with environment(variables):
                        command(COMMANDS[case], folder)

                found[waits] = run
        yield found


def preview(client: httpx.Client) -> Callable[[], object]:
    """What asks for previews, each of another strength."""
    until(lambda: client.get("/ready").is_success, 120)
    files = {"file": ("photo.jpg", photo("astronaut", 2000))}
    wanted: dict[str, Any] = {"style": "great-wave", "size": 768, "settings": {"strength": 1.0}}
    wanted["photo"] = client.post("/api/uploads", files=files).raise_for_status().json()["id"]

    def ask() -> None:
        wanted["settings"]["strength"] -= 0.01
        client.post("/api/previews", json=wanted).raise_for_status()

    ask()  # the first one of a photo decodes it
    return ask


def measured(
    case: str, loads: list[str], rounds: int, tries: int, folder: Path
) -> Iterator[tuple[str, dict[str, dict[str, Any]]]]:
    """Each load, with the figures of each way to wait."""
    with works(case, folder) as ways:
        for load in loads:
            runs: dict[str, list[dict[str, float]]] = {waits: [] for waits in ways}
            for number in range(rounds):
                # Who is first takes turns as well.
                for waits in sorted(ways, reverse=bool(number % 2)):
                    with loops(LOOPS if load == "busy" else 0):
                        runs[waits].append(timed(ways[waits], tries))
            facts = {
                waits: {
                    "median": median(run["seconds"] for run in found),
                    "seconds": [run["seconds"] for run in found],
                    "cores taken by others": [run["others"] for run in found],
                }
                for waits, found in runs.items()
            }
            print(case, load, {waits: told["median"] for waits, told in facts.items()}, flush=True)
            yield load, facts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(CASES))
    parser.add_argument("--loads", default="quiet,busy")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--tries", type=int, default=2)
    args = parser.parse_args()
    today = RESULTS / f"{datetime.now(timezone.utc).date()}-busy.json"
    facts = json.loads(today.read_text()) if today.exists() else {}
    facts = {case: facts[case] for case in CASES if case in facts}
    for case in args.only.split(","):
        with tempfile.TemporaryDirectory() as name:
            prepared(Path(name))
            for load, found in measured(case, args.loads.split(","), args.rounds, args.tries, Path(name)):
                facts.setdefault(case, {})[load] = found
                write("busy", {"loops": LOOPS, **{case: facts[case] for case in CASES if case in facts}})


if __name__ == "__main__":
    main()
