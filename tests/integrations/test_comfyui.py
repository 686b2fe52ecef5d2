"""ComfyUI's nodes: imported from their folder as ComfyUI does, and run in inference mode, as it runs them."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from skimage import data
from torch import Tensor
from torch.nn import functional as F

import brushwork
from brushwork import Picture, UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomllib")

FOLDER = Path(__file__).parents[2] / "integrations" / "comfyui"
LOOK: dict[str, Any] = {"finish": "draft", "strength": 1.0, "stroke_size": 1.0}


def image(array: Any, width: int, height: int) -> Tensor:
    """An IMAGE of one picture."""
    pixels = torch.from_numpy(array[..., :3].copy()).movedim(-1, 0)[None] / 255
    return F.interpolate(pixels, (height, width), mode="bilinear", antialias=True).movedim(1, -1)


CAT, CUP = image(data.chelsea(), 96, 64), image(data.coffee(), 80, 64)


def load_nodes() -> ModuleType:
    name = "brushwork_comfyui"
    spec = importlib.util.spec_from_file_location(
        name, FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def nodes() -> Iterator[dict[str, Any]]:
    """The nodes by their short names, in inference mode."""
    module = load_nodes()
    with torch.inference_mode():
        yield {name.removeprefix("Brushwork"): kind() for name, kind in module.NODE_CLASS_MAPPINGS.items()}
    for name in [name for name in sys.modules if name.startswith("brushwork_comfyui")]:
        del sys.modules[name]


def test_each_node_says_what_it_takes_and_gives(nodes: dict[str, Any]) -> None:
    assert list(nodes) == ["Stylize", "StylizeBatch", "EncodeStyle", "BlendStyles", "MaskStyle"]
    for node in nodes.values():
        inputs = node.INPUT_TYPES()
        taken = getattr(node, node.FUNCTION).__annotations__.keys() - {"return"}
        assert taken == inputs["required"].keys() | inputs.get("optional", {}).keys()
        assert node.RETURN_TYPES[0] in ("IMAGE", "BRUSHWORK_STYLE")
    assert "great-wave" in nodes["EncodeStyle"].INPUT_TYPES()["required"]["name"][0]


def test_the_registry_finds_its_fields() -> None:
    about = tomllib.loads((FOLDER / "pyproject.toml").read_text("utf-8"))
    assert about["project"]["name"] == "brushwork"
    assert about["tool"]["comfy"]["DisplayName"] == "brushwork"
    assert about["tool"]["comfy"].keys() == {"PublisherId", "DisplayName", "Icon"}
    assert about["project"]["dependencies"] == (FOLDER / "requirements.txt").read_text("utf-8").split()


def test_a_picture_is_that_of_the_library(nodes: dict[str, Any]) -> None:
    (style,) = nodes["EncodeStyle"].encode("(the painting)", CUP)
    two = torch.cat([CAT, CAT.flip(2)])
    (painted,) = nodes["Stylize"].stylize(two, style, **LOOK, colors="luminance")
    assert (painted.shape, painted.dtype) == (two.shape, torch.float32)
    photo, painting = (Picture(x.movedim(-1, 1).contiguous().clone()) for x in (CAT, CUP))
    expected = brushwork.stylize(photo, painting, preset="draft", size=0, keep_color="luminance").picture.pixels
    assert torch.equal(painted[:1].movedim(-1, 1), expected)
    assert not torch.allclose(painted[0], painted[1])


@pytest.mark.slow
def test_alpha_is_kept_and_gradients_are_there(nodes: dict[str, Any]) -> None:
    (style,) = nodes["EncodeStyle"].encode("great-wave")
    alpha = torch.linspace(0, 1, 96).expand(1, 64, 96)[..., None]
    seen = F.interpolate(torch.cat([CAT, alpha], 3).movedim(-1, 1), (40, 48), mode="bilinear").movedim(1, -1)
    (painted,) = nodes["Stylize"].stylize(
        seen, style, finish="good", strength=1.0, stroke_size=1.0, colors="of the painting"
    )
    assert torch.equal(painted[..., 3], seen[..., 3])
    assert (painted - seen)[..., :3].abs().mean() > 0.03


def test_blends(nodes: dict[str, Any]) -> None:
    (wave,), (stars,) = (nodes["EncodeStyle"].encode(name) for name in ("great-wave", "starry-night"))
    (half,) = nodes["BlendStyles"].blend(wave, stars, 0.25)
    (more,) = nodes["BlendStyles"].blend(half, wave, 0.5)
    assert half.parts == (("great-wave", 0.75), ("starry-night", 0.25))
    assert more.parts == (("great-wave", 0.375), ("starry-night", 0.125), ("great-wave", 0.5))
    assert nodes["BlendStyles"].blend(wave, stars, 1.0)[0].parts == (("starry-night", 1.0),)


def test_regions(nodes: dict[str, Any]) -> None:
    (wave,), (stars,) = (nodes["EncodeStyle"].encode(name) for name in ("great-wave", "starry-night"))
    left = torch.zeros(2, 32, 48)  # the second frame has none
    left[0, :, :24] = 1
    (alone,) = nodes["MaskStyle"].mask_style(wave, left)
    frames = torch.cat([CAT, CAT])
    (painted,) = nodes["Stylize"].stylize(frames, alone, **LOOK, colors="of the painting")
    assert torch.equal(painted[1], frames[1])
    change = (painted[0] - frames[0]).abs().mean((0, 2))
    assert change[:40].mean() > 10 * change[56:].mean()
    middle = torch.zeros(1, 64, 96)
    middle[..., 24:72] = 0.5
    (three,) = nodes["MaskStyle"].mask_style(stars, middle, alone)
    assert [mask.shape for mask in three.masks] == [(2, 64, 96), (1, 64, 96)]
    assert torch.all(sum(three.masks) <= 1)
    (two,) = nodes["MaskStyle"].mask_style(stars, middle, wave)
    assert torch.equal(two.masks[0] + two.masks[1], torch.ones(1, 64, 96))


def test_frames_of_a_batch_are_steady(nodes: dict[str, Any]) -> None:
    """A still film with noise: painted one by one, its frames differ more than painted as a film."""
    (style,) = nodes["EncodeStyle"].encode("great-wave")
    noise = 0.03 * torch.randn(4, *CAT.shape[1:])
    frames = (CAT + noise).clamp(0, 1)
    (steady,) = nodes["StylizeBatch"].stylize(frames, style, **LOOK, smoothing=0.9, keep_color=False)
    (each,) = nodes["StylizeBatch"].stylize(frames, style, **LOOK, smoothing=0.0, keep_color=False)
    assert steady.shape == frames.shape
    apart = [(painted[1:] - painted[:-1]).abs().mean() for painted in (steady, each)]
    assert apart[0] < 0.6 * apart[1]


def test_what_goes_wrong_is_told(nodes: dict[str, Any]) -> None:
    (wave,) = nodes["EncodeStyle"].encode("great-wave")
    (blend,) = nodes["BlendStyles"].blend(wave, nodes["EncodeStyle"].encode("starry-night")[0], 0.5)
    (masked,) = nodes["MaskStyle"].mask_style(wave, torch.ones(8, 8))
    with pytest.raises(UsageError, match="connect a painting"):
        nodes["EncodeStyle"].encode("(the painting)")
    with pytest.raises(UsageError, match="not a blend"):
        nodes["MaskStyle"].mask_style(blend, torch.ones(1, 8, 8))
    with pytest.raises(UsageError, match="before they are masked"):
        nodes["BlendStyles"].blend(masked, wave, 0.5)
    with pytest.raises(UsageError, match="masked already"):
        nodes["MaskStyle"].mask_style(masked, torch.ones(1, 8, 8))
    with pytest.raises(UsageError, match="frame by frame"):
        nodes["StylizeBatch"].stylize(CAT, masked, **LOOK, smoothing=0.9, keep_color=False)


def test_progress_is_shown_and_the_user_can_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    class StopError(Exception):
        pass

    shown: list[int] = []
    stop = False

    def check() -> None:
        if stop:
            raise StopError

    comfy, management, utils = (ModuleType(name) for name in ("comfy", "comfy.model_management", "comfy.utils"))
    management.throw_exception_if_processing_interrupted = check

    class ProgressBar:
        def __init__(self, total: int) -> None:
            assert total == 2000

        def update_absolute(self, value: int) -> None:
            shown.append(value)

    utils.ProgressBar = ProgressBar
    for module in (comfy, management, utils):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    found = load_nodes().NODE_CLASS_MAPPINGS
    (style,) = found["BrushworkEncodeStyle"]().encode("great-wave")
    two = torch.cat([CAT, CAT])
    found["BrushworkStylize"]().stylize(two, style, **LOOK, colors="of the painting")
    assert shown == [1000, 2000]
    stop = True
    with pytest.raises(StopError):
        found["BrushworkStylize"]().stylize(two, style, **LOOK, colors="of the painting")
