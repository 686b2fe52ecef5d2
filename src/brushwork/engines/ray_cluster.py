"""Work on a Ray cluster: actors that prepare once, on CPUs and GPUs side by side."""

from __future__ import annotations

import logging
import os
import re
import socket
from collections.abc import Callable, Iterator
from typing import Any, Generic

from brushwork.engines.base import STARTS, Chunks, Outcome, Task, Work
from brushwork.errors import BrushworkError, UsageError, first_line
from brushwork.runtime.openmp import configure_openmp

__all__ = ["RayEngine"]

AHEAD = 2  # chunks that an actor holds, so that it needn't wait for the next
ANSWER = 5.0  # seconds within which an address must answer
DIED = "its worker died, perhaps because memory ran out"


class RayEngine:
    """Actors on a Ray cluster, which decides where they run and may add machines for them.

    Args:
        address: "auto", "host:port" or "ray://host:port"; None starts Ray on this machine for this process.
        workers: Number of actors; None: as many as the cluster has room for now.
        threads: CPUs of each actor.
        device: "auto" puts an actor on each GPU and the others on CPUs; "cpu" and "cuda" use only these.

    Raises:
        UsageError: Ray isn't installed.
        BrushworkError: Nobody answers at the address.
    """

    def __init__(
        self, address: str | None = None, workers: int | None = None, threads: int = 1, device: str = "auto"
    ) -> None:
        self.workers, self.threads, self.device = workers, threads, device
        self._ray = _connected(address)

    def run(self, work: Work[Task, Outcome], chunks: Iterator[list[Task]]) -> Iterator[list[Outcome]]:
        """Yield the outcomes of chunks as they are done; see `Engine.run`."""
        ray, waiting, early = self._ray, Chunks(work, chunks), 0
        actors: list[_Actor[Task, Outcome]] = []
        try:
            actors += [_Actor(ray, work, self.threads, device) for device in self._devices()]
            while waiting.more() or any(actor.held for actor in actors):
                for actor in actors:
                    while actor.started and len(actor.held) < AHEAD and (chunk := waiting.take(actor.held)) is not None:
                        actor.give(chunk)
                refs = {ref: actor for actor in actors for ref in actor.refs}
                ref = ray.wait(list(refs), num_returns=1)[0][0]
                actor = refs[ref]
                try:
                    outcomes = actor.receive(ref)
                    early = 0
                except ray.exceptions.RayTaskError as error:
                    raise error.cause from None
                except ray.exceptions.RayError:  # the actor or its machine died
                    early += not actor.started
                    if early >= STARTS * len(actors):
                        raise BrushworkError(f"no worker could start: {DIED}") from None
                    outcomes = waiting.give_back(actor.held, DIED, started=actor.started)
                    actor.restart()
                if outcomes:
                    yield outcomes
        finally:
            for actor in actors:
                actor.end()

    def _devices(self) -> list[str]:
        """Return the device of each actor."""
        room = self._ray.cluster_resources()
        gpus = 0 if self.device == "cpu" else int(room.get("GPU", 0))
        cpus = 0 if self.device.startswith("cuda") else (int(room.get("CPU", 0)) - gpus) // self.threads
        found = ["cuda"] * gpus + ["cpu"] * max(0, cpus)
        other = "cuda" if self.device.startswith("cuda") else "cpu"  # Ray may start machines for them
        count = max(1, len(found)) if self.workers is None else self.workers
        return (found + [other] * count)[:count]


class _Actor(Generic[Task, Outcome]):
    """An actor, and the chunks it holds."""

    def __init__(self, ray: Any, work: Work[Task, Outcome], threads: int, device: str) -> None:
        self._ray, self._work, self._device = ray, work, device
        gpus = 1 if device == "cuda" else 0
        self._kind = ray.remote(num_cpus=1 if gpus else threads, num_gpus=gpus)(_Worker)
        self.restart()

    def restart(self) -> None:
        """Create the actor, again if it died."""
        self._actor = self._kind.remote()
        self.started, self.held = False, list[list[Task]]()
        self.refs = [self._actor.start.options(name="prepare").remote(self._work, self._device)]

    def give(self, chunk: list[Task]) -> None:
        self.held.append(chunk)
        more = f" and {len(chunk) - 1} more" if len(chunk) > 1 else ""
        self.refs.append(self._actor.do.options(name=f"{chunk[0]}{more}").remote(chunk))

    def receive(self, ref: Any) -> list[Outcome]:
        """Return the outcomes behind a reference, or none if the actor has just started.

        Raises:
            ray.exceptions.RayError: The work failed, or the actor died.
        """
        outcomes: list[Outcome] = self._ray.get(ref)
        place = self.refs.index(ref)
        del self.refs[place]
        if self.started:
            del self.held[place]
        self.started = True
        return outcomes

    def end(self) -> None:
        self._ray.kill(self._actor)


class _Worker:
    """What runs inside an actor."""

    def start(self, work: Work[Any, Any], device: str) -> list[Any]:
        configure_openmp()
        self._do: Callable[[list[Any]], list[Any]] = work.start(device)
        return []

    def do(self, chunk: list[Any]) -> list[Any]:
        return self._do(chunk)


def _connected(address: str | None) -> Any:
    """Return the module `ray`, connected."""
    try:
        import ray
    except ImportError as error:
        raise UsageError("the engine ray needs Ray: pip install 'brushwork[ray]'") from error
    if ray.is_initialized():
        return ray
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent anywhere unless asked
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # leave CUDA_VISIBLE_DEVICES alone without GPUs
    if address == "auto":
        address = os.environ.get("RAY_ADDRESS", address)
    _check_answer(address)
    try:
        ray.init(address=address or "local", log_to_driver=False, logging_level=logging.ERROR, namespace="brushwork")
    except Exception as error:  # ConnectionError, RuntimeError and others, by the kind of address
        if address == "auto" and isinstance(error, ConnectionError):
            raise BrushworkError("no Ray cluster runs on this machine; start one with: ray start --head") from error
        where = "Ray can't be started here" if address is None else f"the Ray cluster at {address} can't be used"
        token = "; check RAY_AUTH_TOKEN" if "AuthToken" in f"{error.__cause__}{error.__context__}" else ""
        raise BrushworkError(f"{where}: {first_line(error)}{token}") from error
    return ray


def _check_answer(address: str | None) -> None:
    """Raise BrushworkError if nobody listens at host:port; Ray itself would try for a minute."""
    match = re.fullmatch(r"(?:ray://)?\[?([^/\]]+?)\]?:(\d+)", address or "")
    if match is None:
        return
    try:
        socket.create_connection((match[1], int(match[2])), ANSWER).close()
    except (OSError, OverflowError) as error:
        raise BrushworkError(
            f"nobody answers at {address} ({first_line(error)}); check the address, or start Ray with: ray start --head"
        ) from error
