#!/usr/bin/env python3
"""A studio under load, and how quickly it answers one person.

    python benchmarks/studio.py [--clients 50] [--seconds 120]
    python benchmarks/studio.py --latency

Clients send photographs, ask for previews as large as the page's, submit small jobs and look at what became of them,
all at the same time and as quickly as they are answered; after ten seconds without an answer they give up. Told are
answers by status, latencies, the slowest answer of all, the resident memory of the server's process (not of its
workers) after a tenth of the time, in the middle and in the end, and whether each job that was accepted is done. With
--latency instead: previews at 768 px of scikit-image's photographs, one after another, each of another strength; and
the seconds from launching the command until the page is there, and until previews are quick. Writes a dated JSON to
benchmarks/results/.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import httpx
from PIL import Image
from report import write
from skimage import data

PHOTOS = ("astronaut", "coffee", "chelsea", "rocket", "retina", "immunohistochemistry")
STYLES = ("great-wave", "feminine-wave", "starry-night")
SENT, SHOWN, PAINTED = 2000, 768, 128  # longer sides in pixels; scikit-image's photographs have 427 to 1411
TIMEOUT = 10.0  # seconds after which a client gives up
# How often each is done: mostly one looks and tries, as people do.
SHARES = {"preview": 5, "look": 3, "send": 2, "job": 2}
SIZE, PREVIEWS = 768, 10  # of --latency: longer side, and how many of each photograph
PATIENCE = 600.0  # seconds for the jobs that still wait in the end


@contextmanager
def studio(folder: Path, *flags: str) -> Iterator[tuple[str, int]]:
    """A studio's address and process, as soon as it answers."""
    log = folder / "log"
    command = [sys.executable, "-m", "brushwork", "studio", "--port", "0", "--folder", str(folder / "studio"), *flags]
    with log.open("wb") as file:
        process = subprocess.Popen(command, stderr=file, stdout=file)
    try:
        while not (lines := [line for line in log.read_text().splitlines() if '"the studio is there"' in line]):
            if process.poll() is not None:
                raise SystemExit(f"the studio doesn't start:\n{log.read_text()}")
            time.sleep(0.01)
        yield json.loads(lines[0])["url"], process.pid
    finally:
        process.terminate()
        process.wait(30)


def photo(name: str, size: int) -> bytes:
    picture, file = Image.fromarray(getattr(data, name)()), io.BytesIO()
    picture.thumbnail((size, size))
    picture.save(file, "JPEG", quality=92)
    return file.getvalue()


def resident(process: int) -> float:
    """Megabytes."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def until(found: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not found():
        if time.monotonic() > end:
            raise SystemExit(f"waited {seconds:.0f} seconds in vain")
        time.sleep(0.05)


class Load:
    """What all clients do, and what they are answered."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.ending = threading.Event()
        self.lock = threading.Lock()
        self.answers: Counter[str] = Counter()
        self.seconds: defaultdict[str, list[float]] = defaultdict(list)
        self.slowest = 0.0  # seconds, of whatever was answered or given up
        self.jobs: list[str] = []
        self.photos = [photo(name, SENT) for name in PHOTOS]

    def ask(self, client: httpx.Client, kind: str, method: str, path: str, **options: Any) -> httpx.Response | None:
        """An answer that is counted; None where there was none."""
        began = time.perf_counter()
        try:
            answer: httpx.Response | None = client.request(method, path, **options)
        except httpx.HTTPError as error:
            answer, status = None, type(error).__name__
        else:
            status = str(answer.status_code)
        seconds = time.perf_counter() - began
        with self.lock:
            self.answers[f"{kind} {status}"] += 1
            self.slowest = max(self.slowest, seconds)
            if answer is not None and answer.is_success:
                self.seconds[kind].append(seconds)
        return answer

    def client(self, number: int) -> None:
        """One who goes on until the end."""
        draw = random.Random(number)
        with httpx.Client(base_url=self.url, timeout=TIMEOUT) as client:
            sent = None
            while not self.ending.is_set():
                kind = "send" if sent is None else draw.choices(list(SHARES), list(SHARES.values()))[0]
                answer = getattr(self, kind)(client, draw, sent)
                if answer is not None and "retry-after" in answer.headers:
                    self.ending.wait(draw.random() * min(2, float(answer.headers["retry-after"])))
                elif kind == "send" and answer is not None and answer.is_success:
                    sent = answer.json()["id"]

    def send(self, client: httpx.Client, draw: random.Random, sent: str | None) -> httpx.Response | None:
        """Send a photograph."""
        files = {"file": ("photo.jpg", draw.choice(self.photos))}
        return self.ask(client, "send", "POST", "/api/uploads", files=files)

    def preview(self, client: httpx.Client, draw: random.Random, sent: str) -> httpx.Response | None:
        """Ask for a preview of another strength."""
        wanted = {"photo": sent, "style": draw.choice(STYLES), "size": SHOWN, "settings": {"strength": draw.random()}}
        return self.ask(client, "preview", "POST", "/api/previews", json=wanted)

    def job(self, client: httpx.Client, draw: random.Random, sent: str) -> httpx.Response | None:
        """Submit a small job."""
        wanted = {"kind": "picture", "photo": sent, "style": draw.choice(STYLES), "size": PAINTED}
        answer = self.ask(client, "job", "POST", "/api/jobs", json=wanted)
        if answer is not None and answer.status_code == 202:
            with self.lock:
                self.jobs.append(answer.json()["id"])
        return answer

    def look(self, client: httpx.Client, draw: random.Random, sent: str) -> httpx.Response | None:
        """Look at the history, the library, a thumbnail, or whether all is well."""
        path = draw.choice(("/api/jobs", "/api/styles", f"/api/uploads/{sent}/thumbnail", "/health"))
        return self.ask(client, f"look at {path.split('/')[-1]}", "GET", path)


