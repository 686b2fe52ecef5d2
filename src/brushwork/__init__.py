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
from brushwork.options.methods import AdaIN, AdaINLite, ConditionalInstanceNorm, Gatys, Johnson, MicroAST, TextureNets
from brushwork.options.training import (
    TrainAdaIN,
    TrainAdaINLite,
    TrainConditional,
    TrainJohnson,
    TrainTextureNets,
)
from brushwork.runtime.progress import Progress, Step
from brushwork.runtime.provenance import Recipe
from brushwork.version import __version__

if TYPE_CHECKING:
    from brushwork.api.interpolate import interpolate
    from brushwork.api.rerun import rerun
    from brushwork.api.style_encoding import encode_style, save_style, save_styles
    from brushwork.api.stylize import Result, stylize
    from brushwork.api.stylize_file import stylize_file
    from brushwork.api.synthesize import synthesize
    from brushwork.api.train import Trained, train
    from brushwork.image import Picture
    from brushwork.io import read_image, read_recipe, write_image
    from brushwork.methods import load
    from brushwork.nn import FeatureExtractor, load_network
    from brushwork.runtime.checkpoints import Checkpoint
    from brushwork.styles.library import LibraryStyle, add_style, list_styles, remove_style
    from brushwork.styles.regions import Regions
    from brushwork.video.stylize_video import Keyframe, stylize_video

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
    "Checkpoint": "runtime.checkpoints",
    "FeatureExtractor": "nn",
    "Keyframe": "video.stylize_video",
    "LibraryStyle": "styles.library",
    "Picture": "image",
    "Regions": "styles.regions",
    "Result": "api.stylize",
    "Trained": "api.train",
    "add_style": "styles.library",
    "encode_style": "api.style_encoding",
    "interpolate": "api.interpolate",
    "list_styles": "styles.library",
    "load": "methods",
    "load_network": "nn",
    "read_image": "io",
    "read_recipe": "io",
    "remove_style": "styles.library",
    "rerun": "api.rerun",
    "save_style": "api.style_encoding",
    "save_styles": "api.style_encoding",
    "stylize": "api.stylize",
    "stylize_file": "api.stylize_file",
    "stylize_video": "video.stylize_video",
    "synthesize": "api.synthesize",
    "train": "api.train",
    "write_image": "io",
}


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'brushwork' has no attribute {name!r}")
    return getattr(importlib.import_module(f"brushwork.{_LATER[name]}"), name)
