from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from platformdirs.macos import MacOS
from platformdirs.unix import Unix
from platformdirs.windows import Windows
from safetensors.torch import save_file
from torch import Tensor
from weights_samples import NORMALISED, TORCHVISION, Server, published, random_tensors

from brushwork.errors import UsageError, WeightsError
from brushwork.weights import (
    RECORDS,
    fetch,
    find,
    get_record,
    import_file,
    load,
    locate,
    places,
    read,
    store_dir,
    verify,
)

GIVEN = os.environ.get("BRUSHWORK_WEIGHTS", "")
Publish = Callable[..., Path]


@pytest.fixture
def publish(tmp_path: Path, named: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch) -> Publish:
    """A file in torchvision's layout, known as the published one of a record."""

    def make(name: str = "vgg19.caffe", url: str = "", **changes: object) -> Path:
        path = tmp_path / str(RECORDS[name].file)
        torch.save(published(named, TORCHVISION["vgg19"], "features."), path)
        prefix = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
        facts = {"url": url, "hash_prefix": prefix, "sha256": None, **changes}
        monkeypatch.setitem(RECORDS, name, replace(RECORDS[name], **facts))
        return path

    return make


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return list(a) == list(b) and all(torch.equal(a[name], b[name]) for name in a)


def in_store() -> list[str]:
    return sorted(path.name for path in store_dir().iterdir()) if store_dir().exists() else []


# importing


