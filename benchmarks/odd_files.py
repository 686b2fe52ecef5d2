#!/usr/bin/env python3
"""Odd pictures and films of every kind through the command, checked by readers that are not ours.

    python benchmarks/odd_files.py                                       some 600 files, a few minutes
    python benchmarks/odd_files.py --only JPEG                           the kinds whose name contains this
    python benchmarks/odd_files.py --mutations 10000 --films 1000        damaged files: no crash, no hang, no traceback

Pictures are painted by the preset `draft`. Each result must have the right size and orientation, and keep
transparency and EXIF (read by Pillow); what was read must be the pixels that went into the file. Films must have the
right frames, times, rate, sound, orientation, transparency and brightness (read by ffprobe, ffmpeg and Pillow). Every
command must end within ten seconds, without a traceback, and leave nothing beside its result; what can't be read must
be refused in one line. Dated JSON is written to benchmarks/results/, and the tables of docs/pictures.md and
docs/video.md are written anew. The exit code is 1 if anything is wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import Any

import odd_mutations
import pyvips
from film_samples import OddFilm
from odd_checks import check_film, check_flat, check_picture
from odd_films import contents, films
from odd_pictures import OddPicture, pictures
from odd_tiffs import tiffs
from report import RESULTS, write
from supervised import Supervised

DOCS = Path(__file__).parents[1] / "docs"
STYLE = "great-wave"
FLAT_STYLES = (STYLE, "starry-night", "feminine-wave", "cloister")
PROCESSES = 2


def warm() -> None:
    """Import what the command needs, and run it once."""
    import brushwork.cli.stylize
    import brushwork.cli.video
    import brushwork.video.stylize_video  # noqa: F401

    with tempfile.TemporaryDirectory() as folder:
        pyvips.Image.black(32, 32, bands=3).copy(interpretation="srgb").pngsave(f"{folder}/a.png")
        code, _, errors = command(["stylize", "a.png", "--style", STYLE, "--preset", "draft", "-o", "b.png"], folder)
        assert code == 0, errors


def command(arguments: list[str], folder: str) -> tuple[int, str, str]:
    """Run the command in a folder; return exit code, output and errors."""
    from brushwork.cli.main import main

    out, errors = io.StringIO(), io.StringIO()
    os.chdir(folder)
    code: Any = 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            main(arguments)
    except SystemExit as stop:
        code = stop.code
    os.chdir("/")
    return int(code or 0), out.getvalue(), errors.getvalue()


def said(end: str, told: Any) -> tuple[dict[str, Any] | None, str]:
    """Return what the command said with --json, and what is wrong with how it ended."""
    if end != "returned":
        return None, f"{end}: {told}"
    code, out, errors = told
    if "Traceback" in errors or "this is a bug" in out + errors:
        return None, (errors or out)[-300:]
    lines = [line for line in out.splitlines() if line.startswith("{")]
    facts: dict[str, Any] = json.loads(lines[-1]) if lines else {}
    if code and not facts.get("error"):
        return None, f"exit code {code} without a reason: {(out + errors)[-300:]}"
    return facts, ""


def ending(facts: dict[str, Any], refused: bool, words: str, folder: Path, output: Path, before: set[str]) -> str:
    """Return what is wrong with the words, or with the files left."""
    left = {path.name for path in folder.iterdir()} - before - (set() if facts.get("error") else {output.name})
    if left:
        return f"left {', '.join(sorted(left))}"
    if refused != ("error" in facts):
        return f"refused: {facts['error']}" if "error" in facts else "not refused"
    told = facts["error"] if refused else "; ".join(facts.get("notes", []))
    if not refused and not output.exists():
        return "no result"
    return "" if words in told else f"says {told!r}, without {words!r}"


def try_picture(odd: OddPicture, process: Supervised) -> dict[str, Any]:
    """Paint one picture and check the result; return the row."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place).resolve()
        (folder / odd.name).write_bytes(odd.content)
        named = odd.kind.startswith("odd names")
        output = folder / (f"{Path(odd.name).stem}.png" if named else "painted.png")
        style = odd.name if named and odd.name not in ("~.jpg", "~root.jpg") else STYLE
        line = [
            "stylize",
            odd.name,
            "--style",
            style,
            "--preset",
            "draft",
            "--size",
            "full",
            "-o",
            output.name,
            "--json",
        ]
        facts, wrong = said(*process.call(command, line, str(folder)))
        if facts is not None:
            wrong = ending(facts, odd.expected is None, odd.words, folder, output, {odd.name})
        if not wrong and odd.expected is not None:
            wrong = check_picture(odd, folder / odd.name, output, process)
        return {"kind": odd.kind, "name": odd.name, "wrong": wrong, "error": (facts or {}).get("error")}


