"""The nodes. Pictures are ComfyUI's: IMAGE (B, H, W, C) float32 in [0, 1], C 3 or 4; MASK (B, H, W)."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

import brushwork
from brushwork import FilmOptions, Picture, Progress, UsageError

try:
    from comfy.model_management import throw_exception_if_processing_interrupted
    from comfy.utils import ProgressBar
except ImportError:  # outside of ComfyUI, as in tests
    ProgressBar = None

Inputs: TypeAlias = dict[str, dict[str, tuple[Any, ...]]]

STYLE = "BRUSHWORK_STYLE"
PAINTING = "(the painting)"
FINISHES = ["draft", "good", "best"]
COLORS = ["of the painting", "luminance", "cholesky", "histogram"]


@dataclass(frozen=True, eq=False)
class Style:
    """What flows between nodes as BRUSHWORK_STYLE.

    Args:
        parts: Paintings or names of styles, with their weights.
        masks: Where each part applies, (B, H, W) in [0, 1], one per part; empty: a blend, everywhere.
    """

    parts: tuple[tuple[str | Picture, float], ...]
    masks: tuple[Tensor, ...] = ()


def pictures(images: Tensor) -> list[Picture]:
    """Return the pictures of an IMAGE; a fourth channel is alpha."""
    planes = images.detach().cpu().float().movedim(-1, 1).clamp(0, 1).contiguous()
    return [Picture(plane[None, :3], plane[None, 3:4] if len(plane) == 4 else None) for plane in planes]


def images(painted: list[Picture]) -> Tensor:
    """Return pictures of one size as an IMAGE."""
    planes = [torch.cat([p.pixels] if p.alpha is None else [p.pixels, p.alpha], 1) for p in painted]
    return torch.cat([plane.cpu() for plane in planes]).movedim(1, -1).contiguous()


@contextmanager
def outside_inference_mode() -> Iterator[None]:
    """Allow gradients, which Gatys' method needs: ComfyUI runs its nodes in inference mode."""
    with torch.inference_mode(False), torch.enable_grad():
        yield


@functools.lru_cache(maxsize=2)
def _loaded(settings: Any) -> Any:
    return brushwork.load(settings, "auto")


def _progress(count: int) -> Callable[[int], Progress]:
    """Return a function from a picture's index to what shows its progress, and stops it when the user asks to."""
    bar = None if ProgressBar is None else ProgressBar(1000 * count)

    def of(index: int) -> Progress:
        def show(step: Any) -> None:
            if bar is not None:
                throw_exception_if_processing_interrupted()
                bar.update_absolute(round(1000 * (index + step.step / max(1, step.steps))))

        return show

    return of


def _number(value: float, low: float, high: float, tooltip: str) -> tuple[str, dict[str, Any]]:
    return "FLOAT", {"default": value, "min": low, "max": high, "step": 0.05, "tooltip": tooltip}


FINISH = (FINISHES, {"tooltip": "draft: a moment; good: seconds; best: a minute"})
STRENGTH = _number(1.0, 0.0, 1.0, "0 is the photo")
STROKE_SIZE = _number(1.0, 0.5, 2.0, "smaller is finer")


class EncodeStyle:
    """A built-in style, or paintings, as a style for the other nodes."""

    DESCRIPTION = "A built-in style, or a painting; several paintings in a batch are blended equally."
    CATEGORY, FUNCTION, RETURN_TYPES, RETURN_NAMES = "brushwork", "encode", (STYLE,), ("style",)

    @classmethod
    def INPUT_TYPES(cls) -> Inputs:  # noqa: N802 - ComfyUI's name
        """Return the inputs."""
        return {"required": {"name": ([PAINTING, *brushwork.list_styles()],)}, "optional": {"painting": ("IMAGE",)}}

    def encode(self, name: str, painting: Tensor | None = None) -> tuple[Style]:
        """Return the style."""
        if name != PAINTING:
            return (Style(((name, 1.0),)),)
        if painting is None:
            raise UsageError("connect a painting, or choose a built-in style")
        with outside_inference_mode():  # so that the pixels are ordinary tensors
            return (Style(tuple((picture, 1.0) for picture in pictures(painting.clone()))),)


class BlendStyles:
    """A style between two."""

    DESCRIPTION = "A style between two; chain the node for more."
    CATEGORY, FUNCTION, RETURN_TYPES, RETURN_NAMES = "brushwork", "blend", (STYLE,), ("style",)

    @classmethod
    def INPUT_TYPES(cls) -> Inputs:  # noqa: N802
        """Return the inputs."""
        share = _number(0.5, 0.0, 1.0, "0 is the first style, 1 the second")
        return {"required": {"first": (STYLE,), "second": (STYLE,), "share": share}}

    def blend(self, first: Style, second: Style, share: float) -> tuple[Style]:
        """Return the blend."""
        if first.masks or second.masks:
            raise UsageError("blend styles before they are masked; a region takes one style")
        pairs = ((first, 1 - share), (second, share))
        parts = [
            (source, of_all * weight / sum(weight for _, weight in style.parts))
            for style, of_all in pairs
            for source, weight in style.parts
        ]
        return (Style(tuple((source, weight) for source, weight in parts if weight)),)


