"""The page: Gradio components in tabs, mounted in the studio's application."""

from __future__ import annotations

import os
import shutil
from typing import Any

from fastapi import FastAPI, Request, Response

from brushwork.studio.page_access import PageFiles
from brushwork.studio.service import Service
from brushwork.studio.ui import texts
from brushwork.studio.ui.components import raw
from brushwork.studio.ui.context import QUIET, PageContext
from brushwork.studio.ui.gradio_import import gr
from brushwork.studio.ui.other_tabs import BatchTab, HistoryTab, StylesTab, VideoTab
from brushwork.studio.ui.picture_tab import PictureTab

__all__ = ["mounted"]

DAY = 86_400
FONTS = ["system-ui", "sans-serif"]  # system fonts; none is downloaded
# Higher contrast than Gradio's defaults: WCAG 2.1 requires 4.5.
COLORS: dict[str, Any] = {
    "body_text_color_subdued": "*neutral_600", "body_text_color_subdued_dark": "*neutral_300",
    "block_info_text_color": "*neutral_600", "block_info_text_color_dark": "*neutral_300",
    "block_label_text_color": "*primary_800", "block_label_text_color_dark": "white",
    "block_title_text_color": "*primary_800", "block_title_text_color_dark": "white",
    "block_label_background_fill_dark": "*primary_700", "block_title_background_fill_dark": "*primary_700",
    "button_primary_background_fill": "*primary_600", "button_primary_background_fill_dark": "*primary_600",
    "color_accent": "*primary_600", "input_placeholder_color": "*neutral_600",
    "input_placeholder_color_dark": "*neutral_300", "link_text_color": "*primary_700",
    "link_text_color_dark": "*primary_200",
    "checkbox_label_background_fill_selected": "*primary_600",
    "checkbox_label_background_fill_selected_dark": "*primary_600",
}  # fmt: skip
CSS = """
.job img, .job video, #frames img { max-width: 100%; height: auto; border-radius: 8px; }
.job progress { appearance: none; width: 100%; height: .75rem; border: 0; border-radius: 6px; overflow: hidden;
  background: var(--border-color-primary); }
.job progress::-webkit-progress-bar { background: var(--border-color-primary); }
.job progress::-webkit-progress-value { background: var(--primary-600); }
.job progress::-moz-progress-bar { background: var(--primary-600); }
.downloads a { text-decoration: underline; padding: .25rem; }
.tabs button.selected { color: var(--primary-700) !important; }
.dark .tabs button.selected { color: var(--primary-200) !important; }
input[role="combobox"] { text-overflow: ellipsis; margin-right: 1.75rem; }
@media (max-width: 700px) { .result { order: -1; } }
.figures { display: flex; flex-wrap: wrap; gap: .75rem; }
.figures figure { margin: 0; } .figures img { width: 112px; height: 112px; object-fit: cover; border-radius: 8px; }
"""


def mounted(app: FastAPI, service: Service, page_files: PageFiles, *, logged_in: bool) -> FastAPI:
    """The application with the page mounted at /.

    Args:
        app: The application with the API.
        service: The studio.
        page_files: Owners of the files uploaded to the page.
        logged_in: Whether there are logins, and so a logout button.
    """
    shutil.rmtree(service.files.root / "page", ignore_errors=True)  # leftovers of a killed process
    os.environ["GRADIO_TEMP_DIR"] = str(service.files.root / "page")
    desk = PageContext(service, page_files)
    blocks = _blocks(desk, logged_in)

    @app.get("/shown/{token}", include_in_schema=False)
    def shown(request: Request, token: str) -> Response:
        content = desk.shown.get(str(request.state.user), token)
        return Response(content or b"", 200 if content else 404, media_type="image/jpeg")

    theme = gr.themes.Soft(primary_hue="indigo", font=FONTS, font_mono=["ui-monospace", "monospace"]).set(**COLORS)
    whole: FastAPI = gr.mount_gradio_app(
        app, blocks, path="/", auth_dependency=lambda request: request.state.user,
        max_file_size=service.limits.upload_mb * 1_000_000, show_error=False, footer_links=[], run_history=False,
        enable_monitoring=False, theme=theme, css=CSS, ssr_mode=False, mcp_server=False, pwa=False,
        blocked_paths=service.files.private(),
    )  # fmt: skip
    # Gradio checks paths against the upload folder only once these are set, which otherwise only `launch` does.
    blocks.has_launched = blocks.is_running = True
    return whole


def _blocks(desk: PageContext, logged_in: bool) -> Any:
    with gr.Blocks(title=texts.TITLE, analytics_enabled=False, delete_cache=(3600, DAY)) as page:
        with gr.Row():
            gr.Markdown(f"# {texts.TITLE}\n{texts.INTRO}")
            if logged_in:
                raw(f'<form method="post" action="/logout"><button>{texts.LOG_OUT}</button></form>')
        note = raw("")
        with gr.Tabs() as tabs:
            with gr.Tab(texts.PICTURE, id="picture"):
                picture = PictureTab(desk)
            with gr.Tab(texts.VIDEO, id="video"):
                film = VideoTab(desk)
            with gr.Tab(texts.BATCH, id="batch"):
                batch = BatchTab(desk)
            choosers = [*picture.choosers, film.style, batch.style]

            def styles(request: gr.Request) -> list[Any]:
                library = desk.style_choices(request)
                return [*picture.styles(request), gr.Dropdown(library), gr.Dropdown(library)]

            with gr.Tab(texts.MY_STYLES, id="styles"):
                own = StylesTab(desk, choosers, styles)
            with gr.Tab(texts.HISTORY, id="history") as opened:
                history = HistoryTab(desk, tabs, picture)
        opened.select(history.look, None, [history.gallery, history.chosen], **QUIET)
        page.load(styles, None, choosers, **QUIET)
        page.load(own.look, None, [own.own, own.chosen], **QUIET)
        page.load(history.waiting, None, note, **QUIET)
    page.queue(max_size=4 * desk.service.limits.previews, default_concurrency_limit=4)
    return page
