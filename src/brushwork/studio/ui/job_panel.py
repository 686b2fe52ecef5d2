"""A job on the page: its progress, its picture and its buttons."""

from __future__ import annotations

import html
from typing import Any

from brushwork.runtime.progress import duration
from brushwork.studio.database import ACTIVE, RESUMABLE, Job
from brushwork.studio.ui import texts
from brushwork.studio.ui.components import raw
from brushwork.studio.ui.context import QUIET, PageContext
from brushwork.studio.ui.gradio_import import gr

__all__ = ["JobPanel", "job_html"]

EVERY = 0.5  # seconds between updates


class JobPanel:
    """Displays one job and keeps it up to date.

    Args:
        desk: The page's access to the studio.
    """

    def __init__(self, desk: PageContext) -> None:
        self.desk = desk
        self.job = gr.State("")
        self.view = raw("", elem_classes="job")
        with gr.Row():
            self.pause, self.resume = gr.Button(texts.PAUSE, visible=False), gr.Button(texts.RESUME, visible=False)
            self.cancel = gr.Button(texts.CANCEL, visible=False, variant="stop")
        self.timer = gr.Timer(EVERY, active=False)
        self.outputs = [self.view, self.pause, self.resume, self.cancel, self.timer]
        self.timer.tick(self._look, self.job, self.outputs, **QUIET)
        self.job.change(self._look, self.job, self.outputs, **QUIET)
        for button, action in ((self.pause, "pause"), (self.resume, "resume"), (self.cancel, "cancel")):
            button.click(self._acted(action), self.job, self.outputs, **QUIET)

    def _acted(self, action: str) -> Any:
        def act(identity: str, request: gr.Request) -> list[Any]:
            with self.desk.show_errors():
                getattr(self.desk.service, action)(self.desk.user(request), identity)
            return self._look(identity, request)

        return act

    def _look(self, identity: str, request: gr.Request) -> list[Any]:
        """The current state of the job."""
        job = self.desk.service.database.job(identity, self.desk.user(request)) if identity else None
        if job is None:
            return ["", *[gr.Button(visible=False)] * 3, gr.Timer(active=False)]
        can = {
            "pause": job.status in ACTIVE and job.kind != "grid",
            "resume": job.status in (*RESUMABLE, "failed"),
            "cancel": job.status in (*ACTIVE, *RESUMABLE),
        }
        ahead = self.desk.service.database.ahead_of(job) if job.status == "waiting" else 0
        kept = job.status == "running" and job.kind in ("picture", "batch")
        buttons = [gr.Button(visible=can[name]) for name in ("pause", "resume")]
        buttons.append(gr.Button(texts.CANCEL if kept else texts.DISCARD, visible=can["cancel"]))
        return [job_html(job, ahead), *buttons, gr.Timer(active=job.status in ACTIVE)]


def job_html(job: Job, ahead: int = 0) -> str:
    """HTML of a job's status, picture and downloads."""
    title, words = html.escape(job.title), [texts.STATUS[job.status], *_how_far(job, ahead)]
    parts = [f'<p role="status"><strong>{html.escape(", ".join(words))}</strong><br>{title}</p>']
    if job.message:
        parts.append(f"<p>{html.escape(job.message)}</p>")
    if job.status in ("running", *RESUMABLE):
        label = html.escape(texts.PROGRESS.format(title=job.title))
        parts.append(f'<progress max="1" value="{job.progress.get("share", 0)}" aria-label="{label}"></progress>')
    return "".join([*parts, _picture(job, title), _downloads(job)])


def _how_far(job: Job, ahead: int) -> list[str]:
    facts = job.progress
    if job.status == "waiting":
        return [texts.AHEAD.format(count=ahead)] if ahead else []
    if job.status not in ("running", *RESUMABLE) or not facts:
        return []
    words = [(texts.FRAME if job.kind == "video" else texts.STEP).format(**facts)]
    if facts.get("all", 1) > 1:
        words = [texts.PHOTO_OF.format(done=facts["done"] + 1, all=facts["all"])]
    elif job.status == "running":
        words.append(texts.LEFT.format(time=duration(facts.get("seconds_left", 0))))
    return words


def _picture(job: Job, title: str) -> str:
    address = f"/api/jobs/{job.id}"
    if job.result.endswith(".mp4"):
        return f'<video controls loop src="{address}/result?inline=true" aria-label="{title}"></video>'
    if (job.progress and job.status != "canceled") or job.result:  # the query makes the browser reload it
        fresh = f"{job.progress.get('share', 0)}-{job.progress.get('step', 0)}-{job.status}"
        return f'<img src="{address}/preview?at={fresh}" alt="{title}">'
    return ""


def _downloads(job: Job) -> str:
    if not job.result:
        return ""
    own = job.result.rsplit(".", 1)[1]
    forms = ("png", "jpeg", "tiff") if own == "png" else (own,)
    links = [f'<a href="/api/jobs/{job.id}/result?format={form}" download>{texts.AS[form]}</a>' for form in forms]
    return f'<p class="downloads">{texts.DOWNLOAD}: {" · ".join(links)}</p>'
