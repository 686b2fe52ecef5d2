import builtins
import importlib
import sys
from typing import Any

import numpy as np
import pytest

from brushwork.errors import BrushworkError

A = pytest.importorskip("albumentations")

from brushwork.augment.albumentations import StyleAugment  # noqa: E402

PHOTO = (np.random.default_rng(0).random((32, 40, 3)) * 255).astype(np.uint8)


@pytest.fixture(scope="module")
def augment() -> StyleAugment:
    return StyleAugment(p=1.0)


def test_the_seed_of_compose_decides_the_styles(augment: StyleAugment) -> None:
    mask = np.zeros((32, 40), np.uint8)
    first, second, other = (A.Compose([augment], seed=seed)(image=PHOTO, mask=mask) for seed in (1, 1, 2))
    assert (first["image"].shape, first["image"].dtype) == (PHOTO.shape, np.uint8)
    assert np.array_equal(first["image"], second["image"])
    assert not np.array_equal(first["image"], other["image"])
    assert np.array_equal(first["mask"], mask)


def test_consecutive_pictures_get_different_styles(augment: StyleAugment) -> None:
    pipeline = A.Compose([augment], seed=1)
    assert not np.array_equal(pipeline(image=PHOTO)["image"], pipeline(image=PHOTO)["image"])


@pytest.mark.parametrize("shape", [(32, 40), (32, 40, 1), (32, 40, 3)])
def test_gray_and_floats(augment: StyleAugment, shape: tuple[int, ...]) -> None:
    photo = np.random.default_rng(0).random(shape, np.float32)
    painted = augment(image=photo)["image"]
    assert (painted.shape, painted.dtype) == (shape, np.float32)


def test_p_0_changes_nothing() -> None:
    assert np.array_equal(StyleAugment(p=0.0)(image=PHOTO)["image"], PHOTO)


def test_without_albumentations_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("albumentations"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.delitem(sys.modules, "brushwork.augment.albumentations")
    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(BrushworkError, match=r"brushwork\[albumentations\]"):
        importlib.import_module("brushwork.augment.albumentations")