class MaskStyle:
    """A style where a mask says, and another style or the photo elsewhere."""

    DESCRIPTION = "A style where the mask is white; elsewhere another style, masked or not, or the photo."
    CATEGORY, FUNCTION, RETURN_TYPES, RETURN_NAMES = "brushwork", "mask_style", (STYLE,), ("style",)

    @classmethod
    def INPUT_TYPES(cls) -> Inputs:  # noqa: N802
        """Return the inputs."""
        return {"required": {"style": (STYLE,), "mask": ("MASK",)}, "optional": {"elsewhere": (STYLE,)}}

    def mask_style(self, style: Style, mask: Tensor, elsewhere: Style | None = None) -> tuple[Style]:
        """Return the styles with their masks."""
        for part in (style, elsewhere):
            if part is not None and not part.masks and len(part.parts) > 1:
                raise UsageError("a region takes one style, not a blend")
        if style.masks:
            raise UsageError("this style is masked already; connect it to elsewhere")
        mask = (mask[None] if mask.dim() == 2 else mask).detach().cpu().float().clamp(0, 1)
        if elsewhere is None:
            return (Style(style.parts, (mask,)),)
        left = [_fitted(below, mask) * (1 - mask) for below in elsewhere.masks] or [1 - mask]
        return (Style((*elsewhere.parts, *style.parts), (*left, mask)),)


def _fitted(mask: Tensor, other: Tensor) -> Tensor:
    """Return a mask at the size of another."""
    return F.interpolate(mask[:, None], other.shape[1:], mode="bilinear", antialias=True)[:, 0]


class Stylize:
    """Pictures in a style, each on its own."""

    DESCRIPTION = "Each picture on its own; for the frames of a video, Stylize Batch doesn't flicker."
    CATEGORY, FUNCTION, RETURN_TYPES = "brushwork", "stylize", ("IMAGE",)

    @classmethod
    def INPUT_TYPES(cls) -> Inputs:  # noqa: N802
        """Return the inputs."""
        required = {"image": ("IMAGE",), "style": (STYLE,), "finish": FINISH, "strength": STRENGTH,
                    "stroke_size": STROKE_SIZE, "colors": (COLORS,)}  # fmt: skip
        return {"required": required}

    def stylize(
        self, image: Tensor, style: Style, finish: str, strength: float, stroke_size: float, colors: str
    ) -> tuple[Tensor]:
        """Return the painted pictures, of the same size."""
        with outside_inference_mode():
            method = _loaded(brushwork.preset_options(finish, strength=strength, style_scale=stroke_size))
            options = brushwork.StylizeOptions(size=0)
            if colors != COLORS[0]:  # after, since built-in styles can't be recolored before
                options = replace(options, keep_color=colors, keep_color_when="after")
            photos = pictures(image.clone())
            progress = _progress(len(photos))
            painted = []
            for index, photo in enumerate(photos):
                masks = [mask[index % len(mask)].clone() for mask in style.masks]
                if masks and not any(mask.any() for mask in masks):
                    painted.append(photo)  # no style applies to this frame
                    continue
                planes = tuple(Picture(mask.expand(1, 3, -1, -1).contiguous()) for mask in masks)
                result = brushwork.stylize(
                    photo, list(style.parts), method, options=replace(options, masks=planes), progress=progress(index)
                )
                painted.append(result.picture)
            return (images(painted),)


class StylizeBatch:
    """The frames of a video in a style, without flicker."""

    DESCRIPTION = "Frames of a video in order: painted without flicker, as brushwork video does."
    CATEGORY, FUNCTION, RETURN_TYPES = "brushwork", "stylize", ("IMAGE",)

    @classmethod
    def INPUT_TYPES(cls) -> Inputs:  # noqa: N802
        """Return the inputs."""
        smoothing = _number(0.97, 0.0, 0.99, "draft: share of the previous frame, moved along; 0: none")
        keep = ("BOOLEAN", {"default": False})
        required = {"frames": ("IMAGE",), "style": (STYLE,), "finish": FINISH, "strength": STRENGTH,
                    "stroke_size": STROKE_SIZE, "smoothing": smoothing, "keep_color": keep}  # fmt: skip
        return {"required": required}

    def stylize(
        self, frames: Tensor, style: Style, finish: str, strength: float, stroke_size: float, smoothing: float,
        keep_color: bool,
    ) -> tuple[Tensor]:  # fmt: skip
        """Return the painted frames, of the same size."""
        if style.masks:
            raise UsageError("Stylize Batch takes one style or a blend; Stylize paints regions, frame by frame")
        with outside_inference_mode(), tempfile.TemporaryDirectory(prefix="brushwork-") as name:
            folder = Path(name)
            (folder / "frames").mkdir()
            for number, frame in enumerate(pictures(frames.clone()), 1):  # 16 bits, so that nothing is lost
                brushwork.write_image(frame, folder / "frames" / f"{number:05d}.png", depth=16)
            film = FilmOptions(size=0, smoothing=smoothing, keep_color=keep_color, depth=16)
            painted_in = list(style.parts)
            settings, film = brushwork.film_preset(
                finish, film, [painted_in], strength=strength, style_scale=stroke_size
            )
            brushwork.stylize_video(
                folder / "frames", painted_in, folder / "painted", settings, options=film,
                progress=_progress(1)(0),
            )  # fmt: skip
            files = sorted((folder / "painted").iterdir())
            return (images([brushwork.read_image(file) for file in files]),)


NODE_CLASS_MAPPINGS = {
    "BrushworkStylize": Stylize,
    "BrushworkStylizeBatch": StylizeBatch,
    "BrushworkEncodeStyle": EncodeStyle,
    "BrushworkBlendStyles": BlendStyles,
    "BrushworkMaskStyle": MaskStyle,
}
NODE_DISPLAY_NAME_MAPPINGS = {
    "BrushworkStylize": "Stylize (brushwork)",
    "BrushworkStylizeBatch": "Stylize Batch (brushwork)",
    "BrushworkEncodeStyle": "Encode Style (brushwork)",
    "BrushworkBlendStyles": "Blend Styles (brushwork)",
    "BrushworkMaskStyle": "Mask Style (brushwork)",
}
