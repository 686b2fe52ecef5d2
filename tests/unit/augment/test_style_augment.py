import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from brushwork import StyleAugment, UsageError
from brushwork.errors import PictureError


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def photo(*shape: int) -> torch.Tensor:
    """The same pixels for any number of pictures: a ramp with grain."""
    *_, channels, height, width = shape
    one = torch.linspace(0, 1, width).expand(channels, height, width)
    return (0.7 * one + 0.3 * torch.rand(channels, height, width, generator=generator())).expand(shape).clone()


@pytest.fixture(scope="module")
def augment() -> StyleAugment:
    return StyleAugment(p=1.0, precision="float32")


def test_the_same_generator_gives_the_same_bytes(augment: StyleAugment) -> None:
    pictures = photo(3, 3, 32, 48)
    first, second, other = (augment(pictures, generator=generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    torch.manual_seed(5)
    first = augment(pictures)
    torch.manual_seed(5)
    assert torch.equal(first, augment(pictures))


def test_each_picture_gets_a_style_of_its_own(augment: StyleAugment) -> None:
    painted = augment(photo(3, 3, 32, 32), generator=generator())
    assert (painted[0] - painted[1]).abs().mean() > 0.02
    assert (painted[1] - painted[2]).abs().mean() > 0.02


def test_same_on_batch_is_one_style() -> None:
    painted = StyleAugment(p=1.0, strength=(0.2, 1.0), same_on_batch=True)(photo(3, 3, 32, 32))
    assert torch.equal(painted[0], painted[2])


def test_few_are_painted_at_a_small_p_and_the_others_stay_as_they_are() -> None:
    pictures = photo(40, 3, 16, 16)
    painted = StyleAugment(p=0.25)(pictures, generator=generator())
    same = (painted == pictures).flatten(1).all(1)
    assert 20 < int(same.sum()) < 38


@pytest.mark.parametrize("settings", [{"p": 0.0}, {"p": 1.0, "strength": 0.0}])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float64])
def test_nothing_changes_without_probability_or_strength(settings: dict[str, float], dtype: torch.dtype) -> None:
    pictures = (photo(2, 3, 17, 19) * (255 if dtype == torch.uint8 else 1)).to(dtype)
    assert torch.equal(StyleAugment(**settings)(pictures), pictures)


