"""`brushwork stylize`: what lands in which file, what is said, what is refused, and what survives failure."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from brushwork import Gatys, encode_style, load, read_image, read_recipe, save_style
from brushwork.errors import PictureError
from brushwork.image import Picture
from brushwork.io import picture_writer, write_image
from brushwork.methods.gatys.method import GatysMethod
from brushwork.styles import built_in

Run = Callable[..., Any]
SHORT = ("--method", "gatys", "--steps", "2", "--scales", "1")


def test_one_photo_one_painting(run: Run, here: Path) -> None:
    outcome = run("stylize", "photo.png", "--style", "wave.jpg", *SHORT)
    assert outcome.code == 0
    assert outcome.out == ""
    assert "48×36, about" in outcome.err  # the estimate comes before the work
    assert "photo_wave.png" in outcome.err
    assert read_image("photo_wave.png").size == (48, 36)


@pytest.mark.parametrize("content", [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7"])
def test_a_drawing_that_calls_itself_a_picture_is_refused(run: Run, here: Path, content: bytes) -> None:
    (here / "drawing.png").write_bytes(content)
    for ask in (("drawing.png", "--style", "wave.jpg"), ("photo.png", "--style", "drawing.png")):
        outcome = run("stylize", *ask, *SHORT)
        assert outcome.code != 0
        assert re.search("drawing.png: is an? .*, which is not in a supported format; save it as PNG", outcome.err)
        assert "Traceback" not in outcome.err


def test_each_style_on_each_photo_of_folders_and_patterns(run: Run, here: Path) -> None:
    (here / "in").mkdir()
    for name in ("a.png", "b.PNG", ".hidden.png"):
        (here / "in" / name).write_bytes((here / "photo.png").read_bytes())
    (here / "in" / "notes.txt").write_text("no picture")
    outcome = run(
        "stylize", "in", "ph*.png", "--style", "wave.jpg", "--style", "sea.png", "-o", "out/", "--format", "jpg", *SHORT
    )
    assert "in: 1 file left out, by their suffix no pictures (1 .txt)" in outcome.err
    assert outcome.code == 0, outcome.err
    made = sorted(path.name for path in (here / "out").iterdir())
    assert made == [f"{photo}_{style}.jpg" for photo in ("a", "b", "photo") for style in ("sea", "wave")]


def test_json_has_one_object_per_result_and_nothing_else(run: Run, here: Path) -> None:
    outcome = run("stylize", "photo.png", "sea.png", "--style", "wave.jpg", "--json", *SHORT)
    assert outcome.err == ""
    first, second = outcome.objects
    assert (first["photo"], first["style"], first["output"]) == ("photo.png", "wave.jpg", "photo_wave.png")
    assert first["size"] == [48, 36]
    assert first["seconds"] >= 0
    assert second["output"] == "sea_wave.png"


def test_one_that_fails_does_not_stop_the_others(run: Run, here: Path) -> None:
    (here / "broken.png").write_bytes(b"\x89PNG\r\n")
    outcome = run("stylize", "nothere.png", "broken.png", "photo.png", "--style", "wave.jpg", "--json", *SHORT)
    assert outcome.code == 1
    missing, broken, good, summary = outcome.objects
    assert "nothere.png" in missing["error"]
    assert "broken.png" in broken["error"]
    assert good["output"] == "photo_wave.png"
    assert summary == {"error": "2 of 3 failed", "exit_code": 1}
    assert (here / "photo_wave.png").exists()


def test_a_bug_in_one_does_not_stop_the_others(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    estimate = GatysMethod.estimate_seconds

    def fail_once(method: GatysMethod, width: int, height: int) -> float:
        if (width, height) == (48, 36):
            raise ZeroDivisionError("oops")
        return estimate(method, width, height)

    monkeypatch.setattr(GatysMethod, "estimate_seconds", fail_once)
    outcome = run("stylize", "photo.png", "sea.png", "--style", "wave.jpg", *SHORT)
    assert outcome.code == 1
    assert "ZeroDivisionError: oops; this is a bug" in outcome.err
    assert (here / "sea_wave.png").exists()


def test_a_large_photo_defaults_to_1024_and_says_how_to_get_more(run: Run, here: Path) -> None:
    write_image(Picture(torch.rand(1, 3, 20, 1100)), "wide.png")
    outcome = run("stylize", "wide.png", "--style", "wave.jpg", "--method", "gatys", "--steps", "1", "--scales", "1")
    assert "1024×19 (from 1100×20; --size full keeps that)" in outcome.err
    assert read_image("wide_wave.png").size == (1024, 19)
    outcome = run(
        "stylize",
        "wide.png",
        "--style",
        "wave.jpg",
        "--size",
        "full",
        "--method",
        "gatys",
        "--steps",
        "1",
        "--scales",
        "1",
    )
    assert "full" not in outcome.err
    assert read_image("wide_wave.png").size == (1100, 20)


@pytest.mark.parametrize("size", [33, 60])
def test_size_is_the_longer_side(size: int, run: Run, here: Path) -> None:
    assert run("stylize", "photo.png", "--style", "wave.jpg", "--size", size, *SHORT).code == 0
    assert max(read_image("photo_wave.png").size) == size


@pytest.mark.parametrize(
    ("options", "words", "code"),
    [
        (["-o", "photo.png"], "one of the inputs", 2),
        (["-o", "wave.jpg"], "one of the inputs", 2),
        (["-o", "link.png"], "one of the inputs", 2),
        (["--init", "sea.png", "-o", "sea.png"], "one of the inputs", 2),
        (["--preview", "photo.png"], "--preview photo.png", 2),
        (["--preview", "photo_wave.png"], "--preview photo_wave.png", 2),
        (["--preview", "nofolder/p.png"], "nofolder", 1),
        (["-o", "nofolder/out.png"], "nofolder", 1),
        (["-o", "out.xyz"], "'.xyz'", 2),
        (["-o", "out.jpg", "--depth", "16"], "16", 2),
        (["-o", "photo.png/"], "photo.png", 1),
        (["--device", "abacus"], "'abacus'", 2),
        (["--device", "cuda:99"], "cuda", 2),
        (["--style-layers", "relu9_9"], "relu9_9", 2),
        (["--max-pixels", "100"], "--max-pixels", 1),
        (["--network", "nothere.safetensors"], "nothere.safetensors", 1),
        (["--init", "nothere.png"], "nothere.png", 1),
    ],
)
def test_refused_before_the_work(options: list[str], words: str, code: int, run: Run, here: Path) -> None:
    (here / "link.png").symlink_to("photo.png")
    before = {path.name: path.read_bytes() for path in here.iterdir()}
    outcome = run("stylize", "photo.png", "--style", "wave.jpg", *options, *SHORT)
    assert outcome.code == code, outcome.err
    assert words in outcome.err
    assert outcome.err.splitlines()[-1].startswith("Error: ")
    assert {path.name: path.read_bytes() for path in here.iterdir()} == before


def test_preview_shows_the_picture_and_its_failure_costs_nothing(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("stylize", "photo.png", "--style", "wave.jpg", "--preview", "p.png", *SHORT).code == 0
    assert read_image("p.png").size == (48, 36)
    write = picture_writer.write_image

    def full_disk(picture: Picture, path: Path, **options: Any) -> None:
        if Path(path).name == "q.png":
            raise PictureError("q.png: no space left on device")
        write(picture, path, **options)

    monkeypatch.setattr("brushwork.io.write_image", full_disk)
    outcome = run("stylize", "photo.png", "--style", "wave.jpg", "--preview", "q.png", *SHORT)
    assert outcome.code == 0
    assert "the preview is no longer updated: q.png: no space left" in outcome.err


def test_full_disk_and_vanished_folder_are_told_in_one_line(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "out.png").write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        outcome = run("stylize", "photo.png", "--style", "wave.jpg", "-o", "out.png", *SHORT)
    assert outcome.code == 1
    assert "Error: out.png: the disk is full; it couldn't be saved in another folder either" in outcome.err
    assert (here / "out.png").read_bytes() == b"old"

    (here / "gone").mkdir()
    call = GatysMethod.__call__

    def vanish(*arguments: Any, **options: Any) -> torch.Tensor:
        (here / "gone").rmdir()
        return call(*arguments, **options)

    monkeypatch.setattr(GatysMethod, "__call__", vanish)
    outcome = run("stylize", "photo.png", "--style", "wave.jpg", "-o", "gone/out.png", *SHORT)
    assert outcome.code == 1
    assert f"Error: gone/out.png: directory {here}/gone doesn't exist; create it" in outcome.err
    assert outcome.err.endswith(f"saved as {here}/out-1.png instead\n")  # out.png is there already


def test_out_of_memory_says_which_size(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object, **__: object) -> None:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(GatysMethod, "__call__", exhausted)
    outcome = run("stylize", "photo.png", "--style", "wave.jpg", *SHORT)
    assert outcome.code == 1
    assert "out of memory at 48×36" in outcome.err


def test_names_with_signs_of_markup_blends_and_patterns(run: Run, here: Path) -> None:
    for name in ("a[1].png", "[red]x.png", ":smile:.png"):
        (here / name).write_bytes((here / "photo.png").read_bytes())
        outcome = run("stylize", name, "--style", "wave.jpg", "-o", "out.png", *SHORT)
        assert outcome.code == 0
        assert name in outcome.err
    (here / "sea+sun:2.png").write_bytes((here / "sea.png").read_bytes())
    assert run("stylize", "photo.png", "--style", "sea+sun:2.png:0.5+wave.jpg:0.5", *SHORT).code == 0
    assert (here / "photo_sea+sun:2-0.5+wave-0.5.png").exists()


def test_photo_metadata_and_alpha_stay_and_strip_metadata_drops_all(run: Run, here: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Brush & Co"
    Image.new("RGBA", (40, 40), (9, 99, 199, 128)).save("cut.png", exif=exif)
    assert run("stylize", "cut.png", "--style", "wave.jpg", *SHORT).code == 0
    made = read_image("cut_wave.png")
    assert made.alpha is not None
    assert b"Brush & Co" in (made.exif or b"")
    assert run("stylize", "cut.png", "--style", "wave.jpg", "--strip-metadata", *SHORT).code == 0
    assert b"Brush" not in (here / "cut_wave.png").read_bytes()
    assert read_recipe("cut_wave.png") is None


def test_the_recipe_tells_no_folder(run: Run, here: Path) -> None:
    (here / "secret").mkdir()
    (here / "secret" / "first.png").write_bytes((here / "sea.png").read_bytes())
    outcome = run(
        "stylize", here / "photo.png", "--style", here / "wave.jpg", "--init", here / "secret" / "first.png", *SHORT
    )
    assert outcome.code == 0, outcome.err
    recipe = read_recipe("photo_wave.png")
    assert recipe is not None
    text = recipe.to_json()
    assert "secret" not in text
    assert str(here) not in text
    assert recipe["settings"]["init"] == "first.png"


def test_keep_color_and_depth(run: Run, here: Path) -> None:
    kept = ("--keep-color", "histogram", "--keep-color-when", "after")
    run("stylize", "photo.png", "--style", "wave.jpg", *kept, "--depth", "16", "-o", "out.tif", *SHORT)
    assert read_image("out.tif").depth == 16
    recipe = dict(read_recipe("out.tif") or {})
    assert (recipe["keep_color"], recipe["keep_color_when"]) == ("histogram", "after")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--keep-color", "luminence"], ["'luminance', 'cholesky', 'histogram'"]),
        (["--keep-color", "cholesky", "--keep-color-when", "later"], ["'before', 'after'"]),
        (["--keep-color-when", "after"], ["needs keep_color", "luminance, cholesky, histogram"]),
        (["--keep-color", "cholesky"], ["needs the painting itself", "--keep-color-when after"]),
    ],
)
def test_colors_that_can_t_be_kept(options: list[str], told: list[str], run: Run, here: Path) -> None:
    outcome = run("stylize", "photo.png", "--style", "feminine-wave", *options, *SHORT)
    assert outcome.code == 2
    assert all(words in outcome.err for words in told)
    assert outcome.err.splitlines()[-1].startswith("Error: ")
    assert not (here / "photo_feminine-wave.png").exists()


def test_the_first_frame_of_a_style_is_said_to_be_so(run: Run, here: Path) -> None:
    frames = [Image.new("RGB", (40, 40), color) for color in ("red", "blue")]
    frames[0].save("loop.gif", save_all=True, append_images=frames[1:])
    outcome = run("stylize", "photo.png", "--style", "loop.gif", *SHORT)
    assert "loop.gif: first of 2 frames" in outcome.err
    objects = run("stylize", "photo.png", "--style", "loop.gif", "--json", *SHORT).objects
    assert objects[0]["notes"] == ["loop.gif: first of 2 frames"]


def test_built_in_and_saved_styles(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    method = load(Gatys())
    value = encode_style(method, "wave.jpg", [48])
    (here / "library").mkdir()
    save_style(here / "library" / "great-wave.safetensors", method, value)
    save_style(here / "mine.safetensors", method, value)
    monkeypatch.setattr(built_in, "FOLDER", here / "library")
    assert run("stylize", "photo.png", "--style", "great-wave:0.5+mine.safetensors:0.5", *SHORT).code == 0
    outcome = run("stylize", "photo.png", "--style", "great-wive", *SHORT)
    assert "did you mean great-wave?" in outcome.err
    outcome = run("stylize", "photo.png", "--style", "mine.safetensors", "--pooling", "average", *SHORT)
    assert outcome.code == 2
    assert "mine.safetensors was made with other settings (pooling max, not average)" in outcome.err


@pytest.mark.parametrize("name", ["50% off.png", "%05d.png", "a+b:0.5.png", "[x]*?.png"])
def test_any_name_of_a_file_will_do(name: str, run: Run, here: Path) -> None:
    """As photo, style, mask, first picture and output; a pattern is one only where no such file exists."""
    (here / "photo.png").rename(name)
    gatys = ("--method", "gatys", "--steps", "1", "--scales", "1", "--init", name, "--mask", name)
    outcome = run("stylize", name, "--style", name, "-o", f"out {name}", *gatys)
    assert outcome.code == 0, outcome.err
    outcome = run("rerun", f"out {name}", "-o", f"again {name}")
    assert outcome.code == 0, outcome.err
    assert (here / f"again {name}").read_bytes() == (here / f"out {name}").read_bytes()
