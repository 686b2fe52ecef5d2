"""Convolutions in int8, calibrated on photographs."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
from skimage import data

from brushwork.errors import BrushworkError
from brushwork.image import Picture, fit_size, resize

__all__ = ["quantized"]

PHOTOS = ("astronaut", "chelsea", "coffee")  # in scikit-image
SIZE = 256  # their longer side


def quantized(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model of one style with convolutions in int8, and with ranges of features seen in photographs.

    Raises:
        BrushworkError: onnxruntime isn't installed.
    """
    try:
        from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
    except ImportError as error:
        raise BrushworkError("int8 needs onnxruntime: pip install 'brushwork[onnx]'") from error

    class Photos(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.rest = _photos()

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self.rest, None)

    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "int8.onnx"
        with _quiet():
            quantize_static(
                model, result, Photos(), quant_format=QuantFormat.QDQ, per_channel=True, op_types_to_quantize=["Conv"]
            )
        return onnx.load(result)


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out onnxruntime's advice to simplify the graph first, which `brushwork.onnx.tracing` has done."""
    root, nothing = logging.getLogger(), lambda _: False
    root.addFilter(nothing)
    try:
        yield
    finally:
        root.removeFilter(nothing)


def _photos() -> Iterator[dict[str, np.ndarray]]:
    for name in PHOTOS:
        pixels = Picture.from_numpy(getattr(data, name)()).pixels
        yield {"photo": resize(pixels, fit_size((pixels.shape[3], pixels.shape[2]), SIZE)).numpy()}
