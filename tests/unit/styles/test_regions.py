"""Keeping the photo's colors: what the method is shown of photo and painting, and what is made of its result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from brushwork import Gatys, encode_style, load, rerun, save_style, stylize
from brushwork.api.color_control import ColorControl
from brushwork.color import luminance, match_covariance, match_histogram, rgb_to_yiq
from brushwork.errors import Interrupted, UsageError
from brushwork.image import Picture
from brushwork.io import write_image
from brushwork.methods import Method
from brushwork.runtime.progress import Step

SHORT = Gatys(steps=2, scales=1)
ALL = [(way, when) for way in ("luminance", "cholesky", "histogram") for when in ("before", "after")]


def tinted(red: float, green: float, blue: float, size: tuple[int, int] = (33, 47)) -> torch.Tensor:
    """Noise around a color, far from 0 and 1, so that nothing is clamped."""
    return 0.1 * torch.rand(1, 3, *size) + torch.tensor([red, green, blue]).reshape(1, 3, 1, 1)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, color in {"photo": (0.6, 0.4, 0.3), "wave": (0.2, 0.4, 0.7), "sea": (0.3, 0.6, 0.5)}.items():
        write_image(Picture(tinted(*color)), tmp_path / f"{name}.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def method() -> Method:
    return load(SHORT)


@pytest.mark.parametrize(("way", "when"), ALL)
def test_every_way_at_every_time(way: str, when: str, method: Method, here: Path) -> None:
    made = stylize("photo.png", "wave.png", method=method, keep_color=way, keep_color_when=when)
    assert (made.recipe["keep_color"], made.recipe["keep_color_when"]) == (way, when)
    assert made.picture.size == (47, 33)
    assert bool(made.picture.pixels.isfinite().all())
    again, remarks = rerun(made.recipe, [here])
    assert torch.equal(again.picture.pixels, made.picture.pixels)
    assert again.recipe == made.recipe
    assert remarks == []


@pytest.mark.parametrize(("way", "when"), ALL)
def test_the_result_has_the_photo_s_colors(way: str, when: str, here: Path) -> None:
    """From the painting's own pixels and without the photo, so that no color can come from anywhere else."""
    settings = Gatys(steps=2, scales=1, init="style", content_weight=0)
    photo, painting = Picture(tinted(0.6, 0.4, 0.3)), Picture(tinted(0.2, 0.4, 0.7))
    kept = stylize(photo, painting, settings, keep_color=way, keep_color_when=when).picture.pixels
    mean = photo.pixels.mean((2, 3))
    assert (painting.pixels.mean((2, 3)) - mean).abs().max() > 0.3
    chroma = (rgb_to_yiq(kept) - rgb_to_yiq(photo.pixels)).mean((2, 3))[:, 1:]
    assert chroma.abs().max() < 0.03
    if (way, when) != ("luminance", "after"):  # which takes light and dark from the painting
        assert (kept.mean((2, 3)) - mean).abs().max() < 0.05


@pytest.mark.parametrize(("way", "chosen"), [("luminance", "after"), ("cholesky", "before"), ("histogram", "before")])
def test_the_time_that_suits_a_way(way: str, chosen: str) -> None:
    assert ColorControl(tinted(0.5, 0.5, 0.5), way=way).when == chosen


def test_none_changes_nothing() -> None:
    picture = tinted(0.2, 0.4, 0.7)
    control = ColorControl(tinted(0.5, 0.5, 0.5))
    assert (control.way, control.when) == (None, None)
    for seen in (control.content(picture), control.style(picture), control.result(picture)):
        assert seen is picture


def test_luminance_before_shows_the_method_grey_pictures() -> None:
    photo, painting = tinted(0.6, 0.4, 0.3), tinted(0.2, 0.4, 0.7, (20, 31))
    control = ColorControl(photo, way="luminance", when="before")
    assert torch.equal(control.content(photo), luminance(photo))
    style = control.style(painting)
    assert torch.allclose(style, style[:, :1].expand(-1, 3, -1, -1), atol=1e-6)
    assert float(style.mean()) == pytest.approx(float(luminance(photo).mean()), abs=1e-5)
    kept = rgb_to_yiq(control.result(style.new_full((1, 3, 33, 47), 0.5)))
    assert torch.allclose(kept[:, 1:], rgb_to_yiq(photo)[:, 1:], atol=1e-5)


@pytest.mark.parametrize(("way", "match"), [("cholesky", match_covariance), ("histogram", match_histogram)])
def test_what_is_recolored_when(way: str, match: Any) -> None:
    photo, other = tinted(0.6, 0.4, 0.3), tinted(0.2, 0.4, 0.7)
    before, after = (ColorControl(photo, way=way, when=when) for when in ("before", "after"))
    assert torch.equal(before.style(other), match(other, photo))
    assert before.result(other) is other
    assert torch.equal(after.result(other), match(other, photo))
    assert after.style(other) is other
    assert before.content(photo) is photo


