import numpy as np
import pytest
import torch

from brushwork.losses.patches import nearest, patch_loss
from brushwork.nn.statistics import patches


def features(seed: int, height: int = 5, width: int = 6) -> torch.Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def cut(maps: torch.Tensor) -> list[np.ndarray]:
    array = maps[0].numpy()
    return [
        array[:, y : y + 3, x : x + 3].ravel() for y in range(array.shape[1] - 2) for x in range(array.shape[2] - 2)
    ]


def test_every_patch_is_compared_with_the_one_of_largest_cross_correlation() -> None:
    x, y = features(0), features(1, 7, 4)
    total, choices = 0.0, []
    for patch in cut(x):
        scores = [patch @ other / (np.linalg.norm(patch) * np.linalg.norm(other)) for other in cut(y)]
        choices.append(int(np.argmax(scores)))
        total += ((patch - cut(y)[choices[-1]]) ** 2).sum()
    assert nearest(patches(x), patches(y)).tolist() == choices
    expected = total / len(cut(x)) / np.mean([(other**2).sum() for other in cut(y)])
    assert patch_loss(x, patches(y)).item() == pytest.approx(expected)


def test_the_search_in_chunks_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    found, known = torch.rand(50, 9), torch.rand(20, 9)
    whole = nearest(found, known)
    monkeypatch.setattr("brushwork.losses.patches._CHUNK", 7 * 20)
    assert torch.equal(nearest(found, known), whole)


def test_a_rearranged_painting_has_no_loss_inside_its_parts() -> None:
    painting = features(0, 12, 12)
    assert patch_loss(painting[:, :, 2:9, 4:11], patches(painting)).item() == pytest.approx(0, abs=1e-12)
