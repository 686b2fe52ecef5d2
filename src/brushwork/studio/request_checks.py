"""Checks that what a request refers to exists and stays within the limits, before it is queued."""

from __future__ import annotations

from brushwork.api.presets import going_on
from brushwork.errors import UsageError
from brushwork.studio.database import Database
from brushwork.studio.errors import NotFoundError, TooLargeError
from brushwork.studio.files import StudioFiles
from brushwork.studio.limits import Limits
from brushwork.studio.records import Upload
from brushwork.studio.schemas import Batch, Grid, JobRequest, Picture, Texture, Video, film_styles
from brushwork.studio.timelines import check_film
from brushwork.styles.references import StylePart

__all__ = ["RequestChecks"]


class RequestChecks:
    """Checks of requests.

    Args:
        files: The studio's folder.
        limits: Its limits.
        database: The database of uploads.
    """

    def __init__(self, files: StudioFiles, limits: Limits, database: Database) -> None:
        self.files, self.limits, self.database = files, limits, database

    def parts(self, user: str, style: str, method: str) -> list[StylePart]:
        """The parts of a style reference that a method can paint with.

        Raises:
            UsageError, NotFoundError: The method can't use one; there is no such style.
        """
        library = {str(known.path): known for known in self.files.styles(user).values()}
        parts = self.files.parts(style, user, self.database)
        for part in parts:
            known = library.get(part.reference)
            if known is not None and method not in known.methods:
                raise UsageError(f"style {known.name} works with {', '.join(known.methods)}, not with {method}")
        return parts

    def title(self, user: str, ask: JobRequest) -> str:
        """A job's title for display.

        Raises:
            UsageError, NotFoundError, TooLargeError: Invalid value; no such file or style; over a limit.
        """
        if isinstance(ask, Grid):
            for style in ask.styles:
                self.parts(user, style, "adain-lite")
            return f"{self._upload(user, ask.photo).name}: between {len(ask.styles)} styles"
        ask.to_settings()
        if isinstance(ask, Texture):
            self._check_pixels(ask.width, ask.height)
            return f"{self._upload(user, ask.swatch).name}: texture of {ask.width} × {ask.height}"
        ask.to_options()
        self.parts(user, ask.style, ask.method)
        words = self._style_words(user, ask.style)
        if isinstance(ask, Video):
            return self._film_title(user, ask)
        photos = [self._upload(user, photo) for photo in (ask.photos if isinstance(ask, Batch) else [ask.photo])]
        for photo in photos:
            self._check_size(photo, ask.size)
        names = [photo.name for photo in photos]
        if len(names) > self.limits.batch:
            raise TooLargeError(f"{len(names)} photos are more than the limit of {self.limits.batch} for a batch")
        if isinstance(ask, Picture):
            for mask in (*ask.masks, *([ask.face_mask] if ask.face_mask else [])):
                self._upload(user, mask)
            ask.to_options(face_mask=ask.face_mask)
            self._check_start(user, ask)
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        return f"{names[0]}{more} in the style of {words}"

    def _check_start(self, user: str, ask: Picture) -> None:
        """Check that the job from which a picture goes on has painted the same photo."""
        if ask.start is None:
            return
        going_on(ask.to_settings(), ask.start)
        job = self.database.job(ask.start, user)
        if job is None:
            raise NotFoundError(f"start: there is no job {ask.start!r} of yours")
        if job.kind != "picture" or job.request["photo"] != ask.photo or not job.result:
            raise UsageError("start: expected a job that has painted this photo and is done")

    def _film_title(self, user: str, ask: Video) -> str:
        film = self._upload(user, ask.film)
        check_film(film)
        self._check_size(film, ask.size)
        for key in ask.keyframes:
            self.parts(user, key.style, ask.method)
        for one in ask.painted:
            picture = self._upload(user, one.picture) if one.picture else film
            wanted, got = (f"{upload.facts['width']} x {upload.facts['height']}" for upload in (film, picture))
            if wanted != got:
                raise UsageError(f"{picture.name}: expected {wanted} pixels like the film's frames, got {got}")
        words = list(dict.fromkeys(self._style_words(user, style) for style in film_styles(ask)))
        return f"{film.name} in the style of {', '.join(words)}"

    def _check_size(self, upload: Upload, size: int | None) -> None:
        """Check that the result stays within the limit of megapixels."""
        longer = max(upload.facts["width"], upload.facts["height"])
        self._check_pixels(*(round(upload.facts[side] * (size or longer) / longer) for side in ("width", "height")))

    def _check_pixels(self, width: int, height: int) -> None:
        most = round(self.limits.megapixels * 1e6)
        if width * height > most:
            raise TooLargeError(f"{width} x {height} pixels are over the limit of {most:,}")

    def _style_words(self, user: str, style: str) -> str:
        def word(piece: str) -> str:
            reference = piece.strip().partition(":")[0]
            return self._upload(user, reference[1:]).name if reference.startswith("@") else reference

        return " + ".join(word(piece) for piece in style.split("+"))

    def _upload(self, user: str, identity: str) -> Upload:
        return self.files.owned(identity, user, self.database)