def test_import_knows_a_published_file_by_its_hash(publish: Publish, named: dict[str, Tensor]) -> None:
    source = publish("vgg19.imagenet1k_v1")
    assert import_file(source).name == "vgg19.imagenet1k_v1"
    assert in_store() == ["vgg19.imagenet1k_v1.json", "vgg19.imagenet1k_v1.safetensors"]
    assert same(load("vgg19.imagenet1k_v1"), named)
    facts = json.loads((store_dir() / "vgg19.imagenet1k_v1.json").read_text())
    assert facts["source_sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    found = verify("vgg19.imagenet1k_v1")
    assert found.verified
    assert found.sha256 == facts["sha256"]
    assert found.record.preprocessing.mean == (0.485, 0.456, 0.406)


def test_import_asks_whose_weights_these_are(tmp_path: Path, named: dict[str, Tensor]) -> None:
    torch.save(published(named, TORCHVISION["vgg19"], "features."), tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=r"--as NAME, one of vgg19\.caffe, vgg19\.imagenet1k_v1, vgg16"):
        import_file(tmp_path / "a.pth")
    assert in_store() == []
    assert import_file(tmp_path / "a.pth", name="vgg16.imagenet1k_v1").architecture == "vgg16"


def test_import_knows_the_caffe_weights_saved_anew_by_their_numbers(tmp_path: Path, named: dict[str, Tensor]) -> None:
    named["conv1_1.bias"][:4] = torch.tensor([0.7301, 0.06496, 0.03428, 0.8259])
    torch.save(published(named, TORCHVISION["vgg19"], "features."), tmp_path / "vgg19-d01eb7cb.pth")
    assert import_file(tmp_path / "vgg19-d01eb7cb.pth").name == "vgg19.caffe"
    with pytest.raises(WeightsError, match=r"these are the weights vgg19\.caffe"):
        import_file(tmp_path / "vgg19-d01eb7cb.pth", name="vgg19.imagenet1k_v1")


def test_import_contradicting_the_hash_is_refused(publish: Publish) -> None:
    source = publish("vgg19.imagenet1k_v1")
    with pytest.raises(WeightsError, match=r"these are the weights vgg19\.imagenet1k_v1, not vgg19\.caffe"):
        import_file(source, name="vgg19.caffe")


def test_import_of_caffe_names(tmp_path: Path) -> None:
    half = random_tensors("vgg19", 8, torch.float16)
    save_file(half, tmp_path / "mine.safetensors")
    with pytest.raises(WeightsError, match="--as NAME"):  # the names don't say how pixels are prepared
        import_file(tmp_path / "mine.safetensors")
    assert import_file(tmp_path / "mine.safetensors", name="vgg19.caffe").name == "vgg19.caffe"
    assert same(load("vgg19.caffe"), half)


def test_import_of_the_normalised_layout(tmp_path: Path, named: dict[str, Tensor]) -> None:
    color = {"0.weight": torch.eye(3).view(3, 3, 1, 1) * 2, "0.bias": torch.zeros(3)}
    torch.save({**color, **published(named, NORMALISED)}, tmp_path / "a.pth")
    assert import_file(tmp_path / "a.pth").name == "vgg19.normalised"
    torch.testing.assert_close(load("vgg19.normalised")["conv1_1.weight"], named["conv1_1.weight"] * 2)
    with pytest.raises(WeightsError, match=r"these are the weights vgg19\.normalised"):
        import_file(tmp_path / "a.pth", name="vgg19.caffe")


def test_our_own_file_keeps_its_name_wherever_it_goes(publish: Publish, tmp_path: Path) -> None:
    import_file(publish("vgg19.imagenet1k_v1"))
    moved = tmp_path / "moved.safetensors"
    moved.write_bytes((store_dir() / "vgg19.imagenet1k_v1.safetensors").read_bytes())
    assert read(moved).record.name == "vgg19.imagenet1k_v1"
    with pytest.raises(WeightsError, match=r"not vgg19\.caffe"):
        read(moved, name="vgg19.caffe")


def test_import_of_the_embedded_weights_is_refused(tmp_path: Path) -> None:
    save_file(random_tensors("vgg19-slim"), tmp_path / "slim.safetensors")
    with pytest.raises(UsageError, match="comes with brushwork"):
        import_file(tmp_path / "slim.safetensors")


def test_import_into_a_place_that_cannot_be_written(
    publish: Publish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("BRUSHWORK_HOME", str(tmp_path / "file"))
    with pytest.raises(WeightsError, match="BRUSHWORK_HOME"):
        import_file(publish())


def test_a_failed_import_keeps_what_the_store_has(
    publish: Publish, tmp_path: Path, named: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = publish()
    import_file(source)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(WeightsError, match="No space left"):
        import_file(source)
    assert in_store() == ["vgg19.caffe.safetensors"]
    assert same(load("vgg19.caffe"), named)


# finding and reading


def test_an_absent_record_says_what_to_do() -> None:
    assert find("vgg19.caffe") is None
    with pytest.raises(WeightsError) as error:
        load("vgg19.caffe")
    for words in (
        "brushwork weights fetch vgg19.caffe",
        str(RECORDS["vgg19.caffe"].url),
        "brushwork weights import vgg19",
    ):
        assert words in str(error.value)


def test_unknown_names_and_missing_paths() -> None:
    with pytest.raises(UsageError, match="no weights named"):
        load("vgg99")
    with pytest.raises(WeightsError, match="No such file"):
        load("nowhere/vgg.pth")


def test_a_damaged_file_in_the_store_is_noticed(publish: Publish) -> None:
    import_file(publish())
    stored = store_dir() / "vgg19.caffe.safetensors"
    content = bytearray(stored.read_bytes())
    content[-100] ^= 1
    stored.write_bytes(content)
    with pytest.raises(WeightsError, match=r"is damaged.*brushwork weights fetch vgg19\.caffe"):
        load("vgg19.caffe")


def test_a_file_of_another_network_in_the_store_is_noticed() -> None:
    store_dir().mkdir(parents=True)
    save_file(random_tensors("vgg19-slim"), store_dir() / "vgg19.caffe.safetensors")
    with pytest.raises(WeightsError, match=r"conv1_1\.weight has shape \(16, 3, 3, 3\), expected \(64, 3, 3, 3\)"):
        load("vgg19.caffe")


@pytest.mark.parametrize(
    "file", ["vgg19.caffe.safetensors", "vgg19_caffe_fp16.safetensors", "VGG19-Caffe.pt", "vgg19-d01eb7cb.pth"]
)
@pytest.mark.parametrize("as_folder", [True, False])
def test_brushwork_weights_gives_a_file_by_its_name(
    tmp_path: Path, named: dict[str, Tensor], file: str, as_folder: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    (save_file if file.endswith("safetensors") else torch.save)(named, folder / file)
    given = [tmp_path / "absent", folder if as_folder else folder / file]
    monkeypatch.setenv("BRUSHWORK_WEIGHTS", os.pathsep.join(map(str, given)))
    assert locate("vgg19.caffe") == ("environment", folder / file)
    assert find("vgg19.normalised") is None
    assert same(load("vgg19.caffe"), named)


def test_brushwork_weights_gives_a_file_by_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tensors = random_tensors("vgg19", 8)
    tensors["conv1_1.bias"][:4] = torch.tensor(get_record("vgg19.caffe").first_biases)
    torch.save(tensors, tmp_path / "vgg_conv.pth")
    monkeypatch.setenv("BRUSHWORK_WEIGHTS", str(tmp_path / "vgg_conv.pth"))
    assert find("vgg19.caffe") == tmp_path / "vgg_conv.pth"
    assert find("vgg16.imagenet1k_v1") is None


def test_brushwork_weights_comes_before_the_store(
    publish: Publish, tmp_path: Path, named: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    import_file(publish())
    assert locate("vgg19.caffe") == ("store", store_dir() / "vgg19.caffe.safetensors")
    save_file(named, tmp_path / "vgg19.caffe.safetensors")
    monkeypatch.setenv("BRUSHWORK_WEIGHTS", str(tmp_path))
    assert locate("vgg19.caffe") == ("environment", tmp_path / "vgg19.caffe.safetensors")


def test_embedded_weights_and_their_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MODELS", tmp_path)
    assert find("vgg19-slim") is None
    with pytest.raises(WeightsError, match="reinstall"):
        load("vgg19-slim")
    save_file(random_tensors("vgg19-slim"), tmp_path / "vgg19-slim.safetensors")
    assert locate("vgg19-slim") == ("embedded", tmp_path / "vgg19-slim.safetensors")
    assert not read("vgg19-slim").verified
    digest = hashlib.sha256((tmp_path / "vgg19-slim.safetensors").read_bytes()).hexdigest()
    (tmp_path / "vgg19-slim.json").write_text(json.dumps({"sha256": digest}))
    assert read("vgg19-slim").verified
    assert fetch("vgg19-slim") == tmp_path / "vgg19-slim.safetensors"
    (tmp_path / "vgg19-slim.json").write_text(json.dumps({"sha256": "0" * 64}))
    with pytest.raises(WeightsError, match=r"is damaged.*reinstall brushwork"):
        read("vgg19-slim")


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        (Unix, {}, "~/.cache/brushwork/weights"),
        (Unix, {"XDG_CACHE_HOME": "/x"}, "/x/brushwork/weights"),
        (Unix, {"XDG_CACHE_HOME": "X"}, "X/brushwork/weights"),
        (Unix, {"XDG_CACHE_HOME": "~/X"}, "~/X/brushwork/weights"),
        (MacOS, {}, "~/Library/Caches/brushwork/weights"),
        (Windows, {}, "/L/brushwork/weights"),
        (Windows, {"BRUSHWORK_HOME": "B", "XDG_CACHE_HOME": "X"}, "B/weights"),
    ],
)
def test_the_place_of_the_store(
    platform: type, variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("BRUSHWORK_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in {"HOME": "/H", **variables}.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr("platformdirs.PlatformDirs", platform)
    monkeypatch.setattr("platformdirs.windows.get_win_folder", lambda _: "/L")  # asks Windows itself
    assert store_dir() == Path(expected.replace("~", "/H"))


# fetching


def test_fetch_resumes_checks_and_converts(publish: Publish, server: Server, named: dict[str, Tensor]) -> None:
    server.body = publish(url=server.url).read_bytes()
    server.break_after = [5000]
    seen: list[int] = []
    path = fetch("vgg19.caffe", progress=lambda done, total: seen.append(done))
    assert path == store_dir() / "vgg19.caffe.safetensors"
    assert in_store() == ["vgg19.caffe.json", "vgg19.caffe.safetensors"]
    assert server.ranges == [None, "bytes=5000-"]
    assert seen[-1] == len(server.body)
    assert same(load("vgg19.caffe"), named)


def test_fetch_goes_on_from_an_earlier_part(publish: Publish, server: Server) -> None:
    server.body = publish(url=server.url).read_bytes()
    store_dir().mkdir(parents=True)
    (store_dir() / "vgg19-d01eb7cb.pth.part").write_bytes(server.body[:777])
    fetch("vgg19.caffe")
    assert server.ranges == ["bytes=777-"]
    assert verify("vgg19.caffe").verified


def test_fetch_of_what_is_here_asks_nobody_unless_forced(publish: Publish, server: Server) -> None:
    server.body = publish(url=server.url).read_bytes()
    fetch("vgg19.caffe")
    fetch("vgg19.caffe")
    assert len(server.ranges) == 1
    (store_dir() / "vgg19.caffe.safetensors").write_bytes(b"damaged")
    fetch("vgg19.caffe")
    fetch("vgg19.caffe", force=True)
    assert len(server.ranges) == 3


def test_fetch_refuses_a_wrong_hash_and_leaves_nothing(publish: Publish, server: Server) -> None:
    server.body = publish(url=server.url, hash_prefix="01234567").read_bytes()
    with pytest.raises(WeightsError, match="expected 01234567; the file was deleted"):
        fetch("vgg19.caffe")
    assert in_store() == []


def test_fetch_refuses_a_page_in_place_of_the_file(publish: Publish, server: Server) -> None:
    publish(url=server.url, hash_prefix=None)
    server.body = b"<html>log in first</html>"
    with pytest.raises(WeightsError, match="web page"):
        fetch("vgg19.caffe")
    assert in_store() == []


def test_fetch_without_a_network_says_how_to_do_it_by_hand(publish: Publish) -> None:
    with socket.socket() as closed:  # bound, never listening
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/vgg19.pth"
        publish(url=url)
        with pytest.raises(WeightsError) as error:
            fetch("vgg19.caffe")
    assert "\n" not in str(error.value)
    for words in (url, "brushwork weights import vgg19-d01eb7cb.pth --as vgg19.caffe", "refused"):
        assert words in str(error.value)
    assert in_store() == []


# the real weights


def test_the_real_weights_are_known_as_those_of_gatys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRUSHWORK_WEIGHTS", GIVEN)
    path = find("vgg19.caffe")
    if path is None:
        pytest.skip("BRUSHWORK_WEIGHTS gives no vgg19.caffe")
    assert read(path).record.name == "vgg19.caffe"
    with pytest.raises(WeightsError, match=r"these are the weights vgg19\.caffe"):
        read(path, name="vgg19.imagenet1k_v1")
    blue_green_red = load("vgg19.caffe")["conv1_1.weight"].shape
    assert tuple(blue_green_red) == (64, 3, 3, 3)
