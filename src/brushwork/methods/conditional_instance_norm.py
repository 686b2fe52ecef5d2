"""Many styles in one network: shared convolutions, and a row of normalization scales and shifts per style.

Source: Dumoulin, Shlens and Kudlur 2017, "A Learned Representation for Artistic Style", ICLR, arXiv:1610.07629. A row
from a painting: Ghiasi, Lee, Kudlur, Dumoulin and Shlens 2017, "Exploring the structure of a real-time, arbitrary
neural artistic stylization network", BMVC, arXiv:1705.06830. What differs: docs/methods/conditional_instance_norm.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from brushwork.errors import BrushworkError, UsageError, WeightsError
from brushwork.losses.perceptual import PerceptualLoss, at_size
from brushwork.methods.base import Declaration
from brushwork.methods.style_network import TensorStyleNetwork
from brushwork.nn import FeatureNetwork, load_network
from brushwork.nn.statistics import mean_std
from brushwork.nn.transformation import TransformationNetwork
from brushwork.options.methods import ConditionalInstanceNorm
from brushwork.options.training import TrainConditional
from brushwork.runtime.device import choose_dtype
from brushwork.runtime.tensor_files import write_tensors
from brushwork.styles.references import SavedStyle, write_style
from brushwork.tiling.tiles import Stages, TileInput
from brushwork.training.data import PhotoFolder
from brushwork.weights import Model, load_into, read_model

__all__ = ["ConditionalInstanceNormStyleNetwork", "PredictorTask", "StyleRow", "StylesTask", "painter_hash"]

KIND = "conditional-instance-norm"
STRIDE = 4
SMALLEST = 32  # same as johnson's network
ENCODER = "vgg19-slim"
SEEN_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
SEEN_SIZE = 384  # longer side of the predictor's input
HIDDEN, BOTTLENECK = 256, 100  # Ghiasi et al. 2017, section 3: a bottleneck of 100


@dataclass(frozen=True)
class StyleRow:
    """A style: the scales of all normalizations, then their shifts, (2 T,)."""

    row: Tensor


class Predictor(nn.Module):
    """Predicts a painting's row from its features.

    Args:
        inputs: Number of feature means and deviations.
        outputs: Length of a row.

    Source: Ghiasi et al. 2017, section 3.
    Differs: means and deviations of vgg19-slim instead of means of Inception-v3.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("deviation", torch.ones(inputs))
        self.register_buffer("usual", torch.zeros(outputs))  # the row that predictions are relative to
        self.layers = nn.Sequential(
            nn.Linear(inputs, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, BOTTLENECK), nn.Linear(BOTTLENECK, outputs)
        )

    @staticmethod
    def seen(features: Mapping[str, Tensor], mask: Tensor | None = None) -> Tensor:
        """Return the predictor's inputs for paintings, (B, I)."""
        return torch.cat([part for layer in SEEN_LAYERS for part in mean_std(features[layer], mask)], 1)

    def forward(self, seen: Tensor) -> Tensor:
        """Predict rows (B, 2 T)."""
        mean, deviation, usual = self.get_buffer("mean"), self.get_buffer("deviation"), self.get_buffer("usual")
        return usual + self.layers((seen - mean) / deviation).float()  # type: ignore[no-any-return]

    @torch.no_grad()
    def set_units(self, seen: Tensor, usual: Tensor) -> None:
        """Normalize inputs by the statistics of many paintings, (N, I), and start from a row, (2 T,)."""
        self.get_buffer("mean").copy_(seen.mean(0))
        self.get_buffer("deviation").copy_(seen.std(0) + 1e-3)
        self.get_buffer("usual").copy_(usual)
        last: Any = self.layers[-1]
        last.weight.mul_(0.1)
        last.bias.zero_()


