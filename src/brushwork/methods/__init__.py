"""The methods: one paper, one file. `load` gives one by its settings."""

from __future__ import annotations

import torch

from brushwork.features import FeatureNetwork
from brushwork.methods.base import Declaration, Method
from brushwork.settings import (
    METHODS,
    AdaIN,
    AdaINLite,
    ConditionalInstanceNorm,
    Gatys,
    Johnson,
    MicroAST,
    Settings,
    TextureNets,
)

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
    if isinstance(settings, Gatys):
        from brushwork.methods.gatys import GatysMethod

        return GatysMethod(settings, device, network=network)
    if isinstance(settings, AdaIN):
        from brushwork.methods.adain import AdaINMethod

        return AdaINMethod(settings, device, network=network)
    if isinstance(settings, AdaINLite):
        from brushwork.methods.adain_lite import AdaINLiteMethod

        return AdaINLiteMethod(settings, device, network=network)
    if isinstance(settings, Johnson):
        from brushwork.methods.johnson import JohnsonMethod

        return JohnsonMethod(settings, device, network=network)
    if isinstance(settings, ConditionalInstanceNorm):
        from brushwork.methods.conditional_instance_norm import ConditionalInstanceNormMethod

        return ConditionalInstanceNormMethod(settings, device, network=network)
    if isinstance(settings, MicroAST):
        from brushwork.methods.microast import MicroASTMethod

        return MicroASTMethod(settings, device, network=network)
    if isinstance(settings, TextureNets):
        from brushwork.methods.texture_nets import TextureNetsMethod

        return TextureNetsMethod(settings, device, network=network)
    raise TypeError(f"expected settings of one of {', '.join(METHODS)}, got {type(settings).__name__}")
