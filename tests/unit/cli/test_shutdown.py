"""Ctrl-C where an exception would be lost, or abort the process, takes effect soon after."""

import signal
import time
from collections.abc import Iterator
from functools import partial

import pytest

from brushwork.cli import shutdown


@pytest.fixture(autouse=True)
def _handlers_kept() -> Iterator[None]:
    handlers = {number: signal.getsignal(number) for number in shutdown.CODES}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def press_in(package: str, function: str, whole: list[str]) -> None:
    """Press Ctrl-C in a function of a package, and then work for a while; `whole` gets the functions that ended."""
    code = compile("press()\nwhole.append(function)", f"{package}.py", "exec").replace(co_name=function)
    press = partial(signal.raise_signal, signal.SIGINT)
    exec(code, {"__name__": package, "press": press, "whole": whole, "function": function})
    time.sleep(10)
    whole.append("work")


@pytest.mark.parametrize(
    ("package", "function", "interrupted"),
    [
        ("torch", "<module>", False),
        ("torch.nn", "<module>", False),
        ("torch.nn", "forward", True),
        ("pyvips", "_log_handler_callback", False),
        ("brushwork.api", "<module>", True),
    ],
)
def test_what_cannot_be_interrupted_is_stopped_at_its_end(package: str, function: str, interrupted: bool) -> None:
    shutdown.install()
    whole = list[str]()
    with pytest.raises(KeyboardInterrupt):
        press_in(package, function, whole)
    assert whole == ([] if interrupted else [function])
    assert shutdown.asked()
