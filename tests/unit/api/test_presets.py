"""Presets in Python."""

from pathlib import Path

import pytest
import torch

from brushwork import (
    AdaINLite,
    FilmOptions,
    Gatys,
    Picture,
    UsageError,
    encode_style,
    load,
    preset_options,
    save_style,
    stylize,
    stylize_video,
    write_image,
)  # fmt: skip
from brushwork.api.presets import PRESETS, default_settings, film_preset, for_saved_styles
from brushwork.options.methods import FILM_MODEL

PHOTO = Picture(torch.rand(1, 3, 40, 48, generator=torch.Generator().manual_seed(1)))


def test_what_is_given_beside_a_preset_wins() -> None:
    assert preset_options("draft") == AdaINLite(model="adain-lite-3")
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


def test_a_film_s_preset_begins_like_a_still_and_leaves_what_is_given() -> None:
    draft, options = film_preset("draft", FilmOptions(size=320))
    assert draft == AdaINLite(model=FILM_MODEL)
    assert options == FilmOptions(size=320)
    good, options = film_preset("good", FilmOptions(), steps=5)
    assert good == preset_options("good", steps=5, refine_network="")
    assert options == FilmOptions(frame_steps=2)
    assert film_preset("best", FilmOptions(frame_steps=7))[1].frame_steps == 7


FILM_MODELS = {"adain-lite": "adain-lite-film", "adain-lite-2": "adain-lite-2", "adain-lite-3": "adain-lite-3-film"}


@pytest.mark.parametrize("model", FILM_MODELS)
def test_a_film_takes_the_network_that_a_saved_style_was_made_for(tmp_path: Path, model: str) -> None:
    saved = drafted(tmp_path, model)
    assert film_preset("draft", FilmOptions(), [saved])[0] == AdaINLite(model=FILM_MODELS[model])
    assert film_preset("draft", FilmOptions(), [saved], model="mine")[0] == AdaINLite(model="mine")
    (tmp_path / "frames").mkdir()
    write_image(PHOTO, tmp_path / "frames" / "1.png")
    done = stylize_video(tmp_path / "frames", saved, tmp_path / "painted")
    assert done.recipe["model"]["name"] == FILM_MODELS[model]


def drafted(folder: Path, model: str) -> Path:
    """A style saved for a network of AdaIN-lite only."""
    method, path = load(AdaINLite(model=model)), folder / f"{model}.safetensors"
    save_style(path, method, encode_style(method, Picture(torch.rand(1, 3, 48, 48)), [48]))
    return path


def test_a_painting_gets_good() -> None:
    assert default_settings(["great-wave"]) == PRESETS["good"]
    assert default_settings([{"great-wave": 0.5, "starry-night": 0.5}], ["steps"]) == PRESETS["good"]


def test_an_option_of_the_network_selects_draft() -> None:
    assert default_settings(["great-wave"], ["model", "strength"]) == PRESETS["draft"]


@pytest.mark.parametrize("model", ["adain-lite", "adain-lite-2", "adain-lite-3"])
def test_a_style_made_for_one_network_selects_it(tmp_path: Path, model: str) -> None:
    saved = drafted(tmp_path, model)
    for styles in ([saved], ["great-wave", saved], [f"{saved}:0.5+great-wave:0.5"]):
        assert default_settings(styles) == AdaINLite(model=model)
        assert for_saved_styles(preset_options("draft"), styles) == AdaINLite(model=model)
    assert for_saved_styles(AdaINLite(model="mine"), [saved], ["model"]).model == "mine"  # type: ignore[attr-defined]
    result = stylize(PHOTO, saved, preset="draft")
    assert result.recipe["model"]["name"] == model


def test_a_style_that_does_not_exist_is_left_to_whoever_uses_it() -> None:
    assert isinstance(default_settings(["no such style"]), Gatys)


def test_styles_saved_by_an_earlier_version_bring_their_network(tmp_path: Path) -> None:
    for network in ("vgg19-slim", "vgg19-slim-3"):
        method = load(Gatys(network=network))
        save_style(tmp_path / f"{network}.safetensors", method, encode_style(method, PHOTO, [48]))
    old, new = (str(tmp_path / f"{network}.safetensors") for network in ("vgg19-slim", "vgg19-slim-3"))
    for style, network in (
        (old, "vgg19-slim"),
        (f"{old}:0.5+great-wave:0.5", "vgg19-slim"),
        (new, "vgg19-slim-3"),
        ("great-wave", "vgg19-slim-3"),
        (f"{old}+{new}", "vgg19-slim-3"),  # no network fits both: refused where they are used
    ):
        assert default_settings([style]).network == network  # type: ignore[attr-defined]
        assert for_saved_styles(preset_options("best", network="vgg19-slim-3"), [style]).network == network  # type: ignore[attr-defined]
    assert for_saved_styles(AdaINLite(), [old]) == AdaINLite()
    result = stylize(PHOTO, [old, "great-wave"], for_saved_styles(preset_options("good", steps=3), [old]))
    assert [one.recipe["weights"]["name"] for one in result] == ["vgg19-slim"] * 2
    with pytest.raises(UsageError, match="was made with other settings"):
        stylize(PHOTO, f"{old}+{new}", preset_options("good", steps=3))
