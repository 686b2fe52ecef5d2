"""The studio's files on disk, and the resolution of users' references to them."""

from __future__ import annotations

import os
import re
import shutil
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from brushwork.errors import UsageError
from brushwork.studio.advice import in_request_terms
from brushwork.studio.database import Database
from brushwork.studio.errors import NotFoundError
from brushwork.studio.records import Job, Upload
from brushwork.studio.tiles import Tiles
from brushwork.studio.users import LOCAL
from brushwork.styles.library import LibraryStyle, list_styles
from brushwork.styles.references import StylePart, own_folder

__all__ = ["RequestFiles", "StudioFiles", "called", "default_folder", "folder_bytes", "stem_of"]

_IDENTITY = re.compile(r"[0-9a-f]{32}")
_PIECE = re.compile(r"(@[0-9a-f]{32}|\w[\w-]*)(?::(\d{1,6}(?:\.\d{1,6})?))?")


def default_folder() -> Path:
    """The default: next to the user's weights and styles, in BRUSHWORK_HOME or the platform's cache."""
    return own_folder().parent / "studio"


@dataclass(frozen=True)
class RequestFiles:
    """What the IDs and names in a request stand for.

    Args:
        source: The photo or the video.
        style: The parts of the style.
        masks: One file per part, or none.
        face_mask: What is protected instead of the faces that are found.
    """

    source: Path
    style: list[StylePart]
    masks: tuple[Path, ...] = ()
    face_mask: Path | None = None


class StudioFiles:
    """The studio's folder. File names are generated, never taken from uploads.

    Args:
        root: Created if missing, accessible only to its owner.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in (root, self.uploads, self.jobs, self.swatches, self.strips, self.tiles):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)  # also if it was there before

    @property
    def uploads(self) -> Path:
        """The folder of uploaded files."""
        return self.root / "uploads"

    @property
    def jobs(self) -> Path:
        """The folder that holds one folder per job."""
        return self.root / "jobs"

    @property
    def restoring(self) -> Path:
        """A file that is there while a backup is restored, and if that was interrupted."""
        return self.root / "restoring"

    @property
    def audit(self) -> Path:
        """The folder of the audit log."""
        return self.root / "audit"

    @property
    def swatches(self) -> Path:
        """The folder of small pictures of the built-in styles."""
        return self.root / "swatches"

    @property
    def strips(self) -> Path:
        """The folder of small pictures of uploads in all styles, a file for each upload."""
        return self.root / "strips"

    @property
    def tiles(self) -> Path:
        """The folder of pictures in tiles; see `tiles.py`."""
        return self.root / "tiles"

    def claim(self) -> FileLock:
        """Lock the folder for this process until it ends, however it ends, or releases the returned lock.

        Raises:
            UsageError: Another studio is using it.
        """
        held = FileLock(self.root / "lock", timeout=0, mode=0o600, thread_local=False)
        try:
            held.acquire()
        except Timeout as error:
            raise UsageError(f"a studio is already running in {self.root}; stop it, or use another --folder") from error
        return held

    def database(self) -> Database:
        """The database."""
        return Database(self.root / "studio.sqlite")

    def upload(self, identity: str) -> Path:
        """The path of an uploaded file."""
        return self.uploads / identity

    def job(self, identity: str) -> Path:
        """A job's folder."""
        return self.jobs / identity

    def series_picture(self, identity: str, number: int) -> Path:
        """What is shown of a picture of a series, counted from 1: a JPEG of the size of intermediate pictures."""
        return self.job(identity) / "pictures" / f"{number:04d}.jpg"

    def user(self, user: str) -> Path:
        """The folder of a user's other data, apart from uploads and jobs."""
        return self.root / "users" / user

    def swatches_of(self, user: str) -> Path:
        """Small pictures of a user's own styles."""
        return self.swatches / f"of-{user}"

    def styles_folder(self, user: str) -> Path:
        """The folder of a user's own styles; without logins, it is the one the command uses."""
        return own_folder() if user == LOCAL else self.user(user) / "styles"

    def styles(self, user: str) -> dict[str, LibraryStyle]:
        """All styles of a user by name: their own and the built-in ones."""
        return list_styles(self.styles_folder(user))

    def parts(self, style: str, user: str, database: Database) -> list[StylePart]:
        """The parts of a style reference: "great-wave", "@" and a picture's ID, or a blend, "a:0.7+@…:0.3".

        Raises:
            UsageError: Malformed reference, or weights that sum to 0.
            NotFoundError: No such style, or no such picture of this user.
        """
        parts, library = [], self.styles(user)
        for piece in style.split("+"):
            match = _PIECE.fullmatch(piece.strip())
            if match is None:
                raise UsageError(f"style {piece.strip()[:80]!r}: expected a name or @ID, then optionally :weight")
            parts.append(StylePart(str(self._file(match[1], user, database, library)), float(match[2] or 1)))
        if not sum(part.weight for part in parts) > 0:
            raise UsageError("the weights of a blend sum to 0; give at least one style a weight above 0")
        return parts

    def _file(self, reference: str, user: str, database: Database, library: dict[str, LibraryStyle]) -> Path:
        if reference.startswith("@"):
            return self.upload(self.owned(reference[1:], user, database).id)
        if reference not in library:
            raise NotFoundError(f"there is no style {reference!r}")
        return library[reference].path

    def owned(self, identity: str, user: str, database: Database) -> Upload:
        """A user's upload.

        Raises:
            NotFoundError: It does not exist, or belongs to another user.
        """
        found = database.upload(identity, user)
        if found is None:
            raise NotFoundError(f"there is no file {identity[:40]!r} of yours; it may have been deleted")
        return found

    def plain(self, message: str, user: str, database: Database) -> str:
        """A message with the users' file names in place of the server's paths."""
        for style in self.styles(user).values():
            message = message.replace(str(style.path), style.name)
        for identity in set(_IDENTITY.findall(message)):
            upload = database.upload(identity, user)
            if upload is not None:
                message = message.replace(str(self.upload(identity)), upload.name).replace(identity, upload.name)
        for folder in (self.root, own_folder().parent):
            message = message.replace(f"{folder}/", "")
        return in_request_terms(message)

    def remove(self, job: Job) -> None:
        """Delete a job's files."""
        shutil.rmtree(self.job(job.id), ignore_errors=True)
        Tiles(self.tiles).forget(job.id)


def folder_bytes(folder: Path) -> int:
    """Total size of all files in a folder, in bytes."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(path) / name).stat().st_size
            except OSError:
                continue
    return total


def called(name: str) -> str:
    """A display name for a file: without folders and control characters, at most 80 characters."""
    plain = "".join(
        letter for letter in name.replace("\\", "/").split("/")[-1] if unicodedata.category(letter)[0] != "C"
    )
    return plain.strip()[:80] or "file"


def stem_of(title: str) -> str:
    """A job's title as a file name without suffix."""
    words = re.sub(r"[^\w.-]+", "-", title.replace(" in the style of ", "_").replace(": texture of ", "_texture-"))
    return re.sub(r"\.\w{2,5}(?=_|$)", "", words, count=1).strip("-.")[:80] or "result"
