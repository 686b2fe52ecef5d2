"""Models of AdaIN-lite: their files, and what differs between the two architectures."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from brushwork.errors import BrushworkError, UsageError
from brushwork.lite.recoloring import COLOR_CODE
from brushwork.lite.tensors import MODELS, Array, read_tensors
from brushwork.runtime.home import home

__all__ = ["NAME", "Architecture", "Model", "read_model"]

NAME = "adain-lite"
LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")


@dataclass(frozen=True)
class Architecture:
    """What the engine has to know of a network; see `brushwork.methods.adain_lite.architecture`.

    Args:
        code: Numbers of a style code, without its colors.
        layers: Layers of vgg19-slim whose statistics the encoder sees.
        graphs: The folder of its graphs within those of the engine, with a slash; "" for none.
        colors: Whether the result gets the painting's mean and covariance of the colors, exactly.
        memory: Bytes of the program with the network; measured.
    """

    code: int
    layers: tuple[str, ...]
    graphs: str = ""
    colors: bool = False
    memory: int = 150_000_000

    @property
    def code_length(self) -> int:
        """Numbers of a style code, with its colors."""
        return self.code + COLOR_CODE * self.colors


ARCHITECTURES = {
    "1": Architecture(128, LAYERS),
    "2": Architecture(384, (*LAYERS, "relu5_1"), "2/", colors=True, memory=230_000_000),
}


@dataclass(frozen=True, eq=False)
class Model:
    """A model's file.

    Args:
        path: The file.
        architecture: Of its network.
        trained_for: The SHA-256 of the model whose codes it paints, if that is another one.
    """

    path: Path
    architecture: Architecture
    trained_for: str | None

    @cached_property
    def codes(self) -> str:
        """The SHA-256 of the model whose codes it paints."""
        return self.trained_for or _recorded(self.path) or hashlib.sha256(self.path.read_bytes()).hexdigest()

    def tensors(self, part: str) -> dict[str, Array]:
        """Return the tensors of "coder" or "painter" by their names there.

        Raises:
            BrushworkError: They are damaged, or of other sizes.
        """
        read, _ = read_tensors(self._file(part), lambda name: name.startswith(f"{part}."))
        found = {name.removeprefix(f"{part}."): array for name, array in read.items()}
        known = found.get({"coder": "layers.4.bias", "painter": "styled.first.shape.weight"}[part])
        if known is None or known.shape[-1] != self.architecture.code:
            raise BrushworkError(f"{self.path} is damaged, or was made by another version of brushwork")
        if not all(np.isfinite(array).all() for array in found.values()):
            raise BrushworkError(f"{self.path} contains NaN or infinity; download it again")
        return found

    def _file(self, part: str) -> Path:
        """Return the file with a part: the coder is in that of the bundled model that it was trained for."""
        if part == "coder" and self.trained_for is not None:
            others = (path.with_suffix(".safetensors") for path in MODELS.glob(f"{NAME}*.json"))
            return next((path for path in others if _recorded(path) == self.trained_for), self.path)
        return self.path


def read_model(source: str) -> Model:
    """Return a model that comes with brushwork, is in the user's folder of weights, or is a file.

    Args:
        source: Its name, or a path ending in .safetensors.

    Raises:
        UsageError: There is none.
        BrushworkError: It is damaged, of another kind, or of a later version.
    """
    named = [folder / f"{source}.safetensors" for folder in (MODELS, home() / "weights") if source == Path(source).name]
    path = next((path for path in (*named, Path(source).expanduser()) if path.is_file()), None)
    if path is None:
        names = ", ".join(sorted(file.stem for file in MODELS.glob(f"{NAME}*.json")))
        raise UsageError(f"unknown model {source!r}: expected {names}, or a .safetensors file")
    _, about = read_tensors(path, lambda _: False)
    if about.get("model") != NAME:
        raise BrushworkError(f"{path} holds {about.get('model', 'no brushwork model')}, expected {NAME}")
    name = about.get("architecture", "1")
    if name not in ARCHITECTURES:
        raise BrushworkError(f"{path} is an AdaIN-lite of architecture {name}; update brushwork to use it")
    return Model(path, ARCHITECTURES[name], about.get("codes"))


def _recorded(path: Path) -> str | None:
    """Return the SHA-256 of a model that comes with brushwork."""
    record = path.with_suffix(".json")
    return str(json.loads(record.read_text("utf-8"))["sha256"]) if path.parent == MODELS and record.exists() else None
