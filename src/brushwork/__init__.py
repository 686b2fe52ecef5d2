"""Neural style transfer: every classic of the field behind one API, offline right after install.

>>> from brushwork import Gatys, stylize
>>> result = stylize("photo.jpg", "painting.jpg", Gatys(steps=200))  # doctest: +SKIP
>>> write_image(result.picture, "result.png")  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from brushwork.errors import BrushworkError, Interrupted, PictureError, UsageError, WeightsError
from brushwork.progress import Progress, Step
from brushwork.settings import Gatys
from brushwork.version import __version__

if TYPE_CHECKING:
    from brushwork.checkpoints import Checkpoint
    from brushwork.features import FeatureExtractor, load_network
    from brushwork.image import Picture
    from brushwork.io import read_image, read_recipe, write_image
    from brushwork.methods import load
    from brushwork.replay import rerun
    from brushwork.styles import built_in_styles
    from brushwork.stylization import Result, encode_style, save_style, stylize

__all__ = [
    "BrushworkError",
    "Checkpoint",
    "FeatureExtractor",
    "Gatys",
    "Interrupted",
    "Picture",
    "PictureError",
    "Progress",
    "Result",
    "Step",
    "UsageError",
    "WeightsError",
    "__version__",
    "built_in_styles",
    "encode_style",
    "load",
    "load_network",
    "read_image",
    "read_recipe",
    "rerun",
    "save_style",
    "stylize",
    "write_image",
]

# Loaded when first used, so that the command's help doesn't wait for torch.
_LATER = {
    "Checkpoint": "checkpoints",
    "FeatureExtractor": "features",
    "Picture": "image",
    "Result": "stylization",
    "built_in_styles": "styles",
    "encode_style": "stylization",
    "load": "methods",
    "load_network": "features",
    "read_image": "io",
    "read_recipe": "io",
    "rerun": "replay",
    "save_style": "stylization",
    "stylize": "stylization",
    "write_image": "io",
}


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'brushwork' has no attribute {name!r}")
    return getattr(importlib.import_module(f"brushwork.{_LATER[name]}"), name)
