from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys

import pytest

import brushwork

MODULES = [
    module.name for module in pkgutil.walk_packages(brushwork.__path__, "brushwork.") if "__main__" not in module.name
]


@pytest.mark.parametrize("name", brushwork.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(brushwork, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert inspect.getdoc(value)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="brushwork attribute paint"):
        _ = brushwork.paint


@pytest.mark.parametrize("module", MODULES)
def test_every_module_says_what_it_is_and_what_it_offers(module: str) -> None:
    loaded = importlib.import_module(module)
    assert loaded.__doc__
    for name in getattr(loaded, "__all__", ()):
        assert hasattr(loaded, name)


@pytest.mark.parametrize(
    "module",
    [
        "brushwork",
        "brushwork.options.methods",
        "brushwork.styles.references",
        "brushwork.cli.main",
        "brushwork.studio.server",
    ],
)
def test_these_import_no_torch(module: str) -> None:
    program = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
