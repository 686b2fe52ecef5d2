"""Neural style transfer: every classic of the field behind one API, offline right after install.

>>> from brushwork import Gatys, stylize
>>> result = stylize("photo.jpg", "painting.jpg", Gatys(steps=200))  # doctest: +SKIP
>>> result.save("result.png")  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from brushwork.errors import (
    BrushworkError,
    Interrupted,
    PictureError,
    SavedElsewhereError,
    UsageError,
    WeightsError,
)
from brushwork.progress import Progress, Step
from brushwork.recipe import Recipe
from brushwork.settings import AdaIN, AdaINLite, ConditionalInstanceNorm, Gatys, Johnson, MicroAST, TextureNets
from brushwork.training_settings import (
    TrainAdaIN,
    TrainAdaINLite,
    TrainConditional,
    TrainJohnson,
    TrainTextureNets,
)
from brushwork.version import __version__

if TYPE_CHECKING:
    from brushwork.checkpoints import Checkpoint
    from brushwork.features import FeatureExtractor, load_network
    from brushwork.guidance import Regions
    from brushwork.image import Picture
    from brushwork.interpolation import interpolate
    from brushwork.io import read_image, read_recipe, write_image
    from brushwork.library import LibraryStyle, add_style, list_styles, remove_style
    from brushwork.methods import load
    from brushwork.replay import rerun
    from brushwork.streaming import stylize_file
    from brushwork.style_values import encode_style, save_style, save_styles
    from brushwork.stylization import Result, stylize
    from brushwork.synthesis import synthesize
    from brushwork.training_runs import Trained, train
    from brushwork.video import Keyframe, stylize_video

__all__ = [
    "AdaIN",
    "AdaINLite",
    "BrushworkError",
    "Checkpoint",
    "ConditionalInstanceNorm",
    "FeatureExtractor",
    "Gatys",
    "Interrupted",
    "Johnson",
    "Keyframe",
    "LibraryStyle",
    "MicroAST",
    "Picture",
    "PictureError",
    "Progress",
    "Recipe",
    "Regions",
    "Result",
    "SavedElsewhereError",
    "Step",
    "TextureNets",
    "TrainAdaIN",
    "TrainAdaINLite",
    "TrainConditional",
    "TrainJohnson",
    "TrainTextureNets",
    "Trained",
    "UsageError",
    "WeightsError",
    "__version__",
    "add_style",
    "encode_style",
    "interpolate",
    "list_styles",
    "load",
    "load_network",
    "read_image",
    "read_recipe",
    "remove_style",
    "rerun",
    "save_style",
    "save_styles",
    "stylize",
    "stylize_file",
    "stylize_video",
    "synthesize",
    "train",
    "write_image",
]

# Loaded when first used, so that the command's help doesn't wait for torch.
_LATER = {
    "Checkpoint": "checkpoints",
    "FeatureExtractor": "features",
    "Keyframe": "video",
    "LibraryStyle": "library",
    "Picture": "image",
    "Regions": "guidance",
    "Result": "stylization",
    "Trained": "training_runs",
    "add_style": "library",
    "encode_style": "style_values",
    "interpolate": "interpolation",
    "list_styles": "library",
    "load": "methods",
    "load_network": "features",
    "read_image": "io",
    "read_recipe": "io",
    "remove_style": "library",
    "rerun": "replay",
    "save_style": "style_values",
    "save_styles": "style_values",
    "stylize": "stylization",
    "stylize_file": "streaming",
    "stylize_video": "video",
    "synthesize": "synthesis",
    "train": "training_runs",
    "write_image": "io",
}


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'brushwork' has no attribute {name!r}")
    return getattr(importlib.import_module(f"brushwork.{_LATER[name]}"), name)
