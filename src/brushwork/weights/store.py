"""Weights by name: verified reading, downloading, and importing into the user's store."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from brushwork.errors import UsageError, WeightsError
from brushwork.runtime.atomic_files import write_whole
from brushwork.runtime.tensor_files import SUFFIXES, sha256_of, write_tensors
from brushwork.weights.places import find, store_dir, stored_path
from brushwork.weights.reading import Weights, open_weights
from brushwork.weights.records import RECORDS, WeightsRecord, get_record

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["fetch", "import_file", "load", "read", "verify"]


def load(source: str | Path, *, name: str | None = None) -> dict[str, Tensor]:
    """Return the tensors of a record or a file: `read(source, name=name).tensors`."""
    return read(source, name=name).tensors


def read(source: str | Path, *, name: str | None = None) -> Weights:
    """Read and verify weights: SHA-256 if one is known, every shape, no NaN.

    Args:
        source: A record's name, or the path of a weights file in any layout that `import_file` accepts.
        name: For a path: the record in the file, if its content doesn't determine it.

    Returns:
        The weights with their record.

    Raises:
        UsageError: No such record.
        WeightsError: Missing, damaged, or of another network; the message says what to do.
    """
    if isinstance(source, Path) or _is_path(source):
        return open_weights(Path(source).expanduser(), get_record(name) if name else None)
    path = find(source)
    if path is None:
        raise _absent(get_record(source))
    return open_weights(path, get_record(source))


def verify(name: str) -> Weights:
    """Fully verify the weights of a record on this machine.

    Raises:
        WeightsError: Missing, damaged, or of another network.
    """
    get_record(name)
    return read(name)


def fetch(name: str, *, force: bool = False, progress: Callable[[int, int | None], None] | None = None) -> Path:
    """Download a record's published file, check its hash, and convert it into the store.

    Args:
        name: A record's name.
        force: Download it again even if it is in the store.
        progress: Called with the bytes received and the total (None: unknown).

    Returns:
        The file in the store, or the embedded one.

    Raises:
        WeightsError: No network (the message says what to download and how to import it), a wrong hash, a full disk.
    """
    from http.client import HTTPException  # here, because it is slow to import and the command's help doesn't need it

    from brushwork.weights.download import download

    record = get_record(name)
    if record.embedded:
        return read(name).path
    if not force and stored_path(record).is_file():
        try:
            return open_weights(stored_path(record), record).path
        except WeightsError:
            pass  # damaged, so download it again
    part = _make_store() / f"{record.file}.part"
    try:
        download(str(record.url), part, progress)
    except (OSError, HTTPException) as error:
        raise WeightsError(f"{name} can't be fetched ({error}); {_by_hand(record)}") from error
    try:
        weights = open_weights(part, record, _published_hash(record, part))
    except WeightsError:
        part.unlink(missing_ok=True)  # complete, so there is nothing to resume
        raise
    path = _install(weights, str(record.file))
    part.unlink(missing_ok=True)
    return path


def import_file(path: str | Path, *, name: str | None = None) -> WeightsRecord:
    """Convert a published checkpoint into the store.

    Args:
        path: A `.pth`, `.pt` or `.safetensors` file in the layout of torchvision, Caffe, AdaIN or brushwork.
        name: The record in the file; needed only if names, shapes and hash don't determine it.

    Returns:
        The record.

    Raises:
        UsageError: No such record, or one that ships with brushwork.
        WeightsError: The file can't be read, contains code, or matches no record.
    """
    source = Path(path).expanduser()
    weights = open_weights(source, get_record(name) if name else None)
    if weights.record.embedded:
        raise UsageError(
            f"{weights.record.name} comes with brushwork; to use this file for it, set BRUSHWORK_WEIGHTS={source}"
        )
    _install(weights, source.name)
    return weights.record


def _is_path(source: str) -> bool:
    return source not in RECORDS and (source.endswith(SUFFIXES) or Path(source).exists() or os.sep in source)


def _make_store() -> Path:
    folder = store_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WeightsError(
            f"can't create {folder} ({error.strerror}); set BRUSHWORK_HOME to a folder you can write to"
        ) from error
    return folder


def _published_hash(record: WeightsRecord, part: Path) -> str:
    sha256 = sha256_of(part)
    known = record.sha256 or record.hash_prefix
    if known and not record.published_as(sha256):
        raise WeightsError(
            f"{record.url} returned a file whose SHA-256 begins with {sha256[:8]}, expected {known[:8]}; "
            f"the file was deleted, try again: brushwork weights fetch {record.name}"
        )
    return sha256


def _install(weights: Weights, source: str) -> Path:
    """Write weights into the store, with their hash in a file beside them."""
    name, target = weights.record.name, _make_store() / f"{weights.record.name}.safetensors"
    origin = {"record": name, "licence": weights.record.licence, "source": source, "source_sha256": weights.sha256}
    sidecar = target.with_suffix(".json")
    try:
        # Remove the old hash first: a crash in between leaves a file without a hash, never one with a wrong hash.
        sidecar.unlink(missing_ok=True)
        write_tensors(target, weights.tensors, origin)
        facts = {**origin, "sha256": sha256_of(target), "bytes": target.stat().st_size}
        write_whole(sidecar, (json.dumps(facts, indent=1) + "\n").encode())
    except OSError as error:
        raise WeightsError(f"{target} can't be written: {error.strerror or error}") from error
    return target


def _by_hand(record: WeightsRecord) -> str:
    return (
        f"download {record.url} on another machine, copy {record.file} here, "
        f"and run: brushwork weights import {record.file} --as {record.name}"
    )


def _absent(record: WeightsRecord) -> WeightsError:
    given = os.environ.get("BRUSHWORK_WEIGHTS")
    note = f" (nor in BRUSHWORK_WEIGHTS={given})" if given else ""
    if record.embedded:
        return WeightsError(f"{record.name} is not in this installation{note}; reinstall brushwork")
    return WeightsError(
        f"{record.name} is not on this machine{note}; run: brushwork weights fetch {record.name} "
        f"({_megabytes(record)}), or, without an internet connection, {_by_hand(record)}"
    )


_ABOUT = {"alexnet": "about 240 MB", "inception-fid": "about 95 MB", "inception-art": "about 100 MB"}


def _megabytes(record: WeightsRecord) -> str:
    if record.bytes:
        return f"{record.bytes / 1e6:.2g} MB" if record.bytes < 1e6 else f"{record.bytes / 1e6:.0f} MB"
    return _ABOUT.get(record.name, "about 575 MB")
