"""All options of all trainings on one page: one frozen dataclass per network that is trained, no torch."""

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
    """How any network is trained."""

    steps: Annotated[int, Option("training steps", 1)] = 4000
    batch: Annotated[int, Option("photos in a step", 1)] = 4
    side: Annotated[int, Option("of the squares that are cut from pictures, in pixels", 64)] = 256
    rate: Annotated[float, Option("learning rate of Adam, at its highest", 0)] = 1e-3
    clip: Annotated[float, Option("longest gradient; longer ones are shortened", 0)] = 10.0
    seed: Annotated[int, Option("of the weights and of what is shown", 0, 2**63 - 1)] = 0
    save_every: Annotated[int, Option("steps between two checkpoints, and between two sample sheets", 1)] = 250
    patience: Annotated[
        int, Option("checkpoints after which it stops if the loss fell no more; 0 never stops early", 0)
    ] = 0
    start: Annotated[
        str, Option("network to begin with, as large as it is: what an earlier training wrote", file=True)
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
    """How a network is trained that paints: by what a loss network sees of its pictures.

    Source: Johnson et al. 2016, arXiv:1603.08155, section 3.2.
    """

    loss_network: Annotated[
        str, Option("sees the losses: vgg19-slim (embedded), vgg16.imagenet1k_v1 (the paper's), …", file=True)
    ] = "vgg19-slim"
    content_weight: Annotated[float, Option("weight of the photo's features", 0)] = 1.0
    style_weight: Annotated[float, Option("weight of the painting's statistics", 0)] = 10.0
    tv_weight: Annotated[float, Option("weight of total variation: smoother", 0)] = 0.1
    form_weight: Annotated[float, Option("weight against large patches of color that the photo doesn't have", 0)] = (
        100.0
    )
    spike_weight: Annotated[float, Option("weight against spots that glow, to which normalization tempts", 0)] = 3.0
    grid_weight: Annotated[
        float, Option("weight against what repeats every four pixels, as networks print that enlarge", 0)
    ] = 1500.0
    content_layer: Annotated[str, Option("layer compared with the photo; Johnson et al. have relu2_2")] = "relu4_2"
    style_layers: Annotated[
        tuple[str, ...],
        Option("layers whose Gram matrices are compared; Johnson et al. have relu1_2, relu2_2, relu3_3, relu4_3"),
    ] = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
    adversarial_weight: Annotated[float, Option("weight of a critic that tells its patches from the painting's", 0)] = (
        0.0
    )
    adversarial_loss: Annotated[str, Option("of the critic", choices=("hinge", "least-squares"))] = "hinge"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.side % 4:
            raise UsageError(f"side: expected a multiple of 4, got {self.side}")
        if not self.style_layers:
            raise UsageError("style_layers: expected at least one layer, got none")


@dataclass(frozen=True)
class PaintingTraining(PerceptualTraining):
    """How a network is trained for one painting, or for some."""

    style_size: Annotated[int, Option("longer side at which the painting is learned, in pixels", 64)] = 384


_WIDTH = Option("channels at full resolution; 32 is the paper's, 16 four times as fast", 4)
_BLOCKS = Option("residual blocks", 1)
_NORMALIZATION = Option("batch is the paper's, instance that of Ulyanov et al. 2016", choices=("instance", "batch"))


@dataclass(frozen=True)
class TrainJohnson(PaintingTraining):
    """How `johnson` learns a style: losses as in Johnson et al. 2016, arXiv:1603.08155, section 3.2."""

    width: Annotated[int, _WIDTH] = 16
    blocks: Annotated[int, _BLOCKS] = 5
    normalization: Annotated[str, _NORMALIZATION] = "instance"


@dataclass(frozen=True)
class TrainConditional(PaintingTraining):
    """How `conditional-instance-norm` learns: many styles, one more, or to tell a style from its painting."""

    width: Annotated[int, _WIDTH] = 16
    blocks: Annotated[int, _BLOCKS] = 5
    learn: Annotated[
        str,
        Option(
            "network: all of it, for some styles; row: a style more, the network as it is; "
            "predictor: rows from paintings, the network as it is",
            choices=("network", "row", "predictor"),
        ),
    ] = "network"

    @property
    def any_style(self) -> bool:  # type: ignore[override]
        """Whether it learns from a folder of many paintings."""
        return self.learn == "predictor"


@dataclass(frozen=True)
class TrainTextureNets(PaintingTraining):
    """How `texture-nets` learns a style or a texture: Ulyanov et al. 2016, arXiv:1603.03417, section 3."""

    makes: Annotated[
        str, Option("pictures of photos, or textures of noise alone", choices=("pictures", "textures"))
    ] = "pictures"
    channels: Annotated[int, Option("of each size's own features; 8 is the paper's", 1)] = 8
    scales: Annotated[int, Option("sizes, each half the one before; 0: the paper's 6, for textures 5", 0, 6)] = 0
    normalization: Annotated[str, _NORMALIZATION] = "instance"
    diversity_weight: Annotated[float, Option("weight of pictures being unlike each other", 0)] = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.scales == 1:
            raise UsageError("scales: expected 2 to 6, or 0, got 1")


_OWN_SHARE = Option("of the photos whose style is their own, so that they shall come back as they are", 0, 1)


@dataclass(frozen=True)
class TrainAdaIN(Training):
    """How `adain` learns to decode: Huang and Belongie 2017, arXiv:1703.06868, section 6.2."""

    side: Annotated[int, Option("of the squares that are cut from pictures, in pixels", 64)] = 192
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
    """How `adain-lite` learns; what its losses are for: docs/methods/adain_lite.md."""

    side: Annotated[int, Option("of the squares that are cut from pictures, in pixels", 64)] = 192
    # What learns through vgg19-slim leaves the photo as VGG-19 sees it; through VGG-19 take 1.
    content_weight: Annotated[float, Option("weight of the photo's features", 0)] = 1.6
    color_weight: Annotated[float, Option("weight of the painting's colors, their means and covariances", 0)] = 0.6
    own_share: Annotated[float, _OWN_SHARE] = 0.06
    temporal_weight: Annotated[
        float, Option("weight of pictures holding still where photos that move do: for films", 0)
    ] = 0.0
    learn: Annotated[
        str,
        Option(
            "network: all of it; painter: what makes codes of paintings stays, so that codes stay what they are",
            choices=("network", "painter"),
        ),
    ] = "network"
    any_style: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.learn == "painter" and not self.start:
            raise UsageError(
                "learn: the painter alone learns beside a coder that is there; give start, such as adain-lite"
            )
        if self.side % 48:  # painting and photo alike; a painting is seen at two thirds of its size
            raise UsageError(f"side: expected a multiple of 48, got {self.side}")


def check_training(settings: Training, photos: object, output: Path) -> None:
    """Check what a training would begin with, before torch is loaded.

    Args:
        settings: The method's and all its options.
        photos: The folder with photographs, or None.
        output: The file to write.

    Raises:
        UsageError: No settings, no photos, or a file that can't be written there.
    """
    if not isinstance(settings, Training):
        raise UsageError(f"settings: expected settings such as TrainJohnson(steps=4000), got {settings!r}")
    if photos is None and getattr(settings, "makes", "") != "textures":
        raise UsageError("photos (--photos): give a folder with photographs; the network learns on them")
    if output.suffix.lower() != ".safetensors":
        raise UsageError(f"output (-o) {output}: a style ends in .safetensors")
    if settings.start and output.resolve() == Path(settings.start).resolve():
        raise UsageError(f"output (-o) {output} is what start (--start) begins with; choose another name")


def is_trained(output: Path) -> bool:
    """Whether a training that wrote this file is done: it is there, and nothing waits to be resumed."""
    return output.exists() and not output.with_name(output.name + ".training").exists()
