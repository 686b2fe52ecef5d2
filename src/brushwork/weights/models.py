"""Models of the feed-forward methods: a safetensors file that says which kind of network it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from brushwork.errors import WeightsError
from brushwork.weights.files import check_recorded, read_metadata, read_tensors, sha256_of
from brushwork.weights.places import MODELS

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["Model", "embedded_model", "load_into", "read_model"]


@dataclass(frozen=True)
class Model:
    """A model as it was read.

    Args:
        name: Of the embedded one, or of its file.
        path: The file.
        sha256: Of the file.
        tensors: By the names that the network has for them.
        about: What its maker wrote beside them.
    """

    name: str
    path: Path
    sha256: str
    tensors: dict[str, Tensor]
    about: Mapping[str, str]


def embedded_model(name: str) -> Path | None:
    """The file of a model that comes with brushwork, or None."""
    path = MODELS / f"{name}.safetensors"
    return path if name == Path(name).name and path.is_file() else None


def read_model(source: str, kind: str) -> Model:
    """Read the model that comes with brushwork under this name, or a file.

    Args:
        source: "adain-lite", or a path that ends in .safetensors.
        kind: The kind of network that is expected; the file's metadata names it under "model".

    Raises:
        WeightsError: Not there, damaged, or of another kind.
    """
    embedded = embedded_model(source)
    path = embedded or Path(source).expanduser()
    if not path.is_file():
        names = ", ".join(sorted(p.stem for p in MODELS.glob("*.safetensors") if read_metadata(p).get("model") == kind))
        raise WeightsError(f"no model {source!r}: expected {names} or a .safetensors file")
    sha256 = sha256_of(path)
    check_recorded(path, sha256, "reinstall brushwork" if path == embedded else "get it again")
    tensors, about = read_tensors(path), read_metadata(path)
    if about.get("model") != kind:
        raise WeightsError(f"{path} holds {about.get('model', 'no model of brushwork')}, expected {kind}")
    return Model(path.stem if path == embedded else path.name, path, sha256, tensors, about)


def load_into(network: nn.Module, model: Model) -> None:
    """Set a network to a model, frozen.

    Raises:
        WeightsError: Missing, strange or misshapen tensors, or numbers that are not finite.
    """
    if not all(bool(tensor.isfinite().all()) for tensor in model.tensors.values()):
        raise WeightsError(f"{model.path} holds NaN or infinity; get it again")
    try:
        network.load_state_dict(model.tensors)
    except RuntimeError as error:
        line = " ".join(str(error).split())[:200]
        raise WeightsError(f"{model.path} is of another version of brushwork, or damaged: {line}") from error
    network.eval().requires_grad_(False)
