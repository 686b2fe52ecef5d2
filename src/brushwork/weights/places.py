"""Where weights are found on this machine: paths set by the user, the user's store, files shipped with brushwork."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path

from brushwork.errors import WeightsError
from brushwork.runtime.home import home
from brushwork.runtime.tensor_files import SUFFIXES, read_metadata
from brushwork.weights.reading import open_weights
from brushwork.weights.records import RECORDS, WeightsRecord, get_record

__all__ = ["MODELS", "find", "locate", "store_dir", "stored_path"]

MODELS = Path(__file__).resolve().parents[1] / "models"


def store_dir() -> Path:
    """Return the user's weights folder."""
    return home() / "weights"


def stored_path(record: WeightsRecord) -> Path:
    """Return the path of a record in the store, whether or not the file exists."""
    return store_dir() / f"{record.name}.safetensors"


def find(name: str) -> Path | None:
    """Return the file of a record on this machine, or None.

    Args:
        name: A record's name. Searched in BRUSHWORK_WEIGHTS (files and folders), then in the store, then among the
            weights that ship with brushwork.

    Raises:
        UsageError: No such record.
    """
    found = locate(name)
    return found[1] if found else None


def locate(name: str) -> tuple[str, Path] | None:
    """Like `find`, but also return the kind of location: "environment", "store" or "embedded"."""
    record = get_record(name)
    given = _in_environment(record)
    if given:
        return "environment", given
    stored = stored_path(record)
    if stored.is_file():
        return "store", stored
    embedded = MODELS / f"{record.name}.safetensors"
    return ("embedded", embedded) if record.embedded and embedded.is_file() else None


def _in_environment(record: WeightsRecord) -> Path | None:
    for entry in filter(None, os.environ.get("BRUSHWORK_WEIGHTS", "").split(os.pathsep)):
        path = Path(entry).expanduser()
        if path.is_dir():
            files = [child for child in _weights_in(path, record) if _name_of(child) == record.name]
        else:
            files = [path] if path.is_file() and (_name_of(path) or _name_inside(path)) == record.name else []
        if files:
            return files[0]
    return None


def _weights_in(folder: Path, record: WeightsRecord) -> list[Path]:
    """Return weights files: exact names before names with suffixes, safetensors before pickles."""
    try:
        files = [child for child in folder.iterdir() if child.suffix in SUFFIXES and child.is_file()]
    except OSError as error:
        raise WeightsError(f"{folder} in BRUSHWORK_WEIGHTS can't be read: {error.strerror}") from error
    return sorted(files, key=lambda child: (child.stem != record.name, child.suffix != ".safetensors", child.name))


def _name_of(path: Path) -> str | None:
    """Return the record that a file's metadata or name indicates: vgg19_caffe_fp16.safetensors is vgg19.caffe."""
    written = read_metadata(path).get("record") if path.suffix == ".safetensors" else None
    if written in RECORDS:
        return written
    stem = _plain(path.stem)
    for name, record in RECORDS.items():
        if path.name == record.file or f"{stem}.".startswith(f"{_plain(name)}."):
            return name
    return None


def _plain(name: str) -> str:
    return re.sub(r"[-_. ]+", ".", name.lower())


def _name_inside(path: Path) -> str | None:
    """Return the record that a file's content indicates, if its name doesn't."""
    facts = path.stat()
    return _recognized(path, facts.st_mtime_ns, facts.st_size)


@lru_cache(maxsize=16)
def _recognized(path: Path, _mtime: int, _size: int) -> str | None:
    """Recognize a file; cached by modification time and size, since published files can have half a gigabyte."""
    try:
        return open_weights(path).record.name
    except WeightsError:
        return None
