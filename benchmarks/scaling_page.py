#!/usr/bin/env python3
"""docs/benchmarks.md and its plots, from the newest results of scaling.py.

python benchmarks/scaling_page.py
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from report import RESULTS, hardware
from scaling import LITE_WORK

DOCS = Path(__file__).parents[1] / "docs"
COLORS = ("#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df", "#bf3989", "#57606a", "#0598bc", "#bc4c00")


def table(rows: dict[str, Any], sizes: list[str], cell: Any) -> list[str]:
    lines = ["| | " + " | ".join(f"{size}²" for size in sizes) + " |", "|---" * (len(sizes) + 1) + "|"]
    for name, found in rows.items():
        cells = [cell(found[size], int(size)) if size in found else "" for size in sizes]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def seconds(found: dict[str, Any], size: int) -> str:
    return f"{found['seconds']:.3g}" if "seconds" in found else "failed"


def memory(found: dict[str, Any], size: int) -> str:
    if "peak" not in found:
        return "failed"
    told = f" ({found['predicted'] / found['peak'] - 1:+.0%})" if "predicted" in found else ""
    return f"{found['peak'] / 1e9:.2f}{told}"


def plot(rows: dict[str, Any], sizes: list[str]) -> str:
    """Seconds per megapixel against the side, both logarithmic, as SVG."""
    from math import log10

    def x(size: float) -> float:
        low, high = log10(float(sizes[0])), log10(float(sizes[-1]))
        return 60 + 540 * (log10(size) - low) / (high - low)

    def y(value: float) -> float:
        return 320 - 70 * (log10(value) + 1.5)

    parts = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 820 360" font-family="sans-serif" font-size="12">']
    parts.append('<rect width="820" height="360" fill="white"/>')
    for size in sizes:
        parts.append(f'<text x="{x(float(size)):.0f}" y="345" text-anchor="middle">{size} px</text>')
    for value in (0.1, 1, 10, 100):
        parts.append(f'<path d="M60 {y(value):.0f}H600" stroke="#ddd"/>')
        parts.append(f'<text x="54" y="{y(value) + 4:.0f}" text-anchor="end">{value:g}</text>')
    parts.append('<text x="60" y="16">seconds per megapixel</text>')
    for number, (name, found) in enumerate(rows.items()):
        points = [
            (x(float(size)), y(found[size]["seconds"] / int(size) ** 2 * 1e6))
            for size in sizes
            if "seconds" in found.get(size, {})
        ]
        if not points:
            continue
        line, color = " ".join(f"{a:.1f},{b:.1f}" for a, b in points), COLORS[number % len(COLORS)]
        parts.append(f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="2"/>')
        parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{color}"/>' for a, b in points]
        parts.append(f'<text x="620" y="{40 + 20 * number}" fill="{color}">{name}</text>')
    return "\n".join([*parts, "</svg>"])


def per_megapixel(rows: dict[str, Any], sizes: list[str], huge: dict[str, Any]) -> list[str]:
    """AdaIN-lite from file to file at all sizes, in one line."""
    found = {f"{size}²": rows["adain-lite"].get(size, {}).get("file to file", 0) / int(size) ** 2 for size in sizes}
    found |= {name: row["seconds"] / math.prod(row["size"]) for name, row in huge.items() if "Gatys" not in name}
    words = ", ".join(f"{seconds * 1e6:.2f} at {name}" for name, seconds in found.items() if seconds)
    return [
        "AdaIN-lite from file to file, decoding and encoding included, in seconds per megapixel: " + words + ".",
        "",
    ]


def write_page(facts: dict[str, Any]) -> None:
    """The page and its plot."""
    rows = facts["rows"]
    sizes = sorted({size for found in rows.values() for size in found}, key=int)
    machine, peaks = facts.get("hardware") or hardware(), facts["convolutions"]
    lite = rows["adain-lite"].get("1024", {}).get("seconds")
    share = f"{LITE_WORK * 1024**2 / lite / max(peaks.values()):.0%}" if lite else "unknown"
    lines = [
        "# Benchmarks",
        "",
        "Made by `python benchmarks/scaling.py`; all numbers are in [benchmarks/results](../benchmarks/results).",
        f"{machine['cpu']}, {machine['threads']} threads, torch {machine['torch']}; "
        f"convolutions reach {peaks['float32'] / 1e9:.0f} GFLOP/s in float32 and {peaks['bfloat16'] / 1e9:.0f} in "
        "bfloat16.",
        "",
        f"AdaIN-lite's own convolutions take {LITE_WORK:,} operations a pixel; at 1024² it works at {share} of that.",
        "",
        "## Seconds",
        "",
        f"For a square photo; {facts['steps of Gatys']} steps of Gatys' method at one size. The style is encoded once, "
        "before; the peers that take any style encode theirs each time. Our networks run in bfloat16 where that is "
        "faster, the peers as published, in float32. What was streamed from file to file counts in full.",
        "",
        *table(rows, sizes, seconds),
        "",
        "![Seconds per megapixel](images/scaling.svg)",
        "",
        *per_megapixel(rows, sizes, facts["huge"]),
        "## Memory",
        "",
        "Peak of the process, in GB, and in parentheses by how much the plan was off.",
        "",
        *table(rows, sizes, memory),
    ]
    if facts["huge"]:
        lines += [
            "",
            "## Large pictures",
            "",
            "By the command, AdaIN-lite from file to file where nothing else is said.",
            "",
        ]
        lines += ["| | size | allowed | peak | planned | work | command |", "|---|---|---|---|---|---|---|"]
        for name, found in facts["huge"].items():
            lines.append(
                f"| {name} | {found['size'][0]}×{found['size'][1]} | {found['limit']} | {found['peak'] / 1e9:.2f} GB | "
                f"{found['predicted'] / 1e9:.2f} GB | {found['seconds']:.0f} s | {found['command seconds']:.0f} s |"
            )
    (DOCS / "benchmarks.md").write_text("\n".join(lines) + "\n")
    (DOCS / "images" / "scaling.svg").write_text(plot(rows, sizes) + "\n")


def main() -> None:
    newest = max(RESULTS.glob("*-scaling.json"))
    write_page(json.loads(newest.read_text()))


if __name__ == "__main__":
    main()
