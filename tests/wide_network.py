"""A network of AdaIN-lite's second architecture: the first one's, widened, with noise in its weights."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from brushwork.methods.adain_lite.architecture import SECOND
from brushwork.methods.adain_lite.network import LiteNetwork
from brushwork.runtime.tensor_files import write_tensors
from brushwork.weights import load_into, read_model

UNIT = 500  # typical magnitude of vgg19-slim's relu5_1
NOISE = 0.05  # of the deviation of weights, so that all take part


def write_wide_network(path: Path) -> None:
    """Write it for the option `model`."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "path", [*sys.path, str(Path(__file__).parents[1] / "recipes")])
        from grow_painter import grown

    small = LiteNetwork()
    load_into(small, read_model("adain-lite", "adain-lite"))
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        large = grown(small, SECOND)
        large.coder.unit[len(small.coder.unit) :] = UNIT
        for weights in large.parameters():
            weights += NOISE * weights.std() * torch.randn_like(weights)
    tensors = {name: tensor.half() for name, tensor in large.state_dict().items()}
    write_tensors(path, tensors, {"model": "adain-lite", "architecture": SECOND.name})
