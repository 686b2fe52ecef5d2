"""What `export --page` writes, without a browser."""

from __future__ import annotations

import base64
import gzip
import hashlib
import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from safetensors.numpy import load
from skimage import data

pytest.importorskip("onnxruntime")

from brushwork import UsageError, export_page
from brushwork.cli.main import load_command
from brushwork.lite.page import export as page
from brushwork.lite.tensors import MODELS, read_tensors

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> str:
    (path,) = export_page(["great-wave", "great-wave+starry-night"], tmp_path_factory.mktemp("page") / "page.html")
    return path.read_text("utf-8")


def inside(html: str, name: str) -> bytes:
    found = re.search(rf'id="data-{name}">([^<]*)<', html)
    assert found
    return gzip.decompress(base64.b64decode(found[1]))


def test_the_network_is_inside_once_as_it_is_stored_and_each_style_in_numbers(html: str) -> None:
    content = inside(html, "styles")
    tensors = load(content)
    about = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
    weights, _ = read_tensors(MODELS / "adain-lite.safetensors", lambda name: name.startswith("painter."))
    for name, array in weights.items():
        np.testing.assert_array_equal(tensors[name].astype(np.float32), array)
    assert tensors["codes"].shape == (2, 128)
    assert tensors["flat"].shape == (2, 2, 3)
    first, both = json.loads(about["styles"])
    assert (first["name"], first["artist"]) == ("great-wave", "Katsushika Hokusai")
    assert both["name"] == "great-wave+starry-night"
    assert both["title"].endswith(" + The Starry Night")


def test_a_network_of_the_second_architecture(second: str, tmp_path: Path) -> None:
    painting = tmp_path / "cup.png"
    Image.fromarray(data.coffee()[:64, :96]).save(painting)
    command = [str(painting), "--page", "--model", second, "-o", str(tmp_path / "page.html")]
    result = CliRunner().invoke(load_command("export"), command)
    assert result.exit_code == 0, result.output
    tensors = load(inside((tmp_path / "page.html").read_text("utf-8"), "styles"))
    assert tensors["codes"].shape == (1, 393)
    assert tensors["graph.body"].tobytes() == (page.FOLDER / "graphs" / "2" / "body.onnx").read_bytes()
    assert tensors["painter.styled.first.shape.weight"].shape[1] == 384


def test_the_module_is_one_file_in_the_page(html: str) -> None:
    module, worker = (inside(html, name).decode() for name in ("module", "worker"))
    assert not re.search(r"^import ", module, re.MULTILINE)
    assert not re.search(r"^(import|export) ", worker, re.MULTILINE)
    names = re.findall(r"^(?:export )?(?:async )?(?:const|class|function) (\w+)", module, re.MULTILINE)
    assert len(set(names)) == len(names) > 20


def test_the_license_of_the_engine_is_inside(html: str) -> None:
    assert "Copyright (c) Microsoft Corporation" in html
    assert "THE SOFTWARE IS PROVIDED" in html


def test_the_policy_allows_what_is_inside_and_no_connection(html: str) -> None:
    found = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert found
    policy = dict(part.split(" ", 1) for part in found[1].split("; "))
    assert policy["default-src"] == policy["connect-src"] == "'none'"
    for kind, pattern in (("script", r'<script type="module">(.*?)</script>'), ("style", r"<style>(.*?)</style>")):
        content = re.search(pattern, html, re.DOTALL)
        assert content
        digest = base64.b64encode(hashlib.sha256(content[1].encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy[f"{kind}-src"]
    assert "://" not in re.sub(
        r'<!--.*?-->|<script type="application/gzip".*?</script>|xmlns="[^"]*"', "", html, flags=re.DOTALL
    )


def test_the_same_styles_give_the_same_bytes(html: str, tmp_path: Path) -> None:
    (path,) = export_page(["great-wave", "great-wave+starry-night"], tmp_path / "page.html")
    assert path.read_text("utf-8") == html


def test_a_folder_has_all_that_is_served(tmp_path: Path) -> None:
    files = {str(path.relative_to(tmp_path)) for path in export_page(["great-wave"], tmp_path / "site")}
    assert {f"site/{name}" for name in ("index.html", "service-worker.js", "brushwork-web/styles.safetensors")} <= files
    assert 'rel="manifest"' in (tmp_path / "site" / "index.html").read_text("utf-8")
    module = tmp_path / "site" / "brushwork-web"
    listed = json.loads((module / "package.json").read_text("utf-8"))["files"]
    assert all((module / name).exists() for name in listed)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--page", "-o", "page.html"], "expected at least one style for the page"),
        (["great-wave", "great-wave", "--page", "-o", "page.html"], "style 'great-wave' is given twice"),
        (["great-wave", "--page", "-o", "page.onnx"], "expected a name ending in .html, or a folder"),
        (["great-wave", "--page", "--passes", "-o", "page.html"], "--passes is for ONNX files; omit it with --page"),
        (["great-wave", "starry-night", "-o", "wave.onnx"], "expected one style per ONNX file, got 2"),
    ],
)
def test_wrong_options_are_refused(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(load_command("export"), arguments)
    assert isinstance(result.exception, UsageError)
    assert message in str(result.exception)
    assert not list(tmp_path.iterdir())


def test_the_graphs_are_those_of_the_engine() -> None:
    pytest.importorskip("onnx")
    built = _build_graphs().page_graphs()
    for name, content in built.items():
        assert (page.FOLDER / "graphs" / name).read_bytes() == content


def _build_graphs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_graphs", ROOT / "lite" / "build_graphs.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
