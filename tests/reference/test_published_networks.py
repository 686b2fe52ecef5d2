"""Networks as their authors publish them, imported, against outputs stored beside them.

Needs a folder with fast_neural_style/ and microast/, each with the official files and *expected.npz, in
BRUSHWORK_PEERS; without it the tests of tests/unit/methods hold the same of rebuilt networks with random weights.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from brushwork import Johnson, MicroAST, encode_style, load
from brushwork.methods.microast import MicroASTStyleNetwork
from brushwork.methods.one_pass import OnePass
from brushwork.weights import import_model

FOLDER = Path(os.environ.get("BRUSHWORK_PEERS", ""))
pytestmark = pytest.mark.skipif("BRUSHWORK_PEERS" not in os.environ, reason="BRUSHWORK_PEERS names no folder")


@pytest.mark.parametrize("style", ["candy", "mosaic"])
def test_fast_neural_style(style: str) -> None:
    held = np.load(FOLDER / "fast_neural_style" / f"{style}_expected.npz")
    photo, expected = (torch.from_numpy(held[name]) for name in held.files)
    scale = 255 if photo.max() > 1 else 1
    method = load(Johnson(precision="float32"))
    found = method(photo / scale, encode_style(method, FOLDER / "fast_neural_style" / f"{style}.pth", [64]))
    assert (found - (expected / 255).clamp(0, 1)).abs().max() < 1e-3


def test_microast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRUSHWORK_HOME", str(tmp_path))
    import_model(sorted((FOLDER / "microast").glob("*.pth.tar")))
    held = np.load(FOLDER / "microast" / "expected.npz")
    photo, painting, expected = (torch.from_numpy(held[name]) for name in held.files)
    method = load(MicroAST())
    assert isinstance(method, OnePass)
    assert isinstance(method.network, MicroASTStyleNetwork)
    assert (method(photo, method.network.network.encode(painting)) - expected.clamp(0, 1)).abs().max() < 1e-3
