from __future__ import annotations

from pathlib import Path

import pytest

from brushwork.batch.naming import style_stem
from brushwork.cli.jobs import Job, find_photos, left_out, plan_jobs, protect
from brushwork.errors import UsageError
from brushwork.styles.references import resolve_text


def test_folders_patterns_and_files_in_order_and_once(here: Path) -> None:
    (here / "deep" / "er").mkdir(parents=True)
    for name in ("deep/b.JPG", "deep/a.png", "deep/er/c.tif", "deep/.d.png", "deep/e.txt"):
        (here / name).touch()
    assert find_photos(["deep"]) == [Path("deep/a.png"), Path("deep/b.JPG")]
    assert find_photos(["deep/**/*"]) == [Path("deep/a.png"), Path("deep/b.JPG"), Path("deep/er/c.tif")]
    assert find_photos(["./photo.png", "photo.png", str(here / "photo.png"), "nothere.png"]) == [
        Path("photo.png"), Path("nothere.png"),
    ]  # fmt: skip


def test_what_a_folder_leaves_out_is_counted(here: Path) -> None:
    (here / "in" / "more").mkdir(parents=True)
    for name in ("a.HEIC", "b.mpo", "c.mov", "d.MOV", "e.txt", "README", ".hidden"):
        (here / "in" / name).touch()
    assert find_photos(["in"]) == [Path("in/a.HEIC"), Path("in/b.mpo")]
    assert left_out(["in", "in/more", "photo.png", "*.png"]) == [
        "in: 4 files left out, by their suffix no pictures (2 .mov, 1 .txt, 1 no suffix)"
    ]


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(here: Path) -> None:
    (here / "a[1].png").touch()
    assert find_photos(["a[1].png"]) == [Path("a[1].png")]


@pytest.mark.parametrize("argument", ["empty", "nothing*.png", "*.txt"])
def test_nothing_found_is_said(argument: str, here: Path) -> None:
    (here / "empty").mkdir()
    (here / "notes.txt").touch()
    with pytest.raises(UsageError, match="no picture"):
        find_photos([argument])


def test_where_results_go(here: Path) -> None:
    (here / "folder").mkdir()
    photo = [Path("photo.png")]
    assert plan_jobs(photo, ["wave.jpg"], None, ".png")[0].output == Path("photo_wave.png")
    assert plan_jobs(photo, ["wave.jpg"], "folder", ".jpg")[0].output == Path("folder/photo_wave.jpg")
    assert plan_jobs(photo, ["wave.jpg"], "new/", ".jpg")[0].output == Path("new/photo_wave.jpg")
    assert plan_jobs(photo, ["wave.jpg"], "file.tif", ".jpg")[0].output == Path("file.tif")
    assert len(plan_jobs(photo, ["wave.jpg", "wave.jpg"], "file.tif", ".jpg")) == 1


def test_results_that_would_have_one_name_are_named_apart(here: Path) -> None:
    (here / "wave.png").touch()

    def names(photos: list[str], styles: list[str]) -> list[str]:
        return [job.output.name for job in plan_jobs([Path(photo) for photo in photos], styles, "out/", ".png")]

    assert names(["IMG_1.jpg", "IMG_1.png", "IMG_2.jpg"], ["wave.jpg"]) == [
        "IMG_1-jpg_wave.png", "IMG_1-png_wave.png", "IMG_2_wave.png"
    ]  # fmt: skip
    assert names(["a/1.jpg", "b/1.jpg", "1.JPG", "1-jpg.png"], ["wave.jpg"]) == [
        "1-jpg-2_wave.png", "1-jpg-3_wave.png", "1-JPG-4_wave.png", "1-jpg_wave.png"
    ]  # fmt: skip
    assert names(["a.jpg"], ["wave.jpg", "wave.png", "wave.jpg:0.5+wave.png:0.5"]) == [
        "a_wave-jpg.png", "a_wave-png.png", "a_wave-0.5+wave-0.5.png"
    ]  # fmt: skip
    (here / "b_wave.png").touch()
    assert names(["a_b.jpg", "a.jpg"], ["wave.jpg", "b_wave.png"]) == [
        "a_b_wave.png", "a_b_b_wave.png", "a_wave.png", "a_b_wave-2.png"
    ]  # fmt: skip


def test_refusals(here: Path) -> None:
    two = [Path("photo.png"), Path("sea.png")]
    with pytest.raises(UsageError, match=r"expected a folder for 2 results; write file\.png/"):
        plan_jobs(two, ["wave.jpg"], "file.png", ".png")
    with pytest.raises(UsageError, match="'nope'"):
        plan_jobs(two, ["wave.jpg", "wave.jpg+nope"], None, ".png")


def test_style_in_a_file_name(here: Path) -> None:
    assert style_stem("wave.jpg:0.7+sea.png") == "wave-0.7+sea"


def test_inputs_are_protected_through_links(here: Path) -> None:
    (here / "hard.png").hardlink_to(here / "photo.png")
    for output in ("photo.png", "hard.png", "wave.jpg", "./sea.png"):
        with pytest.raises(UsageError, match="is one of the inputs"):
            protect([Job(Path("photo.png"), resolve_text("wave.jpg"), Path(output))], {}, ["sea.png"])
    job = Job(Path("photo.png"), resolve_text("wave.jpg"), Path("new.png"))
    protect([job], {"preview": Path("preview.png"), "animation": None})
    with pytest.raises(UsageError, match="--preview"):
        protect([job], {"preview": Path("../" + here.name + "/new.png")})
