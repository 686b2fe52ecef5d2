"""The options of all methods: one frozen dataclass per method. Does not import torch.

The command's flags, a result's recipe and the option tables in the documentation are generated from the fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from brushwork.errors import UsageError
from brushwork.options.base import Checked, Option

__all__ = [
    "DRAFT_MODEL",
    "FILM_MODEL",
    "PRECISION",
    "STATISTICS",
    "AdaIN",
    "AdaINLite",
    "Analogies",
    "ConditionalInstanceNorm",
    "Gatys",
    "Johnson",
    "MicroAST",
    "Quilting",
    "Settings",
    "TextureNets",
]


DRAFT_MODEL = "adain-lite-3"  # AdaINLite weights of the preset draft
FILM_MODEL = "adain-lite-3-film"  # AdaINLite weights trained for temporal consistency: the default for video
PRECISION = Option(
    "precision of the network; auto uses bfloat16 where it is faster", choices=("float32", "bfloat16", "auto")
)
_STRENGTH = Option("style strength; 0 returns the photo unchanged", 0, 1)
_STYLE_SCALE = Option("scale of the painting relative to the photo; smaller values give finer strokes", 0.1, 4)

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
    """Optimizes pixels to match the photo's features and the painting's feature statistics, such as Gram matrices.

    Source: Gatys, Ecker and Bethge 2016, "Image Style Transfer Using Convolutional Neural Networks" (CVPR), and
    2015, arXiv:1508.06576. Departures: docs/methods/gatys.md; the other statistics: docs/methods/statistics.md.
    """

    network: Annotated[
        str, Option("feature network: vgg19-slim, vgg19.int8 (both embedded), … or a weights file", file=True)
    ] = "vgg19-slim"
    steps: Annotated[int, Option("optimization steps (evaluations of the loss), over all scales", 1)] = 300
    refine_network: Annotated[
        str,
        Option(
            "second feature network, such as vgg19.int8 (embedded), for some more steps at one scale; empty: none",
            file=True,
        ),
    ] = ""
    refine_steps: Annotated[int, Option("steps through the second network", 1)] = 3
    refine_size: Annotated[
        int, Option("the second network refines the largest scale whose longer side is at most this", 32)
    ] = 640
    content_weight: Annotated[float, Option("weight of the photo's features", 0)] = 1.0
    style_weight: Annotated[float, Option("weight of the painting's statistics", 0)] = 50.0
    local_weight: Annotated[
        float, Option("weight of local style: every part of the result looks like some part of the painting", 0)
    ] = 0.0
    tv_weight: Annotated[float, Option("weight of total variation; larger values give smoother results", 0)] = 0.0
    statistic: Annotated[str, Option("feature statistic to match", choices=STATISTICS)] = "gram"
    loss: Annotated[
        str,
        Option(
            "normalized: each term is relative to its target; paper: as published (gram only)",
            choices=("normalized", "paper"),
        ),
    ] = "normalized"
    content_layers: Annotated[tuple[str, ...], Option("layers compared with the photo")] = ("relu4_2",)
    content_layer_weights: Annotated[tuple[float, ...], Option("one per content layer; empty: equal", 0)] = ()
    style_layers: Annotated[
        tuple[str, ...],
        Option("layers whose statistics are compared; empty: relu1_1 to relu5_1, or those of the statistic's paper"),
    ] = ()
    style_layer_weights: Annotated[tuple[float, ...], Option("one per style layer; empty: equal", 0)] = ()
    style_scale: Annotated[float, _STYLE_SCALE] = 1.0
    strength: Annotated[float, _STRENGTH] = 1.0
    final_colors: Annotated[
        str,
        Option(
            "colors of the result: optimized, as the optimization leaves them; or matched, with mean and covariance "
            "of the painting's",
            choices=("optimized", "matched"),
        ),
    ] = "optimized"
    optimizer: Annotated[str, Option("optimizer of the pixels", choices=("lbfgs", "adam"))] = "lbfgs"
    learning_rate: Annotated[float, Option("learning rate; 0: 1 for lbfgs, 0.02 for adam", 0)] = 0.0
    tolerance: Annotated[
        float,
        Option("end a scale early when the loss drops by less than this fraction in 20 steps; 0 runs all steps", 0, 1),
    ] = 1e-3
    init: Annotated[
        str,
        Option(
            "initial image: content, recolored (the photo in the painting's colors), style, noise, or an image file",
            file=True,
        ),
    ] = "content"
    scales: Annotated[int, Option("levels of the coarse-to-fine pyramid; 0: automatic", 0, 12)] = 0
    coarsest: Annotated[int, Option("longer side of the smallest level in pixels, at least", 32)] = 128
    falloff: Annotated[
        float,
        Option("steps at a level relative to the next smaller one; below 1, most steps are at small sizes", 0.01, 1),
    ] = 1.0
    carry: Annotated[
        str,
        Option(
            "what a level passes on: the result, or its change from the initial image, which keeps detail",
            choices=("result", "change"),
        ),
    ] = "result"
    first_step: Annotated[
        str,
        Option(
            "first step of L-BFGS at each level: short, as usual; or polyak, a long one, for runs of few steps",
            choices=("short", "polyak"),
        ),
    ] = "short"
    pooling: Annotated[str, Option("pooling of the network", choices=("max", "average"))] = "max"
    padding: Annotated[
        str,
        Option(
            "padding at the image border; zeros, as in the paper, causes border artifacts",
            choices=("replicate", "reflect", "zeros"),
        ),
    ] = "replicate"
    precision: Annotated[str, PRECISION] = "auto"
    gram_precision: Annotated[
        str,
        Option(
            "precision of Gram matrices: float32; or network, as the network computes, which is faster",
            choices=("float32", "network"),
        ),
    ] = "float32"
    seed: Annotated[int, Option("seed of the noise and of random statistics", 0, 2**63 - 1)] = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.content_weight or self.style_weight or self.local_weight or self.tv_weight):
            raise UsageError(
                "content_weight, style_weight, local_weight and tv_weight are all 0; set at least one above 0"
            )
        for kind in ("content", "style"):
            layers, weights = self.layers(kind), getattr(self, f"{kind}_layer_weights")
            if weights and len(weights) != len(layers):
                raise UsageError(
                    f"{kind}_layer_weights: expected {len(layers)} numbers for {layers}, got {len(weights)}"
                )
            if not layers and getattr(self, f"{kind}_weight"):
                raise UsageError(f"{kind}_layers: expected at least one layer, got none; or set {kind}_weight to 0")
        if self.loss == "paper" and self.statistic != "gram":
            raise UsageError(
                f"loss: 'paper' only supports the statistic 'gram', got {self.statistic!r}; use 'normalized'"
            )

    def layers(self, kind: str) -> tuple[str, ...]:
        """Return the layers of the "content" or "style" loss; without named style layers, the statistic's defaults.

        The defaults are those of Gatys et al. 2016 (section 3). For patches they are those of Li and Wand 2016, relu3_1
        and relu4_1, plus relu2_1: without it, colored dots remain that even a strong total variation doesn't remove.
        """
        if kind == "content" or self.style_layers:
            return self.content_layers if kind == "content" else self.style_layers
        if self.statistic == "patch":
            return ("relu2_1", "relu3_1", "relu4_1")
        return ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")

    @property
    def local_layer(self) -> str:
        """Return the layer of local style: the middle one of the style layers, relu3_1 by default."""
        layers = self.layers("style")
        return layers[len(layers) // 2]


@dataclass(frozen=True)
class AdaIN(Checked):
    """Any style in one pass: matches means and deviations of the photo's features to the painting's, then decodes.

    Source: Huang and Belongie 2017, arXiv:1703.06868. Departures: docs/methods/adain.md.
    """

    network: Annotated[
        str, Option("encoder: vgg19-slim (embedded), vgg19.normalised (as published) or a weights file", file=True)
    ] = "vgg19-slim"
    decoder: Annotated[str, Option("decoder weights; empty: those trained for the encoder", file=True)] = ""
    strength: Annotated[float, _STRENGTH] = 1.0
    style_scale: Annotated[float, _STYLE_SCALE] = 1.0
    precision: Annotated[str, PRECISION] = "auto"


@dataclass(frozen=True)
class AdaINLite(Checked):
    """Any style in one fast pass: a painting is encoded as a vector that conditions a small network.

    Our own network, for drafts and films; its sources and the experiments behind it: docs/methods/adain_lite.md.
    """

    model: Annotated[str, Option("network: adain-lite, -2, -3, -film, -3-film (embedded) or a file", file=True)] = (
        "adain-lite"
    )
    strength: Annotated[float, _STRENGTH] = 1.0
    style_scale: Annotated[float, _STYLE_SCALE] = 1.0
    precision: Annotated[str, PRECISION] = "auto"


@dataclass(frozen=True)
class Johnson(Checked):
    """One fast network per style; the style is the file of the trained network.

    Source: Johnson, Alahi and Fei-Fei 2016, arXiv:1603.08155. Departures: docs/methods/johnson.md.
    """

    strength: Annotated[float, _STRENGTH] = 1.0
    precision: Annotated[str, PRECISION] = "auto"


@dataclass(frozen=True)
class ConditionalInstanceNorm(Checked):
    """One fast network for many styles and their blends; a style is a set of normalization parameters.

    Source: Dumoulin, Shlens and Kudlur 2017, arXiv:1610.07629; predicting them from a painting: Ghiasi et al. 2017,
    arXiv:1705.06830. Departures: docs/methods/conditional_instance_norm.md.
    """

    model: Annotated[str, Option("network: conditional-instance-norm (embedded) or a .safetensors file", file=True)] = (
        "conditional-instance-norm"
    )
    strength: Annotated[float, _STRENGTH] = 1.0
    precision: Annotated[str, PRECISION] = "auto"


@dataclass(frozen=True)
class MicroAST(Checked):
    """Any style in one pass, with the authors' published weights (brushwork weights import).

    Source: Wang et al. 2023, arXiv:2211.15313.
    """

    model: Annotated[str, Option("network: microast (once imported) or a .safetensors file", file=True)] = "microast"
    strength: Annotated[float, _STRENGTH] = 1.0
    style_scale: Annotated[float, _STYLE_SCALE] = 1.0
    precision: Annotated[str, PRECISION] = "float32"


@dataclass(frozen=True)
class TextureNets(Checked):
    """One fast network per style, with noise as input: stylizes photos or synthesizes textures of any size.

    Source: Ulyanov et al. 2016, arXiv:1603.03417, and 2017, arXiv:1701.02096. Departures: docs/methods/texture_nets.md.
    """

    strength: Annotated[float, _STRENGTH] = 1.0
    seed: Annotated[int, Option("seed of the noise; each seed gives a different image", 0, 2**31 - 1)] = 0
    precision: Annotated[str, PRECISION] = "auto"


@dataclass(frozen=True)
class Quilting(Checked):
    """Texture transfer: the photo made of blocks of the painting, a texture; without a photo: brushwork quilt.

    Source: Efros and Freeman 2001, "Image Quilting for Texture Synthesis and Transfer" (SIGGRAPH). Departures:
    docs/methods/quilting.md.
    """

    block: Annotated[int, Option("side of the blocks in pixels; 0: suggested from the texture", 0, 512)] = 0
    block_tolerance: Annotated[
        float, Option("draw each block from those that fit at most this fraction worse than the best", 0, 10)
    ] = 0.1
    iterations: Annotated[int, Option("iterations of texture transfer; blocks shrink by a third", 1, 8)] = 3
    alpha: Annotated[
        tuple[float, ...],
        Option("weight of the texture against the photo, in the first and the last iteration; or one for all", 0, 1),
    ] = (0.1, 0.9)
    correspondence: Annotated[
        str, Option("what of the photo blocks should look like", choices=("luminance", "blurred-luminance"))
    ] = "luminance"
    style_scale: Annotated[float, _STYLE_SCALE] = 1.0
    seed: Annotated[int, Option("seed of what is drawn; each seed gives a different image", 0, 2**31 - 1)] = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.alpha) not in (1, 2):
            raise UsageError(f"alpha: expected one number or two, first and last, got {len(self.alpha)}")
        if 0 < self.block < 4:
            raise UsageError(f"block: expected at least 4 pixels, or 0, got {self.block}")

    def alphas(self) -> list[float]:
        """Return the weight of the texture by iteration: α_i = 0.8 · (i - 1) / (N - 1) + 0.1 by default (section 3).

        >>> [round(alpha, 2) for alpha in Quilting().alphas()], Quilting(iterations=1).alphas()
        ([0.1, 0.5, 0.9], [0.5])
        """
        first, last = self.alpha[0], self.alpha[-1]
        if self.iterations == 1:
            return [(first + last) / 2]
        return [first + (last - first) * i / (self.iterations - 1) for i in range(self.iterations)]


@dataclass(frozen=True)
class Analogies(Checked):
    """Image analogies: A is to A' as the photo is to the result; a painting alone is A', and its A is made of it.

    Source: Hertzmann et al. 2001, "Image Analogies" (SIGGRAPH). Departures: docs/methods/analogies.md.
    """

    search: Annotated[
        str,
        Option("patchmatch: all pixels at once, fast; hertzmann: the paper's", choices=("patchmatch", "hertzmann")),
    ] = "patchmatch"
    compare: Annotated[
        str,
        Option(
            "what of A and the photo is compared; labels: flat colors, texture by numbers",
            choices=("luminance", "color", "labels"),
        ),
    ] = "luminance"
    colors: Annotated[
        str,
        Option(
            "whose colors: the photo's or those of A'; auto: the photo's with luminance",
            choices=("auto", "photo", "example"),
        ),
    ] = "auto"
    kappa: Annotated[
        float, Option("hertzmann: how much worse a match may be that continues its neighbors; 0.5 to 25", 0)
    ] = 5.0
    source_weight: Annotated[float, Option("weight of A and the photo, against A' and the result", 0)] = 1.0
    remap: Annotated[
        str,
        Option(
            "luminance: give A the mean and deviation of the photo's luminance first", choices=("luminance", "none")
        ),
    ] = "luminance"
    filters: Annotated[
        str,
        Option(
            "steerable: compare derivatives of luminance too, for line art and relief", choices=("none", "steerable")
        ),
    ] = "none"
    levels: Annotated[int, Option("levels of the Gaussian pyramid, at most", 1, 12)] = 5
    style_scale: Annotated[float, _STYLE_SCALE] = 1.0
    seed: Annotated[int, Option("seed of the search; each seed gives a slightly different image", 0, 2**31 - 1)] = 0

    @property
    def copied_colors(self) -> str:
        """Return whose colors the result has, "photo" or "example"."""
        if self.colors != "auto":
            return self.colors
        return "photo" if self.compare == "luminance" else "example"


Settings: TypeAlias = (
    Gatys | AdaIN | AdaINLite | Analogies | Johnson | ConditionalInstanceNorm | MicroAST | Quilting | TextureNets
)
