"""`brushwork-lite` and `brushwork stylize --runtime onnx`: the pictures of drafts, and one line for each refusal."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data

from brushwork.cli import lite
from brushwork.cli import main as full

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: object, main: Any = lite.main) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return int(stop.value.code or 0), captured.out, captured.err

    return run


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BRUSHWORK_HOME", str(tmp_path / "home"))
    Image.fromarray(data.chelsea()).resize((160, 112)).save("cat.png")
    Image.fromarray(data.coffee()).resize((256, 160)).save("cup.png")
    Image.fromarray(np.tile(np.linspace(0, 255, 160).astype(np.uint8), (112, 1))).save("mask.png")
    return tmp_path


def pixels(name: str) -> np.ndarray:
    with Image.open(name) as image:
        return np.asarray(image, np.int16)


LOOKS = [
    (),
    ("--strength", "0.5"),
    ("--style-scale", "0.7"),
    ("--keep-color", "luminance"),
    ("--keep-color", "cholesky", "--keep-color-when", "after"),
    ("--mask", "mask.png"),
]


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("style", ["great-wave", "cup.png"])
def test_the_picture_is_the_draft(run: Run, here: Path, look: tuple[str, ...], style: str) -> None:
    ours = run("stylize", "cat.png", "--style", style, *look, "-o", "a.png")
    assert ours[0] == 0, ours[2]
    theirs = run(
        "stylize", "cat.png", "--style", style, *look, "--preset", "draft", "--precision", "float32", "-o", "b.png",
        main=full.main,
    )  # fmt: skip
    assert theirs[0] == 0, theirs[2]
    assert np.abs(pixels("a.png") - pixels("b.png")).max() <= 2


def test_a_blend_with_masks_and_transparency(run: Run, here: Path) -> None:
    image = Image.open("cat.png").convert("RGBA")
    image.putalpha(Image.open("mask.png"))
    image.save("clear.png")
    for arguments, main in (
        (("-o", "a.png"), lite.main),
        (("-o", "b.png", "--preset", "draft", "--precision", "float32"), full.main),
    ):
        style = ("--style", "great-wave+iris", "--mask", "mask.png", "--mask", "cat.png")
        assert run("stylize", "clear.png", *style, *arguments, main=main)[0] == 0
    assert pixels("a.png").shape == (112, 160, 4)
    assert np.abs(pixels("a.png") - pixels("b.png")).max() <= 2


def test_the_full_command_paints_the_same_bytes(run: Run, here: Path) -> None:
    assert run("stylize", "cat.png", "--style", "great-wave", "-o", "a.png")[0] == 0
    assert (
        run("stylize", "cat.png", "--style", "great-wave", "--runtime", "onnx", "-o", "b.png", main=full.main)[0] == 0
    )
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()


def test_the_method_by_name_is_the_first_network(run: Run, here: Path) -> None:
    style = ("stylize", "cat.png", "--style", "great-wave")
    for name, main, more in (
        ("light.png", lite.main, ()),
        ("full.png", full.main, ("--runtime", "onnx")),
        ("torch.png", full.main, ("--precision", "float32")),
    ):
        assert run(*style, "--method", "adain-lite", *more, "-o", name, main=main)[0] == 0
    assert Path("light.png").read_bytes() == Path("full.png").read_bytes()
    assert np.abs(pixels("light.png") - pixels("torch.png")).max() <= 2


def test_without_torch_the_full_command_uses_onnxruntime(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from brushwork.cli import stylize

    monkeypatch.setattr(stylize, "find_spec", lambda name: None)
    assert run("stylize", "cat.png", "--style", "great-wave", "-o", "b.png", main=full.main)[0] == 0
    code, _, err = run("stylize", "cat.png", "--style", "great-wave", "--preset", "good", main=full.main)
    assert (code, err) == (2, "Error: --preset good needs torch: leave out --runtime onnx\n")


def test_folders_several_styles_and_json(run: Run, here: Path) -> None:
    Path("in").mkdir()
    for name in ("a.png", "b.png"):
        Path("in", name).write_bytes(Path("cat.png").read_bytes())
    Path("in", "notes.txt").touch()
    code, out, err = run(
        "stylize",
        "in",
        "--style",
        "iris",
        "--style",
        "cup.png",
        "-o",
        "out/",
        "--format",
        "jpg",
        "--size",
        64,
        "--json",
    )
    assert (code, err) == (0, "")
    made = [json.loads(line) for line in out.splitlines()]
    assert [Path(one["output"]).name for one in made] == ["a_iris.jpg", "a_cup.jpg", "b_iris.jpg", "b_cup.jpg"]
    assert made[0]["size"] == [64, 45]


def test_one_bad_photo_among_several(run: Run, here: Path) -> None:
    Path("bad.png").write_bytes(Path("cat.png").read_bytes()[:2000])
    code, _, err = run("stylize", "cat.png", "bad.png", "--style", "iris")
    assert code == 1
    assert "Error: bad.png: is damaged or cut off" in err
    assert "1 of 2 failed" in err
    assert Path("cat_iris.png").exists()
    assert not Path("bad_iris.png").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--preset", "good"), "--preset good needs torch"),
        (("--method", "gatys"), "--method gatys needs torch"),
        (("--steps", "5"), "--steps needs torch"),
        (("--protect-faces", "0.5"), "--protect-faces needs torch"),
        (("--preview", "p.png"), "--preview needs torch"),
        (("--depth", "16"), "--depth 16 needs torch"),
        (("--precision", "bfloat16"), "--precision bfloat16 needs torch"),
        (
            ("--model", "mine.safetensors"),
            "unknown model 'mine.safetensors': expected adain-lite, adain-lite-2, adain-lite-3, "
            "adain-lite-3-film, adain-lite-film",
        ),
        (("--provider", "abacus"), "provider: expected one of cpu, cuda, directml, coreml, got 'abacus'"),
        (("--provider", "directml"), "provider directml: this onnxruntime lacks it; install onnxruntime-directml"),
        (("--strength", "2"), "strength: expected a number from 0 to 1, got 2"),
        (("--strength", "much"), "argument --strength: invalid float value: 'much'"),
        (("--size", "-3"), "argument --size: expected"),
        (("--stile", "x"), "no such option: --stile"),
        (("--max-memory", "1MB"), "need more than 0.0 GB of memory"),
        (("--mask", "mask.png", "--mask", "mask.png"), "expected one mask per style, got 2 for 1"),
        (("-o", "cat.png"), "cat.png is one of the inputs"),
        (("-o", "out.docx"), "can't write files with the suffix '.docx'"),
    ],
)
def test_refusals(run: Run, here: Path, arguments: tuple[str, ...], words: str) -> None:
    code, out, err = run("stylize", "cat.png", "--style", "iris", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("Error: ")
    assert words in err
    assert err.count("\n") == 1


def test_an_onnx_file_of_somebody_else_as_style(run: Run, here: Path) -> None:
    Path("theirs.onnx").write_bytes(b"\x08\x08\x12\x07pytorch")
    code, _, err = run("stylize", "cat.png", "--style", "theirs.onnx")
    assert code == 2
    assert "theirs.onnx is a network, not a style" in err


def test_other_commands_and_help(run: Run) -> None:
    code, _, err = run("train", "johnson")
    assert code == 2
    assert "'train' is not one of stylize, video, styles; whatever else brushwork does needs torch" in err
    assert "stylize" in run()[1]
    assert "--keep-color" in run("stylize", "--help")[1]
    assert "great-wave" in run("styles")[1]
    assert len(run("styles", "list")[1].splitlines()) == 88
    listed = json.loads(run("styles", "list", "--json")[1])
    assert len(listed) == 88
    assert {"name": "great-wave", "title": "The Great Wave off Kanagawa", "artist": "Katsushika Hokusai",
            "year": "1831"} in listed  # fmt: skip
    assert run("--version")[1].startswith("brushwork-lite, version")


def test_flags_have_the_help_of_the_full_command(run: Run) -> None:
    from brushwork.options.base import option_of
    from brushwork.options.methods import AdaINLite

    words = " ".join(run("stylize", "--help")[1].split())
    for option in option_of(AdaINLite).values():
        assert option.help.split(";")[0] in words
    assert (
        "--provider is for onnxruntime" in run("stylize", "a", "--style", "b", "--provider", "cpu", main=full.main)[2]
    )
