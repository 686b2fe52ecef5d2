"""Faces are found, and protected without touching the rest of the picture."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from skimage import data
from torch import Tensor

from brushwork import AdaINLite, Gatys, Picture, rerun, stylize, stylize_file, write_image
from brushwork.api.face_protection import protected
from brushwork.api.faces import Face, face_mask, find_faces
from brushwork.errors import Interrupted, UsageError
from brushwork.io import read_image
from brushwork.runtime.progress import Step

FACE = Face((0.5, 0.4), (0.2, 0.2), ((0.45, 0.37), (0.55, 0.37)), (0.5, 0.46), 0.9)


@pytest.fixture(scope="module")
def astronaut() -> Tensor:
    return torch.from_numpy(data.astronaut()).permute(2, 0, 1)[None] / 255


@pytest.mark.parametrize("side", [200, 512])
def test_a_face_is_found_with_its_eyes_and_mouth(astronaut: Tensor, side: int) -> None:
    small = F.interpolate(astronaut, (side, side), mode="bilinear", antialias=True)
    (face,) = find_faces(small)
    found = torch.tensor([*face.eyes, face.mouth]) * 512
    by_hand = torch.tensor([[203.0, 102], [249, 103], [224, 150]])  # where they are in the photograph
    assert float((found - by_hand).abs().max()) < 8


def test_several_faces_are_found(astronaut: Tensor) -> None:
    found = find_faces(torch.cat([astronaut, astronaut.flip(3)], 3))
    assert sorted(round(face.center[0] * 1024, -1) for face in found) == pytest.approx([220, 800], abs=10)


@pytest.mark.parametrize("name", ["coffee", "hubble_deep_field", "brick"])
def test_no_face_is_found_where_there_is_none(name: str) -> None:
    array = getattr(data, name)()
    pixels = torch.from_numpy(array.copy()).reshape(*array.shape[:2], -1).permute(2, 0, 1)[None] / 255
    assert find_faces(pixels.expand(1, 3, -1, -1)) == []


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (33, 47)])
def test_tiny_and_thin_pictures_have_none(size: tuple[int, int]) -> None:
    assert find_faces(torch.rand(1, 3, *size)) == []


def test_the_mask_is_softest_at_its_edge_and_strongest_at_the_eyes() -> None:
    mask = face_mask([FACE], (400, 300))
    assert mask.shape == (1, 1, 300, 400)
    at = {name: float(mask[0, 0, round(y * 300), round(x * 400)]) for name, (x, y) in {
        "eye": FACE.eyes[0], "mouth": FACE.mouth, "cheek": (0.57, 0.43), "far": (0.9, 0.9)}.items()}  # fmt: skip
    assert at["far"] == 0
    assert at["cheek"] > 0.7
    assert min(at["eye"], at["mouth"]) > at["cheek"] + 0.1
    steps = torch.cat([mask.diff(dim=2).abs().flatten(), mask.diff(dim=3).abs().flatten()])
    assert float(steps.max()) < 0.05
    assert face_mask([FACE], (8000, 4000)).shape == (1, 1, 512, 1024)


def test_only_the_face_changes_and_its_mean_color_stays() -> None:
    photo, painted, mask = torch.rand(1, 3, 150, 200), torch.rand(1, 3, 150, 200), face_mask([FACE], (200, 150))
    seen: list[tuple[int, ...]] = []

    def paint(part: Tensor, box: tuple[int, int, int, int]) -> Tensor:
        seen.append(tuple(part.shape[2:]))
        top, left, bottom, right = box
        assert min(seen[0][0] / (bottom - top), seen[0][1] / (right - left)) > 3  # it is enlarged
        return part.flip(1) * 0.5

    result = protected(painted, photo, mask, 1.0, paint)
    assert len(seen) == 1
    changed = (result != painted).any(1)
    assert bool(changed.any())
    assert not bool((changed & (mask[:, 0] == 0)).any())
    assert float((result - painted).mean((2, 3)).abs().max()) < 0.005


def test_a_mask_of_several_parts_paints_each_and_an_empty_one_none() -> None:
    picture = torch.rand(1, 3, 64, 64)
    mask = torch.zeros(1, 1, 64, 64)
    assert torch.equal(protected(picture, picture, mask, 1.0, lambda part, box: part), picture)
    mask[:, :, 5:15, 5:15], mask[:, :, 40:60, 40:60] = 1, 1
    boxes: list[object] = []
    protected(picture, picture, mask, 1.0, lambda part, box: boxes.append(box))  # type: ignore[func-returns-value]
    assert len(boxes) == 2


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), Interrupted(best=torch.zeros(1, 3, 9, 9))])
def test_stopped_the_whole_painting_is_kept(stop: BaseException) -> None:
    painted = torch.rand(1, 3, 40, 40)

    def paint(part: Tensor, box: object) -> Tensor:
        raise stop

    with pytest.raises(Interrupted) as caught:
        protected(painted, painted, torch.ones(1, 1, 4, 4), 1.0, paint)
    assert torch.equal(caught.value.best, painted)


def test_a_rerun_gives_the_same_bytes_and_a_mask_takes_the_place_of_the_detector(
    astronaut: Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_image(Picture(astronaut[:, :, :256, 96:352].contiguous()), "photo.png")
    plain = stylize("photo.png", "great-wave", AdaINLite())
    found = stylize("photo.png", "great-wave", AdaINLite(), protect_faces=0.8)
    changed = (plain.picture.pixels != found.picture.pixels).any(1)[0]
    assert bool(changed[110, 128])
    assert not bool(changed[-1].any())
    assert (found.recipe["protect_faces"], found.recipe["face_mask"]) == (0.8, None)

    mask = face_mask(find_faces(read_image("photo.png").pixels), (256, 256))
    write_image(Picture(mask.expand(1, 3, -1, -1).contiguous()), "mask.png")
    given = stylize("photo.png", "great-wave", AdaINLite(), protect_faces=0.8, face_mask="mask.png")
    assert torch.allclose(given.picture.pixels, found.picture.pixels, atol=1e-3)
    assert given.recipe["face_mask"]["name"] == "mask.png"
    for result in (found, given):
        again, _ = rerun(result.recipe, tmp_path)
        assert torch.equal(again.picture.pixels, result.picture.pixels)


def test_without_faces_nothing_changes_and_a_note_says_so() -> None:
    photo = Picture(torch.rand(1, 3, 64, 80))
    result = stylize(photo, "great-wave", AdaINLite(), protect_faces=1)
    assert "no faces were found" in result.picture.notes[-1]
    assert torch.equal(result.picture.pixels, stylize(photo, "great-wave", AdaINLite()).picture.pixels)


def test_the_progress_covers_the_faces_that_are_painted_in_the_end() -> None:
    photo, mask = Picture(torch.rand(1, 3, 64, 80)), torch.zeros(1, 3, 64, 80)
    mask[:, :, 8:28, 8:28], mask[:, :, 40:60, 40:60] = 1, 1
    seen: list[Step] = []
    method = Gatys(steps=6, tolerance=0)
    stylize(photo, "great-wave", method, protect_faces=1.0, face_mask=Picture(mask), progress=seen.append)
    reached = [step.step for step in seen]
    assert len(seen) == 3 * 6  # the painting and two faces
    assert reached == sorted(reached)
    assert {step.steps for step in seen} == {reached[-1]}  # known from the start, and reached in the end
    assert reached[5] == 6 < reached[-1]
    assert seen[0].seconds_left > 0 == seen[-1].seconds_left


def test_faces_are_protected_in_regions_too() -> None:
    photo, mask, left = (Picture(torch.rand(1, 3, 64, 80)) for _ in range(3))
    left.pixels[:, :, :, 40:], mask.pixels[:, :, :, 30:] = 0, 0
    options = {"masks": [left], "protect_faces": 1.0, "face_mask": mask}
    result = stylize(photo, "great-wave", AdaINLite(), **options)  # type: ignore[arg-type]
    assert torch.equal(result.picture.pixels[:, :, :, 60:], photo.pixels[:, :, :, 60:])
    away = dataclasses.replace(mask, pixels=mask.pixels.flip(3))
    result = stylize(photo, "great-wave", AdaINLite(), masks=[left], protect_faces=1, face_mask=away)
    assert torch.equal(result.picture.pixels[:, :, :, 60:], photo.pixels[:, :, :, 60:])


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    photo = Picture(torch.rand(1, 3, 40, 40))
    with pytest.raises(UsageError, match="face_mask: needs protect_faces"):
        stylize(photo, "great-wave", face_mask=photo)
    with pytest.raises(UsageError, match="protect_faces: expected a number from 0 to 1"):
        stylize(photo, "great-wave", protect_faces=2)
    with pytest.raises(UsageError, match="face_mask"):
        stylize(photo, "great-wave", AdaINLite(), protect_faces=1, face_mask=3)
    with pytest.raises(UsageError, match="choose a smaller size"):
        stylize_file("photo.png", "great-wave", tmp_path / "result.png", "adain-lite", protect_faces=1)
