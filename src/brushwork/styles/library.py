"""The style library: built-in styles, stored as codes, and the user's styles, stored as images."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from brushwork.errors import BrushworkError, UsageError
from brushwork.registry import OPTIONS, TRAINED
from brushwork.runtime.atomic_files import write_whole
from brushwork.styles.built_in import built_in_styles, is_built_in
from brushwork.styles.references import (
    SavedStyle,
    is_saved,
    own_folder,
    own_styles,
    read_about,
    read_style,
    write_style,
)

__all__ = ["LibraryStyle", "add_style", "list_styles", "remove_style"]

LONGER = 1024  # maximum longer side of stored images: by default no method uses more
FACTS = ("title", "artist", "year", "source")


@dataclass(frozen=True)
class LibraryStyle:
    """A named style.

    Args:
        name: Its name for --style.
        path: Its file.
        methods: The methods that support it.
        about: Title, artist, year, source, as far as known.
    """

    name: str
    path: Path
    methods: tuple[str, ...]
    about: Mapping[str, str]

    @property
    def own(self) -> bool:
        """Whether the user added it."""
        return not is_built_in(self.path)


def list_styles(folder: Path | None = None) -> dict[str, LibraryStyle]:
    """Return all styles by name; the user's styles take precedence over built-in ones.

    Args:
        folder: Folder of the user's styles; None for `own_folder()`.
    """
    own = {name: _own(name, path) for name, path in own_styles(folder).items()}
    built_in = {name: _built_in(name, path) for name, path in built_in_styles().items()}
    return dict(sorted({**built_in, **own}.items()))


@functools.cache  # they don't change while a program runs
def _built_in(name: str, path: Path) -> LibraryStyle:
    return _saved(name, path)


def _saved(name: str, path: Path) -> LibraryStyle:
    methods, about = read_about(path)
    return LibraryStyle(name, path, tuple(methods), about)


def _own(name: str, path: Path) -> LibraryStyle:
    if is_saved(path):
        try:
            return _saved(name, path)
        except BrushworkError:  # listed anyway, so that it can be removed
            return LibraryStyle(name, path, (), {"title": "damaged"})
    try:
        facts = json.loads(path.with_suffix(".json").read_text("utf-8"))
    except (OSError, ValueError):
        facts = None
    about = {str(k): str(v) for k, v in facts.items()} if isinstance(facts, dict) else {}
    return LibraryStyle(name, path, tuple(method for method in OPTIONS if method not in TRAINED), about)


def add_style(
    picture: str | Path, name: str | None = None, folder: Path | None = None, **about: object
) -> LibraryStyle:
    """Add a painting (stored with a longer side of at most 1024 px) or a saved style to the user's library.

    Args:
        picture: An image file, a saved style, or a published single-style network.
        name: Its name; None for the file's name.
        folder: Folder of the user's styles; None for `own_folder()`.
        about: Title, artist, year, source, ….

    Raises:
        PictureError: The image can't be read.
        UsageError: The name is taken, or could be mistaken for a blend or a file.
        BrushworkError: It can't be written.
    """
    from brushwork.io import read_image, read_size, write_image

    source = Path(picture)
    chosen = name if name is not None else re.sub(r"[^\w.]+", "-", source.stem.lower()).strip("-.")
    if not re.fullmatch(r"\w[\w-]*", chosen):
        raise UsageError(f"name: expected letters, digits and hyphens, got {chosen!r}; choose one with --name")
    if chosen in own_styles(folder):
        raise UsageError(f"a style named {chosen} already exists; remove it first: brushwork styles remove {chosen}")
    style = read_style(source) if is_saved(source) else read_image(source, size=min(LONGER, max(read_size(source))))
    folder = folder or own_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BrushworkError(f"can't create {folder}: {error.strerror or error}") from error
    known = {key: str(fact) for key, fact in about.items() if fact is not None}
    if isinstance(style, SavedStyle):
        path = folder / f"{chosen}.safetensors"
        write_style(path, replace(style, about={**style.about, **known}))
        return _own(chosen, path)
    path = folder / f"{chosen}.png"
    facts = path.with_suffix(".json")
    try:
        _write_facts(facts, known)
        write_image(style, path)  # last: a style exists once its image does
    except BrushworkError:
        facts.unlink(missing_ok=True)
        raise
    return _own(chosen, path)


def _write_facts(path: Path, facts: Mapping[str, str]) -> None:
    try:
        write_whole(path, (json.dumps(facts, ensure_ascii=False, indent=1) + "\n").encode())
    except OSError as error:
        raise BrushworkError(f"{path} can't be written: {error.strerror or error}") from error


def remove_style(name: str, folder: Path | None = None) -> None:
    """Remove one of the user's styles from the library.

    Args:
        name: Its name.
        folder: Folder of the user's styles; None for `own_folder()`.

    Raises:
        UsageError: There is no such style, or it is built in.
    """
    own = own_styles(folder)
    if name not in own:
        reason = "it is built in" if name in built_in_styles() else "it doesn't exist"
        raise UsageError(f"style {name!r} can't be removed: {reason}; styles you added: {', '.join(own) or 'none'}")
    own[name].unlink()
    own[name].with_suffix(".json").unlink(missing_ok=True)
