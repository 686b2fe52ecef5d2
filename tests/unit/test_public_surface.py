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


def test_the_public_names() -> None:
    """Whoever changes this list changes what users build on: say it in CHANGELOG.md."""
    assert sorted(brushwork.__all__) == [
        "AdaIN", "AdaINLite", "BrushworkError", "Checkpoint", "ConditionalInstanceNorm", "FeatureExtractor", "Gatys",
        "Interrupted", "Johnson", "Keyframe", "LibraryStyle", "MicroAST", "Picture", "PictureError", "Progress",
        "Recipe", "Regions", "Result", "Step", "TextureNets", "TrainAdaIN", "TrainAdaINLite", "TrainConditional",
        "TrainJohnson", "TrainTextureNets", "Trained", "UsageError", "WeightsError", "__version__", "add_style",
        "encode_style", "interpolate", "list_styles", "load", "load_network", "read_image", "read_recipe",
        "remove_style", "rerun", "save_style", "save_styles", "stylize", "stylize_file", "stylize_video",
        "synthesize", "train", "write_image",
    ]  # fmt: skip


@pytest.mark.parametrize("name", brushwork.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(brushwork, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert inspect.getdoc(value)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'brushwork' has no attribute 'paint'"):
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
        "brushwork.studio.ui.page",
    ],
)
def test_these_import_no_torch(module: str) -> None:
    program = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
