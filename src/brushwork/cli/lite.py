"""The command `brushwork-lite`: `stylize`, `video` and `styles` without torch, with the flags of `brushwork`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from brushwork.errors import BrushworkError, UsageError
from brushwork.lite.needs import needs_torch
from brushwork.options.base import Checked, defaults_of, memory_limit, option_of, type_of
from brushwork.options.methods import DRAFT_MODEL, FILM_MODEL, AdaINLite
from brushwork.options.stylize import OutputOptions, RunOptions, StylizeOptions
from brushwork.version import __version__

__all__ = ["main"]

NAME = "brushwork-lite"
COMMANDS = {
    "stylize": "Render PHOTOs in the style of a painting.",
    "video": "Render a video.",
    "styles": "List styles.",
}
STYLE = "an image file, a built-in style, a saved style, or a blend such as wave.jpg:0.7+feminine-wave:0.3"
LEFT_OUT = (*[name for name in option_of(RunOptions) if name != "as_json"], "protect_faces", "face_mask", "device")


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are ours."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and exit with its code: 0 success, 1 failure, 2 usage error, 130 Ctrl-C."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug, as_json = "--debug" in given, "--json" in given
    try:
        _run([argument for argument in given if argument != "--debug"])
        sys.stdout.flush()
        sys.exit(0)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has closed the pipe
        sys.exit(1)
    except (Exception, KeyboardInterrupt) as error:
        if debug:
            traceback.print_exception(error)
        words, code = _told(error)
        if as_json:
            print(json.dumps({"error": words, "exit_code": code}))
        else:
            print(words if code == 130 else f"Error: {words}", file=sys.stderr)
        sys.exit(code)


def _told(error: BaseException) -> tuple[str, int]:
    """Return the one-line message and the exit code."""
    if isinstance(error, KeyboardInterrupt):
        return "stopped early", 130
    words = " ".join(str(error).split())
    if isinstance(error, BrushworkError):
        return words, error.exit_code
    if isinstance(error, MemoryError):
        return "out of memory; try a smaller --size", 1
    return f"{type(error).__name__}: {words}; this is a bug; please report it with the output of --debug", 1


def _run(arguments: list[str]) -> None:
    if not arguments or arguments[0] in ("-h", "--help"):
        _help()
        return
    if arguments[0] == "--version":
        print(f"{NAME}, version {__version__}")
        return
    command = arguments[0]
    if command not in COMMANDS:
        raise needs_torch(f"{command!r} is not one of {', '.join(COMMANDS)}; whatever else brushwork does")
    {"stylize": _stylize, "video": _video, "styles": _styles}[command](arguments[1:])


def _help() -> None:
    print(f"Usage: {NAME} COMMAND …\n\nbrushwork without torch: drafts in any style, at any size.\n")
    for name, summary in COMMANDS.items():
        print(f"  {name:<10}{summary}")


def _parsed(parser: argparse.ArgumentParser, arguments: list[str]) -> dict[str, Any]:
    """Return the values of flags; what only the full package has is told as such."""
    found, unknown = parser.parse_known_args(arguments)
    if unknown:
        flag = unknown[0].partition("=")[0]
        raise needs_torch(flag) if flag in _flags_of_torch() else UsageError(f"no such option: {flag}")
    return vars(found)


def _flags_of_torch() -> set[str]:
    from brushwork.options import methods

    kinds = [kind for kind in vars(methods).values() if isinstance(kind, type) and issubclass(kind, Checked)]
    names = {name for kind in kinds if kind is not Checked for name in option_of(kind)} | set(LEFT_OUT)
    return {f"--{name.replace('_', '-')}" for name in names}


def _add_flags(parser: argparse.ArgumentParser, kind: type[Any]) -> None:
    """Add a flag for each field of a settings class, with the name and help that it has in `brushwork`."""
    for name, option in option_of(kind).items():
        if name in LEFT_OUT:
            continue
        default, hint = defaults_of(kind).get(name), type_of(kind, name)
        hint = next((part for part in typing.get_args(hint) if part is not type(None)), hint)
        shown = f"{option.help} [{default}]" if default not in (None, (), False) else option.help
        more: dict[str, Any] = {"dest": name, "default": None, "help": shown.replace("%", "%%")}
        if option.kind == "files":
            more |= {"action": "append", "type": Path, "metavar": "FILE"}
        elif hint is bool:
            more |= {"action": "store_const", "const": True}
        elif option.kind:
            more |= {"type": {"size": _size, "memory": memory_limit}[option.kind], "metavar": "N"}
        else:
            more |= {"type": hint if hint in (int, float) else str, "metavar": "VALUE"}
        parser.add_argument(f"--{(option.flag or name).replace('_', '-')}", **more)


def _size(words: str) -> int:
    if words == "full":
        return 0
    if not words.isdecimal() or int(words) < 1:
        raise argparse.ArgumentTypeError(f"expected a number of pixels of at least 1, or full, got {words!r}")
    return int(words)


def _made(kind: type[Any], values: dict[str, Any]) -> Any:
    found = {name: values.pop(name) for name in option_of(kind) if values.get(name) is not None}
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in found.items()})


def _stylize(arguments: list[str]) -> None:
    parser = _Parser(f"{NAME} stylize", description=COMMANDS["stylize"], allow_abbrev=False)
    parser.add_argument("photos", nargs="+", metavar="PHOTO")
    parser.add_argument("--style", dest="styles", action="append", required=True, help=STYLE)
    parser.add_argument("-o", "--output", help="file, or folder for several results")
    parser.add_argument("--format", dest="suffix", default="png", help="file format if -o names no file [png]")
    _add_common(parser)
    for kind in (AdaINLite, StylizeOptions, OutputOptions, RunOptions):
        _add_flags(parser, kind)
    values = _parsed(parser, arguments)
    model = values["model"] or (DRAFT_MODEL if values["method"] is None else None)
    settings = _made(AdaINLite, {**values, "model": model})
    options, out, run = (_made(kind, values) for kind in (StylizeOptions, OutputOptions, RunOptions))
    from brushwork.cli.lite_running import lite_stylize
    from brushwork.cli.pipes import piped
    from brushwork.lite.stylize import check_preset, check_settings

    check_preset(values["method"], values["preset"])
    check_settings(settings, options, out)

    def say(line: str, **facts: Any) -> None:
        if run.as_json and facts:
            print(json.dumps(facts))
        elif not run.as_json:
            print(line, file=sys.stderr)

    given = tuple(values["photos"]), values["output"]
    with piped(*given, values["suffix"], as_json=run.as_json) as (photos, output):
        lite_stylize(
            photos, tuple(values["styles"]), output, settings,
            suffix=values["suffix"], provider=values["provider"], options=options, out=out, run=run, say=say,
        )  # fmt: skip


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--provider", default="cpu", help="what computes: cpu, cuda, directml or coreml [cpu]")
    parser.add_argument("--preset", help="draft; the others need torch [draft]")
    parser.add_argument("--method", help="adain-lite; the others need torch [adain-lite]")


def _video(arguments: list[str]) -> None:
    parser = _Parser(f"{NAME} video", description=COMMANDS["video"], allow_abbrev=False)
    parser.add_argument("film", type=Path)
    parser.add_argument("--style", required=True, help=STYLE)
    parser.add_argument("-o", "--output", type=Path, help="file [FILM_STYLE.mp4]")
    parser.add_argument("--size", type=_size, help="longer side of the frames in pixels [up to 1024]")
    parser.add_argument("--quality", type=int, help="quality of the video, 1 to 100")
    _add_common(parser)
    _add_flags(parser, AdaINLite)
    values = _parsed(parser, arguments)
    settings = _made(AdaINLite, {"model": values.pop("model") or FILM_MODEL, **values})
    from brushwork.batch.naming import style_stem
    from brushwork.lite.film import paint_film
    from brushwork.lite.stylize import check_preset, check_settings

    check_preset(values["method"], values["preset"])
    check_settings(settings, StylizeOptions(), OutputOptions())
    output = values["output"] or Path(f"{values['film'].stem}_{style_stem(values['style'])}.mp4")
    paint_film(
        values["film"], values["style"], output, settings,
        size=values["size"], quality=values["quality"], provider=values["provider"],
        say=lambda line: print(line, file=sys.stderr),
    )  # fmt: skip


def _styles(arguments: list[str]) -> None:
    parser = _Parser(f"{NAME} styles", description=COMMANDS["styles"])
    parser.add_argument("action", nargs="?", default="list", choices=["list"])
    parser.add_argument("--json", dest="as_json", action="store_true", help="print JSON, for scripts")
    as_json = _parsed(parser, arguments)["as_json"]
    from brushwork.lite.tensors import read_tensors
    from brushwork.styles.built_in import built_in_styles

    found = []
    for name, path in built_in_styles().items():
        about = read_tensors(path, lambda _: False)[1]
        found.append({"name": name} | {key: about[key] for key in ("title", "artist", "year") if about.get(key)})
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
        return
    for style in found:
        name, *facts = style.values()
        print(f"{name:<28}{', '.join(facts)}")


if __name__ == "__main__":
    main()
