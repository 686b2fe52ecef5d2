"""Read a weights file: its hash, its tensors, and its record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from brushwork.errors import WeightsError
from brushwork.runtime.tensor_files import check_recorded, read_metadata, read_tensors, sha256_of
from brushwork.weights.layouts import Recognized, recognize
from brushwork.weights.records import RECORDS, WeightsRecord

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Weights", "open_weights"]


@dataclass(frozen=True)
class Weights:
    """Weights as read, with their record and metadata.

    Args:
        record: Architecture, preprocessing, license, paper.
        tensors: conv1_1.weight, conv1_1.bias, … in order, in the file's dtype, on the CPU.
        path: The file.
        sha256: SHA-256 of the file.
        verified: Whether the SHA-256 matches a known one.
        layout: "named", "torchvision", "normalised", "decoder" or "published".
    """

    record: WeightsRecord
    tensors: dict[str, Tensor]
    path: Path
    sha256: str
    verified: bool
    layout: str


def open_weights(path: Path, asked: WeightsRecord | None = None, sha256: str | None = None) -> Weights:
    """Read and check a weights file, and determine its record.

    Args:
        path: A weights file in any known layout.
        asked: The expected record; by default it is detected.
        sha256: SHA-256 of the file, if already computed.

    Returns:
        The weights, converted to brushwork's names.

    Raises:
        WeightsError: Damaged, of another network, or the record can't be determined.
    """
    actual = sha256 or sha256_of(path)
    recorded = check_recorded(path, actual, _again(path.stem))
    tensors = read_tensors(path)
    try:
        found = recognize(tensors, asked.architecture if asked else None)
        record = _whose(found, actual, read_metadata(path).get("record"), asked)
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from error
    verified = recorded or record.published_as(actual)
    return Weights(record, found.tensors, path, actual, verified, found.layout)


def _again(name: str) -> str:
    record = RECORDS.get(name)
    if record is None:
        return "download it again"
    return "reinstall brushwork" if record.embedded else f"download it again: brushwork weights fetch {name} --force"


def _whose(found: Recognized, sha256: str, written: str | None, asked: WeightsRecord | None) -> WeightsRecord:
    """Return the record of a file; it must match the one asked for."""
    known = _known(found, sha256, written)
    if asked is None:
        return known or _guess(found) or _refuse(found, sha256)
    if known is not None and known != asked:
        raise WeightsError(f"these are the weights {known.name}, not {asked.name}")
    if asked.name == "vgg19.normalised" and found.layout == "torchvision":
        raise WeightsError(
            "vgg19.normalised starts with a 1×1 convolution, 0.weight of shape (3, 3, 1, 1), which is missing"
        )
    return asked


def _known(found: Recognized, sha256: str, written: str | None) -> WeightsRecord | None:
    """Return the record identified by hash, our own metadata, a layout with a single record, or the first biases."""
    for record in RECORDS.values():
        if record.published_as(sha256):
            return record
    if written in RECORDS:
        return RECORDS[written]
    if found.layout in ("normalised", "decoder"):  # each has only one record
        return RECORDS["vgg19.normalised" if found.layout == "normalised" else "adain-decoder.normalised"]
    fitting = (record for record in RECORDS.values() if record.architecture in found.architectures)
    return next((record for record in fitting if record.first_biases and _same_biases(found, record)), None)


def _guess(found: Recognized) -> WeightsRecord | None:
    """Return the record suggested by names and shapes; for a full VGG they don't determine the preprocessing."""
    name = found.architectures[0]  # that of vgg19-slim and of each measure's network has one set of weights
    return RECORDS.get(name)


def _same_biases(found: Recognized, record: WeightsRecord) -> bool:
    biases = found.tensors["conv1_1.bias"][: len(record.first_biases)].tolist()
    return all(abs(a - b) <= 2e-3 * abs(b) for a, b in zip(biases, record.first_biases, strict=True))


def _refuse(found: Recognized, sha256: str) -> WeightsRecord:
    others = [record for record in RECORDS.values() if not record.embedded]
    fitting = [record.name for record in others if record.architecture in found.architectures]
    raise WeightsError(
        f"{' or '.join(found.architectures)} in the {found.layout} layout, but it is unclear which weights these are: "
        f"no record has a SHA-256 beginning with {sha256[:8]}; name them with --as NAME, one of {', '.join(fitting)}"
    )
