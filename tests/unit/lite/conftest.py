"""A network of the second architecture."""

from __future__ import annotations

import pytest
from wide_network import write_wide_network


@pytest.fixture(scope="session")
def second(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Its file."""
    path = tmp_path_factory.mktemp("model") / "second.safetensors"
    write_wide_network(path)
    return str(path)
