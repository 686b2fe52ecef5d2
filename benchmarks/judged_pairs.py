#!/usr/bin/env python3
"""Stylize judged pairs by Gatys' method and judge them: content error, style error, seconds.

    python benchmarks/judged_pairs.py PAIRS.tsv OUT_DIR --judge judge.py [--network NAME] [--every N] [--time-only]

PAIRS.tsv has lines "content<TAB>style", paths relative to it. The judge is a program that is called as
`judge.py --one CONTENT STYLE OUTPUT --size N` and prints "… content X  style Y" (errors under VGG-19).
Results that are there already are kept, so a stopped run goes on. A dated JSON is written to benchmarks/results/.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import platform
import time
from datetime import datetime, timezone
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from brushwork import Gatys, load, write_image
from brushwork.methods.gatys import GatysMethod, GatysObjective
from brushwork.stylization import stylize

RESULTS = Path(__file__).parent / "results"


def module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def pairs_of(table: Path, every: int) -> list[tuple[Path, Path]]:
    rows = [line.split("\t") for line in table.read_text().splitlines() if line.strip()]
    return [(table.parent / content, table.parent / style) for content, style in rows][::every]


def stylized(method: GatysMethod, content: Path, style: Path, size: int, out: Path) -> float | None:
    """Make a result; its seconds, or None if it was there."""
    target = out / f"{content.stem}__{style.stem}.png"
    if target.exists():
        return None
    result = stylize(content, style, method=method, size=size)
    write_image(result.picture, target, recipe=json.dumps(result.recipe))
    return result.seconds


def closure_seconds(method: GatysMethod, width: int, height: int, runs: int = 8) -> float:
    """Seconds of one evaluation of loss and gradient: the fastest of some, so that a busy machine tells less."""
    picture = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))
    style = method.encode_style(picture, sizes=[max(width, height)])
    content = method.network(picture, method.settings.content_layers)
    objective = GatysObjective(method.network, method.settings, content, [style.targets[max(width, height)]])
    best = float("inf")
    for _ in range(runs):
        pixels = picture.clone().requires_grad_(True)
        start = time.perf_counter()
        loss, _ = objective(pixels)
        torch.autograd.grad(loss, pixels)
        best = min(best, time.perf_counter() - start)
    return best


def hardware() -> dict[str, Any]:
    model = platform.processor()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), model)
    return {"cpu": model, "threads": torch.get_num_threads(), "torch": torch.__version__}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--judge", type=Path, required=True)
    parser.add_argument("--network", default="vgg19-slim")
    parser.add_argument("--precision", default=Gatys.precision, help="float32, bfloat16 or auto")
    parser.add_argument("--size", type=int, default=384)
    parser.add_argument("--every", type=int, default=1, help="take every n-th pair")
    parser.add_argument("--time-only", action="store_true", help="only time an evaluation")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    method = load(Gatys(network=args.network, precision=args.precision))
    assert isinstance(method, GatysMethod)
    report: dict[str, Any] = {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "hardware": hardware(),
        "weights": method.recipe()["weights"],
        f"closure seconds at 384×288, {method.recipe()['dtype']}": closure_seconds(method, 384, 288),
    }
    if not args.time_only:
        report |= judged(method, args)
    name = args.network.replace(".", "-") + (f"-time-{method.recipe()['dtype']}" if args.time_only else "")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{report['date'][:10]}-gatys-{name}.json").write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps({k: v for k, v in report.items() if k != "pairs"}, indent=1))


def judged(method: GatysMethod, args: argparse.Namespace) -> dict[str, Any]:
    judge_module = module(args.judge)
    judge, rows = judge_module.Judge(), []
    for content, style in pairs_of(args.pairs, args.every):
        seconds = stylized(method, content, style, args.size, args.out)
        output = args.out / f"{content.stem}__{style.stem}.png"
        errors = judge.score(*(judge_module.load_image(path, args.size) for path in (content, style, output)))
        rows.append({"pair": output.stem, "content": errors[0], "style": errors[1], "seconds": seconds})
        print(f"{output.stem:50s} content {errors[0]:.3f}  style {errors[1]:.4f}  {seconds or 0:.1f} s", flush=True)
    means = {key: sum(row[key] for row in rows) / len(rows) for key in ("content", "style")}
    worst = {key: max(row[key] for row in rows) for key in ("content", "style")}
    return {"size": args.size, "mean": means, "worst": worst, "pairs": rows}


if __name__ == "__main__":
    main()
