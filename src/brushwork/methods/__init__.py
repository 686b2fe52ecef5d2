"""The methods: one paper, one file. `load` gives one by its settings."""

from __future__ import annotations

import importlib

import torch

from brushwork.errors import UsageError
from brushwork.methods.base import Declaration, Method
from brushwork.nn import FeatureNetwork, check_network
from brushwork.options.methods import METHODS, Settings, method_name
from brushwork.runtime.device import choose_device

__all__ = ["Declaration", "Method", "load"]


_MODULES = {"gatys": "brushwork.methods.gatys.method", "adain-lite": "brushwork.methods.adain_lite.method"}


def load(settings: Settings, device: torch.device | str = "cpu", *, network: FeatureNetwork | None = None) -> Method:
    """The method of these settings, its network loaded once.

    Args:
        settings: For example `Gatys(steps=100)`.
        device: Where it runs.
        network: Another feature network than the settings name; see docs/weights.md, "Any CNN".

    Raises:
        UsageError: No settings; no device of this machine; a network that gives no features by layer.
        WeightsError: The network's weights are not on this machine; says what to do.
    """
    if type(settings) not in METHODS.values():
        raise UsageError(f"settings: expected settings such as Gatys(steps=100), got {_instead(settings)}")
    device = choose_device(device)
    if network is not None:
        check_network(network)
    name = method_name(settings)
    module = importlib.import_module(_MODULES.get(name, f"brushwork.methods.{name.replace('-', '_')}"))
    method: Method = getattr(module, f"{type(settings).__name__}Method")(settings, device, network=network)
    return method


def _instead(settings: object) -> str:
    """What was passed for settings, and what to write."""
    kind = METHODS.get(settings, settings) if isinstance(settings, str) else settings
    mend = f"; write {kind.__name__}()" if isinstance(kind, type) and kind in METHODS.values() else ""
    return f"{settings.__name__ if isinstance(settings, type) else repr(settings)}{mend}"
