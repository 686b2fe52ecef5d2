"""The entry point: reports errors in one line, with an exit code; tracebacks only with --debug."""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from typing import Any, NoReturn

import rich_click as click

from brushwork.cli import shutdown
from brushwork.cli.report import reason
from brushwork.errors import BrushworkError, Interrupted, SavedElsewhereError
from brushwork.version import __version__

__all__ = ["cli", "load_command", "main"]

# The subcommands in the order of the help: where each is, and its summary, so that the help imports none of them.
COMMANDS = {
    "stylize": (
        "brushwork.cli.stylize:stylize",
        "Render PHOTOs (files, folders, patterns; - is standard input) in the style of a painting.",
    ),
    "batch": (
        "brushwork.cli.batch:batch",
        "Render all PHOTOS in the style of paintings, each exactly once, on this machine or on many.",
    ),
    "augment": (
        "brushwork.cli.augment:augment",
        "Copy a data set with each picture in a random style, to train networks that don't go by textures.",
    ),
    "video": (
        "brushwork.cli.video:video",
        "Render FILM (a video, an animated GIF, WebP or PNG, or a folder of frames; - is standard input) in a style.",
    ),
    "camera": (
        "brushwork.cli.camera:camera",
        "Show a camera (/dev/video0, or a video file that is played as one) in a style, in the browser.",
    ),
    "studio": (
        "brushwork.studio.command:studio",
        "Open the web page for stylizing photos, or serve it to a team with logins.",
    ),
    "faces": (
        "brushwork.cli.faces:faces",
        "Write the mask of the faces found in PHOTO, to correct it and pass it to stylize --face-mask.",
    ),
    "plan": (
        "brushwork.cli.plan:plan",
        "Report how PHOTO would be processed and the memory and time needed, without processing it.",
    ),
    "interpolate": (
        "brushwork.cli.interpolate:interpolate",
        "Render PHOTO in interpolated styles: a strip between two styles, a grid between three or four.",
    ),
    "synthesize": (
        "brushwork.cli.synthesize:synthesize",
        "Synthesize a texture with STYLE, a network trained with brushwork train texture-nets --makes textures.",
    ),
    "quilt": (
        "brushwork.cli.quilt:quilt",
        "Synthesize a texture of any size from TEXTURE, a swatch; or render a picture in it, with --onto.",
    ),
    "analogy": (
        "brushwork.cli.analogy:analogy",
        "Paint B as A_PRIME was painted from A; or fill a map of labels, or make a texture of A_PRIME alone.",
    ),
    "train": (
        "brushwork.cli.training:train",
        "Train a METHOD network for one style or many; use the output with stylize, as --style or --model.",
    ),
    "export": (
        "brushwork.cli.export:export",
        "Write STYLE as an ONNX file, a plain convolutional network that runs without torch; or a page with several.",
    ),
    "rerun": (
        "brushwork.cli.rerun:rerun",
        "Reproduce PICTURE from its embedded recipe, byte for byte on the same machine.",
    ),
    "methods": ("brushwork.cli.methods:methods", "List the methods and their options."),
    "evaluate": ("brushwork.cli.evaluate:evaluate", "Measure results."),
    "compare": ("brushwork.cli.compare:compare", "Ask people which pictures they like better, and score the answers."),
    "doctor": (
        "brushwork.cli.doctor:doctor",
        "Report installed packages, hardware, speed and the time of presets (takes about 7 s).",
    ),
    "styles": ("brushwork.cli.styles:styles", "Manage named styles: the built-in ones and your own."),
    "weights": ("brushwork.cli.weights:weights", "Manage network weights: list, download, import and verify them."),
}


class _Verbs(click.RichGroup):
    """A command group that imports a subcommand's module when it is run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all subcommands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return what the help tells of a subcommand: its name and summary; None if there is no such subcommand."""
        return click.RichCommand(name=cmd_name, help=COMMANDS[cmd_name][1]) if cmd_name in COMMANDS else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the name of the subcommand to run, the subcommand itself, and its arguments."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, load_command(name) if name else None, rest


def load_command(name: str) -> click.Command:
    """Import a subcommand's module and return the subcommand."""
    module, _, function = COMMANDS[name][0].partition(":")
    command: click.Command = getattr(importlib.import_module(module), function)
    return command


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="brushwork")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def cli(debug: bool) -> None:
    """Neural style transfer: render the content of one image in the style of another.

    Start with: brushwork stylize photo.jpg --style painting.jpg
    """


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command and exit with its code: 0 success, 1 failure, 2 usage error, 130 Ctrl-C, 143 SIGTERM."""
    arguments = [_as_file(argument) for argument in (sys.argv[1:] if arguments is None else arguments)]
    end = arguments.index("--") if "--" in arguments else len(arguments)
    flags, rest = arguments[:end], arguments[end:]
    debug, as_json = "--debug" in flags, not {"--json", "--log-json"}.isdisjoint(flags)
    # --debug may appear anywhere on the command line.
    flags = (["--debug"] if debug else []) + [flag for flag in flags if flag != "--debug"]
    _prepare()
    try:
        code = cli.main(args=[*flags, *rest] or ["--help"], prog_name="brushwork", standalone_mode=False, obj=arguments)
        sys.stdout.flush()
        sys.exit(code if isinstance(code, int) else 0)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has closed the pipe
        sys.exit(1)
    except (Exception, KeyboardInterrupt) as error:
        _fail(error, debug, as_json)


def _as_file(argument: str) -> str:
    """Return a file's name so that it isn't taken for an option: "-1.jpg", if that is a file, as "./-1.jpg"."""
    named = argument.startswith("-") and "." in argument and os.path.lexists(argument)
    return f".{os.sep}{argument}" if named else argument


def _prepare() -> None:
    """Handle SIGTERM like Ctrl-C, and replace characters that the terminal's encoding lacks."""
    shutdown.install()
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")


def _fail(error: BaseException, debug: bool, as_json: bool) -> NoReturn:
    if debug:
        traceback.print_exception(error)
    message, code = _told(error)
    if as_json:
        facts: dict[str, Any] = {"error": message, "exit_code": code}
        if isinstance(error, SavedElsewhereError):
            facts["saved"] = str(error.path)
        click.echo(json.dumps(facts))
    else:
        click.echo(message if code in shutdown.CODES.values() else f"Error: {message}", err=True)
    sys.exit(code)


def _told(error: BaseException) -> tuple[str, int]:
    """Return the one-line message and the exit code."""
    if isinstance(error, Interrupted):
        return reason(error), shutdown.exit_code()
    # A signal during an import can surface as an error of that import.
    if isinstance(error, KeyboardInterrupt | click.Abort) or (
        shutdown.asked() and not isinstance(error, BrushworkError)
    ):
        return "stopped early", shutdown.exit_code()
    if isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx else "brushwork"
        return f"{' '.join(error.format_message().split()).rstrip('.')} (see {command} --help)", 2
    if isinstance(error, click.ClickException):
        return error.format_message(), error.exit_code
    return reason(error), error.exit_code if isinstance(error, BrushworkError) else 1
