"""All options of all methods on one page: one frozen dataclass per method, no torch.

The fields make the command's flags, the recipe kept with a result and the table of options in the docs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from brushwork.errors import UsageError
from brushwork.options.base import Checked, Option

__all__ = [
    "FILM_MODEL",
    "PRECISION",
    "STATISTICS",
    "AdaIN",
    "AdaINLite",
    "ConditionalInstanceNorm",
    "Gatys",
    "Johnson",
    "MicroAST",
    "Settings",
    "TextureNets",
]


FILM_MODEL = "adain-lite-film"  # of AdaINLite, whose pictures hold still where a film does: the default of films
PRECISION = Option("of the network; auto takes bfloat16 where it is faster", choices=("float32", "bfloat16", "auto"))
_STRENGTH = Option("how much of the style: 0 is the photo itself", 0, 1)
_STYLE_SCALE = Option("size of the painting relative to the photo: smaller gives finer strokes", 0.1, 4)

STATISTICS = (
    "gram",
    "mean-std",
    "covariance",
    "mmd-linear",
    "mmd-polynomial",
    "mmd-gaussian",
    "sliced-wasserstein",
    "patch",
    "histogram",
)


@dataclass(frozen=True)
class Gatys(Checked):
    """Pixels optimized until they have the photo's features and the painting's statistics: Gram matrices, or others.

    Source: Gatys, Ecker and Bethge 2016, "Image Style Transfer Using Convolutional Neural Networks" (CVPR), and
    2015, arXiv:1508.06576. Departures: docs/methods/gatys.md; the other statistics: docs/methods/statistics.md.
    """

    network: Annotated[
        str, Option("feature network: vgg19-slim (embedded), vgg19.caffe, … or a weights file", file=True)
    ] = "vgg19-slim"
    steps: Annotated[int, Option("optimization steps (evaluations of the loss), over all scales", 1)] = 300
    content_weight: Annotated[float, Option("weight of the photo's features", 0)] = 1.0
    style_weight: Annotated[float, Option("weight of the painting's statistics", 0)] = 50.0
    tv_weight: Annotated[float, Option("weight of total variation: smoother", 0)] = 0.0
    statistic: Annotated[str, Option("what of the painting's features is matched", choices=STATISTICS)] = "gram"
    loss: Annotated[
        str,
        Option(
            "normalized: each term relative to its target; paper: as published, for gram",
            choices=("normalized", "paper"),
        ),
    ] = "normalized"
    content_layers: Annotated[tuple[str, ...], Option("layers compared with the photo")] = ("relu4_2",)
    content_layer_weights: Annotated[tuple[float, ...], Option("one per content layer; empty: equal", 0)] = ()
    style_layers: Annotated[
        tuple[str, ...],
        Option("layers whose statistics are compared; empty: relu1_1 to relu5_1, or what the statistic's paper takes"),
    ] = ()
    style_layer_weights: Annotated[tuple[float, ...], Option("one per style layer; empty: equal", 0)] = ()
    style_scale: Annotated[float, _STYLE_SCALE] = 1.0
    optimizer: Annotated[str, Option("how pixels are optimized", choices=("lbfgs", "adam"))] = "lbfgs"
    learning_rate: Annotated[float, Option("0 chooses: 1 for lbfgs, 0.02 for adam", 0)] = 0.0
    tolerance: Annotated[
        float, Option("stop a scale when the loss fell by less than this share over 20 steps; 0 never", 0, 1)
    ] = 1e-3
    init: Annotated[str, Option("first picture: content, style, noise, or a picture file", file=True)] = "content"
    scales: Annotated[int, Option("sizes in the coarse-to-fine pyramid; 0 chooses", 0, 12)] = 0
    pooling: Annotated[str, Option("how the network pools", choices=("max", "average"))] = "max"
    padding: Annotated[
        str,
        Option("beyond the border; zeros is the paper's and draws frames", choices=("replicate", "reflect", "zeros")),
    ] = "replicate"
    precision: Annotated[str, PRECISION] = "auto"
    seed: Annotated[int, Option("of the noise, and of what a statistic draws", 0, 2**63 - 1)] = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.content_weight or self.style_weight or self.tv_weight):
            raise UsageError("content_weight, style_weight and tv_weight are all 0; raise one, or nothing is optimized")
        for kind in ("content", "style"):
            layers, weights = self.layers(kind), getattr(self, f"{kind}_layer_weights")
            if weights and len(weights) != len(layers):
                raise UsageError(
                    f"{kind}_layer_weights: expected {len(layers)} numbers for {layers}, got {len(weights)}"
                )
            if not layers and getattr(self, f"{kind}_weight"):
                raise UsageError(f"{kind}_layers: expected at least one layer, got none; or set {kind}_weight to 0")
        if self.loss == "paper" and self.statistic != "gram":
            raise UsageError(f"loss: 'paper' is that of Gram matrices, not of {self.statistic}; take 'normalized'")

    def layers(self, kind: str) -> tuple[str, ...]:
        """The layers of the "content" or the "style" loss; where no style layers are named, the statistic's own.

        Those of Gatys et al. 2016 (section 3), and for patches those of Li and Wand 2016, relu3_1 and relu4_1, with
        relu2_1 besides: without it colored dots are left, which even much total variation doesn't take away.
        """
        if kind == "content" or self.style_layers:
            return self.content_layers if kind == "content" else self.style_layers
        if self.statistic == "patch":
            return ("relu2_1", "relu3_1", "relu4_1")
        return ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


@dataclass(frozen=True)
class AdaIN(Checked):
    """Any style in one pass: the photo's features take means and deviations of the painting's, and are decoded.

    Source: Huang and Belongie 2017, arXiv:1703.06868. Departures: docs/methods/adain.md.
    """

    network: Annotated[
        str, Option("encoder: vgg19-slim (embedded), vgg19.normalised (as published) or a weights file", file=True)
    ] = "vgg19-slim"
    decoder: Annotated[str, Option("decoder's weights; empty: those that belong to the encoder", file=True)] = ""
    strength: Annotated[float, _STRENGTH] = 1.0
    style_scale: Annotated[float, _STYLE_SCALE] = 1.0
    precision: Annotated[str, PRECISION] = "auto"


@dataclass(frozen=True)
class AdaINLite(Checked):
    """Any style in one quick pass: a painting becomes a code, which shapes a small network. The default.

    Our own network; what it owes to whom, and what was tried: docs/methods/adain_lite.md.
    """

    model: Annotated[
        str, Option("network: adain-lite, adain-lite-film (embedded) or a .safetensors file", file=True)
    ] = "adain-lite"
    strength: Annotated[float, _STRENGTH] = 1.0
    style_scale: Annotated[float, _STYLE_SCALE] = 1.0
    precision: Annotated[str, PRECISION] = "auto"


@dataclass(frozen=True)
class Johnson(Checked):
    """One quick network for one style, which it was trained for; the style is its file.

    Source: Johnson, Alahi and Fei-Fei 2016, arXiv:1603.08155. Departures: docs/methods/johnson.md.
    """

    strength: Annotated[float, _STRENGTH] = 1.0
    precision: Annotated[str, PRECISION] = "auto"


@dataclass(frozen=True)
class ConditionalInstanceNorm(Checked):
    """One quick network for many styles, and all between them: a style is a row of its normalizations' table.

    Source: Dumoulin, Shlens and Kudlur 2017, arXiv:1610.07629; a row from a painting: Ghiasi et al. 2017,
    arXiv:1705.06830. Departures: docs/methods/conditional_instance_norm.md.
    """

    model: Annotated[str, Option("network: conditional-instance-norm (embedded) or a .safetensors file", file=True)] = (
        "conditional-instance-norm"
    )
    strength: Annotated[float, _STRENGTH] = 1.0
    precision: Annotated[str, PRECISION] = "auto"


@dataclass(frozen=True)
class MicroAST(Checked):
    """Any style in one pass, by a published network: its weights come from brushwork weights import.

    Source: Wang et al. 2023, arXiv:2211.15313.
    """

    model: Annotated[str, Option("network: microast (once it is imported) or a .safetensors file", file=True)] = (
        "microast"
    )
    strength: Annotated[float, _STRENGTH] = 1.0
    style_scale: Annotated[float, _STYLE_SCALE] = 1.0
    precision: Annotated[str, PRECISION] = "float32"


@dataclass(frozen=True)
class TextureNets(Checked):
    """One quick network for one style, fed with noise: paints photos, or makes textures of any size.

    Source: Ulyanov et al. 2016, arXiv:1603.03417, and 2017, arXiv:1701.02096. Departures: docs/methods/texture_nets.md.
    """

    strength: Annotated[float, _STRENGTH] = 1.0
    seed: Annotated[int, Option("of the noise: another one gives another picture", 0, 2**31 - 1)] = 0
    precision: Annotated[str, PRECISION] = "auto"


Settings: TypeAlias = Gatys | AdaIN | AdaINLite | Johnson | ConditionalInstanceNorm | MicroAST | TextureNets
