"""The list of all methods: each one's options, where its code is, and how it is trained.

A new method is a file (or folder) in `methods/`, its options, and a row here. Other packages publish methods as entry
points of the group "brushwork.methods" that name a `MethodRecord`; see CONTRIBUTING.md.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

from brushwork.options import methods as options
from brushwork.options import training
from brushwork.options.base import options_from

__all__ = ["METHODS", "OPTIONS", "TRAINED", "TRAININGS", "MethodRecord", "load_object", "method_name", "settings_from"]

GROUP = "brushwork.methods"  # of entry points


@dataclass(frozen=True)
class MethodRecord:
    """One method.

    Args:
        options: The frozen dataclass of its options; its module imports no torch.
        method: "module:name" of a callable: (options, device, network=…) → a `StyleNetwork` or a `Method`.
        training: The dataclass of its training options; None if it isn't trained.
        task: "module:name" of a callable: (training options, paintings, device) → a `training.Task`.
        takes_paintings: Whether any painting can be a style; otherwise a style is a network trained for it.
    """

    options: type[Any]
    method: str
    training: type[Any] | None = None
    task: str = ""
    takes_paintings: bool = True


_OURS: dict[str, MethodRecord] = {
    "adain-lite": MethodRecord(
        options.AdaINLite,
        "brushwork.methods.adain_lite.method:AdaINLiteStyleNetwork",
        training.TrainAdaINLite,
        "brushwork.methods.adain_lite.method:AdaINLiteTask",
    ),
    "adain": MethodRecord(
        options.AdaIN,
        "brushwork.methods.adain:AdaINStyleNetwork",
        training.TrainAdaIN,
        "brushwork.methods.adain:AdaINTask",
    ),
    "conditional-instance-norm": MethodRecord(
        options.ConditionalInstanceNorm,
        "brushwork.methods.conditional_instance_norm:ConditionalInstanceNormStyleNetwork",
        training.TrainConditional,
        "brushwork.methods.conditional_instance_norm:make_task",
    ),
    "gatys": MethodRecord(options.Gatys, "brushwork.methods.gatys.method:GatysMethod"),
    "johnson": MethodRecord(
        options.Johnson,
        "brushwork.methods.johnson:JohnsonStyleNetwork",
        training.TrainJohnson,
        "brushwork.methods.johnson:make_task",
        takes_paintings=False,
    ),
    "microast": MethodRecord(options.MicroAST, "brushwork.methods.microast:MicroASTStyleNetwork"),
    "quilting": MethodRecord(options.Quilting, "brushwork.methods.quilting.method:QuiltingMethod"),
    "analogies": MethodRecord(options.Analogies, "brushwork.methods.analogies.method:AnalogiesMethod"),
    "texture-nets": MethodRecord(
        options.TextureNets,
        "brushwork.methods.texture_nets:TextureNetsStyleNetwork",
        training.TrainTextureNets,
        "brushwork.methods.texture_nets:make_task",
        takes_paintings=False,
    ),
}


def _installed() -> dict[str, MethodRecord]:
    """Return the methods of other packages; one that can't be loaded is skipped with a warning."""
    found: dict[str, MethodRecord] = {}
    for entry in entry_points(group=GROUP):
        try:
            found[entry.name] = entry.load()
        except Exception as error:  # other packages may raise anything
            warnings.warn(f"the method {entry.name} of {entry.value} can't be loaded: {error}", stacklevel=2)
    return found


METHODS: Mapping[str, MethodRecord] = {
    **_OURS,
    **{name: record for name, record in _installed().items() if name not in _OURS},
}
OPTIONS: Mapping[str, type[Any]] = {name: record.options for name, record in METHODS.items()}
TRAININGS: Mapping[str, type[Any]] = {name: record.training for name, record in METHODS.items() if record.training}
TRAINED = tuple(name for name, record in METHODS.items() if not record.takes_paintings)


def load_object(reference: str) -> Any:
    """Return the object that "module:name" refers to."""
    module, _, name = reference.partition(":")
    return getattr(importlib.import_module(module), name)


def method_name(settings: Any) -> str:
    """Return the name of the method that these options belong to, such as "gatys"."""
    return next(name for name, record in METHODS.items() if type(settings) is record.options)


def settings_from(method: str, values: Mapping[str, Any], classes: Mapping[str, type[Any]] = OPTIONS) -> Any:
    """Create a method's options from names and values.

    Args:
        method: One of the classes' names.
        values: Field name → value; omitted fields keep their default.
        classes: The classes to choose from.

    Raises:
        UsageError: An unknown method; a name that is not an option of this method, with the methods it belongs to.
    """
    return options_from(method, values, classes)
