"""A process that runs one job at a time, until the studio stops."""

from __future__ import annotations

import os
import signal
import threading
from multiprocessing.connection import Connection
from pathlib import Path

from brushwork.errors import BrushworkError
from brushwork.studio.files import StudioFiles
from brushwork.studio.job_worker import Post, Work
from brushwork.studio.limits import Limits
from brushwork.studio.log import logger

__all__ = ["NO_DEVICE", "serve"]

IDLE = 0.1  # seconds between checks of the queue
NICE = 10  # previews have priority
NO_DEVICE = 3  # exit code of a worker whose device is missing


def serve(root: Path, limits: Limits, post: Post, server: Connection) -> None:
    """Run jobs until the server says to stop, or is gone.

    Args:
        root: The studio's folder.
        limits: Limits of pictures, videos and run time.
        post: Where the worker works.
        server: Gets anything when it is time to stop; closed when the server ends, however it ends.
    """
    stopping = threading.Event()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server handles Ctrl-C and then stops this process
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    threading.Thread(target=_listen, args=(server, stopping), daemon=True).start()
    os.nice(NICE)
    _check_device(post.device)
    files = StudioFiles(root)
    database = files.database()
    import brushwork.api.stylize  # noqa: F401  # so that the first job need not wait for torch

    while not stopping.is_set():
        job = database.claim(post.name, post.device, post.devices)
        if job is None:
            stopping.wait(IDLE)
            continue
        Work(job, files, database, limits, post=post, stopping=stopping).run()


def _listen(server: Connection, stopping: threading.Event) -> None:
    try:
        while True:
            server.recv()
            stopping.set()
    except (EOFError, OSError):
        os._exit(1)


def _check_device(device: str) -> None:
    """End this process, rather than take jobs that can't be done here."""
    if device in ("auto", "cpu"):
        return
    from brushwork.runtime.device import choose_device

    try:
        choose_device(device)
    except BrushworkError as error:
        logger.error("a device is missing", extra={"device": device, "reason": str(error)})
        os._exit(NO_DEVICE)
