from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from brushwork import AdaINLite, FeatureExtractor, Gatys, encode_style, load, save_style, save_styles, stylize
from brushwork.api.presets import PRESETS
from brushwork.api.stylize import read_content, result_size, stylize_photo
from brushwork.color import rgb_to_yiq
from brushwork.errors import BrushworkError, Interrupted, PictureError, UsageError
from brushwork.image import Picture
from brushwork.io import write_image
from brushwork.methods import Method
from brushwork.options.stylize import StylizeOptions
from brushwork.registry import settings_from
from brushwork.runtime.progress import Step
from brushwork.runtime.provenance import Recipe
from brushwork.styles.references import SavedStyle, StylePart, read_style, write_style
from brushwork.weights import sha256_of

SHORT = Gatys(steps=3, scales=1)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("photo.png", "wave.png", "sea.png"):
        write_image(Picture(torch.rand(1, 3, 36, 48)), tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pixels(*arguments: Any, **options: Any) -> torch.Tensor:
    return stylize(*arguments, **options).picture.pixels


def test_result_has_size_alpha_exif_and_recipe(here: Path) -> None:
    alpha = torch.rand(1, 1, 33, 47)
    photo = Picture(torch.rand(1, 3, 33, 47), alpha, exif=b"II*\0", notes=("photo: first of 2 frames",))
    result = stylize(photo, Picture(torch.rand(1, 3, 40, 40), notes=("style: first of 3 frames",)), SHORT)
    assert result.picture.size == (47, 33)
    assert torch.equal(result.picture.alpha, alpha)  # type: ignore[arg-type]
    assert result.picture.exif == b"II*\0"
    assert result.picture.notes == ("photo: first of 2 frames", "style: first of 3 frames")
    assert result.seconds > 0
    assert Recipe.from_json(result.recipe.to_json()) == result.recipe


def test_the_recipe_says_what_decided_the_result(here: Path) -> None:
    settings = Gatys(steps=2, init="noise", seed=5, precision="float32")
    result = stylize("photo.png", "wave.png:3+sea.png", settings, keep_color="luminance", size=40)
    recipe = result.recipe
    assert recipe["method"] == "gatys"
    assert recipe["settings"]["seed"] == 5
    assert recipe["content"]["sha256"] == sha256_of(here / "photo.png")
    assert [(style["name"], style["weight"]) for style in recipe["styles"]] == [("wave.png", 3), ("sea.png", 1)]
    assert recipe["size"] == [40, 30]
    assert (recipe["keep_color"], recipe["keep_color_when"]) == ("luminance", "after")
    assert recipe["weights"]["name"] == "vgg19-slim"
    assert recipe["dtype"] == "float32"
    assert recipe["threads"] == torch.get_num_threads()
    assert {"brushwork", "torch", "device"} <= set(recipe)


@pytest.mark.parametrize(
    ("size", "wanted", "expected"),
    [
        ((1024, 10), None, (1024, 10)),
        ((10, 2048), None, (5, 1024)),
        ((2048, 10), 0, (2048, 10)),
        ((100, 50), 200, (200, 100)),
        ((1, 5000), None, (1, 1024)),
    ],
)
def test_result_size(size: tuple[int, int], wanted: int | None, expected: tuple[int, int]) -> None:
    assert result_size(size, wanted) == expected


def test_files_pictures_paths_and_parts_are_all_taken(here: Path) -> None:
    from_names = pixels("photo.png", "wave.png", SHORT)
    assert torch.equal(pixels(Path("photo.png"), Path("wave.png"), SHORT), from_names)
    assert torch.equal(pixels("photo.png", [StylePart("wave.png")], SHORT), from_names)
    assert (pixels("photo.png", "wave.png:2+wave.png:3", SHORT) - from_names).abs().mean() < 0.001  # rounding
    assert not torch.equal(pixels("photo.png", "sea.png", SHORT), from_names)


@pytest.mark.parametrize("keep_color", ["luminance", "cholesky", "histogram"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_inputs_are_not_changed(keep_color: str, when: str) -> None:
    photo, painting = Picture(torch.rand(1, 3, 36, 48)), Picture(torch.rand(1, 3, 40, 40))
    before = photo.pixels.clone(), painting.pixels.clone()
    stylize(photo, painting, SHORT, keep_color=keep_color, keep_color_when=when)
    assert torch.equal(photo.pixels, before[0])
    assert torch.equal(painting.pixels, before[1])


def test_keep_color_keeps_the_photo_s_colors() -> None:
    photo = Picture(torch.rand(1, 3, 36, 48) * 0.2 + 0.4)
    result = stylize(photo, Picture(torch.rand(1, 3, 40, 40)), SHORT, keep_color="luminance").picture
    inside = ((result.pixels > 0.01) & (result.pixels < 0.99)).all(1)  # clamping at the ends changes colors
    difference = (rgb_to_yiq(result.pixels) - rgb_to_yiq(photo.pixels)).abs()
    assert difference[:, 1:].amax(1)[inside].max() < 1e-5
    assert difference[:, 0].max() > 1e-4


def test_the_color_hidden_under_alpha_0_changes_nothing() -> None:
    alpha = torch.ones(1, 1, 48, 48)
    alpha[..., :20] = 0
    seen, hidden = torch.rand(1, 3, 48, 48), torch.rand(1, 3, 48, 48)
    other = torch.where(alpha > 0, seen, hidden)
    photo = Picture(torch.rand(1, 3, 40, 40))
    assert torch.equal(pixels(photo, Picture(seen, alpha), SHORT), pixels(photo, Picture(other, alpha), SHORT))
    assert torch.equal(pixels(Picture(seen, alpha), photo, SHORT), pixels(Picture(other, alpha), photo, SHORT))


@pytest.mark.parametrize("init", ["style", "noise", "sea.png"])
def test_first_pictures(init: str, here: Path) -> None:
    start: list[torch.Tensor] = []

    def listen(step: Step) -> None:
        start.append(step.preview())
        raise Interrupted

    settings = Gatys(steps=2, scales=1, init=init)
    with pytest.raises(Interrupted):
        stylize("photo.png", "wave.png", settings, progress=listen)
    expected = {"style": "wave.png", "sea.png": "sea.png"}.get(init)
    if expected:
        # The step tells the loss before its move, so the best so far is the first picture.
        with pytest.raises(Interrupted):
            stylize(expected, "wave.png", Gatys(steps=2, scales=1), progress=listen)
        assert torch.equal(start[0], start[1])


def test_init_style_needs_a_painting(here: Path) -> None:
    method = load(SHORT)
    save_style("mine.safetensors", method, encode_style(method, "wave.png", [48]))
    with pytest.raises(UsageError, match="init=style needs the painting itself"):
        stylize("photo.png", "mine.safetensors", Gatys(init="style"))


def test_interruption_carries_the_best_result(here: Path) -> None:
    def stop(step: Step) -> None:
        if step.step == 2:
            raise Interrupted

    with pytest.raises(Interrupted) as caught:
        stylize("photo.png", "wave.png", Gatys(steps=9), progress=stop)
    assert caught.value.best.picture.size == (48, 36)
    assert caught.value.best.recipe["content"]["name"] == "photo.png"


def test_a_saved_style_gives_nearly_the_same_picture(here: Path) -> None:
    method = load(SHORT)
    save_style("mine.safetensors", method, encode_style(method, "wave.png", [48]), title="Wave", year=1831)
    saved = read_style(Path("mine.safetensors"))
    assert (saved.about, list(saved.values)) == ({"title": "Wave", "year": "1831"}, ["gatys"])
    difference = pixels("photo.png", "mine.safetensors", SHORT) - pixels("photo.png", "wave.png", SHORT)
    assert difference.abs().mean() < 0.02  # a saved style is rounded to bfloat16


@pytest.mark.parametrize("other", [{"pooling": "average"}, {"padding": "zeros"}], ids=lambda other: next(iter(other)))
def test_a_saved_style_of_other_settings_is_refused(other: dict[str, Any], here: Path) -> None:
    method = load(SHORT)
    save_style("mine.safetensors", method, encode_style(method, "wave.png", [48]))
    with pytest.raises(UsageError, match=rf"mine.safetensors was made with other settings \({next(iter(other))} "):
        stylize("photo.png", "mine.safetensors", Gatys(steps=2, **other))


def test_a_style_saved_at_several_scales_serves_those_between(here: Path) -> None:
    values = [
        (method, encode_style(method, "wave.png", [48]))
        for method in (load(AdaINLite(style_scale=s)) for s in (0.5, 2))
    ]
    save_styles("mine.safetensors", values)
    assert read_style(Path("mine.safetensors")).methods == ["adain-lite"]
    low, high = (value.code for _, value in values)
    for scale, expected in ((0.5, low), (2, high), (1, (low + high) / 2), (2**0.5, 0.25 * low + 0.75 * high)):
        found = encode_style(load(AdaINLite(style_scale=scale)), "mine.safetensors", [48]).code
        assert torch.allclose(found, expected, rtol=1e-4, atol=1e-4)
    with pytest.raises(UsageError, match=r"style_scale 0.5 to 2, not 3"):
        stylize("photo.png", "mine.safetensors", AdaINLite(style_scale=3))


@pytest.mark.parametrize(
    ("value", "origin"),
    [({"code": torch.rand(64)}, {}), ({"numbers": torch.rand(128)}, {}), ({}, {"style_scale": "large"})],
)
def test_a_damaged_code_is_refused(value: dict[str, torch.Tensor], origin: dict[str, str], here: Path) -> None:
    method = load(AdaINLite())
    save_style("mine.safetensors", method, encode_style(method, "wave.png", [48]))
    saved = read_style(Path("mine.safetensors"))
    values, origins = (
        {"adain-lite": value or saved.values["adain-lite"]},
        {"adain-lite": {**saved.origins["adain-lite"], **origin}},
    )
    write_style(Path("bad.safetensors"), SavedStyle(values, origins, {}))
    with pytest.raises(BrushworkError, match=r"bad.safetensors is damaged"):
        stylize("photo.png", "bad.safetensors")


def test_a_file_s_style_is_seen_as_large_as_the_method_wants_it(here: Path) -> None:
    """However small the photo."""
    large = Picture(torch.nn.functional.interpolate(torch.rand(1, 3, 30, 40), (300, 400), mode="bilinear"))
    write_image(large, "large.png")
    file, pixels = (encode_style(load(AdaINLite()), source, [48]).code for source in ("large.png", large))
    assert (file - pixels).norm() < 0.1 * pixels.norm()  # two ways of resizing, and 8 bits


def test_a_saved_style_of_another_network_or_method_is_refused(here: Path) -> None:
    method = load(SHORT)
    save_style("mine.safetensors", method, encode_style(method, "wave.png", [48]), method_note="no clash")
    saved = read_style(Path("mine.safetensors"))
    origins = {"gatys": {**saved.origins["gatys"], "weights": "another"}}
    write_style(Path("other.safetensors"), SavedStyle(saved.values, origins, {}))
    with pytest.raises(UsageError, match="weights another, not "):
        stylize("photo.png", "other.safetensors", SHORT)
    write_style(Path("another.safetensors"), SavedStyle({"oil": saved.values["gatys"]}, {"oil": {}}, {}))
    with pytest.raises(UsageError, match="a style for oil, not for gatys"):
        stylize("photo.png", "another.safetensors", SHORT)


@pytest.mark.parametrize(
    "tensors", [{"relu1_1": torch.rand(3)}, {"48/relu1_1": torch.rand(4)}, {"48/relu1_1": torch.rand(2, 2, 2)}]
)
def test_a_damaged_saved_style_is_refused(tensors: dict[str, torch.Tensor], here: Path) -> None:
    method = load(SHORT)
    save_style("mine.safetensors", method, encode_style(method, "wave.png", [48]))
    origins = read_style(Path("mine.safetensors")).origins
    write_style(Path("bad.safetensors"), SavedStyle({"gatys": tensors}, origins, {}))
    with pytest.raises(BrushworkError):
        stylize("photo.png", "bad.safetensors", SHORT)


def test_any_network_can_be_given(here: Path) -> None:
    network = FeatureExtractor(nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU()), {"relu": "1"})
    settings = Gatys(steps=2, content_layers=("relu",), style_layers=("relu",))
    result = stylize("photo.png", "wave.png", settings, network=network)
    assert result.recipe["weights"] is None


def test_wrong_arguments_are_refused(here: Path) -> None:
    photo = Picture(torch.rand(1, 3, 36, 48))
    with pytest.raises(UsageError, match="a Picture is used at its own size"):
        stylize(photo, "wave.png", SHORT, size=20)
    with pytest.raises(UsageError, match="at least one style"):
        stylize(photo, [], SHORT)
    with pytest.raises(PictureError, match=r"nothere\.png"):
        stylize("nothere.png", "wave.png", SHORT)
    with pytest.raises(PictureError, match="max-pixels"):
        stylize("photo.png", "wave.png", SHORT, max_pixels=10)


def test_pictures_that_require_gradients_are_taken() -> None:
    photo = Picture(torch.rand(1, 3, 36, 48, requires_grad=True))
    assert not stylize(photo, Picture(torch.rand(1, 3, 40, 40)), SHORT).picture.pixels.requires_grad


def test_a_saved_style_at_another_scale_is_that_of_the_painting_at_another_size(here: Path) -> None:
    method = load(SHORT)
    style = encode_style(method, "wave.png", [24, 48])
    save_style("mine.safetensors", method, style)
    half = encode_style(load(replace(SHORT, style_scale=0.5)), "mine.safetensors", [48])
    assert list(half.targets) == [48, 96]
    for layer, target in half.nearest(48).items():  # the painting at 24 px
        torch.testing.assert_close(target["gram"], style.targets[24][layer]["gram"], rtol=0.02, atol=0.02)


@pytest.mark.parametrize("method", ["gatys", "adain-lite"])
def test_without_a_method_a_saved_style_says_which(method: str, here: Path) -> None:
    painter = load(settings_from(method, {}))
    save_style("mine.safetensors", painter, encode_style(painter, "wave.png", [48]))
    assert stylize("photo.png", "mine.safetensors").recipe["method"] == method


def test_without_a_method_pictures_are_made_by_the_preset_good(here: Path) -> None:
    recipe = stylize("photo.png", "wave.png").recipe
    assert (recipe["method"], recipe["settings"]["steps"]) == ("gatys", PRESETS["good"].steps)  # type: ignore[attr-defined]


def test_a_style_saved_through_one_network_is_not_taken_for_anothers(tmp_path: Path) -> None:
    def through(seed: int) -> Method:
        torch.manual_seed(seed)
        cnn = FeatureExtractor(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), {"a": "1"})
        return load(Gatys(content_layers=("a",), style_layers=("a",), steps=2), network=cnn)

    picture = Picture(torch.rand(1, 3, 32, 32))
    save_style(tmp_path / "mine.safetensors", through(0), encode_style(through(0), picture, [32]))
    assert stylize(picture, tmp_path / "mine.safetensors", method=through(0)).picture.size == (32, 32)
    with pytest.raises(UsageError, match="made with other settings"):
        stylize(picture, tmp_path / "mine.safetensors", method=through(1))


def test_a_picture_that_shows_nothing_is_named(here: Path) -> None:
    write_image(Picture(torch.rand(1, 3, 36, 48), torch.zeros(1, 1, 36, 48)), here / "ghost.png")
    with pytest.raises(UsageError, match=r"ghost\.png: the picture is fully transparent"):
        stylize("ghost.png", "wave.png", SHORT)
    with pytest.raises(UsageError, match=r"ghost\.png: the picture is fully transparent"):
        stylize("photo.png", "ghost.png", SHORT)


def test_a_bare_tensor_is_told_how(here: Path) -> None:
    with pytest.raises(UsageError, match=r"wrap pixels in Picture"):
        stylize(torch.rand(1, 3, 36, 48), "wave.png", SHORT)  # type: ignore[arg-type]


def test_a_photo_read_beforehand_is_the_same(tmp_path: Path) -> None:
    write_image(Picture(torch.rand(1, 3, 40, 60)), tmp_path / "photo.png")
    method = load(AdaINLite())
    options = StylizeOptions(size=48)
    read = read_content(tmp_path / "photo.png", options)
    first, second = (
        stylize_photo(tmp_path / "photo.png", "feminine-wave", method=method, options=options, picture=picture)
        for picture in (None, read)
    )
    assert read.size == (48, 32)
    assert torch.equal(first.picture.pixels, second.picture.pixels)
    assert first.recipe == second.recipe