class ConditionalNetwork(nn.Module):
    """The stylizing network with its table of styles and an optional predictor of rows."""

    def __init__(self, painter: TransformationNetwork, predictor: Predictor | None = None) -> None:
        super().__init__()
        self.painter, self.predictor = painter, predictor

    @classmethod
    def from_model(cls, model: Model) -> ConditionalNetwork:
        """Return a model's frozen network.

        Raises:
            WeightsError: The tensors don't belong to such a network.
        """
        parts: dict[str, dict[str, Tensor]] = {"painter": {}, "predictor": {}}
        for name, tensor in model.tensors.items():
            part, _, rest = name.partition(".")
            parts.setdefault(part, {})[rest] = tensor
        try:
            painter = TransformationNetwork.from_tensors(parts["painter"])
        except ValueError as error:
            raise WeightsError(f"{model.path} contains no {KIND} network: {error}") from error
        first, last = (parts["predictor"].get(f"layers.{k}.weight") for k in (0, 3))
        predictor = None if first is None or last is None else Predictor(first.shape[1], last.shape[0])
        network = cls(painter, predictor)
        load_into(network, model)
        return network


class ConditionalInstanceNormStyleNetwork(TensorStyleNetwork[StyleRow]):
    """Conditional instance normalization.

    Args:
        settings: The options.
        device: The device to run on.
        network: Not supported; rows are predicted from features of vgg19-slim.

    Raises:
        UsageError: A network is given.
        WeightsError: The model can't be read.
    """

    declaration = Declaration(smallest=SMALLEST, tiling="statistics", blends=True, regions=True)
    settings: ConditionalInstanceNorm
    style_type = StyleRow
    multiple = STRIDE
    mixes_styles = False

    def __init__(
        self,
        settings: ConditionalInstanceNorm,
        device: torch.device | str = "cpu",
        *,
        network: FeatureNetwork | None = None,
    ) -> None:
        self.settings, self.device = settings, torch.device(device)
        if network is not None:
            raise UsageError(f"{KIND} only works with the feature network {ENCODER}; use gatys for other networks")
        self.dtype = choose_dtype(settings.precision, self.device)
        model = read_model(settings.model, KIND)
        learned = ConditionalNetwork.from_model(model)
        identity = _identity(learned.painter)
        learned.to(self.device)
        self.painter, self.predictor = learned.painter, learned.predictor
        # Normalizations stay in float32. torch's annotations don't know that a module takes memory_format.
        self.painter.convs.to(self.dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._recipe = {
            "model": {"name": model.name, "sha256": identity},
            "predictor": None if self.predictor is None else {"sha256": model.sha256},
            "dtype": str(self.dtype).removeprefix("torch."),
        }

    def painting_size(self, sizes: Sequence[int]) -> int:
        """Return the same size for photos of all sizes; see `StyleNetwork`."""
        return SEEN_SIZE

    @cached_property
    def _encoder(self) -> FeatureNetwork:
        return load_network(ENCODER, device=self.device, dtype=self.dtype).network

    def neutral_style(self) -> StyleRow:
        """Return the mean of the rows."""
        return StyleRow(self.painter.table().mean(0))

    def encode(self, image: Tensor, mask: Tensor | None = None) -> StyleRow:
        """Predict the row of a painting; see `StyleNetwork`."""
        if self.predictor is None:
            raise UsageError(
                f"this {KIND} network can't predict styles from paintings; use one of its saved styles, or train one: "
                f"brushwork train {KIND} --learn row --start {self.settings.model} --style painting.jpg …"
            )
        pixels = image.contiguous(memory_format=torch.channels_last)
        return StyleRow(self.predictor(Predictor.seen(self._encoder(pixels, SEEN_LAYERS), mask))[0])

    def generate(self, tile: TileInput, styles: Sequence[StyleRow], shares: Tensor | None = None) -> Stages:
        """Return the stages that stylize an image or a tile; see `StyleNetwork`."""
        pixels = tile.photo.to(self.dtype, memory_format=torch.channels_last)
        rows = torch.stack([style.row for style in styles])
        return self.painter.steps(pixels, self.painter.split(rows), shares)

    def halo(self, styles: Sequence[StyleRow]) -> int:
        """Return the receptive field's radius in pixels."""
        return self.painter.halo


class StylesTask:
    """Trains a network for a set of styles, or an additional row of a frozen network.

    Args:
        settings: The options; with learn "row", everything except the rows of `start` is frozen.
        paintings: By name, pixels (1, 3, H, W) in [0, 1].
        device: The device to run on.

    Source: Dumoulin et al. 2017, sections 2.2 and 3.3.
    """

    paintings = None

    def __init__(self, settings: TrainConditional, paintings: Mapping[str, Tensor], device: torch.device) -> None:
        self.settings, self.names = settings, list(paintings)
        torch.manual_seed(settings.seed)
        self.model = read_model(settings.start or KIND, KIND) if settings.start or settings.learn == "row" else None
        if self.model is None:
            self.network = TransformationNetwork(settings.width, settings.blocks, len(paintings))
        elif settings.learn == "row":
            self.network = _with_one_row(ConditionalNetwork.from_model(self.model).painter)
        else:
            self.network = ConditionalNetwork.from_model(self.model).painter.train().requires_grad_(True)
        rows = len(self.network.table())
        if rows != len(paintings):
            raise UsageError(
                f"start: {settings.start} has {rows} styles, got {len(paintings)} paintings; pass the same number"
            )
        self.network.to(device)
        self.loss = PerceptualLoss(settings, [at_size(x, settings.style_size) for x in paintings.values()], device)
        self.critic = self.loss.critic

    def facts(self) -> dict[str, Any]:
        """Return what must match for a checkpoint to be resumed."""
        return {"task": KIND, "model": self.model and self.model.sha256, **self.loss.facts()}

    def terms(self, photos: Tensor) -> dict[str, Tensor]:
        """Return the weighted loss terms for photos (B, 3, S, S), each in a style drawn for it."""
        styles = torch.randint(len(self.names), (len(photos),)).to(photos.device)
        targets = {layer: grams[styles] for layer, grams in self.loss.targets.items()}
        pictures, spiky = self._painted(photos, styles)
        return {**self.loss(pictures, photos, targets, styles), "spikes": spiky}

    def painted(self, photos: Tensor) -> Tensor:
        """Stylize photos (B, 3, S, S), cycling through the styles."""
        return self._painted(photos, torch.arange(len(photos), device=photos.device) % len(self.names))[0]

    def _painted(self, photos: Tensor, styles: Tensor) -> tuple[Tensor, Tensor]:
        return self.loss.paint(self.network, photos, F.one_hot(styles, len(self.names)).float())

    def write(self, path: Path) -> None:
        """Write the network and, in a folder of the same name, a saved style per row; or only the new style."""
        rows, identity = self.network.table().detach().cpu().half(), _identity(self.network)
        if self.settings.learn == "row":
            _write_row(path, rows[0], identity, self.names[0])
            return
        _write_model(path, ConditionalNetwork(self.network))
        folder = path.with_suffix("")
        folder.mkdir(exist_ok=True)
        for name, row in zip(self.names, rows, strict=True):
            _write_row(folder / f"{name}.safetensors", row, identity, name)


class PredictorTask:
    """Trains a predictor of rows for a frozen network.

    Args:
        settings: The options; `start` is the network.
        paintings: Random crops of these are the styles.
        device: The device to run on.

    Source: Ghiasi et al. 2017, section 3.
    Differs: they train both networks together.
    """

    def __init__(self, settings: TrainConditional, paintings: PhotoFolder, device: torch.device) -> None:
        self.settings, self.paintings = settings, paintings
        torch.manual_seed(settings.seed)
        self.model = read_model(settings.start or KIND, KIND)
        learned = ConditionalNetwork.from_model(self.model)
        self.painter = learned.painter.to(device)
        self.loss = PerceptualLoss(settings, [], device)
        self.encoder = load_network(ENCODER, device=device).network
        seen = torch.cat([self._seen(paintings.drawn(8, recolor=True).to(device)) for _ in range(25)])
        table = self.painter.table()
        self.network = learned.predictor or Predictor(seen.shape[1], table.shape[1])
        if learned.predictor is None:
            self.network.set_units(seen.cpu(), table.mean(0).cpu())
        self.network.train().requires_grad_(True).to(device)
        self.critic = self.loss.critic

    @torch.no_grad()
    def _seen(self, paintings: Tensor) -> Tensor:
        return Predictor.seen(self.encoder(paintings.contiguous(memory_format=torch.channels_last), SEEN_LAYERS))

    def facts(self) -> dict[str, Any]:
        """Return what must match for a checkpoint to be resumed."""
        return {
            "task": "predictor",
            "model": self.model.sha256,
            "paintings": len(self.paintings.files),
            **self.loss.facts(),
        }

    def terms(self, photos: Tensor) -> dict[str, Tensor]:
        """Return the weighted loss terms for photos (B, 3, S, S), each in the style of a painting's square."""
        paintings = self.paintings.drawn(len(photos), recolor=True).to(photos.device)
        pictures, spiky = self._painted(photos, paintings)
        terms = self.loss(pictures, photos, self.loss.grams(paintings), paintings=paintings)
        return {**terms, "spikes": spiky}

    def painted(self, photos: Tensor) -> Tensor:
        """Stylize photos (B, 3, S, S) in the styles of random paintings."""
        return self._painted(photos, self.paintings.drawn(len(photos), recolor=True).to(photos.device))[0]

    def _painted(self, photos: Tensor, paintings: Tensor) -> tuple[Tensor, Tensor]:
        return self.loss.paint(self.painter, photos, (), self.network(self._seen(paintings)))

    def write(self, path: Path) -> None:
        """Write the network together with its predictor."""
        _write_model(path, ConditionalNetwork(self.painter, self.network))


def _with_one_row(painter: TransformationNetwork) -> TransformationNetwork:
    """Return a network with the frozen convolutions of another one, and the mean of its rows as the only row."""
    network = TransformationNetwork(painter.width, painter.blocks, epsilon=float(painter.get_buffer("epsilon")))
    network.convs.load_state_dict(painter.convs.state_dict())
    network.convs.requires_grad_(False)
    with torch.no_grad():
        for own, theirs in zip(network.norms.parameters(), painter.norms.parameters(), strict=True):
            own.copy_(theirs.mean(0, keepdim=True))
    return network


def _identity(painter: TransformationNetwork) -> str:
    """Return the SHA-256 of the convolutions as stored in files, which identifies the network that a row belongs to."""
    tensors = painter.convs.state_dict().values()
    return hashlib.sha256(b"".join(tensor.detach().cpu().half().numpy().tobytes() for tensor in tensors)).hexdigest()


def _write_model(path: Path, network: ConditionalNetwork) -> None:
    tensors = {name: tensor.detach().cpu().half().contiguous() for name, tensor in network.state_dict().items()}
    write_tensors(path, tensors, {"model": KIND})


def _write_row(path: Path, row: Tensor, model: str, title: str) -> None:
    write_style(path, SavedStyle({KIND: {"row": row}}, {KIND: {"model": model}}, {"title": title}))


def make_task(
    settings: TrainConditional, paintings: Mapping[str, Tensor] | PhotoFolder, device: torch.device
) -> StylesTask | PredictorTask:
    """Return the task for named paintings, or for a folder of paintings to train a predictor."""
    if isinstance(paintings, PhotoFolder):
        return PredictorTask(settings, paintings, device)
    return StylesTask(settings, paintings, device)


def painter_hash(path: Path) -> str | None:
    """Return the recipe's hash of the stylizing network in a model file; None if the file holds no such model."""
    try:
        return _identity(ConditionalNetwork.from_model(read_model(str(path), KIND)).painter)
    except (BrushworkError, ValueError):
        return None
