"""Presets in Python."""

from pathlib import Path

import pytest
import torch

from brushwork import AdaINLite, Gatys, Picture, UsageError, preset_options, stylize
from brushwork.api import presets

PHOTO = Picture(torch.rand(1, 3, 40, 48, generator=torch.Generator().manual_seed(1)))


def test_what_is_given_beside_a_preset_wins() -> None:
    assert preset_options("draft") == AdaINLite()
    good = preset_options("good")
    assert isinstance(good, Gatys)
    changed = preset_options("good", steps=7)
    assert (changed.steps, changed.init, changed.coarsest) == (7, good.init, good.coarsest)


def test_an_unknown_preset_and_an_option_of_another_method_are_refused() -> None:
    with pytest.raises(UsageError, match="no preset 'great'; there are draft, good, best"):
        preset_options("great")
    with pytest.raises(UsageError, match="steps is not an option; choose from model"):
        preset_options("draft", steps=3)
    with pytest.raises(UsageError, match="preset and method are both given"):
        stylize(PHOTO, "great-wave", "gatys", preset="good")


def test_best_uses_vgg19_if_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    for found, network in ((None, "vgg19-slim"), (Path("vgg19.safetensors"), "vgg19.caffe")):
        monkeypatch.setattr(presets, "find", lambda name, found=found: found)
        assert preset_options("best").network == network
        assert preset_options("best", network="other.safetensors").network == "other.safetensors"
