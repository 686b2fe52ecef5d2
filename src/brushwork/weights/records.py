"""Records of known weights: origin, hash, license and preprocessing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from brushwork.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["RECORDS", "Preprocessing", "WeightsRecord", "get_record"]


@dataclass(frozen=True)
class Preprocessing:
    """Conversion of pixels in [0, 1] to what a network was trained on: (pixels - mean) / std, per channel.

    Args:
        mean: Per channel R, G, B, in [0, 1].
        std: Per channel R, G, B.
        bgr: Whether the network expects its channels in the order B, G, R.
    """

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    bgr: bool = False

    def __call__(self, pixels: Tensor) -> Tensor:
        """Return the preprocessed pixels; shape (B, 3, H, W)."""
        import torch  # here, because the command's help reads the records and must not load torch

        mean, std = (
            torch.tensor(v, dtype=pixels.dtype, device=pixels.device).view(1, 3, 1, 1) for v in (self.mean, self.std)
        )
        prepared = (pixels - mean) / std
        return prepared.flip(1) if self.bgr else prepared


@dataclass(frozen=True)
class WeightsRecord:
    """A set of weights that brushwork knows by name.

    Args:
        name: "architecture.tag", such as "vgg19.caffe".
        architecture: A key of `brushwork.weights.ARCHITECTURES`, or of its `MEASURE_NETWORKS`.
        preprocessing: Conversion of pixels in [0, 1] to what these weights were trained on.
        licence: License of the weights, and its holder.
        paper: Who published them, and where.
        about: What they are good for, in a sentence or two.
        url: URL of the published file.
        file: Name of the published file.
        sha256: Full SHA-256 of the published file, 64 hexadecimal digits, if known.
        hash_prefix: First digits of that SHA-256, which the publisher included in the file name.
        bytes: Size of the published file.
        embedded: Whether the file ships with brushwork.
        content_gain: Ratio of relative relu4_2 distances between two images: under the network that these weights
            imitate, over this one. A small network responds less to a change than a large one; the normalized
            content loss is multiplied by this, so that a content weight has the same effect with both.
        first_biases: First biases of conv1_1, which identify a copy that was saved again.
        encoder: For a decoder: the record of the network whose features it decodes.
    """

    name: str
    architecture: str
    preprocessing: Preprocessing
    licence: str
    paper: str
    about: str
    url: str | None = None
    file: str | None = None
    sha256: str | None = None
    hash_prefix: str | None = None
    bytes: int | None = None
    embedded: bool = False
    content_gain: float = 1.0
    first_biases: tuple[float, ...] = ()
    encoder: str | None = None

    def published_as(self, sha256: str) -> bool:
        """Return whether a file with this SHA-256 is the published one; False if no hash is known."""
        known = self.sha256 or self.hash_prefix
        return known is not None and sha256.startswith(known)


# jcjohnson/pytorch-vgg: B, G, R in 0..255, minus these means; here as R, G, B in [0, 1].
_CAFFE = Preprocessing((123.68 / 255, 116.779 / 255, 103.939 / 255), (1 / 255, 1 / 255, 1 / 255), bgr=True)
IMAGENET = Preprocessing((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_IDENTITY = Preprocessing((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
_SIGNED = Preprocessing((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
_CENTERED = Preprocessing((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))

_VGG_PAPER = "Simonyan and Zisserman 2015, Very Deep Convolutional Networks, arXiv:1409.1556"
_ADAIN_PAPER = "Huang and Belongie 2017, Arbitrary Style Transfer in Real-time, arXiv:1703.06868"
_VGG_LICENCE = "CC BY 4.0, Visual Geometry Group, University of Oxford"
_LPIPS_PAPER = "Zhang et al. 2018, The Unreasonable Effectiveness of Deep Features, arXiv:1801.03924"
_LPIPS_LICENCE = "BSD-2-Clause, Zhang et al. (richzhang/PerceptualSimilarity)"
_LPIPS_URL = "https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/master/lpips/weights/v0.1/"
_TORCHVISION_LICENCE = "BSD-3-Clause, PyTorch contributors (torchvision)"

_SLIM = WeightsRecord(
    name="vgg19-slim",
    content_gain=1.8,  # held-out pairs at 384 px: 2.1, 1.7, 1.3 (docs/decisions/0005)
    architecture="vgg19-slim",
    preprocessing=_CENTERED,
    licence="MIT (brushwork), distilled from VGG-19 (" + _VGG_LICENCE + ")",
    paper="distilled by brushwork from VGG-19, " + _VGG_PAPER,
    about="Small and fast, comes with brushwork and needs no download. The default of methods.",
    file="vgg19-slim.safetensors",
    embedded=True,
)
_ALL = (
    _SLIM,
    replace(
        _SLIM,
        name="vgg19-slim-3",
        about="As fast as vgg19-slim and nearer to VGG-19; comes with brushwork. The network of good and best.",
        file="vgg19-slim-3.safetensors",
    ),
    WeightsRecord(
        name="vgg19.int8",
        architecture="vgg19",
        preprocessing=_CAFFE,
        licence=_VGG_LICENCE,
        paper=_VGG_PAPER + "; weights of vgg19.caffe up to conv5_1, rounded to 8 bits by brushwork",
        about="VGG-19 itself in 13 MB, without the layers that no style loss uses; comes with brushwork.",
        file="vgg19.int8.safetensors",
        embedded=True,
    ),
    WeightsRecord(
        name="vgg19.caffe",
        architecture="vgg19",
        preprocessing=_CAFFE,
        licence=_VGG_LICENCE,
        paper=_VGG_PAPER + "; in PyTorch form by Justin Johnson",
        about="The weights of Gatys et al. 2016 and of most papers after it: the field's reference.",
        url="https://web.eecs.umich.edu/~justincj/models/vgg19-d01eb7cb.pth",
        file="vgg19-d01eb7cb.pth",
        hash_prefix="d01eb7cb",
        first_biases=(0.72998, 0.06494, 0.0343, 0.82617),
    ),
    WeightsRecord(
        name="vgg19.imagenet1k_v1",
        architecture="vgg19",
        preprocessing=IMAGENET,
        licence=_TORCHVISION_LICENCE,
        paper="torchvision, VGG19_Weights.IMAGENET1K_V1; architecture: " + _VGG_PAPER,
        about="VGG-19 retrained by torchvision; what most PyTorch tutorials use.",
        url="https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
        file="vgg19-dcbb9e9d.pth",
        hash_prefix="dcbb9e9d",
        sha256="dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
        bytes=574_673_361,
    ),
    WeightsRecord(
        name="vgg16.imagenet1k_v1",
        architecture="vgg16",
        preprocessing=IMAGENET,
        licence=_TORCHVISION_LICENCE,
        paper="torchvision, VGG16_Weights.IMAGENET1K_V1; architecture: " + _VGG_PAPER,
        about="VGG-16 trained by torchvision; the loss network of many feed-forward methods.",
        url="https://download.pytorch.org/models/vgg16-397923af.pth",
        file="vgg16-397923af.pth",
        hash_prefix="397923af",
        sha256="397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
        bytes=553_433_881,
    ),
    WeightsRecord(
        name="vgg19.normalised",
        architecture="vgg19",
        preprocessing=_IDENTITY,
        licence="MIT (Xun Huang; PyTorch port: naoto0804), made from VGG-19 (" + _VGG_LICENCE + ")",
        paper=_ADAIN_PAPER,
        about="The encoder of AdaIN: VGG-19 with its channels scaled to a mean activation of 1.",
        url="https://github.com/naoto0804/pytorch-AdaIN/releases/download/v0.0.0/vgg_normalised.pth",
        file="vgg_normalised.pth",
        sha256="804ca2835ecf7539f0cd2a7ac3c18ce81e6f8468969ae7117ac0c148d286bb4a",
        bytes=80_102_481,
    ),
    WeightsRecord(
        name="adain-decoder-slim",
        architecture="adain-decoder-slim",
        preprocessing=_IDENTITY,
        licence="MIT (brushwork)",
        paper="trained by brushwork as in " + _ADAIN_PAPER,
        about="From features of vgg19-slim at relu4_1 to pixels; comes with brushwork.",
        file="adain-decoder-slim.safetensors",
        embedded=True,
        encoder="vgg19-slim",
    ),
    WeightsRecord(
        name="adain-decoder.normalised",
        architecture="adain-decoder",
        preprocessing=_IDENTITY,
        licence="MIT (Xun Huang; PyTorch port: naoto0804)",
        paper=_ADAIN_PAPER,
        about="From features of vgg19.normalised at relu4_1 to pixels, as published.",
        url="https://github.com/naoto0804/pytorch-AdaIN/releases/download/v0.0.0/decoder.pth",
        file="decoder.pth",
        encoder="vgg19.normalised",
    ),
    WeightsRecord(
        name="alexnet",
        architecture="alexnet",
        preprocessing=IMAGENET,
        licence=_TORCHVISION_LICENCE,
        paper="torchvision, AlexNet_Weights.IMAGENET1K_V1; Krizhevsky 2014, One weird trick, arXiv:1404.5997",
        about="What lpips-alex weighs; only for measuring.",
        url="https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
        file="alexnet-owt-7be5be79.pth",
        hash_prefix="7be5be79",
    ),
    WeightsRecord(
        name="lpips-alex",
        architecture="lpips-alex",
        preprocessing=IMAGENET,
        licence=_LPIPS_LICENCE,
        paper=_LPIPS_PAPER,
        about="LPIPS, version 0.1: weights of AlexNet's channels. Needs alexnet.",
        url=_LPIPS_URL + "alex.pth",
        file="alex.pth",
        sha256="df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
        bytes=6_009,
    ),
    WeightsRecord(
        name="lpips-vgg",
        architecture="lpips-vgg",
        preprocessing=IMAGENET,
        licence=_LPIPS_LICENCE,
        paper=_LPIPS_PAPER,
        about="LPIPS, version 0.1: weights of VGG-16's channels. Needs vgg16.imagenet1k_v1.",
        url=_LPIPS_URL + "vgg.pth",
        file="vgg.pth",
        sha256="a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868",
        bytes=7_289,
    ),
    WeightsRecord(
        name="inception-fid",
        architecture="inception-fid",
        preprocessing=_SIGNED,
        licence="Apache-2.0, TensorFlow authors (PyTorch port: mseitzer/pytorch-fid)",
        paper="Heusel et al. 2017, GANs Trained by a Two Time-Scale Update Rule, arXiv:1706.08500",
        about="Inception-v3 as FID and KID use it; only for measuring.",
        url=(
            "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth"
        ),
        file="pt_inception-2015-12-05-6726825d.pth",
        hash_prefix="6726825d",
    ),
    WeightsRecord(
        name="inception-art",
        architecture="inception-art",
        preprocessing=_IDENTITY,
        licence="MIT, Matthias Wright (art-fid)",
        paper="Wright and Ommer 2022, ArtFID: Quantitative Evaluation of Neural Style Transfer, arXiv:2207.12280",
        about="Inception-v3 trained to tell artists and styles apart, as ArtFID uses it; only for measuring.",
        url="https://huggingface.co/matthias-wright/art_inception/resolve/main/art_inception.pth",
        file="art_inception.pth",
    ),
)

RECORDS: dict[str, WeightsRecord] = {record.name: record for record in _ALL}


def get_record(name: str) -> WeightsRecord:
    """Return the record with this name.

    Args:
        name: Such as "vgg19.caffe".

    Returns:
        The record.

    Raises:
        UsageError: No such record; the message lists the known ones.

    >>> get_record("vgg19.caffe").licence
    'CC BY 4.0, Visual Geometry Group, University of Oxford'
    """
    if name in RECORDS:
        return RECORDS[name]
    close = get_close_matches(name, RECORDS, 1)
    hint = f"; did you mean {close[0]}?" if close else ""
    raise UsageError(f"no weights named {name!r}; known are {', '.join(RECORDS)}{hint}")
