"""The methods, one file or folder per paper. `load` loads a method; `brushwork.registry` lists them."""

from __future__ import annotations

from typing import Any

import torch

from brushwork.errors import UsageError
from brushwork.methods.base import Declaration, Method
from brushwork.methods.one_pass import OnePass
from brushwork.methods.style_network import StyleNetwork
from brushwork.nn import FeatureNetwork, check_network
from brushwork.registry import METHODS, OPTIONS, load_object, method_name
from brushwork.runtime.device import choose_device

__all__ = ["Declaration", "Method", "load"]


def load(settings: Any, device: torch.device | str = "cpu", *, network: FeatureNetwork | None = None) -> Method:
    """Load a method and its network.

    Args:
        settings: The method's options, such as `Gatys(steps=100)`.
        device: The device to run on.
        network: A feature network to use instead of the one in the options; see docs/weights.md, "Any CNN".

    Raises:
        UsageError: Not options, not a device of this machine, or a network that doesn't return features by layer.
        WeightsError: The network's weights are not on this machine; the message says what to do.
    """
    if type(settings) not in OPTIONS.values():
        raise UsageError(f"method: expected a name, options such as Gatys(steps=100), got {_instead(settings)}")
    device = choose_device(device)
    if network is not None:
        check_network(network)
    made = load_object(METHODS[method_name(settings)].method)(settings, device, network=network)
    method: Method = OnePass(made) if isinstance(made, StyleNetwork) else made
    return method


def _instead(settings: object) -> str:
    """Describe what was passed instead of options, and what to write instead."""
    kind = OPTIONS.get(settings, settings) if isinstance(settings, str) else settings
    mend = f"; write {kind.__name__}()" if isinstance(kind, type) and kind in OPTIONS.values() else ""
    return f"{settings.__name__ if isinstance(settings, type) else repr(settings)}{mend}"
