"""Settings of a batch: which engine paints, with how many workers, and what is done again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from brushwork.options.base import Checked, Option

__all__ = ["ENGINES", "BatchOptions"]

ENGINES = ("local", "ray")


@dataclass(frozen=True)
class BatchOptions(Checked):
    """Settings of a batch other than photos, styles, method and output."""

    engine: Annotated[
        str, Option("local: processes of this machine; ray: workers of a Ray cluster", choices=ENGINES)
    ] = "local"
    address: Annotated[
        str | None, Option("Ray cluster to use: auto, or host:port [Ray is started on this machine]")
    ] = None
    workers: Annotated[
        int | None, Option("processes, or actors on the cluster [as many as cores and memory allow]", 1)
    ] = None
    threads: Annotated[int, Option("threads of each worker; results may depend on it in the last bit", 1)] = 1
    suffix: Annotated[str, Option("file format of the results", flag="format")] = "png"
    shard_size: Annotated[int, Option("results per shard, if -o names shards such as out/%05d.tar", 1)] = 1000
    resume: Annotated[bool, Option("go on with an interrupted batch, painting nothing twice")] = False
    retry_failed: Annotated[bool, Option("go on, and try again what failed")] = False
