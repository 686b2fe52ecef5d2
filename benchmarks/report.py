"""Where measured figures go: a dated JSON in benchmarks/results/, with the machine; and common options."""

from __future__ import annotations

import argparse
import json
import platform
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch

RESULTS = Path(__file__).parent / "results"


def hardware() -> dict[str, Any]:
    model = platform.processor()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), model)
    return {"cpu": model, "threads": torch.get_num_threads(), "torch": torch.__version__}


def method_parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser for a table of pairs, a method with its options, and the network that judges."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--method", default="adain-lite")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE")
    parser.add_argument("--network", default="vgg19.int8")
    parser.add_argument("--scratch", action="store_true", help="write no results")
    return parser


def write(name: str, facts: dict[str, Any]) -> None:
    """Write `facts`, with date and machine, to results/DATE-NAME.json."""
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    RESULTS.mkdir(exist_ok=True)
    report = {"date": now, "hardware": hardware(), **facts}
    (RESULTS / f"{now[:10]}-{name}.json").write_text(json.dumps(report, indent=1) + "\n")
