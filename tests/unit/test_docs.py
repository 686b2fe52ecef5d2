"""The Python in README and docs runs as it stands."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import brushwork
from brushwork.api.presets import PRESETS
from brushwork.registry import method_name

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
BLOCKS = [
    pytest.param(block, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL))
]


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BRUSHWORK_HOME", str(tmp_path / "home"))
    random = np.random.default_rng(0)
    for name, size in (("photo.jpg", (40, 32)), ("painting.jpg", (36, 36))):
        Image.fromarray(random.integers(0, 255, (*size[::-1], 3), np.uint8)).save(name)
    (tmp_path / "frames").mkdir()
    for number in (1, 2):
        Image.fromarray(random.integers(0, 255, (32, 40, 3), np.uint8)).save(tmp_path / "frames" / f"{number:05d}.png")
    (tmp_path / "holiday").mkdir()  # photographs to train on, and to paint one after another
    for name in ("boat.jpg", "cat.jpg"):
        Image.fromarray(random.integers(0, 255, (96, 80, 3), np.uint8)).save(tmp_path / "holiday" / name)
    return tmp_path


@pytest.mark.parametrize("block", BLOCKS)
def test_python_block_runs(block: str, pictures: Path) -> None:
    names: dict[str, object] = {}
    exec(compile(block, "docs", "exec"), names)
    if "stylize(" in block:
        assert names["result"].picture.size == (40, 32)


def test_there_are_blocks() -> None:
    assert len(BLOCKS) >= 3


def test_the_reference_has_every_public_name_once() -> None:
    pages = (ROOT / "docs" / "reference").glob("*.md")
    names = [
        name for page in pages for name in re.findall(r"^::: brushwork\.(\w+)$", page.read_text("utf-8"), re.MULTILINE)
    ]
    assert sorted(names) == sorted(set(brushwork.__all__) - {"__version__"})


def test_the_gallery_names_the_commands_that_made_its_pictures() -> None:
    page = (ROOT / "docs" / "gallery.md").read_text("utf-8")
    shown = re.findall(r"\(images/gallery/(.*?)\)\n\n```sh\nbrushwork stylize (.*)\n", page)
    assert len(shown) == len(list((ROOT / "docs" / "images" / "gallery").iterdir()))
    for name, command in shown:
        recipe = brushwork.read_recipe(ROOT / "docs" / "images" / "gallery" / name)
        assert recipe is not None
        photo, options = command.split()[0], dict(re.findall(r"-?-([\w-]+) (\S+)", command))
        assert options["o"] == name
        assert photo == recipe["content"]["name"]
        assert [options["style"]] == [style["name"].removesuffix(".safetensors") for style in recipe["styles"]]
        assert int(options["size"]) == max(recipe["size"])
        assert options.get("keep-color") == recipe.get("keep_color")
        settings = PRESETS[options.get("preset", "good")]
        assert recipe["method"] == method_name(settings)
        assert recipe["settings"].get("steps") == getattr(settings, "steps", None)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text("utf-8"))
    missing = [link for link in links if not (page.parent / link).exists()]
    assert not missing
