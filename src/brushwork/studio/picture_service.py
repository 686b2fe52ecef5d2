"""What the studio does with uploads, styles and previews."""

from __future__ import annotations

import secrets
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brushwork.errors import BrushworkError, UsageError
from brushwork.registry import method_name
from brushwork.runtime.atomic_files import write_whole
from brushwork.studio import quick_worker, strips
from brushwork.studio.audit import AuditLog
from brushwork.studio.errors import BusyError, ConflictError, NotFoundError, TooLargeError
from brushwork.studio.files import RequestFiles, StudioFiles, called
from brushwork.studio.limits import Limits
from brushwork.studio.log import logger
from brushwork.studio.metrics import PREVIEW_SECONDS
from brushwork.studio.quota import RECORD, StorageQuota
from brushwork.studio.records import IdempotencyKey, Upload
from brushwork.studio.request_checks import RequestChecks
from brushwork.studio.schemas import Clip, NewStyle, Preview, Video
from brushwork.studio.tiles import SIDE, TileGrid, Tiles
from brushwork.studio.timelines import Timelines, check_film
from brushwork.studio.users import LOCAL, Users
from brushwork.studio.workers import CHECKERS, CHECKS, PAINTERS, QuickWorkers
from brushwork.styles.library import LibraryStyle, remove_style

if TYPE_CHECKING:
    from brushwork.api.faces import Face

__all__ = ["THUMBNAIL", "PictureService"]

SWATCH, THUMBNAIL = 112, 320  # pixels
NOBODY = "*"  # the studio itself in the queue of users; not a valid user name


