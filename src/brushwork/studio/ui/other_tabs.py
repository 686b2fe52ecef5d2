"""The tabs for videos, batches, the user's own styles, and the history."""

from __future__ import annotations

import dataclasses
import html
import json
import re
import secrets
from typing import Any, TypeAlias

from brushwork.api.presets import preset_options
from brushwork.options.stylize import PICTURE_SUFFIXES
from brushwork.studio.database import RESUMABLE, Job
from brushwork.studio.schemas import Batch, NewStyle, Picture, Video, parse_request
from brushwork.studio.ui import texts
from brushwork.studio.ui.components import film, photo, raw, status_line
from brushwork.studio.ui.context import QUIET, Dropped, PageContext
from brushwork.studio.ui.forms import BY_QUALITY, PRESET_FIELDS, Form
from brushwork.studio.ui.gradio_import import gr
from brushwork.studio.ui.job_panel import JobPanel
from brushwork.studio.ui.picture_tab import DEFAULT, PictureTab

__all__ = ["BatchTab", "HistoryTab", "StylesTab", "VideoTab"]

FILM_SIZES = (256, 1920)
Wishes: TypeAlias = dict[Any, Any]  # components and their values


class VideoTab:
    """A video, a preview of three frames, and the job.

    Args:
        desk: The page's access to the studio.
    """

    def __init__(self, desk: PageContext) -> None:
        self.desk = desk
        with gr.Row():
            with gr.Column(scale=2, min_width=320):
                self.film = film(label=texts.FILM, sources=["upload"], height=240, elem_id="film")
                self.style = gr.Dropdown([DEFAULT], value=DEFAULT, label=texts.STYLE)
                self.form = Form()
                self.smoothing = gr.Slider(0, 0.99, 0.97, step=0.01, label=texts.SMOOTHING, info=texts.SMOOTHING_HELP)
                self.size = gr.Slider(*FILM_SIZES, 640, step=16, label=texts.FILM_SIZE)
                self.keep = gr.Checkbox(label=texts.KEEP_COLORS_FILM)
                with gr.Row():
                    self.look, self.go = gr.Button(texts.FILM_PREVIEW), gr.Button(texts.PAINT_FILM, variant="primary")
            with gr.Column(scale=3, min_width=320):
                self.frames = raw("", elem_id="frames")
                self.panel = JobPanel(desk)
        self.film.change(self._taken, self.film, None, **QUIET)
        wishes = {self.film, self.style, self.smoothing, self.size, self.keep, self.form.method, *self.form.inputs}
        self.look.click(self._preview, wishes, self.frames, api_visibility="private")
        self.go.click(self._submit, wishes, self.panel.job, **QUIET)

    def _taken(self, path: str | None, request: gr.Request) -> None:
        """Check the video as soon as it is dropped."""
        with self.desk.show_errors():
            if path:
                self.desk.take(request, path)

    def _ask(self, request: gr.Request, wishes: Wishes) -> Any:
        if not wishes[self.film]:
            raise gr.Error(texts.FILM_FIRST, print_exception=False)
        return _checked(
            Video, kind="video", film=self.desk.take(request, wishes[self.film]).id, style=wishes[self.style],
            smoothing=wishes[self.smoothing], size=int(wishes[self.size]), method=wishes[self.form.method],
            keep_color="luminance" if wishes[self.keep] else None, settings=self.form.settings_in(wishes),
        )  # fmt: skip

    def _preview(self, request: gr.Request, wishes: Wishes) -> str:
        with self.desk.show_errors():
            content = self.desk.service.preview(self.desk.user(request), self._ask(request, wishes))
        return f'<img src="{self.desk.show(request, content)}" alt="{texts.FILM_FRAMES}">'

    def _submit(self, request: gr.Request, wishes: Wishes) -> str:
        with self.desk.show_errors():
            return self.desk.service.submit(self.desk.user(request), self._ask(request, wishes)).id


class BatchTab:
    """Many photos in one style, as a ZIP file.

    Args:
        desk: The page's access to the studio.
    """

    def __init__(self, desk: PageContext) -> None:
        self.desk = desk
        with gr.Row():
            with gr.Column(scale=2, min_width=320):
                self.photos = gr.File(
                    label=texts.PHOTOS,
                    file_count="multiple",
                    file_types=["image", *sorted(PICTURE_SUFFIXES)],
                    type="filepath",
                    elem_id="photos",
                )
                self.style = gr.Dropdown([DEFAULT], value=DEFAULT, label=texts.STYLE)
                self.form = Form()
                self.keep = gr.Radio(texts.KEEP_WAYS, value="", label=texts.KEEP_COLORS)
                self.full = gr.Checkbox(label=texts.BATCH_FULL)
                self.go = gr.Button(texts.PAINT_BATCH, variant="primary")
            with gr.Column(scale=3, min_width=320):
                self.panel = JobPanel(desk)
        wishes = {self.photos, self.style, self.keep, self.full, self.form.method, *self.form.inputs}
        self.go.click(self._submit, wishes, self.panel.job, api_visibility="private")

    def _submit(self, request: gr.Request, wishes: Wishes) -> str:
        if not wishes[self.photos]:
            raise gr.Error(texts.PHOTOS_FIRST, print_exception=False)
        with self.desk.show_errors():
            ask = _checked(
                Batch, kind="batch", photos=[self.desk.take(request, path).id for path in wishes[self.photos]],
                style=wishes[self.style], method=wishes[self.form.method], keep_color=wishes[self.keep] or None,
                size=0 if wishes[self.full] else None, settings=self.form.settings_in(wishes),
            )  # fmt: skip
            return self.desk.service.submit(self.desk.user(request), ask).id


