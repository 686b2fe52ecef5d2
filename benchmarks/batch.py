"""Measure `brushwork batch`: the driver's memory, kills on a Ray cluster, and what a second worker brings.

    python benchmarks/batch.py rows            # 10^4 to 10^6 pictures listed, planned, half of them recorded, resumed
    python benchmarks/batch.py kills           # two Ray nodes: one is killed at a third, the driver at two thirds
    python benchmarks/batch.py throughput      # one and two workers of one thread, local and ray

Each prints its figures and writes them, with the hardware, to benchmarks/results.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import secrets
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from brushwork.batch.manifest import FOLDER, Entry, Manifest
from brushwork.batch.naming import style_names

STYLES = ["great-wave", "starry-night"]
PICTURES = 400


def rows(count: int, folder: Path) -> dict[str, Any]:
    """List `count` simulated pictures, record half of them as done, and plan again as --resume does."""
    facts: dict[str, Any] = {"rows": count}

    def pictures() -> Iterator[tuple[str, str, str]]:
        for number in range(count):
            yield f"/data/photos/{number % 997:03}/{number:08}.jpg", f"{number % 997:03}", f"{number:08}.jpg"

    started = time.perf_counter()
    with Manifest.opened(str(folder)) as manifest:
        manifest.add_pictures(pictures())
        facts["listed_s"] = time.perf_counter() - started
        name = style_names(STYLES[:1])[0]
        done: list[Entry] = []
        for number, row in enumerate(manifest.rows(["r"])):
            if number % 2:
                done.append(Entry(row.address, "r", STYLES[0], "done", "", f"{row.stem}_{name}.png", 0.1))
            if len(done) >= 10:
                manifest.record(done)
                done = []
        manifest.record(done)
    facts["planned_and_recorded_s"] = time.perf_counter() - started - facts["listed_s"]
    again = time.perf_counter()
    with Manifest.opened(str(folder)) as manifest:
        manifest.add_pictures(pictures())
        facts["done"] = manifest.count("done", ["r"])
        facts["open"] = sum("r" not in row.states for row in manifest.rows(["r"]))
    facts["resumed_s"] = time.perf_counter() - again
    facts["peak_MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    facts["manifest_MB"] = (folder / FOLDER / "manifest.sqlite").stat().st_size / 1e6
    return {name: round(value, 1) if isinstance(value, float) else value for name, value in facts.items()}


def photos(folder: Path, count: int, side: int) -> Path:
    """Make small pictures: crops of one that comes with scikit-image."""
    from PIL import Image
    from skimage.data import chelsea

    picture = Image.fromarray(chelsea())
    target = folder / "photos"
    for number in range(count):
        place = target / f"{number % 10}" / f"{number:04}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        left, top = number % 20 * 10, number // 20 * 5
        picture.crop((left, top, left + 200, top + 200)).resize((side, side)).save(place)
    return target


def command(source: Path, output: Path, *more: str) -> list[str]:
    """Return the command line of a batch."""
    styles = [part for style in STYLES for part in ("--style", style)]
    line = [sys.executable, "-m", "brushwork", "batch", str(source), *styles, "--preset", "draft"]
    return [*line, "-o", str(output), "--log-json", *more]


def recorded(output: Path) -> dict[str, float]:
    """Return what the manifest says is done: output → when its file was written."""
    file = output / FOLDER / "manifest.sqlite"
    if not file.exists():
        return {}
    database = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)
    names = [name for (name,) in database.execute("SELECT output FROM result WHERE state='done' AND picture!=''")]
    database.close()
    return {name: (output / name).stat().st_mtime for name in names}


def kills(folder: Path) -> dict[str, Any]:
    """Kill a Ray node at a third and the driver at two thirds of a batch, resume it, and compare with a local run."""
    source, ours, plain = photos(folder, PICTURES, 96), folder / "ray", folder / "local"
    total = PICTURES * len(STYLES)
    ray = str(Path(sys.executable).with_name("ray"))
    port = 6399
    environment = {
        **os.environ, "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)
    }  # fmt: skip
    node = [ray, "start", "--num-cpus=1", "--num-gpus=0", "--block", "--object-store-memory=100000000"]
    node.append("--node-ip-address=127.0.0.1")
    head = subprocess.Popen(
        [*node, "--head", f"--port={port}", "--include-dashboard=false"], env=environment, stdout=subprocess.DEVNULL
    )
    time.sleep(8)
    second = subprocess.Popen(
        [*node, f"--address=127.0.0.1:{port}"], env=environment, stdout=subprocess.DEVNULL, start_new_session=True
    )
    time.sleep(8)
    facts: dict[str, Any] = {"results": total}
    try:
        line = command(source, ours, "--engine", "ray", "--address", f"127.0.0.1:{port}")
        driver = subprocess.Popen([*line, "--workers", "2"], env=environment, stdout=subprocess.PIPE, text=True)
        done = 0
        assert driver.stdout is not None
        for text in driver.stdout:
            done = json.loads(text).get("done", done)
            if done >= total // 3 and second.poll() is None:
                os.killpg(second.pid, signal.SIGKILL)
                second.wait()
                facts["node_killed_at"] = done
            if done >= 2 * total // 3:
                driver.kill()
                facts["driver_killed_at"] = done
                break
        driver.wait()
        time.sleep(3)
        before = recorded(ours)
        facts["marked_done_before_resume"] = len(before)
        again = subprocess.run([*line, "--workers", "1", "--resume"], env=environment, capture_output=True, text=True)
        facts["resumed"] = json.loads(again.stdout.splitlines()[-1])
    finally:
        for process in (head, second):
            if process.poll() is None:
                process.terminate()
                process.wait()
    after = recorded(ours)
    facts["done"] = len(after)
    facts["painted_again_although_done"] = sum(after[name] != at for name, at in before.items())
    subprocess.run(command(source, plain), check=True, stdout=subprocess.DEVNULL)
    names = sorted(recorded(plain))
    facts["files"] = sum(1 for _ in ours.rglob("*.png"))
    facts["same_bytes_as_local"] = sum((ours / name).read_bytes() == (plain / name).read_bytes() for name in names)
    return facts


def throughput(folder: Path) -> dict[str, Any]:
    """Compare two workers with one, each of one thread."""
    source, facts = photos(folder, 40, 192), dict[str, Any]()
    for engine in ("local", "ray"):
        for workers in (1, 2):
            # Starting processes and loading torch takes a few seconds, on a busy machine a minute or two.
            output, started = folder / f"{engine}{workers}", time.time()
            line = command(source, output, "--engine", engine, "--workers", str(workers), "--precision", "float32")
            subprocess.run(line, check=True, stdout=subprocess.DEVNULL, timeout=600)
            files = sorted(path.stat().st_mtime for path in output.rglob("*.png"))
            assert len(files) == 40 * len(STYLES)
            facts[f"{engine}_{workers}"] = round((len(files) - 20) / (files[-1] - files[19]), 2)
            first, rate = files[0] - started, facts[f"{engine}_{workers}"]
            print(f"{engine}, {workers}: first result after {first:.0f} s, then {rate} per second", flush=True)
        facts[f"{engine}_gain"] = round(facts[f"{engine}_2"] / facts[f"{engine}_1"], 2)
    facts["load_average"] = round(os.getloadavg()[1], 1)
    return facts


def main() -> None:
    """Measure one of the three."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("rows", "kills", "throughput"))
    parser.add_argument("--count", type=int, help="rows of one measurement, in this process")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        if chosen.count is not None:
            print(json.dumps(rows(chosen.count, folder)))
            return
        if chosen.what == "rows":
            found: Any = []
            for count in (10_000, 100_000, 1_000_000):
                line = [sys.executable, __file__, "rows", "--count", str(count)]
                found.append(json.loads(subprocess.run(line, check=True, capture_output=True, text=True).stdout))
        else:
            found = {"kills": kills, "throughput": throughput}[chosen.what](folder)
    print(json.dumps(found, indent=1))
    from report import write

    write(f"batch-{chosen.what}", {"measured": found})


if __name__ == "__main__":
    main()
