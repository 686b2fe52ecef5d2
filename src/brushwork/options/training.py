"""The training options: one frozen dataclass per trainable network. Does not import torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from brushwork.errors import UsageError
from brushwork.options.base import Checked, Option
from brushwork.options.methods import PRECISION

__all__ = [
    "PaintingTraining",
    "PerceptualTraining",
    "TrainAdaIN",
    "TrainAdaINLite",
    "TrainConditional",
    "TrainJohnson",
    "TrainTextureNets",
    "Training",
    "check_training",
    "is_trained",
]


@dataclass(frozen=True)
class Training(Checked):
    """Training options of all networks."""

    steps: Annotated[int, Option("training steps", 1)] = 4000
    batch: Annotated[int, Option("photos per step (batch size), shared by all processes", 1)] = 4
    side: Annotated[int, Option("side of the square training crops, in pixels", 64)] = 256
    rate: Annotated[float, Option("peak learning rate of Adam", 0)] = 1e-3
    clip: Annotated[float, Option("maximum gradient norm; larger gradients are clipped", 0)] = 10.0
    seed: Annotated[int, Option("seed of the initial weights and of the training data order", 0, 2**63 - 1)] = 0
    save_every: Annotated[int, Option("steps between checkpoints, and between sample sheets", 1)] = 250
    patience: Annotated[
        int, Option("checkpoints without improvement of the loss before training stops early; 0 never does", 0)
    ] = 0
    start: Annotated[
        str, Option("network to start from, of the same size, as written by an earlier training", file=True)
    ] = ""
    precision: Annotated[str, PRECISION] = "auto"
    any_style: ClassVar[bool] = False  # whether it learns from a folder of many paintings

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("rate", "clip"):
            if not getattr(self, name):
                raise UsageError(f"{name}: expected a number above 0, got 0")


@dataclass(frozen=True)
class PerceptualTraining(Training):
    """Training options of networks trained with a perceptual loss.

    Source: Johnson et al. 2016, arXiv:1603.08155, section 3.2.
    """

    loss_network: Annotated[
        str, Option("loss network: vgg19-slim (embedded), vgg16.imagenet1k_v1 (the paper's), …", file=True)
    ] = "vgg19-slim"
    content_weight: Annotated[float, Option("weight of the photo's features", 0)] = 1.0
    style_weight: Annotated[float, Option("weight of the painting's statistics", 0)] = 10.0
    tv_weight: Annotated[float, Option("weight of total variation; larger values give smoother results", 0)] = 0.1
    form_weight: Annotated[float, Option("penalty on large patches of color that the photo doesn't have", 0)] = 100.0
    spike_weight: Annotated[float, Option("penalty on the bright blobs that instance normalization causes", 0)] = 3.0
    grid_weight: Annotated[
        float, Option("penalty on patterns repeating every four pixels (upsampling artifacts)", 0)
    ] = 1500.0
    content_layer: Annotated[str, Option("layer compared with the photo; Johnson et al. use relu2_2")] = "relu4_2"
    style_layers: Annotated[
        tuple[str, ...],
        Option("layers whose Gram matrices are compared; Johnson et al. use relu1_2, relu2_2, relu3_3, relu4_3"),
    ] = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
    adversarial_weight: Annotated[float, Option("weight of the adversarial loss on patches", 0)] = 0.0
    adversarial_loss: Annotated[str, Option("form of the adversarial loss", choices=("hinge", "least-squares"))] = (
        "hinge"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.side % 4:
            raise UsageError(f"side: expected a multiple of 4, got {self.side}")
        if not self.style_layers:
            raise UsageError("style_layers: expected at least one layer, got none")


@dataclass(frozen=True)
class PaintingTraining(PerceptualTraining):
    """Training options of networks trained for one painting or several."""

    style_size: Annotated[int, Option("longer side of the painting during training, in pixels", 64)] = 384


_WIDTH = Option("channels at full resolution; 32 as in the paper, 16 is four times as fast", 4)
_BLOCKS = Option("residual blocks", 1)
_NORMALIZATION = Option(
    "normalization: batch as in the paper, or instance as in Ulyanov et al. 2016", choices=("instance", "batch")
)


@dataclass(frozen=True)
class TrainJohnson(PaintingTraining):
    """Training options of `johnson`: losses as in Johnson et al. 2016, arXiv:1603.08155, section 3.2."""

    width: Annotated[int, _WIDTH] = 16
    blocks: Annotated[int, _BLOCKS] = 5
    normalization: Annotated[str, _NORMALIZATION] = "instance"


@dataclass(frozen=True)
class TrainConditional(PaintingTraining):
    """Training options of `conditional-instance-norm`: many styles, one more style, or a style predictor."""

    width: Annotated[int, _WIDTH] = 16
    blocks: Annotated[int, _BLOCKS] = 5
    learn: Annotated[
        str,
        Option(
            "network: the whole network, for a set of styles; row: one more style, with the network frozen; "
            "predictor: predict styles from paintings, with the network frozen",
            choices=("network", "row", "predictor"),
        ),
    ] = "network"

    @property
    def any_style(self) -> bool:  # type: ignore[override]
        """Whether it learns from a folder of many paintings."""
        return self.learn == "predictor"


@dataclass(frozen=True)
class TrainTextureNets(PaintingTraining):
    """Training options of `texture-nets`: Ulyanov et al. 2016, arXiv:1603.03417, section 3."""

    makes: Annotated[
        str, Option("pictures: stylize photos; textures: synthesize from noise only", choices=("pictures", "textures"))
    ] = "pictures"
    channels: Annotated[int, Option("feature channels per scale; 8 as in the paper", 1)] = 8
    scales: Annotated[
        int, Option("scales, each half the previous size; 0: 6 as in the paper, or 5 for textures", 0, 6)
    ] = 0
    normalization: Annotated[str, _NORMALIZATION] = "instance"
    diversity_weight: Annotated[float, Option("weight of the diversity loss between outputs", 0)] = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.scales == 1:
            raise UsageError("scales: expected 2 to 6, or 0, got 1")


_OWN_SHARE = Option("share of photos paired with themselves as style, which must be reconstructed", 0, 1)


@dataclass(frozen=True)
class TrainAdaIN(Training):
    """Training options of the `adain` decoder: Huang and Belongie 2017, arXiv:1703.06868, section 6.2."""

    side: Annotated[int, Option("side of the square training crops, in pixels", 64)] = 192
    network: Annotated[str, Option("encoder: vgg19-slim (embedded), vgg19.normalised or a weights file", file=True)] = (
        "vgg19-slim"
    )
    style_weight: Annotated[float, Option("weight of the painting's statistics", 0)] = 4.0
    own_share: Annotated[float, _OWN_SHARE] = 0.1
    any_style: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.side % 8:
            raise UsageError(f"side: expected a multiple of 8, got {self.side}")


@dataclass(frozen=True)
class TrainAdaINLite(PerceptualTraining):
    """Training options of `adain-lite`; the purpose of its losses: docs/methods/adain_lite.md."""

    side: Annotated[int, Option("side of the square training crops, in pixels", 64)] = 192
    # Trained through vgg19-slim, results stray from the photo as measured by VGG-19; through VGG-19, use 1.
    content_weight: Annotated[float, Option("weight of the photo's features", 0)] = 1.6
    color_weight: Annotated[float, Option("weight of the painting's color means and covariances", 0)] = 0.6
    own_share: Annotated[float, _OWN_SHARE] = 0.06
    temporal_weight: Annotated[
        float, Option("weight of the temporal consistency loss under synthetic motion, for video", 0)
    ] = 0.0
    learn: Annotated[
        str,
        Option(
            "network: the whole network; painter: the generator only, so that existing style codes remain valid",
            choices=("network", "painter"),
        ),
    ] = "network"
    any_style: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.learn == "painter" and not self.start:
            raise UsageError(
                "learn: training the painter alone requires an existing network; set start, for example to adain-lite"
            )
        if self.side % 48:  # for painting and photo; the encoder sees paintings at two thirds of their size
            raise UsageError(f"side: expected a multiple of 48, got {self.side}")


def check_training(settings: Training, photos: object, output: Path) -> None:
    """Validate the arguments of a training before torch is loaded.

    Args:
        settings: The training options.
        photos: The folder of photographs, or None.
        output: The file to write.

    Raises:
        UsageError: Invalid settings, missing photos, or an unsuitable output file.
    """
    if not isinstance(settings, Training):
        raise UsageError(f"settings: expected settings such as TrainJohnson(steps=4000), got {settings!r}")
    if photos is None and getattr(settings, "makes", "") != "textures":
        raise UsageError("photos (--photos): expected a folder of photographs to train on")
    if output.suffix.lower() != ".safetensors":
        raise UsageError(f"output (-o) {output}: expected a name ending in .safetensors")
    if settings.start and output.resolve() == Path(settings.start).resolve():
        raise UsageError(f"output (-o) {output} is also the network to start from (--start); choose another name")


def is_trained(output: Path) -> bool:
    """Return whether this training is complete: its output exists and there is no checkpoint to resume."""
    return output.exists() and not output.with_name(output.name + ".training").exists()
