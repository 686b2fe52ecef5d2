"""The methods: one paper, one file. `load` gives one by its settings."""

from __future__ import annotations

import importlib

import torch

from brushwork.features import FeatureNetwork
from brushwork.methods.base import Declaration, Method
from brushwork.settings import METHODS, Settings, method_name

__all__ = ["Declaration", "Method", "load"]


def load(settings: Settings, device: torch.device | str = "cpu", *, network: FeatureNetwork | None = None) -> Method:
    """The method of these settings, its network loaded once.

    Args:
        settings: For example `Gatys(steps=100)`.
        device: Where it runs.
        network: Another feature network than the settings name; see docs/weights.md, "Any CNN".

    Raises:
        WeightsError: The network's weights are not on this machine; says what to do.
    """
    if type(settings) not in METHODS.values():
        raise TypeError(f"expected settings of one of {', '.join(METHODS)}, got {type(settings).__name__}")
    name = method_name(settings)
    module = importlib.import_module(f"brushwork.methods.{name.replace('-', '_')}")
    method: Method = getattr(module, f"{type(settings).__name__}Method")(settings, device, network=network)
    return method
