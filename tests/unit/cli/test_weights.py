from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from safetensors.torch import save_file

from brushwork.cli.weights import weights
from brushwork.errors import UsageError, WeightsError
from brushwork.weights import ARCHITECTURES, RECORDS, store_dir


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BRUSHWORK_WEIGHTS", raising=False)
    monkeypatch.setenv("BRUSHWORK_HOME", str(tmp_path / "home"))


@pytest.fixture
def caffe(tmp_path: Path) -> Path:
    """The first two layers, under Caffe's names."""
    shapes = ARCHITECTURES["vgg19"].shapes(2)
    save_file({name: torch.zeros(shape) for name, shape in shapes.items()}, tmp_path / "mine.safetensors")
    return tmp_path / "mine.safetensors"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(weights, [str(argument) for argument in arguments])


def test_list_says_what_is_not_here() -> None:
    result = run("list")
    assert result.exit_code == 0
    for name in RECORDS:
        assert name in result.stdout
    assert "not here" in result.stdout
    rows = {row["name"]: row for row in json.loads(run("list", "--json").stdout)}
    assert rows["vgg16.imagenet1k_v1"]["bytes"] == 553_433_881
    assert rows["vgg16.imagenet1k_v1"]["path"] is None


def test_import_then_list_then_verify(caffe: Path) -> None:
    assert isinstance(run("import", caffe).exception, WeightsError)
    result = run("import", caffe, "--as", "vgg19.caffe")
    assert result.exit_code == 0
    assert "vgg19.caffe" in result.stdout
    rows = {row["name"]: row for row in json.loads(run("list", "--json").stdout)}
    assert rows["vgg19.caffe"]["place"] == "store"
    assert rows["vgg19.caffe"]["path"] == str(store_dir() / "vgg19.caffe.safetensors")
    assert "vgg19.caffe: ok" in run("verify").stdout
    assert json.loads(run("verify", "vgg19.caffe", "--json").stdout)[0]["status"] == "ok"
    again = json.loads(run("import", caffe, "--as", "vgg19.caffe", "--json").stdout)
    assert again["name"] == "vgg19.caffe"


def test_verify_names_what_is_damaged_or_absent(caffe: Path) -> None:
    run("import", caffe, "--as", "vgg19.caffe")
    (store_dir() / "vgg19.caffe.safetensors").write_bytes(b"damaged")
    result = run("verify", "vgg19.caffe", "vgg19.normalised")
    assert isinstance(result.exception, WeightsError)
    assert "2 of 2 failed: vgg19.caffe, vgg19.normalised" in str(result.exception)
    assert "vgg19.caffe: failed" in result.stdout
    assert isinstance(run("verify", "vgg99").exception, UsageError)


def test_show() -> None:
    text = run("show", "vgg19.caffe").stdout
    for words in ("CC BY 4.0", "arXiv:1409.1556", "vgg19-d01eb7cb.pth", "bgr True", "not here"):
        assert words in text
    assert json.loads(run("show", "vgg19.normalised", "--json").stdout)["sha256"].startswith("804ca283")
    assert isinstance(run("show", "vgg99").exception, UsageError)


def test_fetch_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)

    def refuse(*_: object, **__: object) -> None:
        raise ConnectionRefusedError("connection refused")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    result = run("fetch", "vgg19.caffe")
    assert isinstance(result.exception, WeightsError)
    assert "brushwork weights import vgg19-d01eb7cb.pth" in str(result.exception)
    assert isinstance(run("fetch", "vgg99").exception, UsageError)
