import signal

import pytest
import torch

# A shell's background job inherits that Ctrl-C is ignored, and so would the commands that tests send it to.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def seed() -> None:
    """Every test draws the same random numbers, alone or among others."""
    torch.manual_seed(0)
