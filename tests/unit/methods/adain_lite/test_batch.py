"""A batch with a style for each picture is what each picture gets alone."""

import pytest
import torch

from brushwork.methods.adain_lite.batch import BatchPainter
from brushwork.methods.adain_lite.method import AdaINLiteStyleNetwork, LiteStyle
from brushwork.options.methods import AdaINLite
from brushwork.styles.built_in import built_in_styles
from brushwork.styles.references import read_style
from brushwork.tiling.tiles import TileInput, run_whole


def codes(count: int) -> torch.Tensor:
    paths = list(built_in_styles().values())[:count]
    return torch.stack([read_style(path).values["adain-lite"]["code"].float() for path in paths])


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-3), ("bfloat16", 0.15)])
def test_each_picture_is_painted_as_if_alone(precision: str, tolerance: float) -> None:
    network = AdaINLiteStyleNetwork(AdaINLite(precision=precision))
    photos, styles = torch.rand(3, 3, 48, 64), codes(3)
    with torch.inference_mode():
        alone = [
            run_whole(network.generate(TileInput(lambda photo=photo: photo), [LiteStyle(code)]))
            for photo, code in zip(photos.split(1), styles, strict=True)
        ]
    painted = BatchPainter(network)(photos, styles)
    assert painted.dtype == torch.float32
    assert (painted - torch.cat(alone)).abs().max() < tolerance
    assert not painted.requires_grad


def test_codes_of_pictures_are_those_of_each_alone() -> None:
    network = AdaINLiteStyleNetwork(AdaINLite(precision="float32"))
    photos = torch.rand(2, 3, 96, 64)
    found = BatchPainter(network).own_codes(photos)
    with torch.inference_mode():
        alone = torch.stack([network.encode_content(photo).code for photo in photos.split(1)])
    torch.testing.assert_close(found, alone, rtol=1e-3, atol=1e-3)
