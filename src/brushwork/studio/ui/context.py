"""Shared by all tabs of the page: the request's user, dropped files, and errors reported in one line."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from brushwork.errors import BrushworkError
from brushwork.studio.database import Upload
from brushwork.studio.errors import NotAllowedError
from brushwork.studio.log import logger
from brushwork.studio.page_access import PageFiles
from brushwork.studio.schemas import methods
from brushwork.studio.service import Service
from brushwork.studio.ui import texts
from brushwork.studio.ui.components import Shown
from brushwork.studio.ui.gradio_import import gr
from brushwork.studio.users import LOCAL

__all__ = ["LATEST", "QUIET", "Dropped", "PageContext"]

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
KEPT = 10_000  # dropped files to remember
# Of several slider moves, only the last one is processed. A function called this way must not raise an error, because
# Gradio would then drop the pending move.
LATEST: dict[str, Any] = {**QUIET, "trigger_mode": "always_last"}


class Dropped(NamedTuple):
    """A file dropped on the page: its upload ID, or why it was refused; both empty if there is no file."""

    id: str = ""
    refusal: str = ""


class PageContext:
    """The page's access to the studio.

    Args:
        service: The studio.
        page_files: Owners of the files uploaded to the page.
    """

    def __init__(self, service: Service, page_files: PageFiles) -> None:
        self.service, self.page_files, self.shown = service, page_files, Shown()
        self._taken = dict[tuple[str, str], str]()  # user and path of a dropped file → its upload ID
        self._taking = threading.Lock()

    def user(self, request: gr.Request) -> str:
        """The user who made a request."""
        return request.username or LOCAL

    def address(self, request: gr.Request, path: str) -> str:
        """The full URL of a path on this server."""
        return f"{request.url.scheme}://{request.headers['host']}{path}"

    @contextmanager
    def show_errors(self) -> Iterator[None]:
        """Display errors as one line on the page."""
        try:
            yield
        except BrushworkError as error:
            raise gr.Error(str(error), duration=8, print_exception=False) from None
        except gr.Error:
            raise
        except Exception:
            logger.exception("a click failed")
            raise gr.Error(texts.FAILED, duration=8, print_exception=False) from None

    def take(self, request: gr.Request, path: str) -> Upload:
        """Store a copy of a file that was dropped on the page, once per file.

        Raises:
            NotAllowedError: The user has not uploaded this file.
        """
        user = self.user(request)
        self._check(user, path)
        with self._taking:
            known = self.service.database.upload(self._taken.get((user, path), ""), user)
            if known is None:
                known = self._sent(user, path)
                self._taken[user, path] = known.id
                while len(self._taken) > KEPT:
                    self._taken.pop(next(iter(self._taken)))
            return known

    def read(self, request: gr.Request, path: str) -> bytes:
        """The content of a file uploaded to the page; see `take`."""
        self._check(self.user(request), path)
        return Path(path).read_bytes()

    def _check(self, user: str, path: str) -> None:
        if not self.page_files.owns(user, path):
            raise NotAllowedError("upload the file again")

    def dropped(self, path: str | None, request: gr.Request) -> Dropped:
        """Store a file that was dropped on the page, if any; see `take`."""
        if not path:
            return Dropped()
        try:
            with self.show_errors():
                return Dropped(self.take(request, path).id)
        except gr.Error as error:
            return Dropped(refusal=error.message)

    def _sent(self, user: str, path: str) -> Upload:
        with tempfile.NamedTemporaryFile(dir=self.service.files.root, prefix=".sent-", delete=False) as kept:
            pass
        try:
            shutil.copyfile(path, kept.name)
        except OSError:
            Path(kept.name).unlink()
            raise NotAllowedError("upload the file again") from None
        return self.service.take(user, Path(kept.name), Path(path).name)

    def style_choices(self, request: gr.Request) -> list[tuple[str, str]]:
        """Labels and names of the styles that the page's methods support, the user's own ones first."""
        styles = [s for s in self.service.styles(self.user(request)).values() if set(s.methods) & set(methods())]
        return [(_words(style), style.name) for style in sorted(styles, key=lambda style: (not style.own, style.name))]

    def show(self, request: gr.Request, content: bytes) -> str:
        """The URL of a new picture."""
        return self.address(request, self.shown.keep(self.user(request), content))

    def view(self, request: gr.Request, photo: str) -> str:
        """The URL of a photo at screen size; the image editor relies on its suffix."""
        return self.address(request, f"/api/uploads/{photo}/view.jpg")


def _words(style: Any) -> str:
    title, artist = style.about.get("title", ""), style.about.get("artist", "")
    about = ", ".join(word for word in (artist, title) if word)
    return f"{style.name} ({about})" if about else style.name
