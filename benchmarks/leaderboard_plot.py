"""Quality against time, as SVG: both axes logarithmic, the Pareto front marked."""

from __future__ import annotations

import html
from collections.abc import Callable, Collection, Sequence
from math import log10

__all__ = ["pareto", "plot"]

WIDTH, HEIGHT, MARGIN = 760, 440, 60
OWN, OTHER, FRONT, GRAY = "#3050b0", "#707070", "#c05020", "#555"

LETTER = 7.6  # width of one, in pixels

Point = tuple[float, float]
Box = tuple[float, float, float, float]  # left, top, right, bottom


def pareto(points: dict[str, Point]) -> list[str]:
    """Those for which nobody is both faster and better, from fast to slow."""
    front: list[str] = []
    for name in sorted(points, key=points.__getitem__):
        if not front or points[name][1] < points[front[-1]][1]:
            front.append(name)
    return front


def plot(points: dict[str, Point], own: Collection[str]) -> str:
    """Draw points of seconds and error; those of `own` in color, names on the front in bold."""
    (left, right), (bottom, top) = (_range([point[axis] for point in points.values()]) for axis in (0, 1))

    def at(x: float, y: float) -> Point:
        across, up = (log10(x) - left) / (right - left), (log10(y) - bottom) / (top - bottom)
        return MARGIN + across * (WIDTH - 2 * MARGIN), HEIGHT - MARGIN - up * (HEIGHT - 2 * MARGIN)

    front = pareto(points)
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*points[name]) for name in front))
    drawn = [f'<polyline points="{line}" fill="none" stroke="{FRONT}" stroke-dasharray="5 4"/>']
    places = {name: at(*point) for name, point in points.items()}
    taken = [(x - 6, y - 6, x + 6, y + 6) for x, y in places.values()]
    for name, (x, y) in places.items():
        color, weight = OWN if name in own else OTHER, "bold" if name in front else "normal"
        drawn += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{color}"/>']
        start, base = _free(x, y, len(name) * LETTER, taken)
        drawn += [_text(start, base, name, color, anchor="start", weight=weight)]
    inside = "\n".join([*_axes(at, (left, right), (bottom, top)), *drawn])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="13">\n<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n{inside}\n</svg>\n'
    )


def _free(x: float, y: float, width: float, taken: list[Box]) -> Point:
    """Where a name beside a point hides nothing, if there is such a place; it is added to what is taken."""
    sides = [(x + 9, y - 7), (x + 9, y + 4), (x - width / 2, y - 11), (x - width / 2, y + 20), (x + 9, y + 15),
             (x - width - 9, y + 4), (x - width - 9, y - 7), (x - width - 9, y + 15)]  # fmt: skip
    boxes = [(left, base - 11, left + width, base + 3) for left, base in sides]

    def hidden(box: Box) -> int:
        outside = box[0] < MARGIN or box[2] > WIDTH - MARGIN
        return (
            sum(
                box[0] < right and box[2] > left and box[1] < bottom and box[3] > top
                for left, top, right, bottom in taken
            )
            + 9 * outside
        )

    chosen = min(range(len(boxes)), key=lambda k: hidden(boxes[k]))
    taken.append(boxes[chosen])
    return sides[chosen]


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = log10(min(values)), log10(max(values))
    return low - 0.1 * (high - low) - 0.05, high + 0.1 * (high - low) + 0.05


def _axes(at: Callable[[float, float], Point], across: tuple[float, float], up: tuple[float, float]) -> list[str]:
    """A frame, ticks at 1, 2 and 5, and what the axes are."""
    ticks = [digit * 10.0**power for power in range(-4, 5) for digit in (1, 2, 5)]
    width, height = WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN
    found = [f'<rect x="{MARGIN}" y="{MARGIN}" width="{width}" height="{height}" fill="none" stroke="{GRAY}"/>']
    for tick in ticks:
        if across[0] <= log10(tick) <= across[1]:
            found.append(_text(at(tick, 10 ** up[0])[0], HEIGHT - MARGIN + 18, f"{tick:g}", GRAY, anchor="middle"))
        if up[0] <= log10(tick) <= up[1]:
            found.append(_text(MARGIN - 8, at(10 ** across[0], tick)[1] + 4, f"{tick:g}", GRAY, anchor="end"))
    found.append(_text(WIDTH / 2, HEIGHT - 12, "seconds per picture", GRAY, anchor="middle"))
    turned = f' transform="rotate(-90 18 {HEIGHT / 2})"'
    return [*found, _text(18, HEIGHT / 2, "relative error", GRAY, anchor="middle", more=turned)]


def _text(x: float, y: float, text: str, color: str, *, anchor: str, weight: str = "normal", more: str = "") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" fill="{color}"{more}>'
        f"{html.escape(text)}</text>"
    )
