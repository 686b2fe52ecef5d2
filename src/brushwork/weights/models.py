"""Models of the feed-forward methods: safetensors files whose metadata names the kind of network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from brushwork.errors import WeightsError
from brushwork.runtime.tensor_files import (
    check_recorded,
    read_metadata,
    read_tensors,
    rescaled,
    sha256_of,
    write_tensors,
)
from brushwork.weights.places import MODELS, store_dir
from brushwork.weights.published_styles import microast_tensors, missing_keys, transformation_tensors

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["Model", "embedded_model", "import_model", "is_style_network", "load_into", "read_model"]


@dataclass(frozen=True)
class Model:
    """A model as read from its file.

    Args:
        name: Name of the embedded model, or of the file.
        path: The file.
        sha256: SHA-256 of the file.
        tensors: Tensors by their names in the network.
        about: The metadata in the file.
    """

    name: str
    path: Path
    sha256: str
    tensors: dict[str, Tensor]
    about: Mapping[str, str]


def embedded_model(name: str) -> Path | None:
    """Return the file of a model that ships with brushwork, or None."""
    path = MODELS / f"{name}.safetensors"
    return path if name == Path(name).name and path.is_file() else None


def read_model(source: str, kind: str) -> Model:
    """Read a model that ships with brushwork, is in the store, or is in a file.

    Args:
        source: "adain-lite", the name of a model in the store, or a path ending in .safetensors.
        kind: The expected kind of network; the file's metadata names it under "model".

    Raises:
        WeightsError: Missing, damaged, or of another kind.
    """
    embedded, stored = embedded_model(source), store_dir() / f"{source}.safetensors"
    path = embedded or (stored if source == Path(source).name and stored.is_file() else Path(source).expanduser())
    if not path.is_file():
        names = sorted(p.stem for p in MODELS.glob("*.safetensors") if read_metadata(p).get("model") == kind)
        fetched = f"{kind} (after importing its published files with brushwork weights import FILE FILE …)"
        raise WeightsError(f"unknown model {source!r}: expected {', '.join(names) or fetched}, or a .safetensors file")
    sha256 = sha256_of(path)
    check_recorded(path, sha256, "reinstall brushwork" if path == embedded else "download it again")
    tensors, about = rescaled(read_tensors(path)), read_metadata(path)
    if about.get("model") != kind:
        raise WeightsError(f"{path} holds {about.get('model', 'no brushwork model')}, expected {kind}")
    return Model(path.stem if path in (embedded, stored) else path.name, path, sha256, tensors, about)


def load_into(network: nn.Module, model: Model) -> None:
    """Load a model's tensors into a network and freeze it.

    Raises:
        WeightsError: Missing, unexpected or wrongly shaped tensors, or non-finite values.
    """
    if not all(bool(tensor.isfinite().all()) for tensor in model.tensors.values()):
        raise WeightsError(f"{model.path} contains NaN or infinity; download it again")
    try:
        network.load_state_dict(model.tensors)
    except RuntimeError as error:
        line = " ".join(str(error).split())[:200]
        raise WeightsError(f"{model.path} is damaged, or was made by another version of brushwork: {line}") from error
    network.eval().requires_grad_(False)


def import_model(files: Sequence[Path]) -> Path:
    """Convert the published files of a network into one file in the user's store.

    Args:
        files: The four files of MicroAST.

    Returns:
        The file in the store, named after the kind of network.

    Raises:
        WeightsError: Not the files of a known network, or one can't be read or written.
    """
    tensors = microast_tensors({path.name: read_tensors(path) for path in files if sha256_of(path)})
    if tensors is None:
        expected = "content_encoder…, style_encoder…, modulator…, decoder…"
        raise WeightsError(
            f"{', '.join(str(path) for path in files)} are not a known network; "
            f"only MicroAST consists of several files: {expected}"
        )
    target = store_dir() / "microast.safetensors"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_tensors(target, tensors, {"model": "microast", "source": "github.com/EndyWon/MicroAST"})
    except OSError as error:
        raise WeightsError(f"{target} can't be written: {error.strerror or error}") from error
    return target


def is_style_network(path: Path) -> bool:
    """Return whether a file contains a single-style network as published by pytorch/examples, complete or not.

    Raises:
        WeightsError: It can't be read.
    """
    if not sha256_of(path):
        return False
    tensors = read_tensors(path)
    return transformation_tensors(tensors) is not None or bool(missing_keys(tensors))
