"""Lists of photos and styles, blends, what is saved, and what is told where an argument is of another kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from brushwork import (
    Checkpoint,
    Gatys,
    Picture,
    StylizeOptions,
    encode_style,
    interpolate,
    load,
    read_image,
    read_recipe,
    rerun,
    save_style,
    stylize,
    stylize_file,
    synthesize,
    write_image,
)
from brushwork.errors import BrushworkError, Interrupted, UsageError
from brushwork.methods import Method
from brushwork.options.methods import AdaINLite
from brushwork.runtime.progress import Step
from brushwork.styles.references import SavedStyle, read_style, write_style


@pytest.fixture(scope="module")
def method() -> Method:
    return load(AdaINLite())


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("photo.png", "wave.png", "sea.png"):
        write_image(Picture(torch.rand(1, 3, 20, 24)), tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_lists_give_lists(here: Path, method: Method) -> None:
    one = stylize("photo.png", "wave.png", method=method)
    photos = stylize(["sea.png", "photo.png"], "wave.png", method=method)
    styles = stylize("photo.png", ["wave.png", {"wave.png": 1, read_image("sea.png"): 1}], method=method)
    both = stylize([Path("photo.png")], [Path("wave.png"), Path("sea.png")], method=method)
    assert [result.recipe["content"]["name"] for result in photos] == ["sea.png", "photo.png"]
    assert torch.equal(photos[1].picture.pixels, one.picture.pixels)
    assert torch.equal(styles[0].picture.pixels, one.picture.pixels)
    assert [style["name"] for style in styles[1].recipe["styles"]] == ["wave.png", None]
    assert torch.equal(both[0][0].picture.pixels, one.picture.pixels)
    assert both[0][1].recipe["styles"][0]["name"] == "sea.png"


def test_a_blend_is_a_dict_pairs_or_words(here: Path, method: Method) -> None:
    words = stylize("photo.png", "wave.png:0.25+sea.png:0.75", method=method)
    for blend in (
        {"wave.png": 0.25, "sea.png": 0.75},
        (("wave.png", 0.25), (Path("sea.png"), 0.75)),
        [("wave.png", 0.25), ("sea.png", np.float32(0.75))],
    ):
        same = stylize("photo.png", blend, method=method)  # type: ignore[arg-type]
        assert torch.equal(same.picture.pixels, words.picture.pixels)
        assert same.recipe == words.recipe


@pytest.mark.parametrize(
    ("styles", "told"),
    [
        (["sea.png", ("wave.png", 0.7)], r"is a part of a blend; write \[\('wave.png', 0.7\)\]"),
        (["x", "wave.png"], "style 'x' is neither a file nor a style in the library"),
    ],
)
def test_what_is_no_style_in_a_list_is_told_how(here: Path, method: Method, styles: Any, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        stylize("photo.png", styles, method=method)


def test_a_list_that_is_stopped_keeps_what_is_done(here: Path, method: Method) -> None:
    shown: list[Step] = []

    def stop(step: Step) -> None:
        shown.append(step)
        if len(shown) == 2:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted) as caught:
        stylize(["photo.png", "sea.png"], "wave.png", method=method, progress=stop)
    assert caught.value.best[0].recipe["content"]["name"] == "photo.png"


@pytest.mark.parametrize("name", ["out.png", "out.tif"])
def test_a_saved_result_runs_again_to_the_same_bytes(name: str, here: Path) -> None:
    depth = 16 if name == "out.tif" else 8
    stylize("photo.png", "wave.png", Gatys(steps=2)).save(name, depth=depth)
    recipe = read_recipe(name)
    assert recipe is not None
    assert recipe["written"] == {"depth": depth, "quality": None}
    again, _ = rerun(recipe, here)
    again.save(f"again{Path(name).suffix}", depth=depth)
    assert (here / f"again{Path(name).suffix}").read_bytes() == (here / name).read_bytes()
    again.save("plain.png", strip_metadata=True)
    assert read_recipe("plain.png") is None


@pytest.mark.parametrize(
    ("style", "told"),
    [
        (("wave.png", "sea.png"), "for several styles, pass a list"),
        (("wave.png", 0.7), r"a pair of a style and its weight is a part of a blend; write \[\('wave.png', 0.7\)\]"),
        ({"wave.png": "much"}, "a weight of at least 0"),
        ({"wave.png": -1}, "a weight of at least 0"),
        ({"wave.png": 0}, "sum to 0"),
        ({}, "at least one style"),
        ({3: 1.0}, "expected a file or a Picture, got a int"),
        (3, "style: expected a file or a Picture"),
        (None, "style: expected a file or a Picture"),
        (np.zeros((5, 7, 3)), "from_numpy"),
        (torch.zeros(1, 3, 5, 7), r"Picture\(pixels\)"),
        (Image.new("RGB", (7, 5)), "from_pil"),
    ],
)
def test_what_is_no_style_is_told_how(style: Any, told: str, here: Path, method: Method) -> None:
    with pytest.raises(UsageError, match=told):
        stylize("photo.png", style, method=method)
    with pytest.raises(UsageError, match=told):
        stylize_file("photo.png", style, "out.png", method=method)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"size": "96"}, "size: expected a whole number, got '96'; write size=96"),
        ({"size": 96.0}, "write size=96"),
        ({"size": True}, "size: expected a whole number"),
        ({"method": "gatis"}, "unknown method 'gatis'; choose from adain-lite"),
        ({"method": Gatys}, r"write Gatys\(\)"),
        ({"method": {}}, "method: expected a name, options such as"),
        ({"method": Gatys(), "colour": 3}, "colour is not an option; choose from size"),
        ({"network": nn.Sequential(nn.Conv2d(3, 4, 3)), "method": Gatys()}, r"FeatureExtractor\(module"),
        ({"network": "vgg", "method": Gatys()}, "network: expected a feature network"),
        ({"device": 3}, "device: expected"),
        ({"device": ["cpu"]}, "device: expected"),
        ({"masks": "sea.png"}, r"write \[mask\]"),
        ({"masks": [np.zeros((5, 7, 3))]}, "from_numpy"),
        ({"keep_color": ["luminance"]}, "keep_color: expected one of"),
        ({"max_pixels": "many"}, "max_pixels: expected a whole number"),
        ({"max_memory": "4GB"}, "max_memory: expected a whole number"),
        ({"checkpoint": "out.checkpoint"}, r"write Checkpoint\(path\)"),
        ({"progress": 3}, "progress: expected a function"),
    ],
)
def test_what_is_no_argument_is_told_how(options: dict[str, Any], told: str, here: Path) -> None:
    with pytest.raises(UsageError, match=told):
        stylize("photo.png", "wave.png", **options)


def test_what_is_of_one_picture_takes_no_list(here: Path, method: Method) -> None:
    with pytest.raises(UsageError, match="call stylize for each picture"):
        stylize(["photo.png"], "wave.png", method=method, checkpoint=Checkpoint(Path("a")))
    with pytest.raises(UsageError, match="photo: expected at least one"):
        stylize([], "wave.png", method=method)
    with pytest.raises(UsageError, match="photo: expected a file or a Picture, got a tuple"):
        stylize(("photo.png",), "wave.png", method=method)  # type: ignore[call-overload]


def test_other_calls_tell_how_too(here: Path, method: Method) -> None:
    result = stylize("photo.png", "wave.png", method=method)
    for value, told in ((result, r"save\(path\)"), (torch.zeros(1, 3, 5, 7), r"Picture\(pixels\)"), (3, "a Picture")):
        with pytest.raises(UsageError, match=told):
            write_image(value, "out.png")  # type: ignore[arg-type]
    for call in (
        lambda: interpolate("photo.png", "wave.png"),
        lambda: synthesize("wave.png", "9", 9),  # type: ignore[arg-type]
        lambda: read_image("photo.png", size="9"),  # type: ignore[arg-type]
        lambda: write_image(result.picture, "out.jpg", quality="9"),  # type: ignore[arg-type]
        lambda: load("gatys"),  # type: ignore[arg-type]
        lambda: stylize("photo.png", "wave.png", AdaINLite(), device="gpu"),
    ):
        with pytest.raises(UsageError):
            call()


@pytest.mark.parametrize(
    "damage", [torch.zeros(0), torch.zeros(0, 3), torch.zeros(3).to(torch.float8_e4m3fn), torch.zeros(3).bool()]
)
def test_a_saved_style_with_a_damaged_tensor_is_named(damage: torch.Tensor, here: Path) -> None:
    settings = Gatys(steps=1, scales=1)
    save_style("good.safetensors", load(settings), encode_style(load(settings), "wave.png", [24]))
    good = read_style(Path("good.safetensors"))
    name = next(name for name in good.values["gatys"] if "relu5_1" in name)
    values = {"gatys": {**good.values["gatys"], name: damage}}
    write_style(Path("bad.safetensors"), SavedStyle(values, good.origins, {}))
    with pytest.raises(BrushworkError, match=r"bad\.safetensors is damaged: .*relu5_1"):
        stylize("photo.png", "bad.safetensors", settings)


NAMES = ["50% off.png", "a%d.png", "%05d.png", "%s%n.png", "[x]*?.png", "a+b:0.5.png", " space .png", "line\nbreak.png",
         "-o.png", "naïve 写.png", "q'\"$.png", "back\\slash.png", "latin-\udce9.png"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_any_name_of_a_file_will_do(name: str, here: Path) -> None:
    write_image(Picture(torch.rand(1, 3, 20, 24)), name)
    settings = Gatys(steps=1, scales=1, init=name)
    result = stylize(name, name, settings, masks=[name])
    result.save(f"out {name}")
    recipe = read_recipe(f"out {name}")
    assert recipe is not None
    assert recipe["content"]["name"] == recipe["styles"][0]["name"] == recipe["init"]["name"] == name
    again, _ = rerun(recipe, [here])
    assert torch.equal(again.picture.pixels, result.picture.pixels)


def test_a_method_is_named_given_by_its_options_or_loaded(here: Path, method: Method) -> None:
    named, given, loaded = (stylize("photo.png", "wave.png", kind) for kind in ("adain-lite", method.settings, method))
    assert torch.equal(named.picture.pixels, given.picture.pixels)
    assert torch.equal(given.picture.pixels, loaded.picture.pixels)
    assert named.recipe["method"] == "adain-lite"


def test_old_names_of_keywords_work_with_a_warning(here: Path, method: Method) -> None:
    with pytest.warns(DeprecationWarning, match="settings is now called method"):
        result = stylize(photo="photo.png", style="wave.png", settings=method.settings)
    with pytest.warns(DeprecationWarning, match="content is now called photo"):
        again = stylize(content="photo.png", style="wave.png", method=method)
    assert torch.equal(result.picture.pixels, again.picture.pixels)
    with pytest.raises(UsageError, match="settings is the old name of method; pass only method"):
        stylize("photo.png", "wave.png", settings=Gatys(), method=method)


def test_options_are_a_value_too(here: Path, method: Method) -> None:
    options = StylizeOptions(size=16, keep_color="luminance")
    result = stylize("photo.png", "wave.png", method, options=options)
    assert max(result.picture.size) == 16
    assert result.recipe["keep_color"] == "luminance"
    assert max(stylize("photo.png", "wave.png", method, options=options, size=20).picture.size) == 20
