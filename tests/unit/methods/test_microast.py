"""MicroAST against the network as benchmarks/peers rebuilds it, and the import of its four files."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from brushwork import MicroAST, Picture, load, stylize, write_image
from brushwork.errors import UsageError, WeightsError
from brushwork.methods.microast import MicroASTStyleNetwork
from brushwork.methods.one_pass import OnePass
from brushwork.styles.regions import Regions
from brushwork.weights import import_model, read_model

PEERS = Path(__file__).parents[3] / "benchmarks" / "peers"
PARTS = ("content_encoder", "style_encoder", "modulator", "decoder")


def rebuilt(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, PEERS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The network, whose four files lie here."""
    monkeypatch.setenv("BRUSHWORK_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    network = rebuilt("microast").MicroAST()
    for parameter in network.parameters():
        parameter *= 1.7  # else it paints gray
    for part in PARTS:
        torch.save(getattr(network, part).state_dict(), f"{part}_iter_160000.pth.tar")
    return network


def files() -> list[Path]:
    return sorted(Path().glob("*.pth.tar"))


def method(strength: float = 1.0) -> OnePass[Any]:
    loaded = load(MicroAST(strength=strength))
    assert isinstance(loaded, OnePass)
    assert isinstance(loaded.network, MicroASTStyleNetwork)
    return loaded


def test_imported_it_paints_what_it_painted(published: Any) -> None:
    with pytest.raises(WeightsError, match="brushwork weights import"):
        method()
    assert import_model(files()).name == "microast.safetensors"
    photo, painting = torch.rand(1, 3, 64, 96), torch.rand(1, 3, 96, 64)
    expected = published(photo, painting).clamp(0, 1)
    assert expected.std() > 0.02
    assert (method()(photo, method().network.network.encode(painting)) - expected).abs().max() < 1e-3
    write_image(Picture(photo), "photo.png")
    assert stylize("photo.png", "photo.png", MicroAST()).picture.size == (96, 64)


def test_regions_and_strength(published: Any) -> None:
    import_model(files())
    photo = torch.rand(1, 3, 64, 64)
    style, other = (method().encode_style(torch.rand(1, 3, 64, 64) ** power, sizes=[64]) for power in (1, 6))
    whole = method()(photo, style)
    left = torch.zeros(1, 1, 64, 64)
    left[..., :32] = 1
    same = method()(photo, Regions([style, style], torch.cat([left, 1 - left])))
    assert torch.allclose(same, whole, atol=1e-4)
    both = method()(photo, Regions([style, other], torch.cat([left, 1 - left])))
    assert not torch.allclose(both, whole, atol=1e-3)
    assert torch.allclose(method(0.0)(photo, style), photo, atol=1e-4)


def test_other_files_are_refused(published: Any) -> None:
    for wrong in (files()[:3], files()[:1], [*files()[:3], Path("content_encoder_iter_160000.pth.tar")]):
        with pytest.raises(WeightsError, match="are not a known network"):
            import_model(wrong)
    Path("modulator_iter_160000.pth.tar").write_bytes(b"junk")
    with pytest.raises(WeightsError, match="modulator_iter"):
        import_model(files())
    assert not (Path("home") / "weights" / "microast.safetensors").exists()
    with pytest.raises(UsageError, match="its own encoders"):
        load(MicroAST(), network=lambda pixels, layers: {})
    with pytest.raises(WeightsError, match=r"expected microast \(after importing"):
        read_model("nowhere", "microast")