class PictureService:
    """Uploads, styles and previews of the studio's users.

    Args:
        files: The studio's folder.
        limits: Its limits.
    """

    def __init__(self, files: StudioFiles, limits: Limits) -> None:
        self.files, self.limits, self.database = files, limits, files.database()
        self.checks = QuickWorkers("checks", quick_worker.load_checks, processes=CHECKERS, most=CHECKS)
        self.previews = QuickWorkers("previews", quick_worker.load_previews, processes=PAINTERS, most=limits.previews)
        self.strips, self.timelines = strips.Strips(files.strips), Timelines(files.strips)
        self.tiles = Tiles(files.tiles)
        self.users, self.audit = Users(files.root / "users.json"), AuditLog(files.audit)
        self.quota = StorageQuota(files, limits, self.database, self.users)
        self.requests = RequestChecks(files, limits, self.database)
        self._closing = threading.Event()

    # Files

    def take(self, user: str, sent: Path, name: str, key: IdempotencyKey | None = None) -> Upload:
        """Store an uploaded file, which is moved, or deleted if refused.

        Raises:
            TooLargeError, UsageError: Over a limit; neither a picture nor a video.
            NotAllowedError: A viewer's.
            sqlite3.IntegrityError: Another upload with this key was faster.
        """
        try:
            self.users.check_maker(user)
            size = sent.stat().st_size
            if size > self.limits.upload_mb * 1_000_000:
                raise TooLargeError(f"{size / 1e6:.0f} MB are more than the limit of {self.limits.upload_mb} MB")
            identity, title = secrets.token_hex(16), called(name)
            facts = self._check(user, sent, title)
            with self.quota.reserved(user, size + RECORD):
                shutil.move(sent, self.files.upload(identity))
                upload = self.database.add_upload(identity, user, facts.pop("kind"), title, size, facts, key=key)
            self.audit.add(user, "upload", upload=upload.id, kind=upload.kind, name=title, bytes=size)
            return upload
        except sqlite3.Error:
            self.files.upload(identity).unlink(missing_ok=True)
            raise
        finally:
            sent.unlink(missing_ok=True)

    def _check(self, user: str, sent: Path, name: str) -> dict[str, Any]:
        """Properties of a file; errors refer to it by its original name."""
        megapixels, seconds = self.limits.megapixels, self.limits.video_seconds
        try:
            return dict(self._quick(user, "check", path=str(sent), megapixels=megapixels, seconds=seconds))
        except UsageError as error:
            raise UsageError(str(error).replace(sent.name, name)) from None

    def upload(self, user: str, identity: str) -> Upload:
        """A user's upload.

        Raises:
            NotFoundError: It does not exist, or belongs to another user.
        """
        return self.files.owned(identity, user, self.database)

    def _path(self, user: str, identity: str) -> Path:
        return self.files.upload(self.upload(user, identity).id)

    def remove_upload(self, user: str, identity: str) -> None:
        """Delete a file.

        Raises:
            ConflictError: An unfinished job needs it.
        """
        upload = self.upload(user, identity)
        if upload.id in self.quota.needed(user):
            raise ConflictError("an unfinished job needs this file; cancel the job first")
        self.quota.forget(upload)
        self.audit.add(user, "delete upload", upload=upload.id, name=upload.name)

    def thumbnail(self, user: str, identity: str, size: int = THUMBNAIL) -> bytes:
        """A thumbnail of a picture or a video's first frame, re-encoded as JPEG; uploads are never served as sent."""
        path = self.files.upload(self.upload(user, identity).id)
        if size != THUMBNAIL:
            return bytes(self._quick(user, "thumbnail", path=str(path), size=size))
        kept = path.with_suffix(".jpg")
        if not kept.exists():
            write_whole(kept, self._quick(user, "thumbnail", path=str(path), size=size))
        return kept.read_bytes()

    def strip(self, user: str, identity: str) -> Iterator[tuple[str, bytes]]:
        """Names of all styles with a thumbnail of a picture, or of a video's first frame, in each, as JPEG.

        Raises:
            BusyError: Too many requests are waiting; what has been painted is kept.
        """
        upload = self.upload(user, identity)
        path = str(self.files.upload(upload.id))

        def paint(styles: Sequence[LibraryStyle]) -> list[bytes]:
            files = [str(style.path) for style in styles]
            return list(self._quick(user, "strip", path=path, size=strips.SIZE, styles=files))

        return self.strips.pictures(upload.id, self.styles(user), paint)

    def faces(self, user: str, identity: str) -> list[Face]:
        """The faces in a picture, or in a video's first frame, the surest first."""
        return list(self._quick(user, "faces", path=str(self._path(user, identity))))

    def face_mask(self, user: str, identity: str) -> bytes:
        """How much each place is protected with the faces in a picture, white the most, as PNG."""
        return bytes(self._quick(user, "face_mask", path=str(self._path(user, identity))))

    def picture(self, user: str, identity: str) -> Path:
        """The file of an uploaded picture.

        Raises:
            NotFoundError, UsageError: There is no such upload; it is a film.
        """
        upload = self.upload(user, identity)
        if upload.kind == "film":
            raise UsageError(f"{upload.name} is a film, and only pictures have tiles")
        return self.files.upload(upload.id)

    def tile_grid(self, user: str, picture: Path, identity: str) -> TileGrid:
        """What a picture in tiles measures; the tiles are made if they aren't there.

        Args:
            user: Whose it is.
            picture: Its file.
            identity: The ID of the upload or the job.
        """
        return self.tiles.grid(identity, partial(self._write_tiles, user, picture))

    def tile(self, user: str, picture: Path, identity: str, place: tuple[int, int, int]) -> Path:
        """A tile of a picture; see `Tiles.tile` and `tile_grid`."""
        return self.tiles.tile(identity, place, partial(self._write_tiles, user, picture))

    def _write_tiles(self, user: str, picture: Path, target: Path) -> None:
        self._quick(user, "tiles", source=str(picture), target=str(target), side=SIDE)

    def film_strip(self, user: str, identity: str, count: int, height: int) -> bytes:
        """Frames of a film at equal distances, small and side by side, as JPEG."""
        path = self._film(user, identity)
        return self.timelines.strip(
            identity, count, height,
            lambda: bytes(self._quick(user, "film_strip", path=str(path), count=count, height=height)),
        )  # fmt: skip

    def film_frame(self, user: str, identity: str, number: int, size: int) -> bytes:
        """A frame of a film as JPEG; with size 0 as large as the film."""
        path = self._film(user, identity)
        return bytes(self._quick(user, "film_frame", path=str(path), number=number, size=size))

    def cuts(self, user: str, identity: str) -> list[float]:
        """Times at which another scene of a film begins, in seconds."""
        path = self._film(user, identity)
        return self.timelines.cuts(identity, lambda: list(self._quick(user, "cuts", path=str(path))))

    def _film(self, user: str, identity: str) -> Path:
        film = self.upload(user, identity)
        check_film(film)
        return self.files.upload(film.id)

    # Styles

    def styles(self, user: str) -> dict[str, LibraryStyle]:
        """All styles of a user by name."""
        return self.files.styles(user)

    def add_style(self, user: str, ask: NewStyle) -> LibraryStyle:
        """Add a painting to a user's library.

        Raises:
            UsageError: The name is taken.
        """
        self.users.check_maker(user)
        upload, folder = self.upload(user, ask.picture), self.files.styles_folder(user)
        path, about = self.files.upload(upload.id), {"title": ask.title, "artist": ask.artist}
        with self.quota.reserved(user, upload.bytes, keep=upload.id) if user != LOCAL else nullcontext():
            self._quick(user, "add_style", path=str(path), name=ask.name, folder=str(folder), about=about)
        self.audit.add(user, "add style", style=ask.name)
        return self.styles(user)[ask.name]

    def remove_style(self, user: str, name: str) -> None:
        """Remove a style that the user added to the library."""
        if name not in self.styles(user):
            raise NotFoundError(f"there is no style {name[:40]!r}")
        swatch = self._swatch_path(user, name)
        remove_style(name, self.files.styles_folder(user))
        swatch.unlink(missing_ok=True)
        self.audit.add(user, "delete style", style=name)

    def swatch(self, user: str, name: str) -> bytes:
        """A small picture of a style, as JPEG."""
        style = self.styles(user).get(name)
        if style is None:
            raise NotFoundError(f"there is no style {name[:40]!r}")
        kept = self._swatch_path(user, name)
        if not kept.exists():
            if style.path.suffix == ".png":
                content = self._quick(user, "thumbnail", path=str(style.path), size=SWATCH)
            else:
                content = self._quick(user, "swatch", path=str(style.path), size=SWATCH)
            write_whole(kept, content)
        return kept.read_bytes()

    def _paint_swatches(self) -> None:
        """Render the swatches of the built-in styles in advance, taking turns with users."""
        names = [name for name, style in self.files.styles(LOCAL).items() if not style.own]
        while names and not self._closing.is_set():
            try:
                self.swatch(NOBODY, names[0])
            except BusyError as busy:
                self._closing.wait(busy.seconds)
                continue
            except BrushworkError:
                logger.exception("a swatch failed", extra={"style": names[0]})
            names.pop(0)

    def _swatch_path(self, user: str, name: str) -> Path:
        style = self.styles(user).get(name)
        folder = self.files.swatches if style is None or not style.own else self.files.swatches_of(user)
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder / f"{name}.jpg"

    # Previews

    def preview(self, user: str, ask: Preview | Video) -> bytes:
        """A photo in a style, or three frames of a video, original and stylized, as JPEG.

        Raises:
            BusyError: Too many requests are waiting, or this one took too long.
            SupersededError: The same user requested a newer preview of this photo while this one was waiting.
            UsageError, NotFoundError: Invalid value; no such file or style.
            NotAllowedError: A viewer's.
        """
        self.users.check_maker(user)
        method = method_name(ask.preview_settings())
        if isinstance(ask, Video):
            function, source, masks, face_mask = "film_preview", self.upload(user, ask.film), [], None
        else:
            function, source, masks, face_mask = "preview", self.upload(user, ask.photo), ask.masks, ask.face_mask
        style = self.requests.parts(user, ask.style, method)
        drawn = tuple(self._path(user, mask) for mask in masks)
        protected = None if face_mask is None else self._path(user, face_mask)
        files = RequestFiles(self.files.upload(source.id), style, drawn, protected)
        began = time.monotonic()
        content = self._quick(user, function, source.id, ask=ask, files=files)
        PREVIEW_SECONDS.observe(time.monotonic() - began)
        return bytes(content)

    def clip(self, user: str, ask: Clip) -> bytes:
        """Two seconds of a film, painted, as MP4; see `preview` for errors."""
        self.users.check_maker(user)
        path, method = self._film(user, ask.film), method_name(ask.preview_settings())
        style = self.requests.parts(user, ask.style, method)
        keys = [(key.seconds, self.requests.parts(user, key.style, method), key.strength) for key in ask.keyframes]
        files, topic = RequestFiles(path, style), f"{ask.film} clip"
        began = time.monotonic()
        content = self._quick(user, "clip", topic, ask=ask, files=files, keys=keys or [(0.0, style, None)])
        PREVIEW_SECONDS.observe(time.monotonic() - began)
        return bytes(content)

    def _quick(self, user: str, function: str, topic: str = "", /, **arguments: Any) -> Any:
        """Call a quick worker; its errors refer to files by their original names."""
        workers = self.previews if function in quick_worker.PAINTING else self.checks
        try:
            return workers.call(function, user=user, topic=topic, **arguments)
        except UsageError as error:
            raise UsageError(self.files.plain(str(error), user, self.database)) from None