@pytest.mark.parametrize("way", ["luminance", "cholesky", "histogram"])
def test_hidden_pixels_don_t_count(way: str) -> None:
    photo, painting = tinted(0.6, 0.4, 0.3), tinted(0.2, 0.4, 0.7)
    mask = torch.ones(1, 1, 33, 47)
    mask[..., :20] = 0
    control = ColorControl(torch.where(mask > 0, photo, 0), mask, way, "before")
    recolored = control.style(torch.where(mask > 0, painting, 1), mask)[..., 20:]
    assert torch.allclose(
        recolored, ColorControl(photo[..., 20:], None, way, "before").style(painting[..., 20:]), atol=1e-5
    )


def test_each_painting_of_a_blend_is_recolored(here: Path) -> None:
    settings = Gatys(steps=2, scales=1, content_weight=0, init="style", style_weight=1e3)
    made = stylize("photo.png", "wave.png+sea.png", settings, keep_color="cholesky").picture.pixels
    photo = stylize("photo.png", "photo.png", Gatys(steps=1, scales=1)).picture.pixels
    assert (made.mean((2, 3)) - photo.mean((2, 3))).abs().max() < 0.05


@pytest.mark.parametrize("way", ["luminance", "cholesky", "histogram"])
def test_a_saved_style_can_only_be_recolored_after(way: str, method: Method, here: Path) -> None:
    save_style("mine.safetensors", method, encode_style(method, "wave.png", [47]))
    for style in ("mine.safetensors", "wave.png+mine.safetensors"):
        with pytest.raises(
            UsageError, match=r"needs the painting itself, but mine\.safetensors .*--keep-color-when after"
        ):
            stylize("photo.png", style, method=method, keep_color=way, keep_color_when="before")
    assert stylize("photo.png", style, method=method, keep_color=way, keep_color_when="after").seconds > 0


@pytest.mark.parametrize(
    ("way", "when", "message"),
    [
        ("luminence", None, "keep_color: expected one of luminance, cholesky, histogram, got 'luminence'"),
        (True, None, "keep_color: expected one of luminance, cholesky, histogram, got True"),
        ("cholesky", "later", "keep_color_when: expected one of before, after, got 'later'"),
        (None, "after", "keep_color_when: 'after' needs keep_color: luminance, cholesky, histogram"),
    ],
)
def test_typos_are_told_with_the_choices(way: Any, when: Any, message: str, method: Method) -> None:
    picture = Picture(tinted(0.5, 0.5, 0.5))
    with pytest.raises(UsageError, match=message):
        stylize(picture, picture, method=method, keep_color=way, keep_color_when=when)


@pytest.mark.parametrize(("way", "when"), [ALL[0], ALL[3], ALL[4]])
def test_previews_look_like_the_result(way: str, when: str) -> None:
    shown: list[torch.Tensor] = []

    def listen(step: Step) -> None:
        shown.append(step.preview())
        if step.step == 3:
            raise Interrupted

    photo, painting = Picture(tinted(0.6, 0.4, 0.3, (132, 100))), Picture(tinted(0.2, 0.4, 0.7))
    with pytest.raises(Interrupted) as stopped:
        stylize(photo, painting, Gatys(steps=4, scales=2), keep_color=way, keep_color_when=when, progress=listen)
    mean = photo.pixels.mean((2, 3))
    for pixels in (*shown, stopped.value.best.picture.pixels):
        assert (pixels.mean((2, 3)) - mean).abs().max() < 0.15


@pytest.mark.parametrize(("way", "when"), ALL)
def test_flat_and_tiny_pictures(way: str, when: str, method: Method) -> None:
    photo, painting = Picture(torch.full((1, 3, 1, 9), 0.25)), Picture(torch.full((1, 3, 9, 8), 0.5))
    kept = stylize(photo, painting, method=method, keep_color=way, keep_color_when=when).picture
    assert kept.size == (9, 1)
    assert bool(kept.pixels.isfinite().all())


def test_recipes_of_the_flag_it_used_to_be(method: Method, here: Path) -> None:
    for old, way in {True: "luminance", False: None}.items():
        made = stylize("photo.png", "wave.png", method=method, keep_color=way)
        recipe = {key: value for key, value in made.recipe.items() if key != "keep_color_when"} | {"keep_color": old}
        assert torch.equal(rerun(recipe, [here])[0].picture.pixels, made.picture.pixels)
