"""The tab for one photo: in one style, between several, or in regions."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from brushwork.studio import texts
from brushwork.studio.asks import Grid, Picture, Preview
from brushwork.studio.desk import LATEST, QUIET, Desk
from brushwork.studio.forms import Form
from brushwork.studio.panel import JobPanel
from brushwork.studio.parts import comparison, editor, photo
from brushwork.studio.quiet_gradio import gr

__all__ = ["PictureTab"]

DEFAULT = "great-wave"
COLORS = ["#e02020", "#2050e0", "#f0c800"]  # of regions
PREVIEW = 768  # longer side, in pixels
MAX_STYLES = 4
GRID_STEPS = {2: 5, 3: 4, 4: 4}


class PictureTab:
    """A photo on the left, what becomes of it on the right.

    Args:
        desk: What the page asks the studio for.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.photo_id = gr.State("")
        self.style_fields: list[Any] = []  # whose choices are the library
        with gr.Row():
            with gr.Column(scale=2, min_width=320):
                self.photo = photo(
                    label=texts.PHOTO, sources=["upload", "webcam", "clipboard"], height=280,
                    elem_id="photo",
                )  # fmt: skip
                with gr.Tabs():
                    with gr.Tab(texts.STYLISE, id="one"):
                        self._stylise()
                    with gr.Tab(texts.BLEND, id="blend"):
                        self._blend()
                    with gr.Tab(texts.MASKS, id="masks"):
                        self._masks()
            with gr.Column(scale=3, min_width=320, elem_classes="result"):
                with gr.Column(visible=False) as self.stage:  # empty it would tell readers of screens nothing
                    self.comparison = comparison(
                        label=texts.BEFORE_AFTER, elem_id="comparison",
                        buttons=["fullscreen"], max_height=640,
                    )  # fmt: skip
                self.panel = JobPanel(desk)
        self._events()

    def _stylise(self) -> None:
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
        self.painting_id = gr.State("")
        self.form = Form()
        self.keep = gr.Radio(texts.KEEP_WAYS, value="", label=texts.KEEP_COLORS)
        self.best_size = gr.Slider(256, 2048, 768, step=64, label=texts.BEST_SIZE)
        with gr.Row():
            self.full = gr.Button(texts.FULL_SIZE, variant="primary")
            self.best = gr.Button(texts.BEST_QUALITY)

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
        looks = [self.photo_id, self.style, self.painting_id, self.keep, self.form.method, *self.form.inputs]
        look: dict[str, Any] = {"fn": self._preview, "inputs": looks, "outputs": self.comparison, **LATEST}
        self.photo.change(self._taken, self.photo, self.photo_id, **QUIET).then(**look)
        self.photo_id.change(lambda photo: gr.Column(visible=bool(photo)), self.photo_id, self.stage, **QUIET)
        self.painting.change(self._taken, self.painting, self.painting_id, **QUIET).then(**look)
        fields: list[Any] = [self.style, self.keep, self.form.method, *self.form.inputs]
        for field in fields:
            field.input(**look)
        self.shelf.expand(self._swatches, None, self.swatches, **QUIET)
        self.swatches.select(self._picked, None, self.style, **QUIET).then(**look)
        self.full.click(self._submit, looks, self.panel.job, **QUIET)
        self.best.click(self._submit_best, [*looks, self.best_size], self.panel.job, **QUIET)
        mixed = [self.photo_id, *self.blended, *self.shares]
        for field in (*self.blended, *self.shares):
            field.input(self._blend_preview, mixed, self.comparison, **LATEST)
        self.blend_full.click(self._blend_submit, mixed, self.panel.job, **QUIET)
        self.grid.click(self._grid, mixed, self.panel.job, **QUIET)
        self.take_photo.click(self._to_editor, self.photo_id, self.editor, **QUIET)
        drawn = [self.photo_id, self.editor, *self.regions]
        self.mask_preview.click(self._mask_preview, drawn, self.comparison, api_visibility="private")
        self.mask_full.click(self._mask_submit, drawn, self.panel.job, **QUIET)

    def styles(self, request: gr.Request) -> list[Any]:
        """The library, for all fields that choose from it."""
        library = self.desk.style_choices(request)
        some = [gr.Dropdown([(texts.NO_STYLE, ""), *library]) for _ in self.blended]
        regions = [gr.Dropdown([(texts.LEAVE, ""), *library]) for _ in self.regions]
        return [gr.Dropdown(library), *some, *regions]

    @property
    def choosers(self) -> list[Any]:
        """The fields that `styles` is for."""
        return [*self.style_fields, *self.blended, *self.regions]

    def _taken(self, path: str | None, request: gr.Request) -> str:
        with self.desk.telling():
            return self.desk.take(request, path).id if path else ""

    def _preview(
        self, request: gr.Request, photo: str, style: str, painting: str, keep: str, method: str, *values: Any
    ) -> Any:
        if not photo or not (style or painting):
            return gr.skip()
        settings = self.form.settings(method, values)
        with self.desk.telling():
            return self._compared(
                request, photo, style=_reference(style, painting), method=method, settings=settings,
                keep_color=keep or None,
            )  # fmt: skip

    def _compared(self, request: gr.Request, photo: str, **ask: Any) -> tuple[str, str]:
        """Photo and preview, by their addresses."""
        user = self.desk.user(request)
        content = self.desk.service.preview(user, Preview(photo=photo, size=PREVIEW, **ask))
        return self.desk.view(request, photo), self.desk.show(request, content)

    def _submit(
        self, request: gr.Request, photo: str, style: str, painting: str, keep: str, method: str, *values: Any
    ) -> str:
        return self._submitted(
            request, photo=photo, style=_reference(style, painting), method=method, keep_color=keep or None, size=0,
            settings=self.form.settings(method, values),
        )  # fmt: skip

    def _submit_best(
        self, request: gr.Request, photo: str, style: str, painting: str, keep: str, method: str, *values: Any
    ) -> str:
        *options, size = values
        return self._submitted(
            request, photo=photo, style=_reference(style, painting), method="gatys", keep_color=keep or None,
            size=int(size), settings=self.form.settings("gatys", options),
        )  # fmt: skip

    def _submitted(self, request: gr.Request, **ask: Any) -> str:
        if not ask["photo"]:
            raise gr.Error(texts.PHOTO_FIRST, print_exception=False)
        with self.desk.telling():
            return self.desk.service.submit(self.desk.user(request), Picture(**ask)).id

    def _swatches(self, request: gr.Request) -> list[tuple[str, str]]:
        return [
            (self.desk.address(request, f"/api/styles/{name}/swatch"), name)
            for _, name in self.desk.style_choices(request)
        ]

    def _picked(self, chosen: gr.SelectData) -> str:
        return str(chosen.value["caption"])

    def _mixed(self, fields: tuple[Any, ...]) -> tuple[list[str], str]:
        """Styles that are chosen, and their blend."""
        styles, shares = fields[:MAX_STYLES], fields[MAX_STYLES:]
        chosen = [(style, share) for style, share in zip(styles, shares, strict=True) if style]
        return [style for style, _ in chosen], "+".join(f"{style}:{share:g}" for style, share in chosen)

    def _blend_preview(self, request: gr.Request, photo: str, *fields: Any) -> Any:
        styles, blend = self._mixed(fields)
        if not photo or not styles:
            return gr.skip()
        with self.desk.telling():
            return self._compared(request, photo, style=blend)

    def _blend_submit(self, request: gr.Request, photo: str, *fields: Any) -> str:
        styles, blend = self._mixed(fields)
        if len(styles) < 2:
            raise gr.Error(texts.TWO_STYLES, print_exception=False)
        return self._submitted(request, photo=photo, style=blend, size=0)

    def _grid(self, request: gr.Request, photo: str, *fields: Any) -> str:
        styles, _ = self._mixed(fields)
        if not photo:
            raise gr.Error(texts.PHOTO_FIRST, print_exception=False)
        if len(styles) < 2:
            raise gr.Error(texts.TWO_STYLES, print_exception=False)
        with self.desk.telling():
            ask = Grid(kind="grid", photo=photo, styles=styles, steps=GRID_STEPS[len(styles)])
            return self.desk.service.submit(self.desk.user(request), ask).id

    def _to_editor(self, photo: str, request: gr.Request) -> str:
        if not photo:
            raise gr.Error(texts.PHOTO_FIRST, print_exception=False)
        return self.desk.view(request, photo)

    def _in_regions(self, request: gr.Request, layer: bytes | str | None, styles: tuple[str, ...]) -> dict[str, Any]:
        """Style and masks of what is painted."""
        if not layer:
            raise gr.Error(texts.PAINT_FIRST, print_exception=False)
        if isinstance(layer, str):
            layer = self.desk.read(request, layer)
        colors = [(int(c[1:3], 16), int(c[3:5], 16), int(c[5:7], 16)) for c in COLORS]
        with tempfile.NamedTemporaryFile(dir=self.desk.service.places.root, prefix=".drawn-", suffix=".png") as file:
            file.write(layer)
            file.flush()
            masks = self.desk.service.masks(self.desk.user(request), Path(file.name), colors)
        chosen = [(style, mask) for style, mask in zip(styles, masks, strict=True) if style]
        if not chosen:
            raise gr.Error(texts.PAINT_FIRST, print_exception=False)
        return {"style": "+".join(style for style, _ in chosen), "masks": [mask for _, mask in chosen]}

    def _mask_preview(self, request: gr.Request, photo: str, layer: bytes | str | None, *styles: str) -> Any:
        with self.desk.telling():
            return self._compared(request, photo, **self._in_regions(request, layer, styles))

    def _mask_submit(self, request: gr.Request, photo: str, layer: bytes | str | None, *styles: str) -> str:
        with self.desk.telling():
            ask = self._in_regions(request, layer, styles)
        return self._submitted(request, photo=photo, size=0, **ask)


def _reference(style: str, painting: str) -> str:
    """A painting that was dropped goes before a name."""
    return f"@{painting}" if painting else style
