"""What a recipe records of the options."""

from dataclasses import fields
from pathlib import Path

import torch

from brushwork import AdaINLite, Picture, Recipe, load, rerun, stylize, write_image
from brushwork.api.recipe import recipe_of
from brushwork.options.stylize import StylizeOptions


def test_every_option_that_changes_the_result_is_recorded() -> None:
    photo = Picture(torch.rand(1, 3, 20, 24))
    recipe = recipe_of(load(AdaINLite()), photo, "great-wave", StylizeOptions(keep_color="cholesky"))
    unrecorded = {"size", "device", "max_memory", "max_pixels", "strict"}
    assert {field.name for field in fields(StylizeOptions)} - set(recipe) <= unrecorded
    assert (recipe["keep_color"], recipe["keep_color_when"]) == ("cholesky", "before")


def test_a_recipe_older_than_an_option_gives_its_default(tmp_path: Path) -> None:
    write_image(Picture(torch.rand(1, 3, 20, 24)), tmp_path / "photo.png")
    result = stylize(tmp_path / "photo.png", "great-wave")
    older = {key: value for key, value in result.recipe.items() if key not in ("keep_color_when", "masks")}
    again, _ = rerun(Recipe(older), tmp_path)
    assert torch.equal(again.picture.pixels, result.picture.pixels)