@pytest.mark.parametrize(
    "shape", [(3, 20, 33), (1, 20, 33), (2, 3, 16, 16), (2, 1, 5, 7), (2, 3, 3, 16, 24), (0, 3, 8, 8)]
)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_shape_and_dtype_stay_and_the_argument_too(
    augment: StyleAugment, shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    pictures = (photo(*shape) * (255 if dtype == torch.uint8 else 1)).to(dtype)
    before = pictures.clone()
    painted = augment(pictures)
    assert (painted.shape, painted.dtype) == (pictures.shape, dtype)
    assert torch.equal(pictures, before)
    assert not pictures.numel() or not torch.equal(painted, pictures)
    assert not pictures.numel() or 0 <= painted.min() <= painted.max() <= (255 if dtype == torch.uint8 else 1)


def test_strength_is_a_share_of_pixels(augment: StyleAugment) -> None:
    pictures = photo(2, 3, 32, 32)
    half = StyleAugment(p=1.0, strength=0.5, precision="float32")(pictures, generator=generator())
    torch.testing.assert_close(half, (pictures + augment(pictures, generator=generator())) / 2)


def test_a_mix_with_the_own_code_is_nearer_to_the_picture(augment: StyleAugment) -> None:
    pictures = photo(4, 3, 64, 64)
    away = [
        (StyleAugment(p=1.0, mix=mix, precision="float32")(pictures, generator=generator()) - pictures).abs().mean()
        for mix in (0.0, 0.5, 1.0)
    ]
    assert away[0] > away[1] > away[2]


def test_drawn_codes_have_mean_and_covariance_of_the_library(augment: StyleAugment) -> None:
    drawn = augment.draw_codes(20000, generator())
    spread = augment.codes.var(0).sum()
    assert (drawn.mean(0) - augment.codes.mean(0)).square().sum() < 1e-3 * spread
    assert (drawn.T.cov() - augment.codes.T.cov()).norm() < 0.03 * augment.codes.T.cov().norm()


def test_choice_draws_the_styles_themselves(augment: StyleAugment) -> None:
    own = StyleAugment(styles=augment.codes[:3], sampling="choice")
    drawn = own.draw_codes(50)
    assert {tuple(code.tolist()) for code in drawn} == {tuple(code.tolist()) for code in own.codes}


def test_styles_of_a_folder_and_of_a_list(tmp_path: Path, augment: StyleAugment) -> None:
    (tmp_path / "more").mkdir()
    for name in ("a.png", "more/b.jpg"):
        Image.fromarray((photo(3, 40, 40) * 255).byte().movedim(0, 2).numpy()).save(tmp_path / name)
    assert StyleAugment(styles=tmp_path).codes.shape == (2, 128)
    listed = StyleAugment(styles=["great-wave", str(tmp_path / "a.png")])
    assert listed.codes.shape == (2, 128)
    one = StyleAugment(styles=["great-wave"], p=1.0, precision="float32")  # a Gaussian without deviation
    painted = one(photo(2, 3, 32, 32))
    torch.testing.assert_close(painted[0], painted[1])


def test_labels_pass_through(augment: StyleAugment) -> None:
    picture, label = augment(photo(3, 16, 16), 4)
    assert picture.shape == (3, 16, 16)
    assert label == 4


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA", "CMYK"])
def test_pillow_images_keep_size_mode_and_transparency(augment: StyleAugment, mode: str) -> None:
    image = Image.fromarray((photo(3, 20, 33) * 255).byte().movedim(0, 2).numpy()).convert(mode)
    if "A" in mode:
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    painted = augment(image, generator=generator())
    assert (painted.size, painted.mode) == (image.size, mode)
    assert not np.array_equal(np.asarray(painted), np.asarray(image))
    if "A" in mode:
        assert np.array_equal(np.asarray(painted)[..., -1], np.asarray(image)[..., -1])
    assert StyleAugment(p=0.0)(image) is image


def test_a_palette_becomes_rgb(augment: StyleAugment) -> None:
    assert augment(Image.new("P", (16, 16))).mode == "RGB"


def test_a_pillow_image_is_painted_like_its_tensor(augment: StyleAugment) -> None:
    pixels = (photo(3, 20, 33) * 255).byte()
    painted = augment(Image.fromarray(pixels.movedim(0, 2).numpy()), generator=generator())
    assert np.array_equal(np.asarray(painted), augment(pixels, generator=generator()).movedim(0, 2).numpy())


def test_flat_pictures_stay_flat(augment: StyleAugment) -> None:
    painted = augment(torch.ones(2, 3, 32, 32), generator=generator())
    assert painted.std((2, 3)).max() < 0.05
    assert painted.isfinite().all()


def test_it_is_a_module_without_weights(augment: StyleAugment) -> None:
    assert not list(augment.parameters())
    assert not augment.state_dict()
    assert "gaussian of" in repr(augment)
    pictures = photo(2, 3, 32, 32)
    expected = augment(pictures, generator=generator())
    for other in (copy.deepcopy(augment), pickle.loads(pickle.dumps(augment))):
        assert torch.equal(other(pictures, generator=generator()), expected)
    assert torch.equal(torch.nn.Sequential(augment).eval()(pictures[:0]), pictures[:0])


def test_no_gradient_is_recorded(augment: StyleAugment) -> None:
    assert not augment(photo(2, 3, 16, 16).requires_grad_()).requires_grad


class Photos(Dataset[torch.Tensor]):
    def __init__(self, augment: StyleAugment) -> None:
        self.augment = augment

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.augment((photo(3, 32, 32) * 255).byte())


def test_two_workers_of_a_loader_end_and_draw_different_styles(augment: StyleAugment) -> None:
    augment(photo(8, 3, 64, 64))  # threads have run before the workers are forked
    batches: list[list[Any]] = []
    for _ in range(2):
        loader = DataLoader(Photos(augment), batch_size=2, num_workers=2, generator=generator(), timeout=60)
        batches.append(list(loader))
    pictures = torch.cat(batches[0])
    assert torch.equal(pictures, torch.cat(batches[1]))  # seeded by the loader's generator
    assert len({picture.numpy().tobytes() for picture in pictures}) == 8


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"p": 1.5}, "p: expected a number from 0 to 1, got 1.5"),
        ({"p": True}, "p: expected a number"),
        ({"strength": "much"}, "strength: expected a number"),
        ({"strength": (0.1, 0.2, 0.3)}, "a pair of the lowest and the highest"),
        ({"mix": (0.9, 0.1)}, "mix: expected the lowest value first"),
        ({"sampling": "uniform"}, "sampling: expected gaussian or choice"),
        ({"precision": "float8"}, "precision"),
        ({"styles": "no-such-folder"}, "no-such-folder is not a folder"),
        ({"styles": []}, "styles: expected built-in, a folder"),
        ({"styles": 3}, "styles: expected built-in, a folder"),
        ({"styles": ["no-such-style"]}, "no-such-style"),
        ({"styles": torch.zeros(3, 64)}, r"expected codes \(N, 128\)"),
        ({"styles": torch.full((3, 128), float("nan"))}, "NaN"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        StyleAugment(**settings)


def test_folders_without_paintings_and_broken_ones_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="contains no pictures"):
        StyleAugment(styles=tmp_path)
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    with pytest.raises(PictureError, match=r"broken\.jpg"):
        StyleAugment(styles=tmp_path)


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (torch.zeros(8, 8), "one or three channels"),
        (torch.zeros(8, 8, 3), r"move the channels first"),
        (torch.zeros(2, 4, 8, 8), "one or three channels"),
        (torch.zeros(3, 0, 8), "at least one pixel"),
        (torch.zeros(3, 8, 8, dtype=torch.int64), "uint8 or floats"),
        (torch.full((3, 8, 8), 2.0), "augment before you normalize"),
        (torch.full((3, 8, 8), -1.0), "augment before you normalize"),
        (torch.full((3, 8, 8), float("nan")), "augment before you normalize"),
        (np.zeros((8, 8, 3), np.uint8), r"convert it with torch\.from_numpy"),
        ("photo.jpg", "expected a tensor"),
        (Image.new("F", (8, 8)), "Pillow mode F"),
    ],
)
def test_bad_pictures_are_refused(augment: StyleAugment, picture: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        augment(picture)