class StylesTab:
    """Paintings that a user adds to the library.

    Args:
        desk: The page's access to the studio.
        choosers: Fields of other tabs that offer the library.
        styles: Returns updated choices for these fields.
    """

    def __init__(self, desk: PageContext, choosers: list[Any], styles: Any) -> None:
        self.desk, self.styles = desk, styles
        with gr.Row():
            with gr.Column(scale=2, min_width=320):
                self.painting = photo(
                    label=texts.PAINTING, sources=["upload", "clipboard"], height=240,
                    elem_id="painting",
                )  # fmt: skip
                self.name = gr.Textbox(label=texts.STYLE_NAME, max_length=40)
                self.title = gr.Textbox(label=texts.STYLE_TITLE, max_length=120)
                self.artist = gr.Textbox(label=texts.STYLE_ARTIST, max_length=120)
                self.add = gr.Button(texts.ADD_STYLE, variant="primary")
            with gr.Column(scale=3, min_width=320):
                self.said = raw("")
                self.own = raw("", elem_id="own-styles")
                self.chosen = gr.Dropdown([], label=texts.OWN_STYLES)
                self.remove = gr.Button(texts.REMOVE_STYLE, variant="stop")
        outputs = [self.said, self.own, self.chosen, *choosers]
        given = [self.painting, self.name, self.title, self.artist]
        self.add.click(self._add, given, outputs, api_visibility="private")
        self.remove.click(self._remove, self.chosen, outputs, **QUIET)

    def _add(self, path: str | None, name: str, title: str, artist: str, request: gr.Request) -> list[Any]:
        if not path:
            raise gr.Error(texts.PAINTING_FIRST, print_exception=False)
        if not name.strip():
            raise gr.Error(texts.NAME_FIRST, print_exception=False)
        with self.desk.show_errors():
            upload = self.desk.take(request, path)
            ask = _checked(NewStyle, picture=upload.id, name=name.strip(), title=title.strip(), artist=artist.strip())
            added = self.desk.service.add_style(self.desk.user(request), ask)
        return [status_line(texts.ADDED.format(name=added.name)), *self.look(request), *self.styles(request)]

    def _remove(self, name: str | None, request: gr.Request) -> list[Any]:
        with self.desk.show_errors():
            if name:
                self.desk.service.remove_style(self.desk.user(request), name)
        return ["", *self.look(request), *self.styles(request)]

    def look(self, request: gr.Request) -> list[Any]:
        """The user's own styles, as pictures and as choices."""
        own = [style for style in self.desk.service.styles(self.desk.user(request)).values() if style.own]
        figures = "".join(
            f'<figure><img src="/api/styles/{style.name}/swatch" alt=""><figcaption>{html.escape(style.name)}'
            "</figcaption></figure>"
            for style in own
        )
        names = [style.name for style in own]
        shown = f'<div class="figures">{figures}</div>' if own else status_line(texts.NO_OWN_STYLES)
        return [shown, gr.Dropdown(names, value=names[0] if names else None)]


