"""The tab for one photo: in one style, in a blend, or with masks."""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path
from typing import Any

from brushwork.studio.schemas import Grid, Picture, Preview
from brushwork.studio.ui import texts
from brushwork.studio.ui.components import comparison, editor, photo, raw, status_line
from brushwork.studio.ui.context import LATEST, QUIET, Dropped, PageContext
from brushwork.studio.ui.forms import BY_QUALITY, Form
from brushwork.studio.ui.gradio_import import gr
from brushwork.studio.ui.job_panel import JobPanel

__all__ = ["PictureTab"]

DEFAULT, QUALITY = "great-wave", "good"  # style and preset at first
COLORS = ["#e02020", "#2050e0", "#f0c800"]  # of the regions
PREVIEW = 768  # longer side, in pixels
MAX_STYLES = 4
GRID_STEPS = {2: 5, 3: 4, 4: 4}


class PictureTab:
    """The photo and controls on the left, the result on the right.

    Args:
        desk: The page's access to the studio.
    """

    def __init__(self, desk: PageContext) -> None:
        self.desk = desk
        # Inputs of a preview besides the fields; a change of any of these triggers a new preview.
        self.dropped, self.own, self.tab = gr.State(Dropped()), gr.State(Dropped()), gr.State("one")
        self.painted = gr.State({})  # the last painted regions and their photo
        self.asked = gr.State("")  # set to a new value when code, not the user, fills the fields
        self.style_fields: list[Any] = []  # fields that offer the library
        with gr.Row():
            with gr.Column(scale=2, min_width=320):
                self.photo = photo(
                    label=texts.PHOTO, sources=["upload", "webcam", "clipboard"], height=280,
                    elem_id="photo",
                )  # fmt: skip
                with gr.Tabs() as self.tabs:
                    with gr.Tab(texts.STYLIZE, id="one") as one:
                        self._stylize()
                    with gr.Tab(texts.BLEND, id="blend") as blend:
                        self._blend()
                    with gr.Tab(texts.MASKS, id="masks") as masks:
                        self._masks()
            with gr.Column(scale=3, min_width=320, elem_classes="result"):
                self.said = raw(status_line(texts.NO_PHOTO))
                self.comparison = comparison(
                    label=texts.BEFORE_AFTER, elem_id="comparison", buttons=["fullscreen"], max_height=640,
                    visible=False,  # when empty, it is meaningless to screen readers
                )  # fmt: skip
                self.panel = JobPanel(desk)
        self._events()
        one.select(lambda: "one", None, self.tab, **QUIET)
        blend.select(lambda: "blend", None, self.tab, **QUIET)
        masks.select(lambda: "masks", None, self.tab, **QUIET)

    def _stylize(self) -> None:
        self.style = gr.Dropdown([DEFAULT], value=DEFAULT, label=texts.STYLE, elem_id="style")
        self.style_fields.append(self.style)
        with gr.Accordion(texts.LIBRARY, open=False) as self.shelf:
            self.swatches = gr.Gallery(
                label=texts.LIBRARY, show_label=False, columns=4, height=360, allow_preview=False, elem_id="swatches",
                buttons=[],
            )  # fmt: skip
        with gr.Accordion(texts.OWN_PAINTING, open=False):
            self.painting = photo(
                label=texts.OWN_PAINTING, sources=["upload", "clipboard"], height=180, elem_id="own-painting"
            )
        self.quality = gr.Radio(texts.QUALITIES, value=QUALITY, label=texts.QUALITY, elem_id="quality")
        self.form = Form(presets=True)
        self.keep = gr.Radio(texts.KEEP_WAYS, value="", label=texts.KEEP_COLORS)
        self.faces = gr.Slider(0, 1, 0, step=0.05, label=texts.PROTECT_FACES)
        self.size = gr.Slider(256, 2048, PREVIEW, step=64, label=texts.SIZE)
        with gr.Row():
            self.go = gr.Button(texts.PAINT_PHOTO, variant="primary")
            self.full = gr.Button(texts.FULL_SIZE)

    def _blend(self) -> None:
        gr.Markdown(texts.BLEND_HELP)
        self.blended: list[Any] = []
        self.shares: list[Any] = []
        for number in range(MAX_STYLES):
            none = (texts.NO_STYLE, "")
            field = gr.Dropdown(
                [none], value="", label=texts.BLENDED.format(number=number + 1), elem_id=f"blend-{number + 1}"
            )
            share = gr.Slider(0, 1, 1 if number < 2 else 0.5, step=0.05, label=texts.SHARE.format(number=number + 1))
            self.blended.append(field)
            self.shares.append(share)
        with gr.Row():
            self.blend_full = gr.Button(texts.FULL_SIZE, variant="primary")
            self.grid = gr.Button(texts.GRID)

    def _masks(self) -> None:
        gr.Markdown(texts.MASK_HELP)
        self.take_photo = gr.Button(texts.TAKE_PHOTO)
        self.editor = editor(
            label=texts.EDITOR, sources=[],
            brush=gr.Brush(colors=list(COLORS), default_color=COLORS[0], color_mode="fixed", default_size=40),
            buttons=[], canvas_size=(PREVIEW, PREVIEW), elem_id="editor",
        )  # fmt: skip
        self.regions = [
            gr.Dropdown([(texts.LEAVE, "")], value="", label=label, elem_id=f"region-{number + 1}")
            for number, label in enumerate(texts.REGIONS)
        ]
        with gr.Row():
            self.mask_preview = gr.Button(texts.MASK_PREVIEW)
            self.mask_full = gr.Button(texts.FULL_SIZE, variant="primary")

    def _events(self) -> None:
        looks = [
            self.dropped, self.style, self.own, self.keep, self.faces, self.quality, self.form.method,
            *self.form.inputs,
        ]  # fmt: skip
        mixed = [self.dropped, *self.blended, *self.shares]
        drawn = [self.dropped, self.editor, *self.regions]
        self._preview_events(looks, mixed)
        self.photo.change(self.desk.dropped, self.photo, self.dropped, **LATEST)
        self.painting.change(self.desk.dropped, self.painting, self.own, **LATEST)
        self.style.input(lambda: (None, Dropped()), None, [self.painting, self.own], **QUIET)  # the last choice wins
        self.shelf.expand(self._swatches, None, self.swatches, **QUIET)
        self.swatches.select(self._picked, None, [self.style, self.painting, self.own, self.asked], **QUIET)
        # Of quality and method, too, the last choice wins.
        self.quality.input(self._by_quality, self.form.method, [self.form.method, self.asked], **QUIET)
        method = self.form.method  # its input event also comes when it is left, and so after a quality was chosen
        method.change(self._quality_beside, [method, self.quality], self.quality, **QUIET)
        self.go.click(self._submit, [self.size, *looks], self.panel.job, **QUIET)
        self.full.click(self._submit_full, looks, self.panel.job, **QUIET)
        self.blend_full.click(self._blend_submit, mixed, self.panel.job, **QUIET)
        self.grid.click(self._grid, mixed, self.panel.job, **QUIET)
        self.take_photo.click(self._to_editor, self.dropped, self.editor, **QUIET)
        self.mask_preview.click(self._paint, drawn, self.painted, **QUIET)
        self.mask_full.click(self._mask_submit, drawn, self.panel.job, **QUIET)

    def _preview_events(self, looks: list[Any], mixed: list[Any]) -> None:
        """One listener makes all previews, so that none arrives after a newer one."""
        # The quality isn't among them: previews are drafts, unless a method is chosen.
        fields = [f for f in (*looks, *mixed) if not isinstance(f, gr.State) and f is not self.quality]
        states = [self.dropped, self.own, self.tab, self.painted, self.asked]
        triggers = [state.change for state in states] + [field.input for field in fields]
        inputs = [self.tab, self.painted, *looks, *mixed[1:]]
        gr.on(triggers, self._preview, inputs, [self.said, self.comparison], **LATEST)

    def styles(self, request: gr.Request) -> list[Any]:
        """The library's choices for all fields in `choosers`."""
        library = self.desk.style_choices(request)
        some = [gr.Dropdown([(texts.NO_STYLE, ""), *library]) for _ in self.blended]
        regions = [gr.Dropdown([(texts.LEAVE, ""), *library]) for _ in self.regions]
        return [gr.Dropdown(library), *some, *regions]

    @property
    def choosers(self) -> list[Any]:
        """The fields that `styles` updates."""
        return [*self.style_fields, *self.blended, *self.regions]

    def _preview(
        self, request: gr.Request, tab: str, painted: dict[str, Any], photo: Dropped, *fields: Any
    ) -> list[Any]:
        """A preview for the open tab, or a line that says what is missing."""
        ends = len(fields) - 2 * MAX_STYLES  # end of the first tab's fields
        try:
            with self.desk.show_errors():
                if not photo.id:
                    raise gr.Error(photo.refusal or texts.NO_PHOTO, print_exception=False)
                if tab == "masks":
                    ask = self._regions_ask(photo, painted)
                else:
                    ask = self._one_ask(*fields[:ends]) if tab == "one" else self._blend_ask(*fields[ends:])
                content = self.desk.service.preview(
                    self.desk.user(request), Preview(photo=photo.id, size=PREVIEW, **ask)
                )
        except gr.Error as error:
            return [status_line(error.message), gr.update(value=None, visible=False)]
        before, after = self.desk.view(request, photo.id), self.desk.show(request, content)
        return ["", gr.update(value=(before, after), visible=True)]

    def _by_quality(self, method: str) -> list[Any]:
        """No method, and a new preview if there was one."""
        return [BY_QUALITY, gr.skip() if method == BY_QUALITY else secrets.token_hex(8)]

    def _quality_beside(self, method: str, quality: str | None) -> str | None:
        """The quality beside a method: none; beside none, one must be chosen."""
        return quality or QUALITY if method == BY_QUALITY else None

    def _one_ask(
        self, style: str, own: Dropped, keep: str, faces: float, quality: str | None, method: str, *values: Any
    ) -> dict[str, Any]:
        if own.refusal:
            raise gr.Error(own.refusal, print_exception=False)
        if not (own.id or style):
            raise gr.Error(texts.STYLE_FIRST, print_exception=False)
        how = {"preset": quality or QUALITY} if method == BY_QUALITY else {"method": method}
        return {
            "style": f"@{own.id}" if own.id else style, "keep_color": keep or None, "protect_faces": faces,
            **how, "settings": self.form.settings(method, values),
        }  # fmt: skip

    def _blend_ask(self, *fields: Any) -> dict[str, Any]:
        styles, blend = self._mixed(fields)
        if not styles:
            raise gr.Error(texts.STYLE_FIRST, print_exception=False)
        return {"style": blend}

    def _regions_ask(self, photo: Dropped, painted: dict[str, Any]) -> dict[str, Any]:
        if painted.get("photo") != photo.id:
            raise gr.Error(texts.NO_REGIONS, print_exception=False)
        return {"style": painted["style"], "masks": painted["masks"]}

    def _submit(self, request: gr.Request, size: float, photo: Dropped, *fields: Any) -> str:
        self._require(photo)
        with self.desk.show_errors():
            facts = self.desk.service.upload(self.desk.user(request), photo.id).facts
        most = min(int(size), max(facts["width"], facts["height"]))
        return self._submitted(request, photo, size=most, **self._one_ask(*fields))

    def _submit_full(self, request: gr.Request, photo: Dropped, *fields: Any) -> str:
        return self._submitted(request, photo, size=0, **self._one_ask(*fields))

    def _submitted(self, request: gr.Request, photo: Dropped, **ask: Any) -> str:
        self._require(photo)
        with self.desk.show_errors():
            return self.desk.service.submit(self.desk.user(request), Picture(photo=photo.id, **ask)).id

    def _require(self, photo: Dropped) -> None:
        if not photo.id:
            raise gr.Error(photo.refusal or texts.PHOTO_FIRST, print_exception=False)

    def _swatches(self, request: gr.Request) -> list[tuple[str, str]]:
        return [
            (self.desk.address(request, f"/api/styles/{name}/swatch"), name)
            for _, name in self.desk.style_choices(request)
        ]

    def _picked(self, chosen: gr.SelectData) -> tuple[str, None, Dropped, str]:
        return str(chosen.value["caption"]), None, Dropped(), secrets.token_hex(8)

    def _mixed(self, fields: tuple[Any, ...]) -> tuple[list[str], str]:
        """The chosen styles and their blend."""
        styles, shares = fields[:MAX_STYLES], fields[MAX_STYLES:]
        chosen = [(style, share) for style, share in zip(styles, shares, strict=True) if style]
        return [style for style, _ in chosen], "+".join(f"{style}:{share:g}" for style, share in chosen)

    def _blend_submit(self, request: gr.Request, photo: Dropped, *fields: Any) -> str:
        styles, blend = self._mixed(fields)
        if len(styles) < 2:
            raise gr.Error(texts.TWO_STYLES, print_exception=False)
        return self._submitted(request, photo, style=blend, size=0)

    def _grid(self, request: gr.Request, photo: Dropped, *fields: Any) -> str:
        styles, _ = self._mixed(fields)
        self._require(photo)
        if len(styles) < 2:
            raise gr.Error(texts.TWO_STYLES, print_exception=False)
        with self.desk.show_errors():
            ask = Grid(kind="grid", photo=photo.id, styles=styles, steps=GRID_STEPS[len(styles)])
            return self.desk.service.submit(self.desk.user(request), ask).id

    def _to_editor(self, photo: Dropped, request: gr.Request) -> str:
        self._require(photo)
        return self.desk.view(request, photo.id)

    def _in_regions(self, request: gr.Request, layer: bytes | str | None, styles: tuple[str, ...]) -> dict[str, Any]:
        """The styles and masks of the painted regions."""
        if not layer:
            raise gr.Error(texts.PAINT_FIRST, print_exception=False)
        if isinstance(layer, str):
            layer = self.desk.read(request, layer)
        colors = [(int(c[1:3], 16), int(c[3:5], 16), int(c[5:7], 16)) for c in COLORS]
        with tempfile.NamedTemporaryFile(dir=self.desk.service.files.root, prefix=".drawn-", suffix=".png") as file:
            file.write(layer)
            file.flush()
            masks = self.desk.service.masks(self.desk.user(request), Path(file.name), colors)
        chosen = [(style, mask) for style, mask in zip(styles, masks, strict=True) if style]
        if not chosen:
            raise gr.Error(texts.PAINT_FIRST, print_exception=False)
        return {"style": "+".join(style for style, _ in chosen), "masks": [mask for _, mask in chosen]}

    def _paint(self, request: gr.Request, photo: Dropped, layer: bytes | str | None, *styles: str) -> dict[str, Any]:
        """The currently painted regions and their photo."""
        self._require(photo)
        with self.desk.show_errors():
            return {"photo": photo.id, **self._in_regions(request, layer, styles)}

    def _mask_submit(self, request: gr.Request, photo: Dropped, layer: bytes | str | None, *styles: str) -> str:
        self._require(photo)
        with self.desk.show_errors():
            ask = self._in_regions(request, layer, styles)
        return self._submitted(request, photo, size=0, **ask)
