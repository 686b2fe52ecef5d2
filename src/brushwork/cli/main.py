"""The entry point: one line for the user's mistakes, an exit code, a traceback only with --debug."""

from __future__ import annotations

import os
import sys
import traceback
from typing import NoReturn

import rich_click as click

from brushwork.cli import commands
from brushwork.cli.weights import weights
from brushwork.errors import BrushworkError
from brushwork.version import __version__

__all__ = ["cli", "main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="brushwork")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def cli(debug: bool) -> None:
    """Neural style transfer: the content of one picture in the style of another.

    Start with: brushwork stylize photo.jpg --style painting.jpg
    """


for command in (commands.stylize, commands.rerun, commands.methods, commands.doctor, weights):
    cli.add_command(command)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command and leave with its exit code: 0, 1 failed, 2 usage, 130 interrupted."""
    arguments = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in arguments
    # --debug may stand anywhere in the line.
    arguments = (["--debug"] if debug else []) + [argument for argument in arguments if argument != "--debug"]
    try:
        code = cli.main(args=arguments, prog_name="brushwork", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        _fail("stopped", 130, debug)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has gone: nothing left to say
        sys.exit(0)
    except BrushworkError as error:
        _fail(str(error), error.exit_code, debug)
    except MemoryError:
        _fail("out of memory; try a smaller --size", 1, debug)
    except Exception as error:
        _fail(f"{type(error).__name__}: {error}; this is a bug, please report it with --debug", 1, debug)


def _fail(message: str, code: int, debug: bool) -> NoReturn:
    if debug:
        traceback.print_exc()
    click.echo(f"Error: {message}", err=True)
    sys.exit(code)