def told(seconds: list[float]) -> dict[str, float]:
    """Median and 95 % of latencies, in milliseconds."""
    tail = quantiles(seconds, n=20)[-1] if len(seconds) > 1 else seconds[0]
    return {
        "count": len(seconds), "median ms": round(1000 * median(seconds), 1), "95 % ms": round(1000 * tail, 1),
        "slowest ms": round(1000 * max(seconds), 1),
    }  # fmt: skip


def under_load(folder: Path, clients: int, seconds: float) -> dict[str, Any]:
    with studio(folder, "--api-only") as (url, process), httpx.Client(base_url=url, timeout=60) as admin:
        until(lambda: admin.get("/ready").is_success, 120)
        load, memory = Load(url), dict[str, float]()
        threads = [threading.Thread(target=load.client, args=(number,)) for number in range(clients)]
        for thread in threads:
            thread.start()
        for name, share in (("after a tenth", 0.1), ("middle", 0.4), ("end", 0.5)):
            time.sleep(share * seconds)
            memory[name] = round(resident(process), 1)
        load.ending.set()
        for thread in threads:
            thread.join()
        ended = {job: ending(admin, job) for job in load.jobs}
        memory["idle again"] = round(resident(process), 1)
    fine = ("2", "4", "503")
    failed = {name: count for name, count in load.answers.items() if not name.rpartition(" ")[2].startswith(fine)}
    return {
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", ""), "clients": clients, "seconds": seconds,
        "sent px": SENT, "shown px": SHOWN,
        "timeouts": timeouts(load.answers), "slowest answer s": round(load.slowest, 1),
        "answers": dict(sorted(load.answers.items())),
        "neither granted nor refused": failed, "refused as too many": too_many(load.answers),
        "jobs accepted": len(load.jobs), "jobs by their end": dict(Counter(ended.values())),
        "latencies": {kind: told(found) for kind, found in sorted(load.seconds.items())},
        "resident MB of the server": memory,
    }  # fmt: skip


def ending(client: httpx.Client, job: str) -> str:
    """How a job ended."""
    status = "waiting"

    def found() -> bool:
        nonlocal status
        answer = client.get(f"/api/jobs/{job}")
        status = answer.json()["status"] if answer.is_success else f"gone ({answer.status_code})"
        return status not in ("waiting", "running")

    until(found, PATIENCE)
    return status


def too_many(answers: Counter[str]) -> int:
    return sum(count for name, count in answers.items() if name.endswith((" 429", " 503")))


def timeouts(answers: Counter[str]) -> int:
    return sum(count for name, count in answers.items() if name.endswith("Timeout"))


def latency(folder: Path) -> dict[str, Any]:
    page = importlib.util.find_spec("brushwork.studio.ui.page") is not None
    began, facts = time.perf_counter(), dict[str, Any]()
    with (
        studio(folder, "--no-browser" if page else "--api-only") as (url, _),
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        for name, path in (("page", "/"), ("quick previews", "/ready")):
            if page or path != "/":
                until(lambda path=path: answers(client, path), 120)  # type: ignore[misc]
                facts[f"seconds until {name}"] = round(time.perf_counter() - began, 2)
        first, further = list[float](), list[float]()
        for name in PHOTOS:
            files = {"file": (f"{name}.jpg", photo(name, 2000))}
            sent = client.post("/api/uploads", files=files).raise_for_status().json()["id"]
            for number in range(PREVIEWS):
                wanted = {"photo": sent, "style": STYLES[0], "size": SIZE, "settings": {"strength": 1 - number / 20}}
                started = time.perf_counter()
                client.post("/api/previews", json=wanted).raise_for_status()
                (further if number else first).append(time.perf_counter() - started)
    return {**facts, "size": SIZE, "first preview of a photo": told(first), "further ones": told(further)}


def answers(client: httpx.Client, path: str) -> bool:
    try:
        return client.get(path).status_code == 200
    except httpx.HTTPError:
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--latency", action="store_true", help="one person, and the start, instead of many")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        facts = latency(Path(name)) if args.latency else under_load(Path(name), args.clients, args.seconds)
    print(json.dumps(facts, indent=1))
    write("studio-latency" if args.latency else "studio-load", facts)


if __name__ == "__main__":
    main()
