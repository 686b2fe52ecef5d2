"""StyleAugment: pictures of a data set in random styles, in the manner of torchvision's and kornia's transforms.

Source: Jackson et al. 2019, "Style Augmentation: Data Augmentation via Style Randomization", arXiv:1809.05375: styles
    are drawn from a Gaussian over the codes of paintings, and mixed with the picture's own code.
Differs: AdaIN-lite's network and codes; a random share of the picture itself (`strength`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from brushwork.api.style_encoding import encode_style
from brushwork.color import luma
from brushwork.errors import UsageError
from brushwork.methods import load
from brushwork.methods.adain_lite.batch import BatchPainter
from brushwork.methods.adain_lite.method import AdaINLiteStyleNetwork, LiteStyle, gaussian_codes
from brushwork.methods.adain_lite.network import MULTIPLE
from brushwork.methods.flat_pictures import CONTRASTY
from brushwork.methods.one_pass import OnePass
from brushwork.options.methods import AdaINLite
from brushwork.options.stylize import PICTURE_SUFFIXES
from brushwork.styles.built_in import built_in_styles
from brushwork.styles.sources import StyleSource

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["StyleAugment"]

Range: TypeAlias = float | tuple[float, float]
PAINTING_SIZE = 256  # longer side at which paintings are encoded, in pixels
BATCH_PIXELS = {"cpu": 8 * 256**2, "cuda": 64 * 256**2}  # pixels painted at once


class StyleAugment(nn.Module):
    """Paints pictures in random styles, each in its own; content and labels stay.

    It always applies, also in `eval` mode: leave it out of the transforms for validation. It has no parameters, and
    its state dict is empty. `.to("cuda")` moves it; pictures from elsewhere are moved there and back.

    Args:
        p: Probability that a picture is painted, for each picture of a batch.
        strength: Share of the painted pixels, the rest being the picture's; a number, or a range to draw from evenly.
        styles: "built-in" for the library's; a folder of paintings; a list of what `stylize` accepts as a style; or
            codes (N, 128), such as another transform's `codes`.
        mix: Share of the picture's own code in the style's; a number, or a range. 0 is cheaper.
        sampling: "gaussian" draws new styles from a Gaussian with the mean and covariance of the styles' codes;
            "choice" draws the styles themselves.
        same_on_batch: Whether all pictures of a batch are painted in one style, such as the frames of a film.
        precision: "float32", "bfloat16", or "auto" for the faster one here.

    Raises:
        UsageError: Values out of range, no such folder, or no pictures in it.
        PictureError: A painting can't be read.

    >>> augment = StyleAugment(p=1.0, strength=(0.5, 1.0))
    >>> augment(torch.rand(2, 3, 32, 32), generator=torch.Generator().manual_seed(0)).shape
    torch.Size([2, 3, 32, 32])
    """

    codes: Tensor

    def __init__(
        self,
        p: float = 0.5,
        strength: Range = 1.0,
        styles: str | os.PathLike[str] | Sequence[StyleSource] | Tensor = "built-in",
        mix: Range = 0.0,
        *,
        sampling: Literal["gaussian", "choice"] = "gaussian",
        same_on_batch: bool = False,
        precision: Literal["auto", "float32", "bfloat16"] = "auto",
    ) -> None:
        super().__init__()
        self.p = _in_unit("p", p)
        self.strength, self.mix = _range("strength", strength), _range("mix", mix)
        if sampling not in ("gaussian", "choice"):
            raise UsageError(f"sampling: expected gaussian or choice, got {sampling!r}")
        self.sampling, self.same_on_batch, self.precision = sampling, same_on_batch, precision
        self._cpu_precision = precision
        self._load(torch.device("cpu"))
        self.register_buffer("codes", self._encoded(styles), persistent=False)

    def forward(self, picture: Tensor | Image, *others: Any, generator: torch.Generator | None = None) -> Any:
        """Return the picture, or the batch, with some of it painted.

        Args:
            picture: A tensor (…, C, H, W) of one or three channels, of uint8 or floats in [0, 1], sRGB; or a Pillow
                image, of which size, mode and transparency stay (only palettes become RGB).
            others: Labels and the like, returned as they are: `image, label = augment(image, label)`.
            generator: Decides everything that is random; None for torch's own, which a DataLoader seeds in each of its
                workers. The same generator, pictures and machine give the same bytes.

        Returns:
            The same type, shape and dtype; with others, a tuple. The argument itself if nothing is painted.

        Raises:
            UsageError: Another type, shape or range.
        """
        painted = self._tensor(picture, generator) if isinstance(picture, Tensor) else self._image(picture, generator)
        return (painted, *others) if others else painted

    def extra_repr(self) -> str:
        """Return the settings, for `repr`."""
        return f"p={self.p}, strength={self.strength}, mix={self.mix}, {self.sampling} of {len(self.codes)} styles"

    def draw_codes(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Return random styles, (count, 128), without the share of a picture's own code."""
        if self.sampling == "choice":
            device = None if generator is None else generator.device
            chosen = torch.randint(len(self.codes), (count,), generator=generator, device=device)
            return self.codes[chosen.to(self.codes.device)].float()
        return gaussian_codes(self.codes.float(), count, generator)

    def __getstate__(self) -> dict[str, Any]:
        """Return everything but the network, which a worker process that isn't forked loads itself."""
        return {name: value for name, value in self.__dict__.items() if name not in ("_method", "_painter")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        self._load(self.codes.device)

    def _image(self, image: Any, generator: torch.Generator | None) -> Any:
        """Augment a Pillow image."""
        from PIL import Image

        if not isinstance(image, Image.Image):
            kind = type(image).__name__
            mend = "; convert it with torch.from_numpy(x).movedim(-1, -3)" if kind == "ndarray" else ""
            raise UsageError(f"expected a tensor (…, C, H, W) or a Pillow image, got a {kind}{mend}")
        if image.mode in ("I", "F") or image.mode.startswith("I;"):
            raise UsageError(f"Pillow mode {image.mode} has no standard range; convert the image to RGB first")
        pixels = torch.from_numpy(np.array(image.convert("RGB"))).movedim(2, 0)
        painted = self._tensor(pixels, generator)
        if painted is pixels:
            return image
        result = Image.fromarray(painted.movedim(0, 2).contiguous().numpy())
        if image.has_transparency_data:
            result.putalpha(image.convert("RGBA").getchannel("A"))
        return result if image.mode in (result.mode, "1", "P") else result.convert(image.mode)

    @torch.no_grad()
    def _tensor(self, pictures: Tensor, generator: torch.Generator | None) -> Tensor:
        """Augment pictures (…, C, H, W)."""
        _check(pictures)
        count = pictures.shape[:-3].numel()
        draws = 1 if self.same_on_batch else count
        device = None if generator is None else generator.device
        # Everything is drawn for every picture, so that p doesn't change the styles of those that are painted.
        chance, strength, mix = torch.rand(3, draws, generator=generator, device=device).cpu()
        codes = self.draw_codes(draws, generator).expand(count, -1)
        strength, mix = (_within(*pair).expand(count) for pair in ((strength, self.strength), (mix, self.mix)))
        chosen = torch.nonzero((chance < self.p) & (strength > 0))[:, 0]
        if not len(chosen):
            return pictures
        flat = pictures.reshape(count, *pictures.shape[-3:])
        pixels = flat[chosen.to(flat.device)].to(self.codes.device)
        pixels = (pixels / 255 if pixels.dtype == torch.uint8 else pixels.float()).expand(-1, 3, -1, -1)
        shares = (x[chosen].to(pixels.device) for x in (strength, mix))
        painted = self._painted(pixels, codes[chosen.to(codes.device)], *shares)
        painted = luma(painted) if flat.shape[1] == 1 else painted
        painted = (painted * 255).round() if flat.dtype == torch.uint8 else painted
        result = flat.clone()
        result[chosen.to(flat.device)] = painted.to(flat)
        return result.view(pictures.shape)

    def _painted(self, pixels: Tensor, codes: Tensor, strength: Tensor, mix: Tensor) -> Tensor:
        """Paint pictures (B, 3, H, W) in [0, 1] with codes (B, 128), strength and mix (B,), some at once."""
        if self._method.device != pixels.device:
            self._load(pixels.device)
        most = max(1, BATCH_PIXELS.get(pixels.device.type, BATCH_PIXELS["cpu"]) // (pixels.shape[2] * pixels.shape[3]))
        parts = zip(*(torch.split(x, most) for x in (pixels, codes, strength, mix)), strict=True)
        with torch.autocast(pixels.device.type, enabled=False):
            return torch.cat([self._batch(*part) for part in parts])

    def _batch(self, pixels: Tensor, codes: Tensor, strength: Tensor, mix: Tensor) -> Tensor:
        height, width = pixels.shape[2:]
        padded = F.pad(pixels, (0, -width % MULTIPLE, 0, -height % MULTIPLE), mode="replicate")
        if mix.any():
            codes = torch.lerp(codes, self._painter.own_codes(padded), mix[:, None])
        painted = self._painter(padded, codes)[:, :, :height, :width].clamp(0, 1)
        contrast = pixels.flatten(2).var(2, correction=0).mean(1).sqrt()
        for k in torch.nonzero(contrast < CONTRASTY)[:, 0].tolist():  # rare: white pages, black frames
            painted[k] = self._method(pixels[k : k + 1].cpu(), LiteStyle(codes[k]))[0].to(painted)
        return torch.lerp(pixels, painted, strength[:, None, None, None])

    def _load(self, device: torch.device) -> None:
        """Load the network on the device of the pictures."""
        cpu = device.type == "cpu"
        method = load(AdaINLite(precision=self._cpu_precision if cpu else self.precision), device)
        assert isinstance(method, OnePass)
        assert isinstance(method.network, AdaINLiteStyleNetwork)
        if cpu:  # "auto" measures it, and another process must not come to another conclusion
            self._cpu_precision = "bfloat16" if method.network.dtype == torch.bfloat16 else "float32"
        self._method, self._painter = method, BatchPainter(method.network)

    def _encoded(self, styles: object) -> Tensor:
        """Return the codes (N, 128) of styles."""
        if isinstance(styles, Tensor):
            width = self._method.network.neutral_style().code.shape[0]
            if styles.ndim != 2 or not len(styles) or styles.shape[1] != width or not styles.is_floating_point():
                raise UsageError(f"styles: expected codes (N, {width}), got {styles.dtype} {tuple(styles.shape)}")
            if not styles.isfinite().all():
                raise UsageError("styles: the codes contain NaN or infinity; encode the styles again")
            return styles.detach().float().cpu().clone()
        sources: Sequence[Any]
        if isinstance(styles, str) and styles == "built-in":
            sources = list(built_in_styles().values())  # not the names, which the user may have given to other styles
        elif isinstance(styles, str | os.PathLike):
            sources = _paintings(Path(styles))
        elif isinstance(styles, Sequence) and len(styles):
            sources = styles
        else:
            raise UsageError(f"styles: expected built-in, a folder, a list of styles, or codes, got {styles!r}")
        return torch.stack([encode_style(self._method, source, [PAINTING_SIZE]).code.cpu() for source in sources])


def _paintings(folder: Path) -> list[Path]:
    """Return the pictures of a folder and its subfolders."""
    if not folder.is_dir():
        raise UsageError(f"styles: {folder} is not a folder; pass a folder of paintings, a list of them, or built-in")
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES)
    if not found:
        raise UsageError(f"styles: {folder} contains no pictures ({', '.join(sorted(PICTURE_SUFFIXES))})")
    return found


def _in_unit(name: str, value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        raise UsageError(f"{name}: expected a number from 0 to 1, got {value!r}")
    return float(value)


def _range(name: str, value: object) -> tuple[float, float]:
    """Return the lowest and the highest value."""
    if not isinstance(value, tuple | list):
        return (_in_unit(name, value),) * 2
    if len(value) != 2:
        raise UsageError(f"{name}: expected a number, or a pair of the lowest and the highest, got {value!r}")
    low, high = (_in_unit(name, number) for number in value)
    if low > high:
        raise UsageError(f"{name}: expected the lowest value first, got {value!r}")
    return low, high


def _within(share: Tensor, limits: tuple[float, float]) -> Tensor:
    """Map numbers in [0, 1) to a range."""
    low, high = limits
    return low + (high - low) * share


def _check(pictures: Tensor) -> None:
    """Raise UsageError unless these are pictures (…, C, H, W)."""
    shape = tuple(pictures.shape)
    if pictures.ndim < 3 or shape[-3] not in (1, 3):
        mend = "; move the channels first with x.movedim(-1, -3)" if pictures.ndim >= 3 and shape[-1] in (1, 3) else ""
        raise UsageError(f"expected pictures (…, C, H, W) with one or three channels, got {shape}{mend}")
    if 0 in shape[-2:]:
        raise UsageError(f"expected pictures with at least one pixel, got {shape}")
    if pictures.dtype == torch.uint8 or not pictures.numel():
        return
    if not pictures.is_floating_point():
        raise UsageError(f"expected uint8 or floats in [0, 1], got {pictures.dtype}; convert with x.to(torch.uint8)")
    low, high = (float(x) for x in pictures.detach().aminmax())
    if not (low >= 0 and high <= 1):  # also if one of them is NaN
        raise UsageError(f"expected floats in [0, 1], got [{low:.4g}, {high:.4g}]; augment before you normalize")