def try_film(odd: OddFilm, process: Supervised) -> dict[str, Any]:
    """Paint one film and check the result; return the row."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place).resolve()
        odd.make(folder / odd.name)
        output = folder / odd.output
        line = ["video", odd.name, "--style", STYLE, "-o", odd.output, "--size", "full", "--json", *odd.flags]
        facts, wrong = said(*process.call(command, line, str(folder)))
        if facts is not None:
            wrong = ending(facts, odd.refused, odd.words, folder, output, {odd.name})
        if not wrong and not odd.refused:
            wrong = check_film(
                odd,
                folder / odd.name,
                output,
                facts or {},
                lambda extra, to: command_again(process, line, extra, to, folder),
            )
        error = (facts or {}).get("error")
        return {"kind": odd.kind, "name": f"{odd.name} → {odd.output}", "wrong": wrong, "error": error}


def command_again(process: Supervised, line: list[str], extra: list[str], to: str, folder: Path) -> Path:
    """Run the command with more flags and to another file, and return that."""
    again = list(line)
    again[again.index("-o") + 1] = to
    process.call(command, [*again, *extra], str(folder))
    return folder / to


def in_turns(attempt: Callable[[Any, Supervised], dict[str, Any]], items: Sequence[Any]) -> list[dict[str, Any]]:
    """Return the rows of all items, tried by some watched processes."""
    idle: Queue[Supervised] = Queue()

    def one(item: Any) -> dict[str, Any]:
        process = idle.get()
        try:
            return attempt(item, process)
        finally:
            idle.put(process)

    processes = [Supervised(warm) for _ in range(min(PROCESSES, len(items)))]
    for process in processes:
        idle.put(process)
    with ThreadPoolExecutor(PROCESSES) as pool:
        rows = list(pool.map(one, items))
    for process in processes:
        process.stop()
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """Return the table of a page: how many files of each kind were right, or refused, and how."""
    kinds: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        kinds[row["kind"]].append(row)
    lines = ["| kind | files | right | refused | wrong | refused with |", "|---|---|---|---|---|---|"]
    for kind, found in kinds.items():
        wrong = sum(bool(row["wrong"]) for row in found)
        errors = [row["error"] for row in found if row["error"] and not row["wrong"]]
        messages = sorted({message(error) for error in errors})
        told = "; ".join(messages[:3]) + (f"; {len(messages) - 3} more" if len(messages) > 3 else "")
        lines.append(
            f"| {kind} | {len(found)} | {len(found) - wrong - len(errors)} | {len(errors)} | {wrong} | {told} |"
        )
    return "\n".join(lines)


def message(error: str) -> str:
    """Return an error without the file's name and what varies."""
    text = re.sub(r"^.*?: (?=(is|can't|contains|has|its|expected|frames|videos|make) )", "", error)
    text = re.sub(r" \((?!0 bytes|PQ|HLG|\d).*?\)", "", text).split(";")[0]
    return "“" + re.sub(r"^\S+\.(\w+) is", "is", text)[:90].replace("|", "\\|") + "”"


def put(page: Path, content: str) -> None:
    """Replace what is between the page's two marks."""
    text = page.read_text()
    start, end = "<!-- odd files -->\n", "<!-- end of odd files -->"
    before, rest = text.split(start)
    page.write_text(before + start + "\n" + content + "\n\n" + end + rest.split(end)[1])


def write_tables(rows: dict[str, list[dict[str, Any]]]) -> None:
    """Write the tables of both pages."""
    for name, page in (("pictures", "pictures.md"), ("films", "video.md")):
        put(DOCS / page, table(rows[name]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="kinds, or pictures or films, that contain this; writes no results")
    parser.add_argument("--mutations", type=int, default=0, help="damaged pictures")
    parser.add_argument("--films", type=int, default=0, help="damaged films")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tables", action="store_true", help="only write the tables of the newest results")
    args = parser.parse_args()
    if args.tables:
        write_tables(json.loads(max(RESULTS.glob("*-odd-files.json")).read_text())["rows"])
        return
    if args.mutations or args.films:
        sys.exit(mutations(args))
    wanted = [odd for odd in (*pictures(), *tiffs()) if args.only in f"pictures {odd.kind}"]
    rows = {"pictures": in_turns(try_picture, wanted)}
    if args.only in "pictures flat: black, gray, white":
        rows["pictures"] += in_turns(lambda styles, process: check_flat(process, command, styles), [FLAT_STYLES])
    rows["films"] = in_turns(try_film, [film for film in films() if args.only in f"films {film.kind}"])
    wrong = [row for found in rows.values() for row in found if row["wrong"]]
    for row in wrong:
        print(f"{row['kind']}: {row['name']}: {row['wrong']}")
    print(f"{len(wrong)} of {sum(map(len, rows.values()))} wrong")
    if not args.only:
        write("odd-files", {"rows": rows})
        write_tables(rows)
    sys.exit(bool(wrong))


def mutations(args: argparse.Namespace) -> int:
    """Read damaged files, write how that ended, and return 1 if anything failed."""
    whole = [
        (odd.name, odd.content)
        for odd in (*pictures(), *tiffs())
        if odd.expected is not None and not odd.kind.startswith(("odd", "wrong", "tiny", "dam"))
    ]
    found = {}
    if args.mutations:
        found["pictures"] = odd_mutations.run(whole, args.mutations, odd_mutations.read_picture, args.seed)
    if args.films:
        found["films"] = odd_mutations.run(contents(), args.films, odd_mutations.read_film, args.seed, painted_every=25)
    print(json.dumps(found, indent=1))
    write("odd-mutations", found)
    return int(any(part["failures"] for part in found.values()))


if __name__ == "__main__":
    main()
