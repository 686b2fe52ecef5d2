"""Neural style transfer: every classic of the field behind one API, offline right after install.

>>> from brushwork import Gatys, stylize
>>> result = stylize("photo.jpg", "painting.jpg", Gatys(steps=200))  # doctest: +SKIP
>>> result.save("result.png")  # doctest: +SKIP

The public names are in `__init__.pyi`. They are loaded when they are first used, so that the command's help doesn't
wait for torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
