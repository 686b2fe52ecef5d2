"""Models of the feed-forward methods: a safetensors file that says which kind of network it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from brushwork.errors import WeightsError
from brushwork.runtime.tensor_files import check_recorded, read_metadata, read_tensors, sha256_of, write_tensors
from brushwork.weights.places import MODELS, store_dir
from brushwork.weights.published_styles import microast_tensors, transformation_tensors

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["Model", "embedded_model", "import_model", "is_style_network", "load_into", "read_model"]


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
        source: "adain-lite", the name of one in the store, or a path that ends in .safetensors.
        kind: The kind of network that is expected; the file's metadata names it under "model".

    Raises:
        WeightsError: Not there, damaged, or of another kind.
    """
    embedded, stored = embedded_model(source), store_dir() / f"{source}.safetensors"
    path = embedded or (stored if source == Path(source).name and stored.is_file() else Path(source).expanduser())
    if not path.is_file():
        names = sorted(p.stem for p in MODELS.glob("*.safetensors") if read_metadata(p).get("model") == kind)
        fetched = f"{kind}, once its published files are here: brushwork weights import FILE FILE …"
        raise WeightsError(f"no model {source!r}: expected {', '.join(names) or fetched}, or a .safetensors file")
    sha256 = sha256_of(path)
    check_recorded(path, sha256, "reinstall brushwork" if path == embedded else "get it again")
    tensors, about = read_tensors(path), read_metadata(path)
    if about.get("model") != kind:
        raise WeightsError(f"{path} holds {about.get('model', 'no model of brushwork')}, expected {kind}")
    return Model(path.stem if path in (embedded, stored) else path.name, path, sha256, tensors, about)


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


def import_model(files: Sequence[Path]) -> Path:
    """Convert the files that a network is published in into one in the user's store.

    Args:
        files: MicroAST's four.

    Returns:
        The file in the store, named after the kind of network.

    Raises:
        WeightsError: Files of no such network, or one can't be read or written.
    """
    tensors = microast_tensors({path.name: read_tensors(path) for path in files if sha256_of(path)})
    if tensors is None:
        expected = "content_encoder…, style_encoder…, modulator…, decoder…"
        raise WeightsError(
            f"{', '.join(str(path) for path in files)} are no network that is known; several files together are taken "
            f"for MicroAST: {expected}"
        )
    target = store_dir() / "microast.safetensors"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_tensors(target, tensors, {"model": "microast", "source": "github.com/EndyWon/MicroAST"})
    except OSError as error:
        raise WeightsError(f"{target} can't be written: {error.strerror or error}") from error
    return target


def is_style_network(path: Path) -> bool:
    """Whether a file holds a network of one style, as pytorch/examples publishes them.

    Raises:
        WeightsError: It can't be read.
    """
    return bool(sha256_of(path)) and transformation_tensors(read_tensors(path)) is not None
