"""Exported networks paint what torch paints, at every size, and say what they are."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.numpy import load_file
from torch import Tensor

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from brushwork import ExportOptions, UsageError, encode_style, export, load  # noqa: E402
from brushwork.cli.main import load_command  # noqa: E402
from brushwork.errors import BrushworkError  # noqa: E402
from brushwork.methods.style_network import write_network  # noqa: E402
from brushwork.methods.texture_nets import TextureNetwork  # noqa: E402
from brushwork.nn.transformation import TransformationNetwork  # noqa: E402
from brushwork.options.methods import AdaIN, AdaINLite, ConditionalInstanceNorm, Johnson, TextureNets  # noqa: E402

ODD = [(8, 8), (8, 61), (67, 9), (131, 97)]  # height and width
CLOSE = 1 / 255


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network of one style that nobody has trained."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("styles") / "tiny.safetensors"
    write_network(path, "johnson", TransformationNetwork(4, 1))
    return path


@pytest.fixture(scope="module")
def exported(tiny: Path) -> Path:
    return export(tiny, tiny.with_suffix(".onnx"))[0]


def beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.safetensors")


def photo(height: int, width: int) -> Tensor:
    """Soft forms with a little noise, as in a photograph."""
    torch.manual_seed(height * width)
    y, x = torch.arange(height)[:, None] / 23, torch.arange(width) / 17
    forms = torch.stack([torch.sin(x + y), torch.cos(x - 2 * y), torch.sin(2 * x) * torch.cos(y)])
    return (0.5 + 0.35 * forms + 0.05 * torch.randn(3, height, width)).clamp(0, 1)[None]


def run(path: Path, **inputs: Tensor | np.ndarray) -> list[np.ndarray]:
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    named = {name.replace("_", "-") if name[-1].isdigit() else name: np.asarray(x) for name, x in inputs.items()}
    found: list[np.ndarray] = session.run(None, named)
    return found


def by_torch(settings: Any, style: Any, pixels: Tensor) -> np.ndarray:
    method = load(settings)
    return method(pixels, encode_style(method, style, [1024])).numpy()  # type: ignore[no-any-return]


@pytest.mark.parametrize("size", ODD)
def test_the_picture_is_that_of_torch(tiny: Path, exported: Path, size: tuple[int, int]) -> None:
    (found,) = run(exported, photo=photo(*size))
    assert found.shape == (1, 3, *size)
    assert np.abs(found - by_torch(Johnson(precision="float32"), tiny, photo(*size))).max() < CLOSE


@pytest.mark.parametrize("gray", [0.0, 0.5, 1.0])
def test_a_flat_picture_has_the_colors_that_torch_gives_it(tiny: Path, exported: Path, gray: float) -> None:
    flat = torch.full((1, 3, 40, 51), gray)
    assert np.abs(run(exported, photo=flat)[0] - by_torch(Johnson(precision="float32"), tiny, flat)).max() < CLOSE


PUBLISHED = {"down1": "1", "down2": "2", "down3": "3", "up1": "4", "up2": "5"}


def test_a_published_network_is_exported_too(tmp_path: Path) -> None:
    torch.manual_seed(1)
    tensors = {}
    for name, tensor in TransformationNetwork(4, 1).state_dict().items():
        kind, _, rest = name.partition(".")
        level, _, form = rest.partition(".")
        block, _, place = level.removeprefix("block").partition("_")
        if kind == "convs":
            own = f"conv{level[-1]}" if level.startswith("down") else f"deconv{level[-1]}"
            published = f"res{block}.conv{place}" if place else own
            tensors[f"{published}.conv2d.{form.removeprefix('conv.')}"] = tensor
        elif kind == "norms":
            published = f"res{block}.in{place}" if place else f"in{PUBLISHED[level]}"
            tensors[f"{published}.{'weight' if form == 'scale' else 'bias'}"] = tensor[0]
    torch.save(tensors, tmp_path / "candy.pth")
    path, _ = export(tmp_path / "candy.pth", tmp_path / "candy.onnx")
    expected = by_torch(Johnson(precision="float32"), tmp_path / "candy.pth", photo(67, 83))
    assert np.abs(run(path, photo=photo(67, 83))[0] - expected).max() < CLOSE


@pytest.fixture(scope="module")
def texture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small texture network that nobody has trained."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("styles") / "texture.safetensors"
    write_network(path, "texture-nets", TextureNetwork(channels=2, scales=6, photo=True))
    return path


@pytest.mark.parametrize("seed", [0, 3])
def test_a_texture_network_has_the_same_noise(texture: Path, tmp_path: Path, seed: int) -> None:
    settings = TextureNets(precision="float32", seed=seed)
    path, _ = export(texture, tmp_path / "texture.onnx", settings)
    for size in ODD:
        (found,) = run(path, photo=photo(*size))
        assert np.abs(found - by_torch(settings, texture, photo(*size))).max() < CLOSE


def test_the_noise_of_a_texture_network_allows_no_tiles(texture: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="depends on where a tile is"):
        export(texture, tmp_path / "texture.onnx", passes=True)


def test_the_file_says_what_it_is_and_needs_only_opset_17(exported: Path) -> None:
    model = onnx.load(exported)
    about = {entry.key: entry.value for entry in model.metadata_props}
    assert about["title"] == "tiny"
    assert "license" in about
    assert "from 0 to 1" in about["input"]
    recipe = json.loads(about["recipe"])
    assert recipe["method"] == "johnson"
    assert recipe["styles"][0]["name"] == "tiny.safetensors"
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 17)]
    assert {node.domain for node in model.graph.node} == {""}
    assert [value.name for value in (*model.graph.input, *model.graph.output)] == ["photo", "picture"]
    sides = [side.dim_param for side in model.graph.input[0].type.tensor_type.shape.dim]
    assert sides == ["", "", "height", "width"]


def test_the_weights_are_beside_it_under_the_same_names(exported: Path) -> None:
    stored = load_file(beside(exported))
    inside = {
        tensor.name: onnx.numpy_helper.to_array(tensor)
        for tensor in onnx.load(exported).graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT
    }
    assert stored.keys() == inside.keys()
    assert all(np.array_equal(stored[name], inside[name]) for name in inside)
    assert "conv-1.weight" in stored


def test_half_weights_halve_the_file(tiny: Path, exported: Path, tmp_path: Path) -> None:
    half, _ = export(tiny, tmp_path / "half.onnx", weights="float16")
    sizes = [sum(tensor.ByteSize() for tensor in onnx.load(path).graph.initializer) for path in (half, exported)]
    assert sizes[0] < 0.7 * sizes[1]
    assert np.abs(run(half, photo=photo(40, 51))[0] - run(exported, photo=photo(40, 51))[0]).max() < 2 / 255


def test_measured_over_tiles_the_picture_is_that_of_the_whole(tiny: Path, exported: Path, tmp_path: Path) -> None:
    files = export(tiny, tmp_path / "tiled.onnx", passes=True)[::2]
    assert [path.stem for path in files[:2]] == ["tiled-measure-1", "tiled-measure-2"]
    assert files[-1].stem == "tiled-apply"
    about = {entry.key: entry.value for entry in onnx.load(files[0]).metadata_props}
    halo, pixels = -(-int(about["halo"]) // 4) * 4, photo(64, 192)
    tiles = [(max(0, left - halo), left, left + 96, min(192, left + 96 + halo)) for left in (0, 96)]
    measured: dict[str, np.ndarray] = {}
    for number, path in enumerate(files[:-1], 1):
        parts = []
        for start, left, right, end in tiles:
            core = np.array([0, left - start, 64, right - start])
            parts.append(run(path, tile=pixels[..., start:end], core=core, **measured))
        mean = np.mean([part[0] for part in parts], 0)  # both tiles have as many pixels
        variance = np.mean([part[1] + (part[0] - mean) ** 2 for part in parts], 0)
        measured |= {f"mean_{number}": mean, f"variance_{number}": variance}
    painted = [
        run(files[-1], tile=pixels[..., start:end], **measured)[0][..., left - start : right - start]
        for start, left, right, end in tiles
    ]
    assert np.abs(np.concatenate(painted, 3) - run(exported, photo=pixels)[0]).max() < CLOSE


def test_the_command_writes_the_files_and_tells_them(tiny: Path, tmp_path: Path) -> None:
    target = tmp_path / "tiny.onnx"
    result = CliRunner().invoke(load_command("export"), [str(tiny), "-o", str(target), "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["files"] == [str(target), str(beside(target))]
    assert target.is_file()


@pytest.mark.parametrize(
    ("style", "keywords", "words"),
    [
        ("great-wave", {"method": "gatys"}, "optimizes each picture"),
        ("great-wave", {"parts": ("coder",)}, "omit the style"),
        (None, {}, "expected a style"),
        (None, {"parts": ("brush",)}, "coder, painter"),
        ("great-wave", {"weights": "int8", "passes": True}, "calibrated for one style"),
        ("great-wave", {"method": AdaINLite(strength=0.5)}, "full strength"),
        ("great-wave", {"method": AdaINLite(precision="bfloat16")}, "float32"),
        ("nobody", {}, "nobody"),
    ],
)
def test_what_cannot_be_exported_is_refused(
    tmp_path: Path, style: str | None, keywords: Mapping[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        export(style, tmp_path / "x.onnx", **keywords)
    assert not list(tmp_path.iterdir())


def test_another_suffix_and_a_missing_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"ending in \.onnx"):
        export("great-wave", tmp_path / "x.pt")
    with pytest.raises(UsageError, match="create it first"):
        export("great-wave", tmp_path / "nowhere" / "x.onnx")


def test_without_onnx_the_error_says_what_to_install(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(BrushworkError, match=r"brushwork\[onnx\]"):
        export(tiny, tmp_path / "x.onnx", options=ExportOptions())


NETWORKS = {
    "adain-lite": (AdaINLite(precision="float32"), "great-wave"),
    "adain": (AdaIN(precision="float32"), "great-wave"),
    "conditional-instance-norm": (ConditionalInstanceNorm(precision="float32"), "feminine-wave"),
    "johnson": (Johnson(precision="float32"), "bell-tower"),
}
LARGE = [(67, 83), (17, 4096), (4095, 19), (511, 385)]


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_that_come_along_are_the_same_at_odd_sizes(name: str, tmp_path: Path) -> None:
    settings, style = NETWORKS[name]
    path, _ = export(style, tmp_path / "style.onnx", settings)
    for size in LARGE:
        assert np.abs(run(path, photo=photo(*size))[0] - by_torch(settings, style, photo(*size))).max() < CLOSE


@pytest.mark.slow
@pytest.mark.parametrize("name", list(NETWORKS)[:3])
def test_a_painting_goes_through_the_coder_and_its_code_through_the_painter(name: str, tmp_path: Path) -> None:
    method = load(NETWORKS[name][0])
    coder, painter = export(None, tmp_path / "any.onnx", NETWORKS[name][0], parts=("coder", "painter"))[::2]
    outputs = [value.name for value in onnx.load(coder).graph.output]
    code = dict(zip(outputs, run(coder, painting=photo(211, 160)), strict=True))
    value = method.network.encode(photo(211, 160))  # type: ignore[attr-defined]
    (found,) = run(painter, photo=photo(67, 83), **code)
    assert np.abs(found - method(photo(67, 83), value).numpy()).max() < CLOSE


@pytest.mark.slow
def test_passes_take_the_style_as_an_input_too(tmp_path: Path) -> None:
    method, pixels = load(AdaINLite(precision="float32")), photo(96, 128)
    value = encode_style(method, "great-wave", [1024])
    first, second, apply = export(None, tmp_path / "any.onnx", parts=("painter",), passes=True)[::2]
    core, code = np.array([0, 0, 96, 128]), value.code
    mean, variance = run(first, tile=pixels, core=core, code=code)
    measured = {"mean_1": mean, "variance_1": variance}
    mean, variance = run(second, tile=pixels, core=core, code=code, **measured)
    (found,) = run(apply, tile=pixels, code=code, **measured, mean_2=mean, variance_2=variance)
    assert np.abs(found - method(pixels, value).numpy()).max() < CLOSE


@pytest.mark.slow
def test_int8_is_a_third_of_the_size_and_close(tmp_path: Path) -> None:
    plain, _ = export("great-wave", tmp_path / "plain.onnx")
    small, _ = export("great-wave", tmp_path / "small.onnx", weights="int8")
    assert small.stat().st_size < 0.35 * plain.stat().st_size
    assert np.abs(run(small, photo=photo(211, 160))[0] - run(plain, photo=photo(211, 160))[0]).mean() < 8 / 255
