"""Exporting networks: a style, or any style in two parts, as ONNX files."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from brushwork.api.recipe import style_records
from brushwork.api.style_encoding import encode_style
from brushwork.api.stylize import MethodSource
from brushwork.errors import BrushworkError, UsageError, first_line
from brushwork.image import Picture
from brushwork.io.saving import place_problem
from brushwork.methods import load
from brushwork.methods.one_pass import OnePass
from brushwork.methods.style_network import TensorStyleNetwork
from brushwork.methods.texture_nets import TextureNetsStyleNetwork
from brushwork.options.export import ExportOptions
from brushwork.options.stylize import with_changes
from brushwork.registry import OPTIONS, method_name, settings_from
from brushwork.runtime.atomic_files import write_whole
from brushwork.runtime.tensor_files import write_tensors
from brushwork.styles.built_in import is_built_in
from brushwork.styles.references import is_saved, methods_of, read_about
from brushwork.styles.sources import StyleSource, resolve_style
from brushwork.version import __version__

if TYPE_CHECKING:
    from brushwork.onnx.graphs import Graph

__all__ = ["check_output", "export", "export_settings"]

SUFFIX = ".onnx"
ENCODED_AT = 1024  # longer side of the photos that a painting is encoded for, if the method wants to know


def export(
    style: StyleSource | None,
    output: str | Path,
    method: MethodSource = None,
    *,
    options: ExportOptions | None = None,
    **keywords: Any,
) -> list[Path]:
    """Write a network as ONNX: a plain convolutional network that runs without torch.

    Input and output are pixels (1, 3, H, W), sRGB in [0, 1], of any height and width. Needs `brushwork[onnx]`.

    Args:
        style: See `stylize`; it becomes part of the network. None with `parts`: the style is an input.
        output: The file, ending in .onnx; several files get its name with the part's appended.
        method: A method of one pass, by name or by its options. None: the one a saved style is made for, adain-lite
            if there are several, or for a painting.
        options: `ExportOptions`: parts, passes and weights.
        **keywords: Fields of `ExportOptions`, which override `options`: `parts=("coder", "painter")`, `passes=True`,
            `weights="float16"`.

    Returns:
        The files: ONNX, and for each of them its weights as .safetensors.

    Raises:
        UsageError: An invalid value, or a method that can't be exported.
        WeightsError: A network's weights are not on this machine.
        BrushworkError: onnx isn't installed, or a file can't be written.
    """
    chosen: ExportOptions = with_changes(options or ExportOptions(), keywords)
    if (style is None) != bool(chosen.parts):
        raise UsageError(
            "parts: coder and painter are for any style; omit the style, or omit parts"
            if style is not None
            else "expected a style; for any style, export its parts: coder,painter"
        )
    target = check_output(Path(output))
    _check_installed()
    settings = export_settings(style, method)
    loaded = load(settings)
    if not isinstance(loaded, OnePass):
        raise UsageError(f"{method_name(settings)} optimizes each picture and can't be exported; use adain-lite")
    _check_settings(loaded, chosen)
    with torch.no_grad():
        graphs = _graphs(loaded, style, chosen)
    about = _metadata(loaded, style)
    return [path for graph in graphs for path in _written(graph, target, about, chosen)]


def check_output(path: Path) -> Path:
    """Return a path that ends in .onnx, and where a file can be written.

    Raises:
        UsageError: It ends in something else, or there is no place for a file.
    """
    if path.suffix.lower() != SUFFIX:
        raise UsageError(f"{path}: expected a name ending in {SUFFIX}")
    problem = place_problem(path)
    if problem is not None:
        raise UsageError(f"{path}: {problem}")
    return path


def export_settings(style: StyleSource | None, method: MethodSource = None) -> Any:
    """Return the options of the method to export, in float32.

    Args:
        style: The style, which may be made for certain methods.
        method: See `export`.

    Raises:
        UsageError: An unknown method or style.
    """
    if method is None:
        sources = [] if style is None else [source for source, _ in resolve_style(style).parts]
        made_for = [methods_of(source) for source in sources if isinstance(source, Path) and is_saved(source)]
        common = [name for name in OPTIONS if all(name in methods for methods in made_for)]
        method = next((name for name in common if name != "gatys"), "adain-lite")
    settings = settings_from(method, {}) if isinstance(method, str) else method
    precision = getattr(settings, "precision", "float32")
    if precision == "bfloat16":
        raise UsageError("precision: networks are exported in float32; for smaller files use weights (--weights)")
    return settings if precision == "float32" else dataclasses.replace(settings, precision="float32")


def _check_installed() -> None:
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise BrushworkError(f"export needs onnx ({first_line(error)}): pip install 'brushwork[onnx]'") from error


def _check_settings(method: OnePass[Any], options: ExportOptions) -> None:
    name = method_name(method.settings)
    if options.passes and isinstance(method.network, TextureNetsStyleNetwork):
        raise UsageError(f"passes: the noise of {name} depends on where a tile is; omit passes")
    if method.settings.strength != 1:
        raise UsageError("strength: an exported network paints at full strength; mix its picture with the photo")
    if options.parts and not isinstance(method.network, TensorStyleNetwork):
        raise UsageError(f"parts: {name} has a network per style; name the style, and omit parts")


def _graphs(method: OnePass[Any], style: StyleSource | None, options: ExportOptions) -> list[Graph]:
    """Return what is to be traced."""
    from brushwork.onnx.graphs import coder_graph, painter_graph, pass_graphs, picture_graph

    network = method.network
    value = None if style is None else _style(method, style)
    graphs = [coder_graph(network)] if "coder" in options.parts else []
    if options.passes and options.parts != ("coder",):
        passes = pass_graphs(network, value)
        if not passes:
            raise UsageError("passes: this network measures nothing of the whole picture; omit passes")
        return graphs + passes
    if style is not None:
        return [picture_graph(network, value)]
    return graphs + ([painter_graph(network)] if "painter" in options.parts else [])


def _style(method: OnePass[Any], style: StyleSource) -> Any:
    """Return the encoded style, with tensors that can be traced."""
    value = encode_style(method, style, method.sizes(ENCODED_AT, ENCODED_AT))
    if not isinstance(method.network, TensorStyleNetwork):
        return value
    return method.load_style({name: tensor.clone() for name, tensor in method.save_style(value).items()})


def _metadata(method: OnePass[Any], style: StyleSource | None) -> dict[str, str]:
    """Return what a model file says about itself."""
    network = method.network
    recipe = {
        "brushwork": __version__,
        "torch": torch.__version__,
        "method": method_name(method.settings),
        "settings": {
            name: Path(value).name if isinstance(value, str) else value
            for name, value in dataclasses.asdict(method.settings).items()
        },
        "styles": [] if style is None else style_records(style),
        **method.recipe(),
    }
    return {
        "title": _title(style),
        "license": "MIT (the networks and styles of brushwork; yours keep their own license)",
        "recipe": json.dumps(recipe, ensure_ascii=False),
        "input": "(1, 3, height, width) float32, sRGB, from 0 to 1",
        "painting_size": str(method.painting_size(method.sizes(ENCODED_AT, ENCODED_AT))),
        "multiple": str(network.multiple),
        "halo": str(network.halo([network.neutral_style()])),
        "smallest": str(method.declaration.smallest),
    }


def _title(style: StyleSource | None) -> str:
    if style is None:
        return "any style"
    return " + ".join(_name(source) for source, _ in resolve_style(style).parts)


def _name(source: Path | Picture) -> str:
    if isinstance(source, Picture):
        return "a painting"
    about = read_about(source)[1] if is_built_in(source) else {}
    return ", ".join(about[key] for key in ("title", "artist", "year") if about.get(key)) or source.stem


def _written(graph: Graph, target: Path, about: Mapping[str, str], options: ExportOptions) -> list[Path]:
    """Write a graph's files."""
    from brushwork.onnx.tracing import float_weights, traced, with_half_weights

    model = traced(graph, about)
    weights = float_weights(model)
    if options.weights == "float16":
        model = with_half_weights(model)
    elif options.weights == "int8":
        from brushwork.onnx.quantization import quantized

        model = quantized(model)
    path = target.with_stem(f"{target.stem}-{graph.name}") if graph.name else target
    beside = path.with_name(f"{path.name}.safetensors")  # a style's own file may be called wave.safetensors
    try:
        write_whole(path, model.SerializeToString())
        write_tensors(beside, weights, {"title": about["title"], "license": about["license"]})
    except OSError as error:
        raise BrushworkError(f"{error.filename or path} can't be written: {error.strerror or error}") from error
    return [path, beside]