class HistoryTab:
    """All jobs with their recipes, to rerun, edit, resume or delete.

    Args:
        desk: The page's access to the studio.
        tabs: The page's tabs; editing a job opens "picture".
        picture: The tab to fill with the job's settings.
    """

    def __init__(self, desk: PageContext, tabs: gr.Tabs, picture: PictureTab) -> None:
        self.desk, self.picture = desk, picture
        with gr.Row():
            with gr.Column(scale=2, min_width=320):
                self.gallery = gr.Gallery(
                    label=texts.HISTORY,
                    columns=3,
                    height=420,
                    allow_preview=False,
                    elem_id="history",
                    buttons=[],
                    visible=False,
                )
                self.chosen = gr.Dropdown([], label=texts.CHOSEN_JOB, elem_id="chosen-job")
                self.refresh = gr.Button(texts.REFRESH)
            with gr.Column(scale=3, min_width=320):
                self.panel = JobPanel(desk)
                with gr.Row():
                    self.again, self.vary = gr.Button(texts.AGAIN), gr.Button(texts.VARY)
                    self.delete = gr.Button(texts.DELETE, variant="stop")
                with gr.Accordion(texts.RECIPE, open=False):
                    self.recipe = gr.Code(language="json", label=texts.RECIPE, interactive=False)
        lists = [self.gallery, self.chosen]
        self.refresh.click(self.look, None, lists, **QUIET)
        self.gallery.select(self._picked, None, self.chosen, **QUIET)
        self.chosen.change(self._opened, self.chosen, [self.panel.job, self.recipe], **QUIET)
        self.again.click(self._again, self.chosen, self.panel.job, **QUIET).then(self.look, None, lists, **QUIET)
        self.delete.click(self._delete, self.chosen, lists, **QUIET)
        form = picture.form
        filled = [
            tabs, picture.tabs, picture.tab, picture.dropped, picture.style, picture.own, picture.keep, picture.faces,
            picture.quality, form.method, *form.inputs, *form.panels, picture.asked,
        ]  # fmt: skip
        self.vary.click(self._vary, self.chosen, filled, api_visibility="private")

    def look(self, request: gr.Request) -> list[Any]:
        """All jobs, as pictures and as choices."""
        jobs = self.desk.service.jobs(self.desk.user(request))
        shown = [(self._thumbnail(request, job), f"{texts.STATUS[job.status]}: {job.title}") for job in jobs]
        choices = [(f"{texts.STATUS[job.status]}: {job.title}", job.id) for job in jobs]
        gallery = gr.Gallery(shown, visible=bool(shown))  # an empty gallery is not accessible to screen readers
        return [gallery, gr.Dropdown(choices, value=choices[0][1] if choices else None)]

    def _thumbnail(self, request: gr.Request, job: Job) -> str:
        if (self.desk.service.files.job(job.id) / "preview.jpg").exists():
            return self.desk.address(request, f"/api/jobs/{job.id}/preview?job={job.id}&at={job.status}")
        ask = job.request
        source = ask.get("photo") or ask.get("film") or ask["photos"][0]
        return self.desk.address(request, f"/api/uploads/{source}/thumbnail?job={job.id}")

    def _picked(self, chosen: gr.SelectData) -> str | None:
        """The job of a picture, from its URL, since the list of jobs may have changed in the meantime."""
        found = re.search("job=([0-9a-f]{32})", str(chosen.value["image"]["url"]))
        return found[1] if found else None

    def _opened(self, identity: str | None, request: gr.Request) -> tuple[str, str]:
        job = self.desk.service.database.job(identity or "", self.desk.user(request))
        return ("", "") if job is None else (job.id, json.dumps(job.request, indent=1))

    def _job(self, identity: str | None, request: gr.Request) -> Job:
        if not identity:
            raise gr.Error(texts.JOB_FIRST, print_exception=False)
        return self.desk.service.job(self.desk.user(request), identity)

    def _again(self, identity: str | None, request: gr.Request) -> str:
        with self.desk.show_errors():
            job = self._job(identity, request)
            return self.desk.service.submit(self.desk.user(request), parse_request(job.request)).id

    def _delete(self, identity: str | None, request: gr.Request) -> list[Any]:
        with self.desk.show_errors():
            self.desk.service.remove_job(self.desk.user(request), self._job(identity, request).id)
        return self.look(request)

    def _vary(self, identity: str | None, request: gr.Request) -> list[Any]:
        with self.desk.show_errors():
            ask, form = parse_request(self._job(identity, request).request), self.picture.form
            if not isinstance(ask, Picture):
                raise gr.Error(texts.ONLY_PICTURES, print_exception=False)
            quality, method, settings = _how(ask)
            style = ask.style
            painting = style[1:] if style.startswith("@") and "+" not in style else ""
            named = gr.Dropdown(value=style) if not painting and "+" not in style else gr.Dropdown()
        return [
            gr.Tabs(selected="picture"), gr.Tabs(selected="one"), "one", Dropped(ask.photo), named, Dropped(painting),
            ask.keep_color or "", ask.protect_faces, quality, method, *form.filled(method, settings),
            *form.shown(method), secrets.token_hex(8),
        ]  # fmt: skip

    def waiting(self, request: gr.Request) -> str:
        """A line about jobs that can be resumed."""
        jobs = self.desk.service.jobs(self.desk.user(request))
        count = sum(job.status in RESUMABLE for job in jobs)
        return status_line(texts.WAITS.format(count=count)) if count else ""


def _how(ask: Picture) -> tuple[str | None, str, dict[str, Any]]:
    """The quality, method and settings of a job, as the Picture tab chooses them: either a quality or a method."""
    settings = ask.to_settings()
    given = dataclasses.asdict(settings)
    if ask.preset is not None:
        shown = {name: given[name] for name in PRESET_FIELDS}
        if settings == preset_options(ask.preset, **shown):
            return ask.preset, BY_QUALITY, shown
    return None, ask.method, given


def _checked(ask: Any, /, **values: Any) -> Any:
    """A validated request; errors are reported in one line."""
    from pydantic import ValidationError

    from brushwork.errors import UsageError

    try:
        return ask(**values)
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"{first['loc'][0]}: {first['msg']}") from None
