"""Names of results: PHOTO_STYLE, told apart where two would have one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from brushwork.styles.references import parse_style

__all__ = ["apart", "dotted", "style_names", "style_stem"]


def style_stem(style: str, *, whole: bool = False) -> str:
    """Return a style argument as part of a file name: "wave.jpg:0.7+sea" → "wave-0.7+sea".

    Args:
        style: The argument.
        whole: Whether to keep the suffixes of files: "wave-jpg-0.7+sea".
    """
    parts = parse_style(style)
    shares = [f"-{part.weight:g}" if part.weight != 1 else "" for part in parts]
    names = [Path(part.reference).name.replace(".", "-") if whole else part.stem for part in parts]
    return "+".join(name + share for name, share in zip(names, shares, strict=True))


def style_names(styles: list[str]) -> list[str]:
    """Return each style as part of a file name; no two photos can then have one result, whatever their names.

    >>> style_names(["wave.jpg", "wave.png", "sea.png"])
    ['wave-jpg', 'wave-png', 'sea']
    """
    names = apart([(style_stem(style), style_stem(style, whole=True)) for style in styles])
    # "a_b" in "c" and "a" in "b_c" would both be a_b_c.
    ends = tuple(f"_{name}".casefold() for name in names)
    return [name.replace("_", "-") if name.casefold().endswith(ends) else name for name in names]


def dotted(suffix: str) -> str:
    """Return the suffix of a file with its dot: "png" → ".png"."""
    return "." + suffix.lstrip(".")


def apart(names: list[tuple[str, str]]) -> list[str]:
    """Return the short name of each where it is the only one, else the long one, numbered where that isn't enough.

    >>> apart([("1", "1-jpg"), ("1", "1-png"), ("2", "2-jpg"), ("1", "1-jpg")])
    ['1-jpg', '1-png', '2', '1-jpg-2']
    """
    # As Windows and macOS see them: without regard to case.
    shorts = Counter(short.casefold() for short, _ in names)
    taken = {short.casefold() for short, _ in names if shorts[short.casefold()] == 1}
    found = []
    for short, long in names:
        name, number = (short, 1) if shorts[short.casefold()] == 1 else (long, 1)
        while shorts[short.casefold()] > 1 and name.casefold() in taken:
            number += 1
            name = f"{long}-{number}"
        taken.add(name.casefold())
        found.append(name)
    return found
