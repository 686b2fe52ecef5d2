"""Where measured figures go: a dated JSON in benchmarks/results/, with the machine they were measured on."""

from __future__ import annotations

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


def write(name: str, facts: dict[str, Any]) -> None:
    """Write `facts`, with date and machine, to results/DATE-NAME.json."""
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    RESULTS.mkdir(exist_ok=True)
    report = {"date": now, "hardware": hardware(), **facts}
    (RESULTS / f"{now[:10]}-{name}.json").write_text(json.dumps(report, indent=1) + "\n")
