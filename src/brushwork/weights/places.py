"""Where weights lie on this machine: what the user points at, the user's store, what comes with brushwork."""

from __future__ import annotations

import os
import re
import sys
from functools import lru_cache
from pathlib import Path

from brushwork.errors import WeightsError
from brushwork.runtime.tensor_files import SUFFIXES, read_metadata
from brushwork.weights.reading import open_weights
from brushwork.weights.records import RECORDS, WeightsRecord, get_record

__all__ = ["MODELS", "find", "locate", "store_dir", "stored_path"]

MODELS = Path(__file__).resolve().parents[1] / "models"


def store_dir() -> Path:
    """The folder of the user's weights: BRUSHWORK_HOME, XDG_CACHE_HOME or the platform's cache, and in it weights/."""
    home = os.environ.get("BRUSHWORK_HOME")
    if home:
        return Path(home).expanduser() / "weights"
    cache = os.environ.get("XDG_CACHE_HOME")
    if cache:
        return Path(cache).expanduser() / "brushwork" / "weights"
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        base = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    return base / "brushwork" / "weights"


def stored_path(record: WeightsRecord) -> Path:
    """Where the store keeps a record, whether it is there or not."""
    return store_dir() / f"{record.name}.safetensors"


def find(name: str) -> Path | None:
    """The file of a record on this machine, or None.

    Args:
        name: A record's name. Looked for in BRUSHWORK_WEIGHTS (files and folders), then in the store, then among
            the weights that come with brushwork.

    Raises:
        UsageError: No such record.
    """
    found = locate(name)
    return found[1] if found else None


def locate(name: str) -> tuple[str, Path] | None:
    """Like `find`, with the kind of place: "environment", "store" or "embedded"."""
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
    """Weights files, the record's plain name before names with additions, safetensors before pickles."""
    try:
        files = [child for child in folder.iterdir() if child.suffix in SUFFIXES and child.is_file()]
    except OSError as error:
        raise WeightsError(f"{folder} in BRUSHWORK_WEIGHTS can't be read: {error.strerror}") from error
    return sorted(files, key=lambda child: (child.stem != record.name, child.suffix != ".safetensors", child.name))


def _name_of(path: Path) -> str | None:
    """Which record a file's metadata or name says it holds: vgg19_caffe_fp16.safetensors holds vgg19.caffe."""
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
    """Which record a file's content says it holds, if its name doesn't tell."""
    facts = path.stat()
    return _recognized(path, facts.st_mtime_ns, facts.st_size)


@lru_cache(maxsize=16)
def _recognized(path: Path, _mtime: int, _size: int) -> str | None:
    """Read once per state of the file: a published one has half a gigabyte."""
    try:
        return open_weights(path).record.name
    except WeightsError:
        return None
