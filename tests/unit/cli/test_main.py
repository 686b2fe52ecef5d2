"""Exit codes, one line per mistake, JSON errors, a start without torch, pipes and signals."""

from __future__ import annotations

import inspect
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from brushwork.cli import methods as command
from brushwork.cli.main import COMMANDS, load_command
from brushwork.errors import BrushworkError, Interrupted, PictureError, UsageError
from brushwork.version import __version__

Run = Callable[..., object]
STOPPED = {  # Python may end itself by the signal; a shell has the same number for both
    signal.SIGINT: (130, -signal.SIGINT),
    signal.SIGTERM: (143, -signal.SIGTERM),
}
SLOW = {
    "torch", "numpy", "pyvips", "PIL", "safetensors", "skimage", "cv2", "av", "fastapi", "httpx",
    "lightning_fabric", "psutil",
}  # fmt: skip


def start(*arguments: str, **options: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "brushwork", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, **options)  # type: ignore[call-overload]


def test_version_and_help(run: Run) -> None:
    assert __version__ in run("--version").out
    for arguments in ([], ["--help"], ["-h"]):
        outcome = run(*arguments)
        assert outcome.code == 0
        assert "stylize" in outcome.out


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_tells_of_each_command_what_its_own_help_tells_first(name: str) -> None:
    first = inspect.cleandoc(load_command(name).help or "").split("\n\n")[0]
    assert COMMANDS[name][1] == " ".join(first.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_no_help_shows_its_own_markup(name: str) -> None:
    assert "\\b" not in (load_command(name).help or "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["stylize", "--help"],
        ["methods"],
        ["stylize", "photo.png", "--style", "wave.jpg", "--bogus"],
        ["stylize", "photo.png", "--style", "nothere.jpg"],
        ["stylize", "photo.png", "--style", "wave.jpg", "--method", "gatys", "--steps", "0"],
        ["stylize", "photo.png", "--style", "wave.jpg", "--method", "bogus"],
        ["stylize", "photo.png", "--style", "wave.jpg", "-o", "photo.png"],
    ],
)
def test_help_and_mistakes_wait_for_nothing_slow(arguments: list[str], here: Path) -> None:
    program = (
        "import sys\nfrom brushwork.cli.main import main\n"
        f"try: main({arguments!r})\n"
        f"finally: print(sorted(sys.modules.keys() & {SLOW!r}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("error", "code"),
    [(UsageError("wrong"), 2), (PictureError("wrong"), 1), (BrushworkError("wrong"), 1), (Interrupted("wrong"), 130)],
)
def test_each_error_is_one_line_and_its_exit_code(
    error: Exception, code: int, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    for name in ("options_in_words", "method_lines"):
        monkeypatch.setattr(command, name, fail)
    outcome = run("methods")
    assert outcome.code == code
    assert outcome.err.removeprefix("Error: ") == "wrong\n"
    assert "Traceback" in run("methods", "--debug").err
    assert run("methods", "--json").objects == [{"error": "wrong", "exit_code": code}]


def test_what_nobody_foresaw_is_one_line_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for error, words in ((ValueError("two\nlines"), "this is a bug"), (MemoryError(), "smaller --size")):

        def fail(*_: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(command, "method_lines", fail)
        outcome = run("methods")
        assert outcome.code == 1
        assert words in outcome.err
        assert outcome.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["frob"], "'frob'"),
        (["stylize"], "PHOTO"),
        (["stylize", "photo.png", "--style", "wave.jpg", "--bogus"], "--bogus"),
        (["stylize", "photo.png", "--style", "wave.jpg", "--size", "²"], "'²'"),
        (["stylize", "photo.png", "--style", "wave.jpg", "--method", "gatys", "--steps", "many"], "'many'"),
        (["stylize", "photo.png", "--style", "wave.jpg", "--loss", "none"], "'normalized', 'paper'"),
        (["stylize", "photo.png", "--style", "wave.jpg", "--style-layer-weights", "1,b"], "'1,b'"),
    ],
)
def test_usage_errors_name_what_is_wrong_in_one_line(arguments: list[str], words: str, run: Run, here: Path) -> None:
    outcome = run(*arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err.count("\n") == 1
    assert words in outcome.err
    assert "--help" in outcome.err


def test_debug_and_json_behind_two_dashes_are_names_of_photos(run: Run, here: Path) -> None:
    outcome = run("stylize", "--style", "nothere.jpg", "--", "--json", "--debug")
    assert outcome.out == ""
    assert outcome.err.startswith("Error: style 'nothere.jpg'")


def test_a_reader_that_leaves_early_hears_no_complaint() -> None:
    program = f"{sys.executable} -m brushwork methods | true"
    for _ in range(2):
        done = subprocess.run(program, shell=True, capture_output=True, text=True, check=False)
        assert done.stderr == ""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_the_midst_it_writes_the_best_so_far(sent: signal.Signals, run: Run, here: Path) -> None:
    preview = here / "preview.png"
    options = ["--method", "gatys", "--steps", "1000000", "--preview", str(preview), "-o", "out.png", "--json"]
    process = start("stylize", "photo.png", "--style", "wave.jpg", *options, cwd=here)
    while not preview.exists() and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(sent)
    out, err = process.communicate(timeout=300)
    assert process.returncode in STOPPED[sent]
    assert err == ""
    assert "out.png" in json.loads(out)["error"]
    assert "stopped early" in run("rerun", "out.png").err


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("delay", [0.05, 0.1, 0.4, 1.4])
def test_stopped_while_it_loads_it_says_one_line(delay: float, here: Path) -> None:
    line = ["brushwork", "stylize", "photo.png", "--style", "wave.jpg", "--method", "gatys", "--steps", "1000000"]
    program = f"import sys; from brushwork.__main__ import main\nsys.argv = {line}; print('begun', flush=True); main()"
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=here
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=300)
    assert process.returncode in STOPPED[signal.SIGINT]
    assert "Traceback" not in err
    assert "stopped early" in err
