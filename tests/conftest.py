import os
import signal

# One thread for each of the processes that share the tests, before torch is loaded; the command's tests start others.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # albumentations asks PyPI for news when it is imported

import hypothesis
import pytest
import torch

from brushwork.methods.microast import MicroASTNetwork
from brushwork.runtime.tensor_files import write_tensors

# Everybody tests the same examples; `HYPOTHESIS_PROFILE=explore pytest tests/property` looks for new ones.
hypothesis.settings.register_profile("fixed", derandomize=True)
hypothesis.settings.register_profile("explore", max_examples=400)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))

# A shell's background job inherits that Ctrl-C is ignored, and so would the commands that tests send it to.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def seed() -> None:
    """Every test draws the same random numbers, alone or among others."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def microast(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model of MicroAST, whose weights don't come with brushwork."""
    path = tmp_path_factory.mktemp("models") / "microast.safetensors"
    with torch.random.fork_rng():
        write_tensors(path, MicroASTNetwork().state_dict(), {"model": "microast"})
    return str(path)
